// LibTorch's version and default number of threads.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <omp.h>
#include <torch/headeronly/version.h>

#include <nlohmann/json.hpp>

#include "engine/blocks/torch_scope.hpp"
#include "engine/engine.hpp"

namespace vae::engine {

int default_threads() {
  if (blocks::lost_threads()) return 1;
  const int before = omp_get_max_threads();
  const int threads = at::get_num_threads();  // may lower the host's setting
  omp_set_num_threads(before);
  return threads;
}

namespace {

/// Version of the loaded library, which may differ from that of its headers.
std::string loaded_version() {
  const std::string text = at::show_config();
  const std::string key = "TORCH_VERSION=";
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return "unknown";
  const std::size_t start = at + key.size();
  return text.substr(start, text.find_first_of(", \n", start) - start);
}

}  // namespace

std::string torch_json() {
  nlohmann::ordered_json json;
  json["built_against"] = TORCH_VERSION;
  json["loaded"] = loaded_version();
  json["cpu_capability"] = at::get_cpu_capability();
  return json.dump();
}

}  // namespace vae::engine
