// For the fuzz targets: a parser may fail with Error(format), but not with
// another error or a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "vae/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace vae::fuzz {

template <class Parse>
int run(const std::uint8_t* data, std::size_t size, Parse&& parse) {
  try {
    parse(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    if (error.status() != Status::format) std::abort();
  }
  return 0;
}

}  // namespace vae::fuzz
