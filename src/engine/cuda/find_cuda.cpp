// Which CUDA devices there are and why one cannot be used.
#include <ATen/Context.h>
#include <cuda_runtime_api.h>

#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "engine/cuda/gemm.hpp"
#include "engine/cuda/runtime.hpp"
#include "engine/device.hpp"

namespace vae::engine {
namespace {

constexpr int kOldest = 75;  // compute capability 7.5, ten times

}  // namespace

// From the most general reason to the most particular: the first that holds is
// the one to tell.
std::string why_no_cuda(int index) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) (void)cudaGetLastError();  // not the host's to see
  if (error != cudaSuccess)
    return join("CUDA found no device: ", cudaGetErrorString(error));
  // Asked after the driver: LibTorch says the same of a machine without one.
  if (!at::globalContext().hasCUDA())
    return "the LibTorch that was loaded has no CUDA";
  if (index >= count)
    return join("device_index is ", index, ", but there ",
                count == 1 ? "is 1 device" : join("are ", count, " devices"));
  cudaDeviceProp device;
  const cudaError_t asked = cudaGetDeviceProperties(&device, index);
  if (asked != cudaSuccess) return cudaGetErrorString(asked);
  if (device.major * 10 + device.minor < kOldest)
    return join(device.name, " has compute capability ", device.major, ".",
                device.minor, "; 7.5 or newer is needed");
  return {};
}

// Devices that cannot be asked are left out: this is for a diagnosis, which
// must not fail.
std::string cuda_devices_json() {
  auto json = nlohmann::ordered_json::array();
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    (void)cudaGetLastError();
    count = 0;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp device;
    if (cudaGetDeviceProperties(&device, i) != cudaSuccess) continue;
    nlohmann::ordered_json entry;
    entry["index"] = i;
    entry["name"] = device.name;
    entry["capability"] = join(device.major, ".", device.minor);
    entry["memory_bytes"] = device.totalGlobalMem;
    const std::string why = why_no_cuda(i);
    entry["usable"] = why.empty();
    if (!why.empty()) entry["why_not"] = why;
    json.push_back(entry);
  }
  return json.dump();
}

const char* flavour() noexcept { return "cuda"; }

cuda::TensorCores cuda::find_tensor_cores(int index) {
  int major = 0, minor = 0;
  check(
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index),
      "asking for a device's capability");
  check(
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index),
      "asking for a device's capability");
  // Newer ones have the older instructions, but not Hopper's own.
  if (major == 9 && minor == 0) return TensorCores::hopper;
  return major >= 8 ? TensorCores::ampere : TensorCores::none;
}

}  // namespace vae::engine
