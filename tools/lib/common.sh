# shellcheck shell=bash disable=SC2034
# What tools/setup, tools/demo and tools/test share: messages, the choice of
# flavour, and where things lie. Sourced by bash; does nothing by itself.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deps=$root/build/deps
libtorch_pinned=2.11.0
dotnet_pinned=dotnet-3.1

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Is there an NVIDIA GPU with a driver for CUDA 13 (580 or newer)?
gpu_usable() {
  local driver
  command -v nvidia-smi >/dev/null || return 1
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader \
    2>/dev/null | head -n 1) || return 1
  [[ $driver =~ ^([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 580))
}

# Prints the path of an nvcc 13, or nothing. Others are named on stderr.
find_nvcc() {
  local nvcc version
  for nvcc in "${CUDACXX:-}" "$(command -v nvcc || true)" \
    /usr/local/cuda/bin/nvcc /usr/local/cuda-13.0/bin/nvcc \
    "$deps/nvcc-13.0/nvidia/cu13/bin/nvcc"; do
    [[ -n $nvcc && -x $nvcc ]] || continue
    version=$("$nvcc" --version 2>/dev/null |
      sed -n 's/.*release \([0-9.]*\).*/\1/p')
    if [[ $version == 13.* ]]; then
      say "$nvcc"
      return
    fi
    warn "ignoring $nvcc: release '$version', 13.x is needed"
  done
}

# The flavour that tools/setup decided on, and the LibTorch folder it goes with.
chosen_flavour() { cat "$deps/flavour"; }
libtorch_dir() { # flavour [version]
  say "${LIBTORCH_DIR:-$deps/libtorch-${2:-$libtorch_pinned}-$1/torch}"
}

dotnet_program() { say "$deps/$dotnet_pinned/dotnetcore2/bin/dotnet"; }

# Number of compile jobs: a C++ file over LibTorch takes up to 2 GB of memory.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo)
  ((memory < 1)) && memory=1
  say $((cores < memory ? cores : memory))
}

# A Python 3 that has pip; also the one that runs the tests.
find_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      say "$python"
      return
    fi
  done
  die "there is no pip: install python3-pip, or set LIBTORCH_DIR to a LibTorch" \
    "that is already there"
}
