# shellcheck shell=bash disable=SC2154
# LibTorch, nvcc and .NET as pinned wheels, unpacked into build/deps. Any Python
# 3 with pip will do: the files do not depend on the Python that fetches them. A
# directory counts as present only when it was finished and made from the pins.

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

# Lets pip unpack wheels beside their final place, then moves them there: an
# interrupted download leaves nothing that looks complete.
fetch_wheels() { # directory text-of-.complete pip-options…
  local place=$deps/$1 stamp=$2 partial
  shift 2
  rm -rf "$deps"/.partial-*
  partial=$(mktemp -d "$deps/.partial-XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  mkdir "$partial/tmp"
  say "+ python3 -m pip install --target ${place#"$root/"} ${*:1:3} …"
  TMPDIR=$partial/tmp PIP_ROOT_USER_ACTION=ignore "$(find_pip)" -m pip install \
    --no-deps --no-cache-dir --only-binary=:all: --no-compile \
    --disable-pip-version-check --target "$partial/out" "$@" || return
  trim_wheels "$partial/out"
  printf '%s\n' "$stamp" >"$partial/out/.complete"
  chmod 755 "$partial/out"
  rm -rf "${place:?}"
  mv "$partial/out" "$place"
  rm -rf "$partial"
  trap - EXIT
}

get_wheels() { # directory
  local pins need platforms=() n
  pins=$(pins_of "$1")
  [[ -e $pins ]] || die "there are no pins for $1"
  if wheels_present "$1"; then
    say "$1: all there"
    return
  fi
  need=$(wheels_megabytes "$1")
  enough_disk "$need" ||
    die "fetching $1 needs $need MB in $deps, there are $(free_megabytes)"
  for n in 2014 2010 1 _2_{28..5}; do
    platforms+=(--platform "manylinux${n}_x86_64")
  done
  say "fetching $1 ($need MB of $(free_megabytes) MB free on disk while" \
    "unpacking)"
  fetch_wheels "$1" "$(sha256sum <"$pins")" --require-hashes -r "$pins" \
    --python-version 3.12 "${platforms[@]}" || die "pip could not fetch $1"
  say "$1: $(du -sm "$deps/$1" | cut -f 1) MB in build/deps/$1"
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
  local pins=$root/tests/reference/requirements.txt stamp
  stamp=$({ cat "$pins" && "$(find_pip)" -V; } | sha256sum) || return 0
  if [[ -e $deps/test-python/.complete &&
    $(cat "$deps/test-python/.complete") == "$stamp" ]]; then
    say "test-python: all there"
    return
  fi
  fetch_wheels test-python "$stamp" -q -r "$pins" ||
    warn "could not fetch them: tests that need them will be skipped"
}
