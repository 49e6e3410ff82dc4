# shellcheck shell=bash disable=SC2154
# The peers that bench/run compares libvae with, and what bench/plot.py draws
# with, in a Python environment of their own, build/deps/bench-python. Nothing
# else needs them. Sourced by tools/setup.

bench_torch=2.11.0 # of another build than LibTorch's: here it is a peer

# Prints the packages, the largest last.
bench_packages() { # flavour
  local onnxruntime=onnxruntime==1.32.0 jax=jax==0.10.2
  [[ $1 == cpu ]] || onnxruntime=onnxruntime-gpu jax='jax[cuda13]==0.10.2'
  say numpy==2.4.6 matplotlib==3.11.2 onnx==1.23.2 "$onnxruntime" "$jax" \
    "torch==$bench_torch"
}

bench_pip() { # package
  say "+ build/deps/bench-python/bin/python -m pip install $1"
  TMPDIR=$deps/.bench-tmp "$deps/bench-python/bin/python" -m pip install -q \
    --no-cache-dir --only-binary=:all: --disable-pip-version-check "$1"
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

# Goes on where an earlier run ended. Failing is no error: bench/run says which
# peers it has not got.
get_bench_python() { # flavour
  local folder=$deps/bench-python packages package missing=0 need=8900
  [[ $1 == cpu ]] || need=11000 # peak of disk space in MB, measured for cpu
  read -ra packages <<<"$(bench_packages "$1")"
  if [[ -e $folder/.complete &&
    $(cat "$folder/.complete") == "${packages[*]}" ]]; then
    say "bench-python: all there"
    return
  fi
  if [[ ! -e $folder ]] && ! enough_disk "$need"; then
    warn "the peers need $need MB in $deps, there are $(free_megabytes):" \
      "bench/run goes on without them"
    return
  fi
  if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$folder"
    if ! "$(find_pip)" -m venv "$folder"; then
      warn "could not make build/deps/bench-python: is python3-venv installed?"
      return
    fi
  fi
  rm -f "$folder/.complete"
  mkdir -p "$deps/.bench-tmp"
  # One by one: a peer that cannot be had shall not take the others along.
  for package in "${packages[@]}"; do
    install_peer "$1" "$package" || {
      warn "could not fetch $package: bench/run goes on without it"
      missing=1
    }
  done
  rm -rf "$deps/.bench-tmp"
  ((missing)) || say "${packages[*]}" >"$folder/.complete"
  say "bench-python: $(du -sm "$folder" | cut -f 1) MB in" \
    "build/deps/bench-python"
}
