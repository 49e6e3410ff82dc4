// See blocks_memory.hpp. Pass has the functions of network.cpp, layers.cpp and
// the two passes, in the same order: what changes there changes here.
// tests/memory holds the result against the memory that steps take.
#include "engine/blocks/blocks_memory.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/blocks/columns.hpp"
#include "engine/blocks/layers.hpp"
#include "engine/blocks/parameters.hpp"

namespace vae::engine::blocks {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;

constexpr std::int64_t kFloat = sizeof(float), kBf16 = 2;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;
/// From here on, glibc maps a block by itself and unmaps it when it is freed.
constexpr std::int64_t kMapped = 32 * kMiB;

struct Tally {
  void add(std::int64_t bytes) {
    (bytes >= kMapped ? live.mapped : live.heap) += bytes;
    live.all += bytes;
    most.all = std::max(most.all, live.all);
    most.heap = std::max(most.heap, live.heap);
    most.mapped = std::max(most.mapped, live.mapped);
  }
  void remove(std::int64_t bytes) {
    (bytes >= kMapped ? live.mapped : live.heap) -= bytes;
    live.all -= bytes;
  }
  PassBytes live, most;
};

/// A tensor without its numbers. Copies share its memory, as those of
/// at::Tensor do.
class Piece {
 public:
  Piece() = default;
  /// A view of memory that is counted elsewhere.
  Piece(std::int64_t numbers, std::int64_t size)
      : numbers_(numbers), size_(size) {}
  Piece(Tally& tally, std::int64_t numbers, std::int64_t size)
      : Piece(numbers, size) {
    const std::int64_t bytes = (numbers * size + 511) / 512 * 512;
    tally.add(bytes);
    memory_ = {&tally, [bytes](Tally* t) { t->remove(bytes); }};
  }
  std::int64_t numbers() const { return numbers_; }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t numbers_ = 0, size_ = kFloat;
  std::shared_ptr<Tally> memory_;
};

struct Tape {
  Piece in, product, out;
};

bool few(std::int64_t channels) { return channels <= 4; }
bool is_linear(const Layer& layer) { return layer.kind == LayerKind::linear; }
bool is_transposed(const Layer& layer) {
  return layer.kind == LayerKind::conv_transposed;
}

class Pass {
 public:
  Pass(const model::Plan& plan, std::int64_t images, const PassKind& kind)
      : plan_(plan),
        images_(images),
        kind_(kind),
        encoder_(plan.encoder.size()),
        decoder_(plan.decoder.size()) {}

  PassBytes most() {
    kind_.fused ? fused_pass() : torch_pass();
    return tally_.most;
  }

 private:
  Piece make(std::int64_t numbers, std::int64_t size) {
    return {tally_, numbers, size};
  }
  Piece floats(std::int64_t columns) { return make(images_ * columns, kFloat); }
  Piece product(std::int64_t columns) {
    return make(images_ * columns, size());
  }
  Piece like(const Piece& x) { return make(x.numbers(), x.size()); }
  Piece to_float(const Piece& x) {
    return x.size() == kFloat ? x : make(x.numbers(), kFloat);
  }
  bool widened() const {
    return kind_.bfloat16 && !kind_.cuda && !kind_.avx512;
  }
  /// Bytes of a number of a product.
  std::int64_t size() const {
    return kind_.bfloat16 && !widened() ? kBf16 : kFloat;
  }
  std::int64_t weights(const Layer& layer) const {
    return plan_.params[static_cast<std::size_t>(layer.weight)].elements();
  }

  // parameters.cpp
  Piece gemm_input(const Piece& x) {
    if (!kind_.bfloat16) return x;
    const Piece rounded = x.size() == kBf16 ? x : make(x.numbers(), kBf16);
    return widened() ? make(x.numbers(), kFloat) : rounded;
  }
  /// The fused engine keeps a copy of the parameters in bfloat16.
  Piece weight_input(std::int64_t numbers) {
    return kind_.fused ? Piece(numbers, size())
                       : gemm_input(Piece(numbers, kFloat));
  }

