#!/bin/sh
# The shared library exports exactly what vae.h declares, and calls nothing that
# ends the host's process.
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

# Allowed: calls inserted by the compiler, for static objects (atexit, and
# guard_abort, which releases a lock) and for exceptions that leave noexcept
# functions (terminate, _ZSt9terminatev); LibTorch's failed checks, which throw.
ends=$(nm -D --undefined-only "$library" | awk '{ print $2 }' |
  sed 's/@.*//' | grep -iE 'abort|terminate|exit|assert|^raise$|^kill$' |
  grep -vxE '__cxa_(thread_)?atexit|__cxa_guard_abort|_ZSt9terminatev' |
  grep -vE '^_ZN3c106detail2[0-9]torch(Internal)?(Check|Assert)' || true)
if [ -n "$ends" ]; then
  echo "$library calls what may end its host's process: $ends"
  exit 1
fi
echo "$count functions, all exported, nothing else"
