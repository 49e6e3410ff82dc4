// What the cases of vae_micro share: how each file brings its own, how rates
// are told, and numbers to compute with. A case is a name and a function; what
// cannot run here says why and ends nothing.
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
void add_trainers();  // step/…, encode/…, decode/…, sample/…
void add_phases();    // phases/…: a step of the tile engine by its phases
void add_chains();    // chain/…: the GEMMs of each layer in tiles
void add_products();  // product/…
void add_tiles();     // tile/…, order/…: the rest that is done to one tile
void add_layers();    // layer/…: what the blocks engine is made of
void add_commit();    // commit/…

/// Real time and not the processor's: threads of our own are part of it.
template <class Body>
benchmark::internal::Benchmark* add(const std::string& name, Body body) {
  return benchmark::RegisterBenchmark(name.c_str(), std::move(body))
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

/// Operations or bytes of one iteration, told as a rate.
inline void set_rate(benchmark::State& state, const char* name, double each) {
  using benchmark::Counter;
  state.counters[name] = Counter(each, Counter::kIsIterationInvariantRate);
}
inline void set_flop(benchmark::State& state, double each) {
  set_rate(state, "FLOP/s", each);
}
inline void set_bytes(benchmark::State& state, double each) {
  set_rate(state, "B/s", each);
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
