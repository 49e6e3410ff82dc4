// What LibTorch says of itself.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <omp.h>
#include <torch/headeronly/version.h>

#include <nlohmann/json.hpp>

#include "engine/engine.hpp"

namespace vae::engine {

int default_threads() {
  const int before = omp_get_max_threads();
  const int threads = at::get_num_threads();  // may lower the host's setting
  omp_set_num_threads(before);
  return threads;
}

std::string torch_json() {
  nlohmann::ordered_json json;
  json["built_against"] = TORCH_VERSION;
  // The text of the loaded library, so that a mismatch can be seen.
  json["loaded"] = at::show_config();
  json["cpu_capability"] = at::get_cpu_capability();
  return json.dump();
}

}  // namespace vae::engine
