# shellcheck shell=bash disable=SC2154
# The peers that bench/run holds libvae against, in a Python environment of
# their own, build/deps/bench-python. Nothing else needs them. Sourced by
# tools/setup.

# torch of another build than LibTorch's: here it is a peer.
bench_packages() { # flavour
  case $1 in
    cuda) say torch==2.11.0 numpy==2.4.6 'jax[cuda13]==0.10.2' onnx==1.23.2 \
      onnxruntime-gpu ;;
    *) say torch==2.11.0 numpy==2.4.6 jax==0.10.2 onnx==1.23.2 \
      onnxruntime==1.32.0 ;;
  esac
}

# Failing is no error: bench/run says which peers it has not got.
get_bench_python() { # flavour
  local python=$deps/bench-python/bin/python packages
  read -ra packages <<<"$(bench_packages "$1")"
  if [[ -e $deps/bench-python/.complete &&
    $(cat "$deps/bench-python/.complete") == "${packages[*]}" ]]; then
    say "bench-python: all there"
    return
  fi
  rm -rf "$deps/bench-python"
  if ! "$(find_pip)" -m venv "$deps/bench-python"; then
    warn "could not make it: is python3-venv installed?"
    return
  fi
  say "+ build/deps/bench-python/bin/python -m pip install ${packages[*]}"
  local package missing=0
  for package in "${packages[@]}"; do
    # One by one: a peer that cannot be had shall not take the others along.
    "$python" -m pip install -q --no-cache-dir --only-binary=:all: \
      --disable-pip-version-check "$package" || {
      warn "could not fetch $package: bench/run goes on without it"
      missing=1
    }
  done
  ((missing)) || say "${packages[*]}" >"$deps/bench-python/.complete"
}