  // layers.cpp
  /// On the CPU, oneDNN brings the weights into an order of its own.
  Piece convolve(std::int64_t out, std::int64_t weight) {
    const Piece ordered = kind_.cuda ? Piece() : make(weight, size());
    return product(out);
  }
  Piece differentiate_weight(std::int64_t weight) {
    const Piece ordered = kind_.cuda ? Piece() : make(weight, kFloat);
    return make(weight, size());
  }
  bool columns_pay() const { return !kind_.avx512 && size() == kFloat; }
  /// Columns of a kernel's places on the smaller side of a layer, for as many
  /// images as are processed at once.
  Piece columns(const Layer& layer, const Extent& small, const Extent& large) {
    const std::int64_t image =
        small.h * small.w * layer.kernel * layer.kernel * large.c;
    const std::int64_t fit =
        std::max<std::int64_t>(1, kColumnBytes / kFloat / image);
    return make(std::min(fit, images_) * image, size());
  }
  Piece by_input(const Layer& layer, const Extent& small, const Extent& large) {
    if (!few(large.c) && (layer.stride == 1 || !columns_pay()))
      return convolve(large.size(), weights(layer));
    const Piece out = floats(large.size());
    to_float(columns(layer, small, large));
    return size() == kFloat ? out : product(large.size());
  }
  Piece by_weight(const Layer& layer, const Extent& small,
                  const Extent& large) {
    if (few(large.c) || !columns_pay())
      return differentiate_weight(weights(layer));
    const Piece sum = make(weights(layer), size());
    columns(layer, small, large);
    return sum;
  }

  // network.cpp
  Piece layer_product(const Layer& layer, const Piece& x, Tape* tape) {
    tape->in = gemm_input(x);
    const Piece weight = weight_input(weights(layer));
    if (is_linear(layer)) return product(layer.out.size());
    return is_transposed(layer) && !kind_.cuda
               ? by_input(layer, layer.in, layer.out)
               : convolve(layer.out.size(), weights(layer));
  }
  /// All but BatchNorm is done in place.
  Piece forward(const Layer& layer, const Piece& x, Tape* tape) {
    tape->product = layer_product(layer, x, tape);
    tape->out = layer.normalised() ? like(tape->product) : tape->product;
    return tape->out;
  }
  void features(Piece x) {
    for (std::size_t i = 0; i < plan_.encoder.size(); ++i)
      x = forward(plan_.encoder[i], x, &encoder_[i]);
    features_ = gemm_input(x);
  }
  std::int64_t head_weights() const {
    return 2 * plan_.latent * plan_.features.size();
  }
  Piece heads() {
    const Piece weight = weight_input(head_weights());
    return to_float(product(2 * plan_.latent));
  }
  Piece decode_hidden(const Piece& z) {
    Piece x = forward(plan_.expand, z, &expand_);
    for (std::size_t i = 0; i + 1 < plan_.decoder.size(); ++i)
      x = forward(plan_.decoder[i], x, &decoder_[i]);
    return x;
  }
  /// Fused operations work in place.
  Piece layer_backward(const Layer& layer, const Piece& dy) {
    if (kind_.fused) return dy;
    const bool active = layer.activation != model::Activation::none;
    const Piece d = active ? like(dy) : dy;
    return layer.normalised() ? like(d) : d;
  }
  Piece backward(const Layer& layer, const Piece& dy, bool want_input) {
    const Piece d = gemm_input(layer_backward(layer, dy));
    const Piece weight = weight_input(weights(layer));
    Piece dx;
    if (want_input) dx = input_gradient(layer);
    const Piece dweight = weight_gradient(layer);
    // LibTorch sums a bias's gradient over a copy in float32.
    if (!is_linear(layer) && !layer.normalised() && !kind_.fused && !kind_.cuda)
      to_float(d);
    write(dweight);
    return dx;
  }
  Piece input_gradient(const Layer& layer) {
    if (is_linear(layer)) return product(layer.in.size());
    return is_transposed(layer) || kind_.cuda
               ? convolve(layer.in.size(), weights(layer))
               : by_input(layer, layer.out, layer.in);
  }
  Piece weight_gradient(const Layer& layer) {
    if (is_linear(layer)) return make(weights(layer), size());
    if (kind_.cuda) return differentiate_weight(weights(layer));
    return is_transposed(layer) ? by_weight(layer, layer.in, layer.out)
                                : by_weight(layer, layer.out, layer.in);
  }
  /// Fused operations collect the gradients at the end of the pass.
  void write(const Piece& gradient) {
    if (kind_.fused) pending_.push_back(gradient);
  }
  Piece backward_decoder(const Piece& doutput) {
    Piece d = gemm_input(doutput);
    for (std::size_t i = plan_.decoder.size(); i-- > 0;) {
      d = backward(plan_.decoder[i], d, true);
      decoder_[i] = {};
    }
    d = backward(plan_.expand, d, true);
    expand_ = {};
    return d;
  }
  Piece heads_backward() {
    const Piece weight = weight_input(head_weights());
    Piece d = product(plan_.features.size());
    write(make(head_weights(), size()));
    return d;
  }
  void backward_encoder() {
    Piece d = heads_backward();
    features_ = {};
    for (std::size_t i = plan_.encoder.size(); i-- > 0;) {
      d = backward(plan_.encoder[i], d, i > 0);
      encoder_[i] = {};
    }
    pending_.clear();
  }

