// make_capturer (runtime.hpp). LibTorch's CUDAGraph does the same, but leaves
// its allocator in capture mode if a capture fails, so the CUDA calls are made
// here.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <exception>
#include <vector>

#include "engine/cuda/runtime.hpp"

namespace vae::engine::cuda {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;
using Pool = c10::MempoolId_t;

/// This thread's capturing, ours or a host's, does not forbid what follows.
class Relaxed {
 public:
  Relaxed() { (void)cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~Relaxed() { (void)cudaThreadExchangeStreamCaptureMode(&mode_); }
  Relaxed(const Relaxed&) = delete;
  Relaxed& operator=(const Relaxed&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

/// A reference to the pool. Memory allocated in the pool stays there until all
/// references are released.
class PoolShare {
 public:
  PoolShare(c10::cuda::CUDAStream stream, Pool pool)
      : device_(stream.device_index()), pool_(pool) {
    allocator::beginAllocateToPool(
        device_, pool_, [ours = stream.stream()](cudaStream_t asking) {
          return asking == ours;
        });
  }
  ~PoolShare() {
    try {
      end();
      allocator::releasePool(device_, pool_);
    } catch (const std::exception&) {
      // A lost device; the next call that waits says so.
    }
  }
  PoolShare(const PoolShare&) = delete;
  PoolShare& operator=(const PoolShare&) = delete;

  /// Allocations no longer come from the pool.
  void end() {
    if (!std::exchange(open_, false)) return;
    allocator::endAllocateToPool(device_, pool_);
  }

 private:
  c10::DeviceIndex device_;
  Pool pool_;
  bool open_ = true;
};

struct GraphDeleter {
  void operator()(cudaGraph_t graph) const {
    const Relaxed relaxed;
    (void)cudaGraphDestroy(graph);
  }
};
using Handle =
    std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, GraphDeleter>;

/// For vae_diagnose: the nodes of a graph that are kernels.
std::int64_t count_kernels(cudaGraph_t graph) {
  std::size_t count = 0;
  check(cudaGraphGetNodes(graph, nullptr, &count), "reading a graph");
  std::vector<cudaGraphNode_t> nodes(count);
  check(cudaGraphGetNodes(graph, nodes.data(), &count), "reading a graph");
  std::int64_t kernels = 0;
  for (const cudaGraphNode_t node : nodes) {
    cudaGraphNodeType type{};
    check(cudaGraphNodeGetType(node, &type), "reading a graph");
    if (type == cudaGraphNodeTypeKernel) ++kernels;
  }
  return kernels;
}

/// A graph that can be launched, and the share of the pool that its memory
/// needs.
class CudaRecording final : public Recording {
 public:
  CudaRecording(std::unique_ptr<PoolShare> share, cudaGraph_t graph,
                c10::cuda::CUDAStream stream)
      : share_(std::move(share)),
        stream_(stream),
        kernels_(count_kernels(graph)) {
    check(cudaGraphInstantiate(&exec_, graph, 0), "preparing a graph");
    // Upload now, not at the first launch.
    check(cudaGraphUpload(exec_, stream_), "preparing a graph");
  }
  ~CudaRecording() override {
    // The last launch may still be running in the pool's memory.
    (void)cudaStreamSynchronize(stream_);
    const Relaxed relaxed;
    if (exec_ != nullptr) (void)cudaGraphExecDestroy(exec_);
    (void)cudaGetLastError();
  }
  CudaRecording(const CudaRecording&) = delete;
  CudaRecording& operator=(const CudaRecording&) = delete;

  void replay() override {
    check(cudaGraphLaunch(exec_, stream_), "launching a graph");
  }
  std::int64_t kernels() const override { return kernels_; }

 private:
  std::unique_ptr<PoolShare> share_;
  c10::cuda::CUDAStream stream_;
  std::int64_t kernels_;
  cudaGraphExec_t exec_ = nullptr;
};

/// One for all graphs of a stream, which share its pool.
class CudaCapturer final : public Capturer {
 public:
  explicit CudaCapturer(c10::cuda::CUDAStream stream)
      : stream_(stream), pool_(at::cuda::graph_pool_handle()) {}

  std::unique_ptr<Recording> capture(
      const std::function<void()>& work) override {
    return translated([&]() -> std::unique_ptr<Recording> {
      auto share = std::make_unique<PoolShare>(stream_, pool_);
      const Handle graph = captured(work);
      share->end();
      return std::make_unique<CudaRecording>(std::move(share), graph.get(),
                                             stream_);
    });
  }

 private:
  /// Runs `work` in capture mode: kernels become nodes and do not start.
  Handle captured(const std::function<void()>& work) {
    // Thread-local: calls of other threads must not invalidate the capture.
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
          "beginning a capture");
    try {
      work();
    } catch (...) {
      end_capture();  // an invalid one too must be ended
      (void)cudaGetLastError();
      throw;
    }
    auto [error, graph] = end_capture();
    check(error, "capturing a graph");
    return std::move(graph);
  }

  std::pair<cudaError_t, Handle> end_capture() {
    cudaGraph_t graph = nullptr;
    const cudaError_t error = cudaStreamEndCapture(stream_, &graph);
    return {error, Handle(graph)};
  }

  c10::cuda::CUDAStream stream_;
  Pool pool_;
};

}  // namespace

std::unique_ptr<Capturer> make_capturer(c10::cuda::CUDAStream stream) {
  return translated([&] { return std::make_unique<CudaCapturer>(stream); });
}

}  // namespace vae::engine::cuda
