// Creation of a trainer, and the public class, which forwards to Trainer::Impl.
#include "vae/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <gsl/gsl>
#include <utility>

#include "base/check.hpp"
#include "base/host_memory.hpp"
#include "base/log.hpp"
#include "engine/math/update.hpp"
#include "engine/sizing_device.hpp"
#include "io/file.hpp"
#include "train/checkpoint.hpp"
#include "train/memory.hpp"
#include "train/trainer_impl.hpp"

namespace vae {
namespace {

// Default number of steps in a CUDA graph.
constexpr std::uint32_t kGraphSteps = 8;

/// Resolves device and threads; "auto" selects CUDA if it can be used.
Config resolve(Config config) {
  validate(config);
  if (config.device == DeviceKind::automatic) {
    const std::string why = engine::why_no_cuda(config.device_index);
    config.device = why.empty() ? DeviceKind::cuda : DeviceKind::cpu;
    if (!why.empty())
      log(LogLevel::information, "training on the CPU, because ", why);
  }
  if (config.threads == 0)
    config.threads = static_cast<std::uint32_t>(engine::default_threads());
  if (config.graph_steps == 0) config.graph_steps = kGraphSteps;
  return config;
}

std::unique_ptr<engine::Device> make_device(const Config& config) {
  return config.device == DeviceKind::cuda
             ? engine::make_cuda_device(config.device_index)
             : engine::make_cpu_device(static_cast<int>(config.threads));
}

/// Bytes of the largest tensor; initial values lie twice in host memory.
std::int64_t largest_tensor(const model::Plan& plan) {
  std::int64_t elements = 0;
  for (const model::Tensor& tensor : plan.params)
    elements = std::max(elements, tensor.elements());
  return elements * std::int64_t{sizeof(float)};
}

/// Throws if the parameters cannot fit: every engine has value, gradient and
/// two moments of each. Checked first, because creating an engine for a huge
/// image takes long.
void require_memory(const model::Plan& plan) {
  std::int64_t bytes = 0;
  for (const model::Tensor& tensor : plan.params)
    bytes += 4 * tensor.elements() * std::int64_t{sizeof(float)};
  require_host_memory(bytes, "this model with its gradients and moments");
}

std::unique_ptr<engine::Engine> make_checked_engine(const model::Plan& plan,
                                                    const Config& config,
                                                    engine::Device& device) {
  if (device.kind() == DeviceKind::cpu) require_memory(plan);
  return engine::make_engine(plan, config, device);
}

/// The entries of PyTorch's state_dict, in its order.
std::vector<ParamInfo> make_infos(const model::Plan& plan) {
  std::vector<ParamInfo> infos;
  auto counter = plan.batch_counters.begin();
  for (const model::Entry& entry : plan.entries) {
    const model::Tensor& tensor = plan.tensor(entry);
    infos.push_back({tensor.name, tensor.shape, ElementType::float32,
                     entry.trainable,
                     static_cast<std::uint64_t>(tensor.elements())});
    // In a state_dict, BatchNorm's count follows its two statistics.
    if (tensor.name.ends_with(".running_var"))
      infos.push_back({*counter++, {}, ElementType::int64, false, 1});
  }
  return infos;
}

}  // namespace

Memory memory(const Config& requested) {
  const Config config = resolve(requested);
  const model::Plan plan = model::make_plan(config);
  const engine::TrainingBytes engine = engine::training_bytes(plan, config);
  engine::SizingDevice state(config.device);
  train::allocate_state(state, engine.layout, plan.latent);
  const std::int64_t creation = 2 * largest_tensor(plan);
  if (config.device == DeviceKind::cpu)
    return {
        gsl::narrow<std::uint64_t>(
            state.bytes() + std::max(engine.bytes, engine.created + creation)),
        0};
  // Rows and initial values pass through two buffers in host memory and two on
  // the device, each for 16 MiB or an image.
  constexpr std::int64_t kPiece = std::int64_t{16} << 20;
  const std::int64_t staging =
      2 * std::max(kPiece, plan.image.size() * std::int64_t{sizeof(float)});
  return {gsl::narrow<std::uint64_t>(staging + creation),
          gsl::narrow<std::uint64_t>(state.bytes() + engine.bytes + staging)};
}

namespace train {

Stopwatch::Stopwatch()
    : start_(std::chrono::duration<double>(
                 std::chrono::steady_clock::now().time_since_epoch())
                 .count()) {}

double Stopwatch::seconds() const { return Stopwatch().start_ - start_; }

}  // namespace train

// The engine is created before the state, because it decides the order of the
// flat buffers; attach() then gives it the initialised state.
Trainer::Impl::Impl(const Config& requested)
    : config(resolve(requested)),
      requested_(requested),
      plan_(model::make_plan(config)),
      device_(make_device(config)),
      engine_(make_checked_engine(plan_, config, *device_)) {
  config.engine = engine_->kind();
  infos = make_infos(plan_);
  state_ = train::allocate_state(*device_, engine_->layout(), plan_.latent);
  initialise();
  engine_->attach(state_);
}

// Parameters from the seed, running statistics to their constants (mean 0,
// variance 1); allocate() has zeroed everything else.
void Trainer::Impl::initialise() {
  const engine::Layout& layout = engine_->layout();
  for (std::size_t i = 0; i < plan_.params.size(); ++i)
    train::write_segment(
        *device_, layout.params[i],
        model::initial_param(plan_, static_cast<int>(i), config.seed),
        engine::floats(state_.param));
  for (std::size_t i = 0; i < plan_.running.size(); ++i) {
    const model::Tensor& tensor = plan_.running[i];
    const std::vector<float> values(static_cast<std::size_t>(tensor.elements()),
                                    tensor.constant);
    train::write_segment(*device_, layout.running[i], values,
                         engine::floats(state_.running));
  }
  write_settings();
}

// Waits for the device.
engine::Control Trainer::Impl::read_control() {
  engine::Control control;
  device_->download(&control, state_.control.get(), sizeof control);
  return control;
}

// Settings is the base of Control, so this leaves step, cursor and decision
// unchanged. Recorded graphs read it at each replay.
void Trainer::Impl::write_settings() {
  const bool cosine = config.schedule == Schedule::cosine;
  engine::Settings settings{config.learning_rate,
                            config.beta1,
                            config.beta2,
                            config.epsilon,
                            config.weight_decay,
                            config.clip_norm,
                            config.kl_weight,
                            config.sum_gradient ? 0u : 1u,
                            config.optimizer == Optimizer::sgd ? 1u : 0u,
                            config.warmup_updates,
                            cosine ? config.schedule_updates : 0,
                            config.schedule_floor,
                            config.kl_warmup_updates,
                            config.kl_cycle_updates,
                            config.kl_weight};
  if (settings.kl_warmup != 0)
    settings.kl_weight = engine::kl_weight_at(settings, read_control().updates);
  engine::Settings* to = static_cast<engine::Control*>(state_.control.get());
  device_->upload(to, &settings, sizeof settings);
}

void Trainer::Impl::write_updates(std::uint64_t updates) {
  auto* control = static_cast<engine::Control*>(state_.control.get());
  device_->upload(&control->updates, &updates, sizeof updates);
  write_settings();  // the KL weight depends on the updates
}

Trainer::Trainer(const Config& config)
    : impl_(std::make_unique<Impl>(config)) {}
Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&& other) noexcept {
  Trainer made(std::move(other));
  impl_.swap(made.impl_);  // `made` destroys the previous one
  return *this;
}
Trainer::~Trainer() {
  // In a forked child the threads to join do not exist, and the device belongs
  // to the parent. So leak it.
  if (impl_ && impl_->health.elsewhere()) static_cast<void>(impl_.release());
}

