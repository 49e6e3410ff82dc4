# shellcheck shell=bash disable=SC2154
# The peers that bench/run holds libvae against, and what bench/plot.py draws
# with, in a Python environment of their own, build/deps/bench-python. Nothing
# else needs them. Sourced by tools/setup.

bench_torch=2.11.0 # of another build than LibTorch's: here it is a peer

# Package by package, the largest last.
bench_packages() { # flavour
  local common=(numpy==2.4.6 matplotlib==3.11.2 onnx==1.23.2)
  case $1 in
    cuda) say "${common[@]}" onnxruntime-gpu 'jax[cuda13]==0.10.2' \
      "torch==$bench_torch" ;;
    *) say "${common[@]}" onnxruntime==1.32.0 jax==0.10.2 \
      "torch==$bench_torch" ;;
  esac
}

# Peak of disk space while fetching, in MB, plus a tenth; measured for cpu.
bench_megabytes() { # flavour
  case $1 in
    cuda) say 11000 ;;
    *) say 8900 ;;
  esac
}

bench_pip() { # packages
  TMPDIR=$deps/.bench-tmp "$deps/bench-python/bin/python" -m pip install -q \
    --no-cache-dir --only-binary=:all: --disable-pip-version-check "$@"
}

# PyTorch without CUDA is a tenth as large. Where pip is not told of an index
# that has it, the usual one works on a CPU as well.
install_peer() { # flavour package
  if [[ $1 == cpu && $2 == torch==* ]]; then
    bench_pip "$2+cpu" 2>/dev/null && return
    say "pip finds no $2+cpu (an index that has it can be set with" \
      "PIP_EXTRA_INDEX_URL): fetching PyTorch with its CUDA libraries, 2.6 GB"
  fi
  bench_pip "$2"
}

# Makes the environment, or keeps what an earlier run has got so far.
make_bench_python() {
  "$deps/bench-python/bin/python" -m pip --version >/dev/null 2>&1 && return
  rm -rf "$deps/bench-python"
  "$(find_pip)" -m venv "$deps/bench-python"
}

# Failing is no error: bench/run says which peers it has not got.
get_bench_python() { # flavour
  local stamp=$deps/bench-python/.complete packages package missing=0
  read -ra packages <<<"$(bench_packages "$1")"
  if [[ -e $stamp && $(cat "$stamp") == "${packages[*]}" ]]; then
    say "bench-python: all there"
    return
  fi
  if [[ ! -e $deps/bench-python ]] &&
    ! enough_disk "$(bench_megabytes "$1")"; then
    warn "the peers need $(bench_megabytes "$1") MB in $deps, there are" \
      "$(free_megabytes): bench/run goes on without them"
    return
  fi
  if ! make_bench_python; then
    warn "could not make build/deps/bench-python: is python3-venv installed?"
    return
  fi
  rm -f "$stamp"
  mkdir -p "$deps/.bench-tmp"
  # One by one: a peer that cannot be had shall not take the others along.
  for package in "${packages[@]}"; do
    say "+ build/deps/bench-python/bin/python -m pip install $package"
    install_peer "$1" "$package" || {
      warn "could not fetch $package: bench/run goes on without it"
      missing=1
    }
  done
  rm -rf "$deps/.bench-tmp"
  ((missing)) || say "${packages[*]}" >"$stamp"
  say "bench-python: $(du -sm "$deps/bench-python" | cut -f 1) MB in" \
    "build/deps/bench-python"
}
