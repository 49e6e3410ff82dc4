// See tile_engine.hpp.
#include "engine/tile/tile_engine.hpp"

#include <bit>
#include <exception>
#include <gsl/gsl>
#include <new>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/check.hpp"
#include "base/host_memory.hpp"
#include "engine/cpu/commit.hpp"
#include "engine/tile/code.hpp"
#include "engine/tile/decoder.hpp"
#include "engine/tile/encoder.hpp"

namespace vae::engine::tile {
namespace {

template <class T>
class TileEngine final : public Engine {
 public:
  TileEngine(const model::Plan& plan, const Config& config, Device& device)
      : plan_(plan),
        config_(config),
        net_(make_network(plan_, static_cast<int>(config.threads))),
        device_(device),
        team_(static_cast<int>(config.threads)),
        operands_(device, net_.weights) {}

  EngineKind kind() const override { return EngineKind::tile; }
  const Layout& layout() const override { return net_.layout; }
  void attach(const State& state) override {
    context_.state = state;
    operands_.attach(floats(state.param));
  }
  void params_changed() override { operands_.invalidate(); }
  std::string describe() const override;

  void seek(const Cursor& cursor) override {
    context_.control()->cursor = cursor;
  }
  void load(const Input& input) override {
    RowSource rows = input.rows;
    if (rows.place == Place::resident)
      rows.cursor = &context_.control()->cursor;
    reserve({static_cast<std::int64_t>(config_.max_batch), true});
    context_.batch = work_.batch(rows.count);
    context_.single = false;
    first_image_ = input.first_image;
    load_rows(rows, plan_.image, 0, floats(work_.input));
  }
  void gradients(bool accumulate) override;
  void update() override;
  void issue(const WorkKey&, const std::function<void()>& work) override {
    work();
  }

  void score(const Input& input, const Scores& scores) override;
  void encode(const Input& input, const RowTarget& mean,
              const RowTarget& logvar) override;
  void decode(const RowSource& codes, const RowTarget& images) override;
  void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
              const RowTarget& images) override;
  void reconstruct(const Input& input, const RowTarget& images) override;

 private:
  /// LibTorch's failures become ours.
  template <class Work>
  void run(Work work) {
    try {
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      const std::string text = error.what();
      fail(Status::internal, "LibTorch: ", text.substr(0, text.find('\n')));
    }
  }

  /// The old memory goes first: both at once may be too much.
  void reserve(const Capacity& wanted) {
    if (work_.capacity.holds(wanted)) return;
    work_ = {};
    const std::int64_t least = plan_.least_bytes(wanted.images, sizeof(T));
    require_host_memory(wanted.training ? least : least / 2, "this batch");
    work_ = {plan_, net_, device_, wanted, team_.threads()};
  }

  /// body(first) for parts of `count` rows, of at most max_batch. Growing by
  /// powers of two, few batches of rising size take new memory.
  template <class Body>
  void chunks(std::int64_t count, Body body) {
    const auto most = static_cast<std::int64_t>(config_.max_batch);
    run([&] {
      const std::uint64_t images =
          std::bit_ceil(gsl::narrow<std::uint64_t>(count));
      reserve({std::min(most, gsl::narrow<std::int64_t>(images)), false});
      operands_.refresh(team_, false);
      for (std::int64_t done = 0; done < count; done += most) {
        context_.batch = work_.batch(std::min(most, count - done));
        context_.single = context_.batch.count == 1;
        body(done);
      }
    });
  }

