// See tile_engine.hpp. A training step is load(), gradients(), update(), below;
// the functions of phases.hpp do the work.
#include "engine/tile/tile_engine.hpp"

#include <exception>
#include <new>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/check.hpp"
#include "engine/cpu/loops.hpp"
#include "engine/sizing_device.hpp"
#include "engine/tile/phases.hpp"

namespace vae::engine::tile {
namespace {

/// Translates LibTorch's exceptions to Error; no other type escapes the engine
/// but std::bad_alloc, which the API reports as it is.
template <class Work>
void translated(Work work) {
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

/// Members refer to those above them, so their order is that of construction.
template <class T>
class TileEngine final : public Engine {
 public:
  TileEngine(const model::Plan& plan, const Config& config, Device& device)
      : plan_(plan),
        config_(config),
        net_(make_network(plan_, static_cast<int>(config.threads))),
        device_(device),
        team_(static_cast<int>(config.threads)),
        weights_(device, net_.weights) {}

  EngineKind kind() const override { return EngineKind::tile; }
  const Layout& layout() const override { return net_.layout; }
  void attach(const State& state) override {
    context_.state = state;
    weights_.attach(floats(state.param));
  }
  void params_changed() override { weights_.invalidate(); }
  std::string describe() const override;

  void seek(const Cursor& cursor) override {
    context_.control()->cursor = cursor;
  }
  void load(const Input& input) override;
  void gradients(bool accumulate) override;
  void update() override;
  /// Nothing is recorded on a CPU.
  void issue(const WorkKey&, const std::function<void()>& work) override {
    work();
  }

  void score(const Input& input, const Scores& scores) override {
    translated([&] { inference_.score(input, scores); });
  }
  void encode(const Input& input, const RowTarget& mean,
              const RowTarget& logvar) override {
    translated([&] { inference_.encode(input, mean, logvar); });
  }
  void decode(const RowSource& codes, const RowTarget& images) override {
    translated([&] { inference_.decode(codes, images); });
  }
  void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
              const RowTarget& images) override {
    translated([&] { inference_.sample(key, first_row, scale, images); });
  }
  void reconstruct(const Input& input, const RowTarget& images) override {
    translated([&] { inference_.reconstruct(input, images); });
  }

 private:
  const model::Plan plan_;
  const Config config_;
  const Network net_;
  Device& device_;
  Team team_;
  PackedWeights<T> weights_;
  Workspace<T> work_;
  std::vector<double> partial_;    // of the commit
  std::uint64_t first_image_ = 0;  // of the batch, for its noise
  Context<T> context_{plan_,    config_, net_, device_, team_,
                      weights_, work_,   {},   {}};
  Encoder<T> encoder_{context_};
  Code<T> code_{context_};
  Decoder<T> decoder_{context_};
  Inference<T> inference_{context_, encoder_, code_, decoder_};
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

// rows -> input [B, H, W, C]
template <class T>
void TileEngine<T>::load(const Input& input) {
  RowSource rows = input.rows;
  // The cursor advances with each update, also between two calls of load().
  if (rows.place == Place::resident) rows.cursor = &context_.control()->cursor;
  // The largest batch at once, so that no later step allocates.
  work_.reserve(plan_, net_, device_,
                {static_cast<std::int64_t>(config_.max_batch), true},
                team_.threads());
  context_.batch = work_.batch(rows.count);
  context_.single = false;
  first_image_ = input.first_image;
  context_.load_rows(rows, plan_.image, 0, floats(work_.input));
}

// input [B, H, W, C] -> State::reduced. Each line is one or a few phases of the
// team, with a barrier after each; docs/tile.md lists them.
template <class T>
void TileEngine<T>::gradients(bool accumulate) {
  translated([&] {
    context_.accumulate = accumulate;
    weights_.refresh(team_, true);
    encoder_.im2col(floats(work_.input));
    encoder_.forward(Pass::training);
    code_.heads_forward();
    code_.draw(first_image_);
    code_.expand(Pass::training);
    decoder_.forward(Pass::training);
    decoder_.losses(floats(work_.input));
    context_.batch_sums(context_.tail(), nullptr, accumulate);

    decoder_.backward();
    code_.expand_backward();
    code_.heads_backward(encoder_);
    encoder_.backward();
  });
}

// State::reduced -> parameters, moments, running statistics, sums; advances the
// cursor. The chunks of the flat buffers are the tasks of the team.
template <class T>
void TileEngine<T>::update() {
  cpu::commit(context_.state, net_.layout, plan_.latent, partial_,
              [this](std::int64_t count, auto body) {
                team_.run(count, [&](std::int64_t i, int) { body(i); });
              });
  weights_.invalidate();  // packed from the parameters before
}

}  // namespace

// First the device, then the network, then the processor.
std::string why_not_tile(const model::Plan& plan, const Config& config,
                         const Device& device) {
  if (device.kind() != DeviceKind::cpu) return "it computes on the CPU only";
  const std::string why = why_not(plan);
  if (!why.empty()) return why;
  return config.precision == Precision::bf16 ? why_no_products<Bf16>()
                                             : why_no_products<float>();
}

namespace {

template <class T>
TrainingBytes bytes_of(const model::Plan& plan, const Config& config) {
  const auto threads = static_cast<int>(config.threads);
  Network net = make_network(plan, threads, Tables::left_out);
  SizingDevice device(DeviceKind::cpu);
  const PackedWeights<T> weights(device, net.weights);
  const std::int64_t created = table_bytes(plan) + device.bytes();
  const std::int64_t partial =
      cpu::chunks_of(net.layout.param_floats) * std::int64_t{sizeof(double)};
  const std::int64_t workspace =
      Workspace<T>::bytes(plan, net, {config.max_batch, true}, threads);
  return {std::move(net.layout), created + workspace + partial, created};
}

}  // namespace

TrainingBytes tile_bytes(const model::Plan& plan, const Config& config) {
  return config.precision == Precision::bf16 ? bytes_of<Bf16>(plan, config)
                                             : bytes_of<float>(plan, config);
}

std::unique_ptr<Engine> make_tile_engine(const model::Plan& plan,
                                         const Config& config, Device& device) {
  if (config.precision == Precision::bf16)
    return std::make_unique<TileEngine<Bf16>>(plan, config, device);
  return std::make_unique<TileEngine<float>>(plan, config, device);
}

}  // namespace vae::engine::tile
