// BlocksEngine: construction and training. A step is load(), gradients(),
// update(); what a batch goes through is in training_pass.cpp.
#include "engine/blocks/blocks_engine.hpp"

#include <nlohmann/json.hpp>

#include "base/host_memory.hpp"
#include "engine/blocks/blocks_memory.hpp"
#include "engine/blocks/layer_ops.hpp"
#include "engine/blocks/layers.hpp"
#include "engine/blocks/make_blocks_engine.hpp"
#include "engine/blocks/parameters.hpp"
#include "engine/blocks/torch_scope.hpp"

namespace vae::engine::blocks {
namespace {

/// Where LibTorch's tensors lie.
at::TensorOptions options_of(const Device& device) {
  return device.kind() == DeviceKind::cuda
             ? at::TensorOptions(at::Device(
                   at::kCUDA, static_cast<at::DeviceIndex>(device.index())))
             : at::TensorOptions(at::kCPU);
}

/// Element type of the GEMMs' and convolutions' input. tf32 is float32 that
/// LibTorch rounds on its own (TorchScope).
at::ScalarType product_type(const Config& config) {
  return config.precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
}

/// Without AVX-512, LibTorch multiplies bfloat16 in reference code, which is
/// more than ten times slower than float32.
bool multiplies_slowly(const Config& config, const Device& device,
                       const Fusion* fusion) {
  return fusion == nullptr && device.kind() == DeviceKind::cpu &&
         config.precision == Precision::bf16 && !has_avx512();
}

std::unique_ptr<LayerOps> make_ops(const Parameters& parameters,
                                   Fusion* fusion) {
  if (fusion != nullptr)
    return std::make_unique<FusedLayerOps>(parameters, *fusion);
  return std::make_unique<TorchLayerOps>(parameters);
}

}  // namespace

BlocksEngine::BlocksEngine(const model::Plan& plan, const Config& config,
                           Device& device, Fusion* fusion)
    : plan_(plan),
      layout_(make_layout(plan_)),
      config_(config),
      device_(device),
      operations_(device.operations()),
      fusion_(fusion),
      options_(options_of(device).dtype(at::kFloat)),
      parameters_(plan_, layout_, options_, product_type(config),
                  multiplies_slowly(config, device, fusion)),
      ops_(make_ops(parameters_, fusion)),
      network_(plan_, parameters_, *ops_),
      training_(device.make_capturer(), config.graph),
      inference_(device.make_capturer(), config.graph) {
  if (device.kind() == DeviceKind::cpu) keep_freed_memory();
  if (fusion != nullptr && config.precision == Precision::bf16)
    copy_ = device.allocate(layout_.param_floats *
                            std::int64_t{sizeof(std::uint16_t)});
  make_pass();
}

// Three kinds: LibTorch's functions; a device's fused operations between
// LibTorch's products; a device's own products as well, for what they support.
void BlocksEngine::make_pass() {
  const PassContext context{plan_, layout_, config_, state_};
  const BlocksContext blocks{context, parameters_, operations_, network_};
  if (fusion_ == nullptr) {
    pass_ = make_torch_pass(blocks);
    return;
  }
  why_torch_products_ = fusion_->why_no_pass(plan_, config_);
  if (!why_torch_products_.empty()) {
    pass_ = make_fused_pass(blocks, *fusion_);
    return;
  }
  auto own =
      fusion_->make_pass(context, static_cast<std::uint16_t*>(copy_.get()));
  device_pass_ = own.get();
  pass_ = std::move(own);
}

// Recorded graphs have the addresses of the State before.
void BlocksEngine::attach(const State& state) {
  run([&] {
    state_ = state;
    parameters_.attach(state_, static_cast<std::uint16_t*>(copy_.get()));
    training_.forget();
    inference_.forget();
    copy_is_stale_ = true;
  });
}

std::string BlocksEngine::describe() const {
  if (multiplies_slowly(config_, device_, fusion_))
    return R"({"products": "bfloat16 as float32",)"
           R"( "why_as_float32": "this processor has no AVX-512"})";
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (fusion_ != nullptr) {
    json["products"] = why_torch_products_.empty() ? "own" : "LibTorch";
    if (!why_torch_products_.empty()) json["why_not_own"] = why_torch_products_;
  }
  // Only GPUs record work.
  if (device_.kind() == DeviceKind::cuda) {
    auto& graph = json["graph"];
    graph["training"] = nlohmann::ordered_json::parse(training_.describe());
    graph["inference"] = nlohmann::ordered_json::parse(inference_.describe());
  }
  return json.dump();
}

// parameters -> their bfloat16 copy, if they were written from outside. In
// training the commit keeps the copy up to date.
void BlocksEngine::refresh_copy() {
  if (copy_ != nullptr && copy_is_stale_)
    fusion_->refresh_copy(floats(state_.param), layout_.param_floats,
                          static_cast<std::uint16_t*>(copy_.get()));
  copy_is_stale_ = false;
}

void BlocksEngine::seek(const Cursor& cursor) {
  device_.upload(&control()->cursor, &cursor, sizeof cursor);
}

/// LibTorch allocates without asking.
void BlocksEngine::require_memory(std::int64_t count) {
  if (device_.kind() != DeviceKind::cpu || count <= most_images_) return;
  // Without the holes of the heap, which smaller pieces may fill: nothing is
  // refused that would fit.
  require_host_memory(pass_bytes(plan_, count, pass_kind(config_)).all,
                      "a training step");
  most_images_ = count;
}

// rows -> input_ [B, H, W, C]
// The buffer is made for the largest batch: a recorded step has its address.
void BlocksEngine::load(const Input& input) {
  run([&] {
    require_memory(input.rows.count);
    if (input_ == nullptr)
      input_ = device_.allocate(config_.max_batch * plan_.image.size() *
                                std::int64_t{sizeof(float)});
    count_ = input.rows.count;
    first_image_ = input.first_image;
    RowSource rows = input.rows;
    if (rows.place == Place::resident) rows.cursor = &control()->cursor;
    operations_.load(rows, plan_.image, floats(input_));
  });
}

// input_ [B, H, W, C] -> State::reduced
void BlocksEngine::gradients(bool accumulate) {
  run([&] {
    refresh_copy();
    pass_->run(floats(input_), count_, first_image_, accumulate);
  });
}

void BlocksEngine::update() {
  run([&] {
    operations_.commit({state_, layout_, plan_.latent,
                        static_cast<std::uint16_t*>(copy_.get()),
                        pass_->norm()});
  });
}

// The copy is refreshed before the work: a recorded step must not contain what
// is needed only once.
void BlocksEngine::issue(const WorkKey& key,
                         const std::function<void()>& work) {
  run([&] {
    device_.pace();
    refresh_copy();
    training_.run(key, work);
  });
}

std::unique_ptr<Engine> make_blocks_engine(const model::Plan& plan,
                                           const Config& config, Device& device,
                                           Fusion* fusion) {
  return std::make_unique<BlocksEngine>(plan, config, device, fusion);
}

}  // namespace vae::engine::blocks
