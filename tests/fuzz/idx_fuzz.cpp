// Any bytes as an IDX file, gzipped or not; an accepted file must have as many
// elements as its sizes say.
#include "data/idx.hpp"
#include "fuzz/parsers_fuzz.hpp"
#include "io/gzip.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return vae::fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    std::vector<std::byte> plain;
    if (vae::io::is_gzip(bytes)) {
      plain = vae::io::gunzip(bytes, "fuzz", std::uint64_t{1} << 24);
      bytes = plain;
    }
    const auto idx = vae::data::parse_idx(bytes, "fuzz");
    std::uint64_t numbers = 1;
    for (const std::uint32_t side : idx.sizes) numbers *= side;
    if (numbers != idx.numbers.size()) std::abort();
  });
}
