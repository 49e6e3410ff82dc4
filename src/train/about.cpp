// vae::version, build_info and diagnose: version, build and devices of the
// library as JSON.
#include "vae/about.hpp"

#include <nlohmann/json.hpp>

#include "engine/engine.hpp"

namespace vae {
namespace {

using Json = nlohmann::ordered_json;

// Which clone of the CPU loops runs here (target_clones, engine/cpu/loops.hpp).
const char* instruction_set() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
  return "x86-64";
#else
  return "baseline";
#endif
}

Json build_json() {
  Json json;
  json["version"] = version();
  json["flavour"] = engine::flavour();
  json["compiler"] = __VERSION__;
  json["instruction_set"] = instruction_set();
  json["libtorch"] = Json::parse(engine::torch_json());
  return json;
}

}  // namespace

const char* version() noexcept { return VAE_VERSION_STRING; }

std::string build_info() { return build_json().dump(); }

std::string diagnose() {
  Json json = build_json();
  json["cpu"] = {{"threads", engine::default_threads()}};
  const std::string why = engine::why_no_cuda(0);
  json["cuda"] = {{"usable", why.empty()},
                  {"devices", Json::parse(engine::cuda_devices_json())}};
  if (!why.empty()) json["cuda"]["why_not"] = why;
  return json.dump();
}

}  // namespace vae