  /// Rows [done, done + batch) of a source.
  void load_rows(const RowSource& from, model::Extent row, std::int64_t done,
                 float* to) {
    context_.each_image([&](std::int64_t i, int) {
      cpu::load_row(from, done + i, row, to + i * row.size());
    });
  }
  void encode_part(const RowSource& from, std::int64_t done) {
    load_rows(from, plan_.image, done, floats(work_.input));
    encoder_.make_patches(floats(work_.input));
    encoder_.forward(Mode::inference);
    code_.heads_forward();
  }
  /// z of the workspace to outputs; use(image, output) sees each.
  template <class Use>
  void decode_part(const float* codes, Use use) {
    code_.take(codes);
    code_.expand(Mode::inference);
    decoder_.forward(Mode::inference);
    context_.each_image([&](std::int64_t i, int) {
      float* output = work_.rows_of(work_.output, i, plan_.image.size());
      decoder_.add_up(i, output);
      use(i, output);
    });
  }
  void store_part(std::int64_t done, const float* codes,
                  const RowTarget& images) {
    const bool logits = config_.likelihood == Likelihood::bernoulli;
    decode_part(codes, [&](std::int64_t i, const float* output) {
      cpu::store_row(output, done + i, plan_.image, logits, images);
    });
  }
  float* heads(std::int64_t image) const {
    return work_.rows_of(work_.heads, image, 2 * plan_.latent);
  }
  float* z(std::int64_t image) const {
    return work_.rows_of(work_.z, image, plan_.latent);
  }
  void score_part(const Input& input, const Scores& scores, std::int64_t done);
  /// Into one of the two; the other is null.
  void batch_sums(float* tail, double* totals, bool accumulate) {
    device_.batch_sums({floats(work_.heads), floats(work_.recon),
                        floats(work_.kl), floats(work_.mse), tail,
                        context_.batch.count, plan_.latent, context_.control(),
                        accumulate, totals});
  }

