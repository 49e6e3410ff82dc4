# shellcheck shell=bash disable=SC2154
# LibTorch, nvcc and .NET as pinned wheels, unpacked into build/deps. Any Python 3 with
# pip will do: the files do not depend on the Python that fetches them. A folder
# counts as present only when it was finished and made from the present pins.

# Why this flavour was chosen, in words.
flavour_reason() { # wanted chosen
  case $1-$2 in
    auto-cuda) say "nvidia-smi shows a driver for CUDA 13; --cpu avoids it" ;;
    auto-cpu) say "no GPU with a driver for CUDA 13; --cuda builds for one" ;;
    *) say "as asked for" ;;
  esac
}

pins_of() { # folder
  say "$root/tools/pins/$1.txt"
}

# Peak of disk space while fetching, in MB: measured, plus a tenth.
wheels_megabytes() { # folder
  case $1 in
    nvcc-*) say 410 ;;
    dotnet-*) say 160 ;;
    *-cuda) say 6850 ;;
    *) say 1900 ;;
  esac
}

free_megabytes() { df -Pm "$deps" | awk 'NR == 2 {print $4}'; }
enough_disk() { (($(free_megabytes) >= $1)); }

wheels_present() { # folder
  local pins
  pins=$(pins_of "$1")
  [[ -e $deps/$1/.complete && -e $pins ]] &&
    sha256sum --status -c "$deps/$1/.complete" <"$pins"
}

# Fetches and unpacks the wheels of a pin file beside their final place, then
# moves them there: an interrupted download leaves nothing that looks complete.
get_wheels() { # folder
  local folder=$1 pins need python partial platforms n
  pins=$(pins_of "$folder")
  [[ -e $pins ]] || die "there are no pins for $folder"
  if wheels_present "$folder"; then
    say "$folder: all there"
    return
  fi
  need=$(wheels_megabytes "$folder")
  enough_disk "$need" ||
    die "fetching $folder needs $need MB in $deps, there are $(free_megabytes)"
  python=$(find_pip)
  rm -rf "$deps"/.partial-*
  partial=$(mktemp -d "$deps/.partial-XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  mkdir "$partial/tmp"
  platforms=(--platform manylinux2014_x86_64 --platform manylinux2010_x86_64
    --platform manylinux1_x86_64)
  for n in {28..5}; do
    platforms+=(--platform "manylinux_2_${n}_x86_64")
  done
  say "fetching $folder ($need MB of $(free_megabytes) MB free on disk while" \
    "unpacking)"
  say "+ $python -m pip install --target build/deps/$folder --no-deps" \
    "--require-hashes -r ${pins#"$root/"} …"
  TMPDIR=$partial/tmp PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --no-deps --no-cache-dir \
    --only-binary=:all: --no-compile --disable-pip-version-check \
    --python-version 3.12 "${platforms[@]}" --require-hashes -r "$pins" \
    --target "$partial/out" || die "pip could not fetch $folder"
  trim_wheels "$partial/out"
  sha256sum <"$pins" >"$partial/out/.complete"
  chmod 755 "$partial/out"
  rm -rf "${deps:?}/$folder"
  mv "$partial/out" "$deps/$folder"
  rm -rf "$partial"
  trap - EXIT
  say "$folder: $(du -sm "$deps/$folder" | cut -f 1) MB in build/deps/$folder"
}

# Drops the Python part of the wheels, keeps licences; adds the links that the
# linker and CMake look for and wheels cannot hold.
trim_wheels() { # unpacked folder
  local entry library
  rm -rf "${1:?}"/{functorch,torchgen,bin}
  for entry in "$1"/torch/*; do
    [[ $entry == */include || $entry == */lib ]] || rm -rf "$entry"
  done
  rm -f "$1"/torch/lib/libtorch_python.so
  [[ -d $1/nvidia/cu13 ]] || return 0
  for library in "$1"/nvidia/cu13/lib/*.so.*; do
    [[ -e ${library%.so.*}.so ]] ||
      ln -s "${library##*/}" "${library%.so.*}.so"
  done
  [[ -e $1/nvidia/cu13/lib64 ]] || ln -s lib "$1/nvidia/cu13/lib64"
}

# A second .NET runtime for the tests of the C# binding. Failing is no error, as
# below.
get_test_dotnet() {
  (get_wheels "$dotnet_pinned") || {
    warn "could not fetch it: the C# binding will be tested on Mono alone"
    return 0
  }
  chmod +x "$(dotnet_program)"
}

# Python packages that some tests need, for the Python that runs the tests.
# Failing is no error: those tests then say that they are skipped.
get_test_python() {
  local python pins=$root/tests/reference/requirements.txt partial stamp
  python=$(find_pip) || return 0
  stamp=$({ cat "$pins" && "$python" -V; } | sha256sum)
  if [[ -e $deps/test-python/.complete &&
    $(cat "$deps/test-python/.complete") == "$stamp" ]]; then
    say "test-python: all there"
    return
  fi
  say "+ $python -m pip install --target build/deps/test-python --no-deps" \
    "-r ${pins#"$root/"}"
  rm -rf "$deps"/.partial-*
  partial=$(mktemp -d "$deps/.partial-XXXXXX")
  if ! PIP_ROOT_USER_ACTION=ignore "$python" -m pip install -q --no-deps \
    --no-cache-dir --only-binary=:all: --disable-pip-version-check \
    -r "$pins" --target "$partial/out"; then
    rm -rf "$partial"
    warn "could not fetch them: tests that need them will be skipped"
    return
  fi
  say "$stamp" >"$partial/out/.complete"
  rm -rf "$deps/test-python"
  mv "$partial/out" "$deps/test-python"
  rm -rf "$partial"
}
