// Counts the heap allocations of the whole program, on all threads.
#pragma once

#include <cstdint>

namespace vae::testing {

/// Starts counting at zero.
void count_allocations();
/// Stops counting and returns the number of allocations.
std::int64_t allocations();

}  // namespace vae::testing
