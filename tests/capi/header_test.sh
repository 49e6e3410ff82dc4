#!/bin/sh
# vae.h compiles alone, as C and as C++, without a warning.
# Usage: header_test.sh FOLDER_OF_VAE_H
# A missing compiler is skipped with a message; with VAE_REQUIRE_ALL=1 it fails.
set -eu
include=$1
warnings="-pedantic -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow \
  -Wundef -Wmissing-declarations -Wpadded -Werror"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/use.c" <<'SOURCE'
#include "vae.h"
vae_status use(vae_trainer *trainer, const uint8_t *pixels, uint64_t count);
vae_status use(vae_trainer *trainer, const uint8_t *pixels, uint64_t count) {
  vae_config config = vae_default_config();
  vae_batch batch = vae_view_u8(pixels, count, config.height * config.width);
  vae_metrics metrics = vae_no_metrics();
  return vae_train_step(trainer, &batch, &metrics);
}
SOURCE
cp "$folder/use.c" "$folder/use.cpp"

status=0
missing=0
compile() {  # COMPILER STANDARD SOURCE EXTRA...
  compiler=$1
  standard=$2
  source=$3
  shift 3
  if ! command -v "$compiler" >/dev/null 2>&1; then
    echo "SKIPPED: $compiler is not there ($standard)"
    missing=1
    return
  fi
  for level in -O0 -O2; do
    # shellcheck disable=SC2086
    if ! "$compiler" "-std=$standard" $level $warnings "$@" -I"$include" -c \
      "$folder/$source" -o "$folder/use.o"; then
      echo "FAILED: $compiler -std=$standard $level"
      status=1
    fi
  done
  echo "$compiler -std=$standard"
}

for standard in c99 c11 c17; do
  compile gcc $standard use.c -Wc++-compat -Wstrict-prototypes
  compile clang $standard use.c -Wc++-compat -Wstrict-prototypes
done
for standard in c++11 c++17 c++20; do
  compile g++ $standard use.cpp -Wold-style-cast
  compile clang++ $standard use.cpp -Wold-style-cast
done

others=$(grep -E '^[[:space:]]*#[[:space:]]*include' "$include/vae.h" |
  grep -vE '<(stddef|stdint)\.h>' || true)
if [ -n "$others" ]; then
  echo "vae.h includes more than stddef.h and stdint.h: $others"
  status=1
fi
if [ $missing -eq 1 ] && [ "${VAE_REQUIRE_ALL:-0}" = 1 ]; then
  echo "a compiler is missing, and VAE_REQUIRE_ALL is 1"
  status=1
fi
exit $status