// Checks names and shapes before a trainer is created, so that a small file
// cannot cause a large allocation.
std::unique_ptr<Trainer::Impl> Trainer::Impl::open(
    std::span<const std::byte> bytes, const Config* given,
    const std::string& origin) {
  const io::TensorFile file = io::read_safetensors(bytes, origin);
  const Config config = train::config_for(file, given, origin);
  train::check_tensors(file, config, origin);
  auto impl = std::make_unique<Impl>(config);
  impl->from_file(file, origin);
  return impl;
}

Trainer Trainer::load(const std::string& path, const Config* config) {
  return Trainer(Impl::open(io::read_file(path), config, path));
}

Trainer Trainer::load(std::span<const std::byte> bytes, const Config* config) {
  return Trainer(Impl::open(bytes, config, "the file in memory"));
}

void Trainer::save(const std::string& path, SaveWhat what) {
  io::write_file_atomically(path, save(what));
}
std::vector<std::byte> Trainer::save(SaveWhat what) {
  return io::write_safetensors(
      impl_->health.run([&] { return impl_->to_file(what); }));
}

// Every call that uses the device goes through Health::run().
Config Trainer::config() const { return impl_->config; }
void Trainer::train_step(const Batch& images, Metrics* metrics) {
  return impl_->health.run([&] { return impl_->train_step(images, metrics); });
}
Metrics Trainer::eval_step(const Batch& images) {
  return impl_->health.run([&] { return impl_->eval_step(images); });
}
void Trainer::score(const Batch& images, Output* reconstruction, Output* kl) {
  return impl_->health.run(
      [&] { return impl_->score(images, reconstruction, kl); });
}
Metrics Trainer::read_metrics() {
  return impl_->health.run([&] { return impl_->read_metrics(); });
}
void Trainer::synchronize() {
  return impl_->health.run([&] { return impl_->synchronize(); });
}
void Trainer::encode(const Batch& images, Output* mean, Output* logvar) {
  return impl_->health.run([&] { return impl_->encode(images, mean, logvar); });
}
void Trainer::decode(const Batch& codes, Output& images) {
  return impl_->health.run([&] { return impl_->decode(codes, images); });
}
void Trainer::sample(const Sampling& sampling, Output& images) {
  return impl_->health.run([&] { return impl_->sample(sampling, images); });
}
void Trainer::reconstruct(const Batch& images, Output& output) {
  return impl_->health.run([&] { return impl_->reconstruct(images, output); });
}
Metrics Trainer::train_epoch(const Dataset& dataset, const Run& run) {
  return impl_->health.run([&] { return impl_->train_epoch(dataset, run); });
}
Metrics Trainer::evaluate(const Dataset& dataset, const Run& run) {
  return impl_->health.run([&] { return impl_->evaluate(dataset, run); });
}
void Trainer::cancel(bool on) noexcept { impl_->cancelled = on; }
const std::vector<ParamInfo>& Trainer::params() const { return impl_->infos; }
void Trainer::read_param(const std::string& name, ParamWhat what,
                         std::span<std::byte> data) {
  return impl_->health.run([&] { return impl_->read_param(name, what, data); });
}
void Trainer::write_param(const std::string& name, ParamWhat what,
                          std::span<const std::byte> data) {
  return impl_->health.run(
      [&] { return impl_->write_param(name, what, data); });
}
void Trainer::set(Key key, double value) {
  return impl_->health.run([&] { return impl_->set(key, value); });
}
double Trainer::get(Key key) {
  return impl_->health.run([&] { return impl_->get(key); });
}
std::string Trainer::diagnose() const { return impl_->diagnose(); }

}  // namespace vae
