// Calls with tensors, for programs that use LibTorch themselves. The only
// header of libvae that includes LibTorch's. Autograd does not record these
// calls.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "vae/error.hpp"
#include "vae/trainer.hpp"

namespace vae {

namespace detail {

inline ElementType element_type_of(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kByte) return ElementType::uint8;
  if (tensor.scalar_type() == at::kFloat) return ElementType::float32;
  throw Error(Status::argument,
              std::string("the tensor's type is ") +
                  at::toString(tensor.scalar_type()) +
                  "; allowed are Byte (uint8) and Float (float32)");
}

/// Layout of the rows: [B, C, H, W] contiguous, or channels_last. Throws for a
/// tensor that would have to be copied.
inline Layout layout_of(const at::Tensor& tensor) {
  if (tensor.is_contiguous()) return Layout::chw;
  if (tensor.dim() == 4 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast))
    return Layout::hwc;
  throw Error(Status::argument,
              "the tensor is not contiguous; call .contiguous() first");
}

/// The current stream of the tensor's device; null on the CPU.
inline void* stream_of(const at::Tensor& tensor) {
  if (!tensor.is_cuda()) return nullptr;
  const c10::impl::VirtualGuardImpl device(at::kCUDA);
  return device.getStream(tensor.device()).native_handle();
}

inline void check_place(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.dim() < 1)
    throw Error(Status::argument, "the tensor has no rows");
  if (!tensor.is_cpu() && !tensor.is_cuda())
    throw Error(Status::argument, "the tensor is on " + tensor.device().str() +
                                      "; allowed are cpu and cuda");
}

template <class View>
View view_of(const at::Tensor& tensor) {
  check_place(tensor);
  View view;
  view.data = tensor.data_ptr();
  view.bytes = tensor.nbytes();
  view.type = element_type_of(tensor);
  view.layout = layout_of(tensor);
  view.device = tensor.is_cuda() ? DeviceKind::cuda : DeviceKind::cpu;
  view.stream = stream_of(tensor);
  return view;
}

/// Uninitialised rows on the device of `like`.
inline at::Tensor empty_rows(std::int64_t count, const Shape& shape,
                             const at::Tensor& like) {
  return at::empty({count, shape[0], shape[1], shape[2]},
                   like.options().dtype(at::kFloat));
}

}  // namespace detail

/// A view of `rows`: uint8 or float32, [count, ...], contiguous or
/// channels_last, else Error(argument). The tensor must outlive the view.
/// @param rows The tensor.
/// @return The view.
inline Batch batch_of(const at::Tensor& rows) {
  Batch batch = detail::view_of<Batch>(rows);
  batch.count = static_cast<std::uint64_t>(rows.size(0));
  return batch;
}

/// A view of `rows` as output buffer; the tensor must outlive the view.
/// @param rows The tensor.
/// @return The view.
inline Output output_of(const at::Tensor& rows) {
  return detail::view_of<Output>(rows);
}

/// Trainer::train_step on images [B, C, H, W].
/// @param trainer The trainer.
/// @param images  A batch.
/// @param metrics Null, or set to the metrics of this step alone.
inline void train_step(Trainer& trainer, const at::Tensor& images,
                       Metrics* metrics = nullptr) {
  trainer.train_step(batch_of(images), metrics);
}

/// Trainer::eval_step on images [B, C, H, W].
/// @param trainer The trainer.
/// @param images  Any count.
/// @return The means over these images.
inline Metrics eval_step(Trainer& trainer, const at::Tensor& images) {
  return trainer.eval_step(batch_of(images));
}

/// Mean and log-variance of q(z | x), float32 [B, latent] each, on the device
/// of `images`.
/// @param trainer The trainer.
/// @param images  [B, C, H, W], any count.
/// @return Both.
inline std::pair<at::Tensor, at::Tensor> encode(Trainer& trainer,
                                                const at::Tensor& images) {
  const at::Tensor mean = at::empty(
      {images.size(0), static_cast<std::int64_t>(trainer.config().latent)},
      images.options()
          .dtype(at::kFloat)
          .memory_format(at::MemoryFormat::Contiguous));
  const at::Tensor logvar = at::empty_like(mean);
  Output mean_out = output_of(mean), logvar_out = output_of(logvar);
  trainer.encode(batch_of(images), &mean_out, &logvar_out);
  return {mean, logvar};
}

/// Decodes codes [B, latent] to float32 [B, C, H, W] on the codes' device.
/// @param trainer The trainer.
/// @param codes   Finite float32, any count.
/// @return The images.
inline at::Tensor decode(Trainer& trainer, const at::Tensor& codes) {
  const at::Tensor images =
      detail::empty_rows(codes.size(0), trainer.shape(), codes);
  Output output = output_of(images);
  trainer.decode(batch_of(codes), output);
  return images;
}

/// Encodes images and decodes the means, float32 [B, C, H, W], on the device of
/// `images`.
/// @param trainer The trainer.
/// @param images  [B, C, H, W], any count.
/// @return As many images.
inline at::Tensor reconstruct(Trainer& trainer, const at::Tensor& images) {
  const Batch batch = batch_of(images);
  const at::Tensor result =
      detail::empty_rows(images.size(0), trainer.shape(), images);
  Output output = output_of(result);
  trainer.reconstruct(batch, output);
  return result;
}

/// Images drawn from the prior, float32 [count, C, H, W], on the CPU.
/// @param trainer  The trainer.
/// @param sampling Which codes to draw.
/// @return The images.
inline at::Tensor sample(Trainer& trainer, const Sampling& sampling = {}) {
  const at::Tensor images =
      detail::empty_rows(static_cast<std::int64_t>(sampling.count),
                         trainer.shape(), at::empty({0}));
  Output output = output_of(images);
  trainer.sample(sampling, output);
  return images;
}

}  // namespace vae