  const model::Plan plan_;
  const Config config_;
  const Network net_;
  Device& device_;
  Team team_;
  Operands<T> operands_;
  Workspace<T> work_;
  std::vector<double> partial_;  // of the commit
  std::uint64_t first_image_ = 0;
  Context<T> context_{plan_, config_, net_, team_, operands_, work_, {}, {}};
  Encoder<T> encoder_{context_};
  Code<T> code_{context_};
  Decoder<T> decoder_{context_};
};

template <class T>
std::string TileEngine<T>::describe() const {
  nlohmann::ordered_json json{{"products", "float32"}};
  if constexpr (sizeof(T) != sizeof(float)) {
    const std::string why = why_widened();
    json["products"] = why.empty() ? "bfloat16" : "bfloat16 as float32";
    if (!why.empty()) json["why_as_float32"] = why;
  }
  return json.dump();
}

template <class T>
void TileEngine<T>::gradients(bool accumulate) {
  run([&] {
    context_.accumulate = accumulate;
    operands_.refresh(team_, true);
    encoder_.make_patches(floats(work_.input));
    encoder_.forward(Mode::training);
    code_.heads_forward();
    code_.draw(first_image_);
    code_.expand(Mode::training);
    decoder_.forward(Mode::training);
    decoder_.losses(floats(work_.input));
    batch_sums(context_.tail(), nullptr, accumulate);

    decoder_.backward();
    code_.expand_backward();
    code_.heads_backward(encoder_);
    encoder_.backward();
  });
}

template <class T>
void TileEngine<T>::update() {
  cpu::commit(context_.state, net_.layout, plan_.latent, partial_,
              [this](std::int64_t count, auto body) {
                team_.run(count, [&](std::int64_t i, int) { body(i); });
              });
  operands_.invalidate();
}

template <class T>
void TileEngine<T>::score_part(const Input& input, const Scores& scores,
                               std::int64_t done) {
  encode_part(input.rows, done);
  const NoiseKey key{config_.seed, Stream::eval, 0};
  const auto first = input.first_image + static_cast<std::uint64_t>(done);
  context_.each_image([&](std::int64_t i, int) {
    float* noise = work_.rows_of(work_.noise, i, plan_.latent);
    const auto image =
        static_cast<std::uint32_t>(first + static_cast<std::uint64_t>(i));
    cpu::normal_row(key, image, plan_.latent, 1.0f, noise);
    *work_.rows_of(work_.kl, i, 1) = static_cast<float>(
        cpu::latent_row(heads(i), noise, plan_.latent, z(i)));
  });
  const std::int64_t size = plan_.image.size();
  decode_part(floats(work_.z), [&](std::int64_t i, const float* output) {
    const float* target = work_.rows_of(work_.input, i, size);
    const cpu::RowLoss loss =
        config_.likelihood == Likelihood::bernoulli
            ? cpu::bernoulli_row(output, target, size, nullptr)
            : cpu::gaussian_row(output, target, size, config_.gaussian_sigma,
                                nullptr);
    *work_.rows_of(work_.recon, i, 1) = static_cast<float>(loss.recon);
    *work_.rows_of(work_.mse, i, 1) =
        static_cast<float>(loss.square / static_cast<double>(size));
  });
  const std::int64_t count = context_.batch.count;
  if (scores.recon != nullptr)
    std::copy_n(floats(work_.recon), count, scores.recon + done);
  if (scores.kl != nullptr)
    std::copy_n(floats(work_.kl), count, scores.kl + done);
  if (scores.totals != nullptr) batch_sums(nullptr, scores.totals, true);
}

template <class T>
void TileEngine<T>::score(const Input& input, const Scores& scores) {
  chunks(input.rows.count,
         [&](std::int64_t done) { score_part(input, scores, done); });
}

template <class T>
void TileEngine<T>::encode(const Input& input, const RowTarget& mean,
                           const RowTarget& logvar) {
  const std::int64_t latent = plan_.latent;
  chunks(input.rows.count, [&](std::int64_t done) {
    encode_part(input.rows, done);
    for (std::int64_t i = 0; i < context_.batch.count; ++i)
      for (const RowTarget* to : {&mean, &logvar})
        if (to->data != nullptr)
          std::copy_n(heads(i) + (to == &logvar ? latent : 0), latent,
                      static_cast<float*>(to->data) + (done + i) * latent);
  });
}

template <class T>
void TileEngine<T>::decode(const RowSource& codes, const RowTarget& images) {
  chunks(codes.count, [&](std::int64_t done) {
    load_rows(codes, {plan_.latent}, done, floats(work_.z));
    store_part(done, floats(work_.z), images);
  });
}

template <class T>
void TileEngine<T>::sample(const NoiseKey& key, std::uint64_t first_row,
                           float scale, const RowTarget& images) {
  chunks(images.count, [&](std::int64_t done) {
    context_.each_image([&](std::int64_t i, int) {
      const auto row = static_cast<std::uint32_t>(
          first_row + static_cast<std::uint64_t>(done + i));
      cpu::normal_row(key, row, plan_.latent, scale, z(i));
    });
    store_part(done, floats(work_.z), images);
  });
}

template <class T>
void TileEngine<T>::reconstruct(const Input& input, const RowTarget& images) {
  chunks(input.rows.count, [&](std::int64_t done) {
    encode_part(input.rows, done);
    for (std::int64_t i = 0; i < context_.batch.count; ++i)
      std::copy_n(heads(i), plan_.latent, z(i));
    store_part(done, floats(work_.z), images);
  });
}

}  // namespace

std::string why_not_tile(const model::Plan& plan, const Config& config,
                         const Device& device) {
  if (device.kind() != DeviceKind::cpu) return "it computes on the CPU only";
  const std::string why = why_not(plan);
  if (!why.empty()) return why;
  return config.precision == Precision::bf16 ? why_no_products<Bf16>()
                                             : why_no_products<float>();
}

std::unique_ptr<Engine> make_tile_engine(const model::Plan& plan,
                                         const Config& config, Device& device) {
  if (config.precision == Precision::bf16)
    return std::make_unique<TileEngine<Bf16>>(plan, config, device);
  return std::make_unique<TileEngine<float>>(plan, config, device);
}

}  // namespace vae::engine::tile
