// Any bytes as a safetensors file; an accepted file must round-trip.
#include "fuzz/parsers_fuzz.hpp"
#include "io/safetensors.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return vae::fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const auto file = vae::io::read_safetensors(bytes, "fuzz");
    const auto written = vae::io::write_safetensors(file);
    const auto again = vae::io::read_safetensors(written, "written");
    if (vae::io::write_safetensors(again) != written) std::abort();
  });
}
