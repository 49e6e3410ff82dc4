// See torch_scope.hpp.
#include "engine/blocks/torch_scope.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <omp.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "engine/engine.hpp"

namespace vae::engine::blocks {
namespace {

const char* name_of(at::Float32MatmulPrecision precision) {
  switch (precision) {
    case at::Float32MatmulPrecision::HIGHEST:
      return "highest";
    case at::Float32MatmulPrecision::HIGH:
      return "high";
    case at::Float32MatmulPrecision::MEDIUM:
      return "medium";
  }
  return "highest";
}

/// Whether the system can create `count` threads at once; they end again.
bool gives_threads(int count) {
  std::latch end(1);
  std::vector<std::thread> threads;
  bool all = true;
  try {
    for (int i = 0; i < count; ++i) threads.emplace_back([&] { end.wait(); });
  } catch (const std::system_error&) {
    all = false;
  }
  end.count_down();
  for (std::thread& thread : threads) thread.join();
  return all;
}

/// The process in which LibTorch last had several threads for libvae; 0: none.
/// fork() copies only the calling thread.
std::atomic<std::int64_t> process_with_threads{0};

/// If threads cannot be created, LibTorch's pool waits forever and OpenMP ends
/// the process. So check first that both can have `threads`.
void require_threads(int threads) {
  static std::atomic<int> given{1};
  if (threads <= given) return;
  require(gives_threads(2 * threads), Status::memory,
          "the system cannot create ", 2 * threads,
          " threads, which LibTorch needs where `threads` is ", threads);
  given = threads;
}

}  // namespace

bool lost_threads() {
  const std::int64_t process = process_with_threads;
  return process != 0 && process != ::getpid();
}

/// These settings are process-wide, so a lock serialises trainers on several
/// threads.
class TorchScope::CudaSettings {
 public:
  CudaSettings(bool tf32, bool deterministic) : lock_(mutex()) {
    auto& context = at::globalContext();
    context.setAllowTF32CuBLAS(tf32);
    context.setAllowTF32CuDNN(tf32);
    context.setDeterministicAlgorithms(deterministic, false);
    context.setDeterministicCuDNN(deterministic);
    if (deterministic) context.setBenchmarkCuDNN(false);
  }
  ~CudaSettings() {
    auto& context = at::globalContext();
    context.setFloat32MatmulPrecision(name_of(matmul_));
    context.setAllowTF32CuDNN(tf32_cudnn_);
    context.setDeterministicAlgorithms(deterministic_, warn_only_);
    context.setDeterministicCuDNN(deterministic_cudnn_);
    context.setBenchmarkCuDNN(benchmark_);
  }
  CudaSettings(const CudaSettings&) = delete;
  CudaSettings& operator=(const CudaSettings&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }

  // Initialised in this order: after the lock, before any setting is changed.
  std::unique_lock<std::mutex> lock_;
  const at::Float32MatmulPrecision matmul_ =
      at::globalContext().float32MatmulPrecision();
  const bool tf32_cudnn_ = at::globalContext().allowTF32CuDNN();
  const bool deterministic_ = at::globalContext().deterministicAlgorithms();
  const bool warn_only_ = at::globalContext().deterministicAlgorithmsWarnOnly();
  const bool deterministic_cudnn_ = at::globalContext().deterministicCuDNN();
  const bool benchmark_ = at::globalContext().benchmarkCuDNN();
};

// The number of threads is set last. If something before it throws, the members
// restore what they have set, and the destructor below does not run.
TorchScope::TorchScope(Device& device, int threads, Precision precision,
                       bool deterministic)
    : no_autocast_(c10::autocast_dispatch_keyset),
      stream_(device.enter()),
      cuda_(device.kind() == DeviceKind::cuda
                ? std::make_unique<CudaSettings>(precision == Precision::tf32,
                                                 deterministic)
                : nullptr),
      // Read before LibTorch's: its first query changes this value.
      omp_threads_(omp_get_max_threads()),
      torch_threads_(at::get_num_threads()) {
  if (threads > 1) {
    require(!lost_threads(), Status::unsupported, "threads is ", threads,
            "; allowed is 1 for LibTorch's products in a process that was "
            "forked after they had threads");
    process_with_threads = ::getpid();
  }
  if (threads == torch_threads_) return;
  require_threads(threads);
  at::set_num_threads(threads);
}

TorchScope::~TorchScope() {
  if (at::get_num_threads() != torch_threads_)
    at::set_num_threads(torch_threads_);
  omp_set_num_threads(omp_threads_);
}

void keep_freed_memory() {
  constexpr std::size_t kLargest = std::size_t{32} << 20, kHeader = 65536;
  // volatile: the optimizer would otherwise remove the malloc/free pair.
  void* volatile block = std::malloc(kLargest - kHeader);
  std::free(block);
}

}  // namespace vae::engine::blocks

namespace vae::engine {
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

// A forked child has none of LibTorch's threads, and one thread needs none.
int default_threads() {
  if (blocks::lost_threads()) return 1;
  const int before = omp_get_max_threads();
  const int threads = at::get_num_threads();  // may lower the host's setting
  omp_set_num_threads(before);
  return threads;
}

// The capability is that of LibTorch's own dispatch: "AVX2", "AVX512", ...
std::string torch_json() {
  nlohmann::ordered_json json;
  json["built_against"] = TORCH_VERSION;
  json["loaded"] = loaded_version();
  json["cpu_capability"] = at::get_cpu_capability();
  return json.dump();
}

}  // namespace vae::engine
