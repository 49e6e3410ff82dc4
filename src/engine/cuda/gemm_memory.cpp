// See gemm_memory.hpp.
#include "engine/cuda/gemm_memory.hpp"

#include <algorithm>
#include <utility>

#include "engine/cuda/gemm_layers.hpp"

namespace vae::engine::cuda {
namespace {

using model::Layer;

/// Splits of the sum over places in a derivative by weights [m, n]: about two
/// blocks for each multiprocessor of a large card, as these sums are long. The
/// larger tile is that of weight_gemm_hopper().
std::int32_t weight_splits(std::int64_t m, std::int64_t n, std::int64_t rows,
                           TensorCores cores) {
  constexpr std::int64_t kBlocks = 264;
  const std::int64_t tile =
      cores == TensorCores::hopper && m % 128 == 0 && rows >= 8192 ? 128 : 64;
  const std::int64_t tiles = (m + tile - 1) / tile * ((n + 63) / 64);
  const std::int64_t most = std::max<std::int64_t>(rows / 128, 1);
  return narrow(std::clamp<std::int64_t>(kBlocks / tiles, 1, most));
}

}  // namespace

GemmMemory::GemmMemory(const model::Plan& plan, const Layout& layout,
                       const Config& config, TensorCores cores, Device& device)
    : plan_(plan),
      layout_(layout),
      most_(config.max_batch),
      cores_(cores),
      device_(device) {
  make_sums();
  make_encoder();
  make_decoder();
  make_code();
  make_tasks();
}

/// Memory for `count` numbers, which lives as long as this object.
template <class T>
T* GemmMemory::take(std::int64_t count) {
  memory_.push_back(
      device_.allocate(count * static_cast<std::int64_t>(sizeof(T))));
  return static_cast<T*>(memory_.back().get());
}

ExactSum* GemmMemory::take_exact(std::int64_t count) {
  return std::exchange(next_exact_, next_exact_ + count);
}

/// Two for each channel of each norm in the forward. In the backward as many,
/// one for each bias of the decoder and of the heads, and the loss's totals.
void GemmMemory::make_sums() {
  static_assert(sizeof(LossTotals) == 3 * sizeof(ExactSum));
  std::int64_t forward = 0, biases = 2 * plan_.latent;
  for (const Layer& layer : plan_.encoder) forward += 2 * layer.out.c;
  for (const Layer& layer : plan_.decoder) biases += layer.out.c;
  const std::int64_t backward = forward + biases + 3;
  auto* sums = take<ExactSum>(forward + backward);
  next_exact_ = sums;
  forward_sums = {sums, narrow(forward)};
  backward_sums = {sums + forward, narrow(backward)};
}

/// Buffers of the encoder's layers, [images, H, W, C] and [C].
void GemmMemory::make_encoder() {
  for (const Layer& layer : plan_.encoder) {
    Encoding e{};
    const std::int64_t size = most_ * layer.out.size();
    e.product = take<Bf16>(size), e.out = take<Bf16>(size);
    e.gradient = take<Bf16>(size);
    e.mean = take<float>(layer.out.c), e.invstd = take<float>(layer.out.c);
    e.statistics = take_exact(2 * layer.out.c);
    encoder.push_back(e);
  }
  // After those of the forward, which are zeroed at another time.
  for (std::size_t i = 0; i < encoder.size(); ++i)
    encoder[i].backward = take_exact(2 * plan_.encoder[i].out.c);
}

/// Output of a layer of the decoder and the derivative by it, [images, H, W,
/// C].
GemmMemory::Decoding GemmMemory::hidden(const Layer& layer) {
  Decoding d{};
  d.out = take<Bf16>(most_ * layer.out.size());
  d.gradient = take<Bf16>(most_ * layer.out.size());
  return d;
}

/// The last layer has no output of its own: its kernel leaves dlogits, and its
/// bias's gradient is one of the loss's totals.
void GemmMemory::make_decoder() {
  expand = hidden(plan_.expand);
  for (std::size_t i = 0; i + 1 < plan_.decoder.size(); ++i) {
    decoder.push_back(hidden(plan_.decoder[i]));
    decoder.back().bias_sums = take_exact(plan_.decoder[i].out.c);
  }
  totals = reinterpret_cast<LossTotals*>(take_exact(3));
  decoder.push_back({});
  decoder.back().bias_sums = &totals->gradient;
  dlogits = take<float>(most_ * plan_.image.size());
  expand_bias = take<float>(plan_.features.size());
}

/// Buffers of the latent code. Heads and dz use `code_sums` in turn.
void GemmMemory::make_code() {
  const std::int64_t latent = plan_.latent;
  heads = take<float>(most_ * 2 * latent);
  noise = take<float>(most_ * latent);
  kl = take<float>(most_);
  z = take<Bf16>(most_ * latent);
  dheads = take<Bf16>(most_ * 2 * latent);
  heads_bias = take_exact(2 * latent);
  // Fewer splits where there are more rows: the most of all batches.
  std::int64_t largest = 0;
  const std::int64_t tiles = (plan_.features.size() + 63) / 64;
  for (std::int64_t m = std::min<std::int64_t>(most_, 64);;
       m = std::min(m + 64, most_)) {
    largest = std::max({largest, m * gemm_splits(m, 2 * latent, tiles),
                        m * gemm_splits(m, latent, tiles)});
    if (m == most_) break;
  }
  code_sums = take<float>(largest * 2 * latent);
}

/// Adds to the table: parameter `index`, whose gradient is the sum of `splits`
/// partial ones, [splits, elements].
void GemmMemory::partial_task(int index, const float* partial,
                              std::int64_t elements, std::int32_t splits) {
  const std::int64_t offset =
      layout_.params[static_cast<std::size_t>(index)].offset;
  for (std::int64_t done = 0; done < elements; done += kTaskFloats)
    list_.push_back(
        {partial + done, nullptr, elements, offset + done, splits,
         narrow(std::min<std::int64_t>(kTaskFloats, elements - done))});
}

/// The same for a gradient that is summed up already, [count].
void GemmMemory::exact_task(int index, const ExactSum* sums,
                            std::int64_t count) {
  const std::int64_t offset =
      layout_.params[static_cast<std::size_t>(index)].offset;
  for (std::int64_t done = 0; done < count; done += kTaskFloats)
    list_.push_back(
        {nullptr, sums + done, 0, offset + done, 1,
         narrow(std::min<std::int64_t>(kTaskFloats, count - done))});
}

/// Takes memory for a weight's partial sums, [splits, elements], and adds it to
/// the table.
float* GemmMemory::weight_task(int index, std::int64_t elements,
                               std::int32_t splits) {
  auto* sums = take<float>(splits * elements);
  partial_task(index, sums, elements, splits);
  return sums;
}

/// Weights [m, taps, n]: of a transposed convolution, m is its input.
void GemmMemory::conv_task(const Layer& layer, float** sums,
                           std::int32_t* splits) {
  const bool plain = layer.kind == model::LayerKind::conv;
  const model::Extent& small = plain ? layer.out : layer.in;
  const std::int64_t m = small.c, c = plain ? layer.in.c : layer.out.c;
  const std::int64_t n = layer.kernel * layer.kernel * c;
  *splits = weight_splits(m, n, most_ * places(small), cores_);
  *sums = weight_task(layer.weight, m * n, *splits);
}

/// Biases before BatchNorm are in no task: their gradient is zero and stays so.
void GemmMemory::make_tasks() {
  for (std::size_t i = 0; i < encoder.size(); ++i) {
    const Layer& layer = plan_.encoder[i];
    Encoding& e = encoder[i];
    exact_task(layer.norm_bias, e.backward, layer.out.c);
    exact_task(layer.norm_weight, e.backward + layer.out.c, layer.out.c);
    if (i > 0) {
      conv_task(layer, &e.weight_sums, &e.splits);
    } else {
      e.splits = patch_weight_blocks(most_ * places(layer.out));
      e.weight_sums =
          weight_task(layer.weight, kPatchTaps * layer.out.c, e.splits);
    }
  }
  const std::int64_t features = plan_.features.size();
  heads_weights =
      weight_task(plan_.mean_head.weight, 2 * plan_.latent * features, 1);
  exact_task(plan_.mean_head.bias, heads_bias, 2 * plan_.latent);
  expand.splits = 1;
  expand.weight_sums =
      weight_task(plan_.expand.weight, features * plan_.latent, 1);
  partial_task(plan_.expand.bias, expand_bias, features, 1);
  for (std::size_t i = 0; i < decoder.size(); ++i) {
    const Layer& layer = plan_.decoder[i];
    Decoding& d = decoder[i];
    exact_task(layer.bias, d.bias_sums, layer.out.c);
    if (i + 1 < decoder.size()) {
      conv_task(layer, &d.weight_sums, &d.splits);
    } else {
      d.splits = patch_weight_blocks(most_ * places(layer.in));
      d.weight_sums =
          weight_task(layer.weight, kPatchTaps * layer.in.c, d.splits);
    }
  }
  task_count = static_cast<std::int64_t>(list_.size());
  const auto bytes =
      task_count * static_cast<std::int64_t>(sizeof(GradientTask));
  tasks = device_.allocate(bytes);
  device_.upload(tasks.get(), list_.data(), bytes);
  norms =
      device_.allocate(task_count * static_cast<std::int64_t>(sizeof(double)));
  for (const GradientTask& task : list_)
    task_bytes += task.count * std::int64_t{sizeof(float)} * (task.splits + 1);
}

}  // namespace vae::engine::cuda
