// Runs a fuzz target without a fuzzer on every file named on the command line
// and on variations of it, made by a fixed sequence of random changes.
//
// usage: <target>_replay VARIATIONS FILE…
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/parsers_fuzz.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

std::size_t below(std::mt19937_64& random, std::size_t limit) {
  return static_cast<std::size_t>(random() % limit);
}

/// One change: a bit, a byte, a cut, or a piece copied elsewhere.
void change(Bytes& bytes, std::mt19937_64& random) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<std::uint8_t>(random()));
    return;
  }
  const std::size_t at = below(random, bytes.size());
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(random, 5)) {
    case 0:
      *place = static_cast<std::uint8_t>(*place ^ (1u << below(random, 8)));
      break;
    case 1:
      *place = static_cast<std::uint8_t>(random());
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.insert(place, static_cast<std::uint8_t>(random()));
      break;
    default: {
      const std::size_t size = below(random, bytes.size() - at) + 1;
      const Bytes piece(place, place + static_cast<std::ptrdiff_t>(size));
      const std::size_t to = below(random, bytes.size());
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(to),
                   piece.begin(), piece.end());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s VARIATIONS FILE...\n", argv[0]);
    return 2;
  }
  const long variations = std::strtol(argv[1], nullptr, 10);
  for (int i = 2; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    const Bytes seed{std::istreambuf_iterator<char>(in), {}};
    if (!in || seed.empty()) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    LLVMFuzzerTestOneInput(seed.data(), seed.size());
    std::mt19937_64 random(static_cast<unsigned>(i));
    for (long j = 0; j < variations; ++j) {
      Bytes bytes = seed;
      for (std::size_t n = below(random, 4) + 1; n > 0; --n)
        change(bytes, random);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
  }
  std::printf("%d files, %ld variations each: no defect found\n", argc - 2,
              variations);
  return 0;
}