  // training_pass.cpp, with LibTorch's functions
  void torch_pass() {
    const std::int64_t latent = plan_.latent;
    features(Piece(images_ * plan_.image.size(), kFloat));
    const Piece code = heads(), noise = floats(latent), z = floats(latent);
    const Piece output = to_float(
        forward(plan_.decoder.back(), decode_hidden(z), &decoder_.back()));
    const Piece doutput = like(output);
    const Piece dz = to_float(backward_decoder(doutput));
    const Piece dheads = gemm_input(floats(2 * latent));
    backward_encoder();
  }

  // training_pass.cpp, with fused operations
  void fused_pass() {
    const std::int64_t latent = plan_.latent;
    const Piece code = floats(2 * latent), noise = floats(latent);
    features(Piece(images_ * plan_.image.size(), kFloat));
    const Piece z = product(latent);
    const Piece output =
        layer_product(plan_.decoder.back(), decode_hidden(z), &decoder_.back());
    const Piece dz = backward_decoder(output);
    const Piece dheads = product(2 * latent);
    backward_encoder();
  }

  const model::Plan& plan_;
  const std::int64_t images_;
  const PassKind kind_;
  Tally tally_;
  std::vector<Tape> encoder_, decoder_;
  Tape expand_;
  Piece features_;
  std::vector<Piece> pending_;
};

/// Freed tensors leave holes in glibc's heap between what LibTorch keeps, so
/// that it grows beyond what lives: to 1.0 to 1.8 times as much, measured.
/// What it maps one by one leaves none. LibTorch's libraries keep some MiB.
std::int64_t cpu_bytes(const PassBytes& pass) {
  return pass.mapped + pass.heap * 3 / 2 + 3 * kMiB;
}

/// The first step leaves LibTorch's allocator with as much as lived in it, and
/// a recorded graph has a pool of its own. cuBLAS has its own workspace.
std::int64_t cuda_bytes(const PassBytes& pass, const Config& config) {
  return pass.all * (config.graph == Graph::off ? 1 : 2) + 32 * kMiB;
}

}  // namespace

PassKind pass_kind(const Config& config) {
  return {config.device == DeviceKind::cuda, config.engine == EngineKind::fused,
          config.precision == Precision::bf16, has_avx512()};
}

PassBytes pass_bytes(const model::Plan& plan, std::int64_t images,
                     const PassKind& kind) {
  return Pass(plan, images, kind).most();
}

std::int64_t blocks_bytes(const model::Plan& plan, const Config& config,
                          std::int64_t own_products) {
  const PassKind kind = pass_kind(config);
  std::int64_t bytes = config.max_batch * plan.image.size() * kFloat;
  if (kind.fused && kind.bfloat16)
    bytes += make_layout(plan).param_floats * kBf16;  // the copy
  if (own_products > 0) return bytes + own_products;
  const PassBytes pass = pass_bytes(plan, config.max_batch, kind);
  return bytes + (kind.cuda ? cuda_bytes(pass, config) : cpu_bytes(pass));
}

}  // namespace vae::engine::blocks
