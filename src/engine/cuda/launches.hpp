// Lists the kernels that are launched, so that tests and the documentation can
// count them and the memory they move. No cost unless a list is set.
#pragma once

#include <cstdint>
#include <vector>

namespace vae::engine::cuda {

struct Launch {
  const char* name;
  std::int64_t bytes;  // at least read and written
  std::int64_t blocks;
};

/// The list of this thread's launches, or null.
inline std::vector<Launch>*& watched_launches() {
  thread_local std::vector<Launch>* list = nullptr;
  return list;
}

inline void note_launch(const Launch& launch) {
  if (auto* list = watched_launches()) list->push_back(launch);
}

}  // namespace vae::engine::cuda
