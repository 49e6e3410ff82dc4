// FusedLayerOps (layer_ops.hpp).
#include <gsl/gsl>

#include "base/check.hpp"
#include "engine/blocks/layer_ops.hpp"
#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {
namespace {

/// [B, C, H, W] -> [B, H * W * C], or [B, features] as is; contiguous
at::Tensor dense(const at::Tensor& product) {
  return product.dim() == 4 ? as_rows(product).contiguous()
                            : product.contiguous();
}

/// The inverse of dense(): rows -> [B, C, H, W] or [B, features]
at::Tensor shaped(const at::Tensor& rows, const model::Layer& layer) {
  return is_linear(layer) ? rows : as_image(rows, layer.out);
}

/// A gradient in the flat buffer's order: [O, C, KH, KW] -> [O, KH, KW, C]
at::Tensor flat_order(const at::Tensor& gradient) {
  return gradient.dim() == 4 ? gradient.permute({0, 2, 3, 1}).contiguous()
                             : gradient.contiguous();
}

}  // namespace

// rows [B * H * W, C] -> tape->out of the same shape; statistics [C]
void FusedLayerOps::normalise(const model::Layer& layer, const at::Tensor& rows,
                              std::int64_t images, Mode mode,
                              Tape* tape) const {
  NormResult& norm = tape->norm;
  tape->product = rows;
  tape->out = at::empty_like(rows);
  norm.saved_mean = at::empty({layer.out.c}, parameters_.options());
  norm.saved_invstd = at::empty_like(norm.saved_mean);
  fusion_.norm_forward({matrix_of(rows, layer.out.c), tape->out.data_ptr(),
                        data(parameters_.value(layer.norm_weight)),
                        data(parameters_.value(layer.norm_bias)),
                        data(parameters_.value(layer.bias)),
                        data(norm.saved_mean), data(norm.saved_invstd),
                        data(parameters_.batch_running(layer.running_mean)),
                        data(parameters_.batch_running(layer.running_var)),
                        static_cast<float>(images), mode == Mode::accumulating,
                        layer.activation});
}

// rows [B * H * W, C] in place, by the running statistics
void FusedLayerOps::normalise_running(const model::Layer& layer,
                                      const at::Tensor& rows) const {
  fusion_.norm_running({matrix_of(rows, layer.out.c), rows.data_ptr(),
                        data(parameters_.value(layer.norm_weight)),
                        data(parameters_.value(layer.norm_bias)),
                        data(parameters_.value(layer.bias)),
                        data(parameters_.running(layer.running_mean)),
                        data(parameters_.running(layer.running_var)),
                        layer.activation});
}

// product -> output, [B, C, H, W] or [B, features]
at::Tensor FusedLayerOps::forward(const model::Layer& layer, at::Tensor product,
                                  Mode mode, Tape* tape) {
  const at::Tensor rows = dense(product);
  if (!layer.normalised()) {
    fusion_.bias_forward({matrix_of(rows, channels_of(layer)),
                          data(parameters_.value(layer.bias)),
                          layer.activation});
    if (mode != Mode::inference) tape->out = rows;
    return shaped(rows, layer);
  }
  if (mode == Mode::inference) {
    normalise_running(layer, rows);
    return shaped(rows, layer);
  }
  normalise(layer, rows, product.size(0), mode, tape);
  return shaped(tape->out, layer);
}

// dy -> dproduct, [B, C, H, W] or [B, features]; in place if dy is dense
at::Tensor FusedLayerOps::backward(const model::Layer& layer, const Tape& tape,
                                   at::Tensor dy, bool accumulate) {
  const at::Tensor rows = dense(dy);
  const Matrix matrix_dy = matrix_of(rows, channels_of(layer));
  if (layer.normalised()) {
    fusion_.norm_backward(
        {matrix_dy, tape.product.data_ptr(), tape.out.data_ptr(),
         data(parameters_.value(layer.norm_weight)), data(tape.norm.saved_mean),
         data(tape.norm.saved_invstd),
         data(parameters_.gradient(layer.norm_weight)),
         data(parameters_.gradient(layer.norm_bias)), accumulate,
         layer.activation});
  } else {
    const void* out = tape.out.defined() ? tape.out.data_ptr() : nullptr;
    fusion_.bias_backward({matrix_dy, out,
                           data(parameters_.gradient(layer.bias)), accumulate,
                           layer.activation});
  }
  return shaped(rows, layer);
}

// The gradients stay where the products left them until finish(): one kernel
// for all of them instead of one for each.
void FusedLayerOps::write(const at::Tensor& to, const at::Tensor& gradient,
                          bool) {
  pending_.push_back({to, flat_order(gradient)});
}

// pending gradients -> flat buffer, converted to float32
void FusedLayerOps::finish(bool accumulate) {
  Collect collect{};
  collect.accumulate = accumulate;
  collect.number = number_of(parameters_.product_type());
  expect(pending_.size() <= Collect::kMost);
  for (const Pending& piece : pending_)
    collect.pieces[static_cast<std::size_t>(collect.count++)] = {
        piece.gradient.data_ptr(), data(piece.to), piece.gradient.numel()};
  if (collect.count > 0) fusion_.collect(collect);
  pending_.clear();
}

}  // namespace vae::engine::blocks
