// The blocks engine: any shape, any device, one block after the other over
// LibTorch, without autograd. Not the fastest; the reference that faster
// engines must equal.
#include <algorithm>

#include "base/check.hpp"
#include "engine/blocks/layout.hpp"
#include "engine/blocks/network.hpp"
#include "engine/blocks/torch_scope.hpp"
#include "engine/engine.hpp"

namespace vae::engine {
namespace blocks {
namespace {

constexpr std::int64_t kMostAtOnce = 256;  // images of inference

at::TensorOptions options_of(const Device& device) {
  return device.kind() == DeviceKind::cuda
             ? at::TensorOptions(at::Device(
                   at::kCUDA, static_cast<at::DeviceIndex>(device.index())))
             : at::TensorOptions(at::kCPU);
}

/// What a piece of `rows` images gives: heads, then z, then their losses.
struct Pass {
  at::Tensor heads, noise, z, output, kl_rows, recon_rows, mse_rows;
};

class BlocksEngine final : public Engine {
 public:
  BlocksEngine(const model::Plan& plan, const Config& config, Device& device)
      : plan_(plan),
        layout_(make_layout(plan_)),
        config_(config),
        device_(device),
        options_(options_of(device).dtype(at::kFloat)),
        network_(
            plan_, layout_, options_,
            config.precision == Precision::bf16 ? at::kBFloat16 : at::kFloat),
        input_(device.allocate(config.max_batch * plan_.image.size() *
                               std::int64_t{sizeof(float)})) {}

  const char* name() const override { return "blocks"; }
  const Layout& layout() const override { return layout_; }

  void attach(const State& state) override {
    run([&] {
      state_ = state;
      network_.attach(state_);
    });
  }

  void load(const Input& input) override {
    run([&] {
      count_ = input.rows.count;
      first_image_ = input.first_image;
      device_.load(input.rows, plan_.image, floats(input_));
    });
  }

  void gradients(const Objective& objective, std::uint64_t step,
                 bool accumulate) override {
    run([&] {
      float* input = floats(input_);
      Pass pass = allocate_pass(count_);
      pass.heads = network_.encode(network_.input_view(input, count_), true);
      draw({config_.seed, Stream::train, step}, first_image_, 1.0f, pass.noise);
      device_.latent(latent_of(pass));
      pass.output = network_.decode(pass.z, true);
      at::Tensor doutput = at::empty_like(pass.output);
      device_.reconstruction(
          reconstruction_of(pass, objective, input, doutput.data_ptr<float>()));
      sum_batch(pass, objective, tail(), accumulate);

      const at::Tensor dz = network_.backward_decoder(doutput, accumulate);
      const at::Tensor dheads = at::empty_like(pass.heads);
      device_.latent_gradient({data(pass.heads), data(pass.noise), data(dz),
                               data(dheads), count_, plan_.latent,
                               static_cast<float>(objective.kl_weight)});
      network_.backward_encoder(dheads, accumulate);
    });
  }

  void update() override {
    run([&] { device_.commit(state_, layout_, plan_.latent); });
  }

  void score(const Objective& objective, const Input& input,
             const Scores& scores) override {
    run([&] {
      chunks(input.rows.count, [&](std::int64_t done, std::int64_t n) {
        const at::Tensor rows = load_chunk(input.rows, plan_.image, done, n);
        Pass pass = allocate_pass(n);
        pass.heads = network_.encode(
            network_.input_view(rows.data_ptr<float>(), n), false);
        draw({config_.seed, Stream::eval, 0},
             input.first_image + static_cast<std::uint64_t>(done), 1.0f,
             pass.noise);
        device_.latent(latent_of(pass));
        pass.output = network_.decode(pass.z, false);
        if (scores.recon != nullptr)
          pass.recon_rows = at::from_blob(scores.recon + done, {n}, options_);
        Reconstruction r =
            reconstruction_of(pass, objective, rows.data_ptr<float>(), nullptr);
        device_.reconstruction(r);
        if (scores.kl != nullptr)
          at::from_blob(scores.kl + done, {n}, options_).copy_(pass.kl_rows);
        if (scores.tail != nullptr)
          sum_batch(pass, objective, scores.tail, true);
      });
    });
  }

  void encode(const Input& input, const RowTarget& mean,
              const RowTarget& logvar) override {
    run([&] {
      chunks(input.rows.count, [&](std::int64_t done, std::int64_t n) {
        const at::Tensor heads = encode_chunk(input, done, n);
        const std::int64_t latent = plan_.latent;
        if (mean.data != nullptr)
          device_.store_columns(data(heads), 2 * latent, 0, latent,
                                part(mean, latent, done, n));
        if (logvar.data != nullptr)
          device_.store_columns(data(heads), 2 * latent, latent, latent,
                                part(logvar, latent, done, n));
      });
    });
  }

  void decode(const RowSource& codes, Likelihood likelihood,
              const RowTarget& images) override {
    run([&] {
      chunks(codes.count, [&](std::int64_t done, std::int64_t n) {
        decode_chunk(load_chunk(codes, {plan_.latent}, done, n), likelihood,
                     part(images, plan_.image.size(), done, n));
      });
    });
  }

  void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
              Likelihood likelihood, const RowTarget& images) override {
    run([&] {
      chunks(images.count, [&](std::int64_t done, std::int64_t n) {
        const at::Tensor z = at::empty({n, plan_.latent}, options_);
        draw(key, first_row + static_cast<std::uint64_t>(done), scale, z);
        decode_chunk(z, likelihood, part(images, plan_.image.size(), done, n));
      });
    });
  }

