// Any bytes as a PNG; an accepted picture must round-trip.
#include "fuzz/parsers_fuzz.hpp"
#include "io/png.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return vae::fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const auto picture = vae::io::read_png(bytes, "fuzz");
    const auto again =
        vae::io::read_png(vae::io::write_png(picture), "written");
    if (again.pixels != picture.pixels) std::abort();
  });
}
