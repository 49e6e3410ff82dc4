// Counts what the whole program takes from the heap, on all threads.
#pragma once

#include <cstdint>

namespace vae::testing {

/// Counts from now on; returns nothing of before.
void count_allocations();
/// How many there were, and no more counting.
std::int64_t allocations();

}  // namespace vae::testing
