// What the cases of vae_micro share. A case is a name and a function; what is
// unsupported here is skipped with a reason.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/math/numbers.hpp"
#include "engine/tile/products.hpp"

namespace micro {

// Each registers the cases of one file.
void add_tile_engine();  // phases/…, gemm/…, commit/…
void add_tiles();        // product/…, tile/…, order/…

/// Real time and not the processor's: threads of our own are part of it.
template <class Body>
benchmark::internal::Benchmark* add(const std::string& name, Body body) {
  return benchmark::RegisterBenchmark(name.c_str(), std::move(body))
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

constexpr const char *kFlop = "FLOP/s", *kBytes = "B/s";

/// Operations or bytes of one iteration, told as a rate.
inline void set_rate(benchmark::State& state, const char* name, double each) {
  using benchmark::Counter;
  state.counters[name] = Counter(each, Counter::kIsIterationInvariantRate);
}

template <class T>
constexpr const char* kPrecision = sizeof(T) == sizeof(float) ? "fp32" : "bf16";

/// Whether products of T work here; if not, the case says so.
template <class T>
bool can_multiply(benchmark::State& state) {
  const std::string why = vae::engine::tile::why_no_products<T>();
  if (!why.empty()) state.SkipWithError(why.c_str());
  return why.empty();
}

/// Numbers in [-1, 1) without order, the same each time.
template <class T>
std::vector<T> numbers(std::int64_t count) {
  std::vector<T> made(static_cast<std::size_t>(count));
  std::uint32_t x = 1;
  for (T& number : made) {
    x = x * 1664525u + 1013904223u;
    vae::engine::write_number(&number,
                              static_cast<float>(x >> 8) * 0x1p-23f - 1.0f);
  }
  return made;
}

}  // namespace micro
