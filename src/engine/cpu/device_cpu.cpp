// The CPU as a device: plain memory; and its operations, the loops of loops.hpp
// spread over the trainer's threads. Rows and chunks are the unit of work, so
// results do not depend on how many threads there are.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <vector>

#include "base/check.hpp"
#include "base/host_memory.hpp"
#include "engine/cpu/loops.hpp"
#include "engine/device.hpp"
#include "engine/math/objective.hpp"
#include "engine/operations.hpp"

namespace vae::engine {
namespace {

constexpr std::align_val_t kAlignment{64};

/// From here on, it is worth a look at what the system has left.
constexpr std::int64_t kLarge = std::int64_t{16} << 20;

/// One row or chunk is a task; what a task computes is in loops.hpp.
class CpuOperations final : public Operations {
 public:
  explicit CpuOperations(int threads) : threads_(threads) {}

  // rows -> to [count, H, W, C]
  void load(const RowSource& from, model::Extent image, float* to) override {
    each(from.count, [&](std::int64_t i) {
      cpu::load_row(from, i, image, to + i * image.size());
    });
  }

  // from [count, H, W, C] -> rows
  void store(const float* from, model::Extent image, bool logits,
             const RowTarget& to) override {
    each(to.count, [&](std::int64_t i) {
      cpu::store_row(from + i * image.size(), i, image, logits, to);
    });
  }

  // from [count, width] -> rows [count, columns]
  void store_columns(const float* from, std::int64_t width, std::int64_t first,
                     std::int64_t columns, const RowTarget& to) override {
    for (std::int64_t i = 0; i < to.count; ++i)
      std::copy_n(from + i * width + first, columns,
                  static_cast<float*>(to.data) + i * columns);
  }

  // -> out [rows, width]
  void normals(const Normals& in) override {
    NoiseKey key = in.key;
    if (in.cursor != nullptr) key.step = in.cursor->step;
    each(in.rows, [&](std::int64_t i) {
      const auto row = static_cast<std::uint32_t>(
          in.first_row + static_cast<std::uint64_t>(i));
      cpu::normal_row(key, row, in.width, in.scale, in.out + i * in.width);
    });
  }

  // heads [rows, 2 * latent], noise [rows, latent] -> z, KL [rows]
  void latent(const Latent& in) override {
    each(in.rows, [&](std::int64_t i) {
      in.kl_rows[i] = static_cast<float>(cpu::latent_row(
          in.heads + i * 2 * in.latent, in.noise + i * in.latent, in.latent,
          in.z + i * in.latent));
    });
  }

  // heads, noise, dz [rows, latent] -> dheads [rows, 2 * latent]
  void latent_gradient(const LatentGradient& in) override {
    const auto kl_weight = static_cast<float>(in.settings->kl_weight);
    each(in.rows, [&](std::int64_t i) {
      cpu::latent_gradient_row(in.heads + i * 2 * in.latent,
                               in.noise + i * in.latent, in.dz + i * in.latent,
                               in.latent, kl_weight,
                               in.dheads + i * 2 * in.latent);
    });
  }

  // output, target [rows, pixels] -> losses [rows], gradient [rows, pixels]
  void reconstruction(const Reconstruction& in) override {
    each(in.rows, [&](std::int64_t i) {
      const float* output = in.output + i * in.pixels;
      const float* target = in.target + i * in.pixels;
      float* gradient =
          in.gradient != nullptr ? in.gradient + i * in.pixels : nullptr;
      cpu::likelihood_row({in.likelihood, in.sigma}, output, target, in.pixels,
                          gradient, in.recon_rows + i, in.mse_rows + i);
    });
  }

  // losses [rows], heads [rows, 2 * latent] -> Tail and [3, latent]
  void batch_sums(const BatchSums& in) override {
    in.tail != nullptr ? sum_batch(in, in.tail) : sum_batch(in, in.totals);
  }

  void commit(const Commit& in) override {
    expect(in.copy == nullptr);  // a device without fused operations
    cpu::commit(in.state, in.layout, in.latent, partial_,
                [this](std::int64_t count, auto body) { each(count, body); });
  }

