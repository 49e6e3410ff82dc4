#!/bin/sh
# Does the shared library export what vae.h declares, and nothing else?
# Usage: exports_test.sh VAE_H LIBVAE_SO
set -eu
export LC_ALL=C
header=$1
library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

tr '\n' ' ' <"$header" |
  grep -oE 'VAE_API [a-z_0-9 *]*vae_[a-z_0-9]+\(' |
  grep -oE 'vae_[a-z_0-9]+\($' | tr -d '(' | sort >"$folder/declared"
nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' |
  sort >"$folder/exported"

count=$(wc -l <"$folder/declared")
if [ "$count" -lt 40 ]; then
  echo "only $count declarations were found in $header"
  exit 1
fi
if ! diff -u "$folder/declared" "$folder/exported"; then
  echo "vae.h (-) and $library (+) differ"
  exit 1
fi
echo "$count functions, all exported, nothing else"