  void reconstruct(const Input& input, Likelihood likelihood,
                   const RowTarget& images) override {
    run([&] {
      chunks(input.rows.count, [&](std::int64_t done, std::int64_t n) {
        const at::Tensor heads = encode_chunk(input, done, n);
        decode_chunk(heads.narrow(1, 0, plan_.latent).contiguous(), likelihood,
                     part(images, plan_.image.size(), done, n));
      });
    });
  }

  void params_changed() override {}  // nothing here is derived

 private:
  /// Runs a piece of work under this trainer's settings, and makes LibTorch's
  /// failures ours.
  template <class Work>
  void run(Work work) const {
    try {
      const TorchScope scope(device_, static_cast<int>(config_.threads),
                             config_.precision, config_.deterministic);
      work();
    } catch (const c10::OutOfMemoryError& error) {
      fail(Status::memory, "LibTorch: ", error.what_without_backtrace());
    } catch (const c10::Error& error) {
      const bool cuda = device_.kind() == DeviceKind::cuda;
      fail(cuda ? Status::device : Status::internal,
           "LibTorch: ", error.what_without_backtrace());
    }
  }

  static float* data(const at::Tensor& tensor) {
    return tensor.data_ptr<float>();
  }

  float* tail() const {
    return floats(state_.reduced) + layout_.param_floats +
           layout_.running_floats;
  }

  Pass allocate_pass(std::int64_t rows) const {
    Pass pass;
    pass.noise = at::empty({rows, plan_.latent}, options_);
    pass.z = at::empty({rows, plan_.latent}, options_);
    pass.kl_rows = at::empty({rows}, options_);
    pass.recon_rows = at::empty({rows}, options_);
    pass.mse_rows = at::empty({rows}, options_);
    return pass;
  }

  void draw(const NoiseKey& key, std::uint64_t first_row, float scale,
            const at::Tensor& out) const {
    device_.normals(key, first_row, out.size(0), out.size(1), scale, data(out));
  }

  Latent latent_of(const Pass& pass) const {
    return {data(pass.heads),   data(pass.noise),   data(pass.z),
            data(pass.kl_rows), pass.heads.size(0), plan_.latent};
  }

  Reconstruction reconstruction_of(const Pass& pass, const Objective& objective,
                                   const float* target, float* gradient) const {
    return {data(pass.output),
            target,
            gradient,
            data(pass.recon_rows),
            data(pass.mse_rows),
            pass.output.size(0),
            plan_.image.size(),
            objective.likelihood,
            objective.sigma};
  }

  void sum_batch(const Pass& pass, const Objective& objective, float* to,
                 bool accumulate) const {
    device_.batch_sums({data(pass.heads), data(pass.recon_rows),
                        data(pass.kl_rows), data(pass.mse_rows), to,
                        pass.heads.size(0), plan_.latent,
                        static_cast<float>(objective.kl_weight), accumulate});
  }

  template <class Body>
  void chunks(std::int64_t count, Body body) const {
    // Not above max_batch, which says how much memory the host allows for.
    const std::int64_t most =
        std::min<std::int64_t>(kMostAtOnce, config_.max_batch);
    for (std::int64_t done = 0; done < count; done += most)
      body(done, std::min(most, count - done));
  }

  at::Tensor load_chunk(RowSource from, model::Extent row, std::int64_t done,
                        std::int64_t n) const {
    const at::Tensor rows = at::empty({n, row.size()}, options_);
    from.first += static_cast<std::uint64_t>(done);
    from.count = n;
    device_.load(from, row, data(rows));
    return rows;
  }

  static RowTarget part(RowTarget to, std::int64_t row_elements,
                        std::int64_t done, std::int64_t n) {
    const auto skip =
        static_cast<std::uint64_t>(row_elements * done) * element_size(to.type);
    to.data = static_cast<std::byte*>(to.data) + skip;
    to.count = n;
    return to;
  }

  at::Tensor encode_chunk(const Input& input, std::int64_t done,
                          std::int64_t n) {
    const at::Tensor rows = load_chunk(input.rows, plan_.image, done, n);
    return network_.encode(network_.input_view(data(rows), n), false);
  }

  void decode_chunk(const at::Tensor& z, Likelihood likelihood,
                    const RowTarget& to) {
    const at::Tensor output = network_.decode(z, false);
    device_.store(data(output), plan_.image,
                  likelihood == Likelihood::bernoulli, to);
  }

  const model::Plan plan_;
  const Layout layout_;
  const Config config_;
  Device& device_;
  at::TensorOptions options_;
  Network network_;
  Buffer input_;  // [max_batch, H, W, C]
  State state_;
  std::int64_t count_ = 0;
  std::uint64_t first_image_ = 0;
};

}  // namespace
}  // namespace blocks

std::unique_ptr<Engine> make_engine(const model::Plan& plan,
                                    const Config& config, Device& device) {
  require(
      config.precision != Precision::tf32 || device.kind() == DeviceKind::cuda,
      Status::unsupported,
      "precision tf32 exists on CUDA devices only; on the CPU use fp32 or "
      "bf16");
  return std::make_unique<blocks::BlocksEngine>(plan, config, device);
}

}  // namespace vae::engine
