// The list of our kernels that a piece of work starts, for whoever wants to
// count them and the memory they move: tests, and the table in the
// documentation. Costs nothing when nobody watches.
#pragma once

#include <cstdint>
#include <vector>

namespace vae::engine::cuda {

struct Launch {
  const char* name;
  std::int64_t bytes;  // at least read and written
  std::int64_t blocks;
};

/// Where this thread's launches are listed; null: nowhere.
inline std::vector<Launch>*& watched_launches() {
  thread_local std::vector<Launch>* list = nullptr;
  return list;
}

inline void note_launch(const Launch& launch) {
  if (auto* list = watched_launches()) list->push_back(launch);
}

}  // namespace vae::engine::cuda