 private:
  /// An exception that left the parallel region would end the process.
  template <class Body>
  void each(std::int64_t count, Body body) const {
    std::exception_ptr failure;
#pragma omp parallel for num_threads(threads_) \
    schedule(static) if (threads_ > 1 && count > 1)
    for (std::int64_t i = 0; i < count; ++i) {
      try {
        body(i);
      } catch (...) {
#pragma omp critical
        failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  /// Losses [rows] -> to [kTailFloats + 3 * latent]. T: float or double. On one
  /// thread and in the order of the rows: the same bytes for any number of
  /// them.
  template <class T>
  static void sum_batch(const BatchSums& in, T* to) {
    double recon = 0, kl = 0, mse = 0;
    for (std::int64_t i = 0; i < in.rows; ++i) {
      recon += static_cast<double>(in.recon_rows[i]);
      kl += static_cast<double>(in.kl_rows[i]);
      mse += static_cast<double>(in.mse_rows[i]);
    }
    const auto kl_weight = static_cast<float>(in.settings->kl_weight);
    const double loss = recon + static_cast<double>(kl_weight) * kl;
    const double tail[kTailFloats]{loss,
                                   recon,
                                   kl,
                                   mse,
                                   static_cast<double>(in.rows),
                                   loss - loss == 0.0 ? 0.0 : 1.0};
    for (std::int64_t i = 0; i < kTailFloats; ++i)
      cpu::put(to + i, static_cast<T>(tail[i]), in.accumulate);
    sum_dimensions(in, to + kTailFloats);
  }

  /// heads [rows, 2 * latent] -> KL, mean, mean^2 [latent], summed over rows.
  template <class T>
  static void sum_dimensions(const BatchSums& in, T* out) {
    for (std::int64_t k = 0; k < in.latent; ++k) {
      double kl = 0, mean = 0, square = 0;
      for (std::int64_t i = 0; i < in.rows; ++i) {
        const float* heads = in.heads + i * 2 * in.latent;
        const auto value = static_cast<double>(heads[k]);
        kl +=
            static_cast<double>(kl_divergence(heads[k], heads[in.latent + k]));
        mean += value;
        square += value * value;
      }
      cpu::put(out + k, static_cast<T>(kl), in.accumulate);
      cpu::put(out + in.latent + k, static_cast<T>(mean), in.accumulate);
      cpu::put(out + 2 * in.latent + k, static_cast<T>(square), in.accumulate);
    }
  }

  int threads_;
  std::vector<double> partial_;
};

/// Memory of the host. Copies are done when they return, so there is nothing to
/// wait for; rows are read and written where the host has them.
class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads) : operations_(threads) {}

  DeviceKind kind() const override { return DeviceKind::cpu; }
  int index() const override { return 0; }
  std::unique_ptr<Scope> enter() override { return std::make_unique<Scope>(); }

  // The system would hand out more than it has and end the process later, so a
  // large buffer is held against what is free.
  Buffer allocate(std::int64_t bytes) override {
    if (bytes >= kLarge) require_host_memory(bytes, "a buffer on the CPU");
    const auto size = static_cast<std::size_t>(bytes);
    void* memory = ::operator new(size, kAlignment, std::nothrow);
    require(memory != nullptr, Status::memory, "no memory for ", bytes,
            " bytes on the CPU");
    std::memset(memory, 0, size);
    return {memory, [](void* p) { ::operator delete(p, kAlignment); }};
  }

  void upload(void* to, const void* from, std::int64_t bytes) override {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  void download(void* to, const void* from, std::int64_t bytes) override {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  void clear(void* memory, std::int64_t bytes) override {
    std::memset(memory, 0, static_cast<std::size_t>(bytes));
  }
  void wait() override {}
  Operations& operations() override { return operations_; }

 private:
  CpuOperations operations_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(int threads) {
  return std::make_unique<CpuDevice>(threads);
}

}  // namespace vae::engine
