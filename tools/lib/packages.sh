# shellcheck shell=bash
# System packages: which ones each tier needs and how they get installed.
# Sourced by tools/setup. Never removes or upgrades anything by itself.

packages_demo=(g++ cmake ninja-build pkg-config libpng-dev zlib1g-dev
  libmsgsl-dev nlohmann-json3-dev libcli11-dev python3 python3-pip
  ca-certificates)
packages_test=(doctest-dev clang-format doxygen graphviz doxygen-awesome-css
  dataset-fashion-mnist git rustc cargo bindgen clang mono-mcs mono-runtime)
packages_dev=(clang-tidy gdb valgrind shellcheck libbenchmark-dev)
packages_bench=(libbenchmark-dev python3-venv)
missing_packages=()

packages_of() { # tier, whether --bench
  printf '%s\n' "${packages_demo[@]}"
  [[ $1 == demo ]] || printf '%s\n' "${packages_test[@]}"
  [[ $1 != dev ]] || printf '%s\n' "${packages_dev[@]}"
  [[ $2 == 0 ]] || printf '%s\n' "${packages_bench[@]}"
}

package_present() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

find_missing() { # tier, whether --bench
  local package
  missing_packages=()
  for package in $(packages_of "$1" "$2" | sort -u); do
    package_present "$package" || missing_packages+=("$package")
  done
}

# Runs a command as root, after printing it.
as_root() {
  local prefix=()
  ((EUID == 0)) || prefix=(sudo -n)
  say "+ ${prefix[*]} $*"
  "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

can_be_root() {
  ((EUID == 0)) || { command -v sudo && sudo -n true; } >/dev/null 2>&1
}

# Installs what a tier lacks, or says what to install. Goes on either way: CMake
# will name what it cannot do without.
install_packages() { # tier, whether --bench
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system; please see to it that you have what these" \
      "Debian packages hold: $(packages_of "$1" "$2" | tr '\n' ' ')"
    return
  fi
  find_missing "$1" "$2"
  if ((${#missing_packages[@]} == 0)); then
    say "all there"
    return
  fi
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    warn "cannot become root. Please run:"
    say "  apt-get install --no-install-recommends ${missing_packages[*]}"
    return
  fi
  as_root apt-get -q update || warn "apt-get update failed"
  if ! as_root apt-get -q install -y --no-install-recommends \
    "${missing_packages[@]}"; then
    warn "not all of them at once; trying one by one"
    local package
    for package in "${missing_packages[@]}"; do
      as_root apt-get -q install -y --no-install-recommends "$package" ||
        warn "could not install $package"
    done
  fi
  find_missing "$1" "$2"
}
