// Inference: encode, decode, sample, reconstruct. Does not change any state of
// training. B below is any number of images; engines split it into batches.
#include <gsl/gsl>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "train/trainer_impl.hpp"

namespace vae {

io::RowRule Trainer::Impl::code_rule() const {
  return {"codes", static_cast<std::uint64_t>(plan_.latent), false,
          io::ValueRange::finite};
}

// The caller's buffer as the engine's.
engine::RowTarget Trainer::Impl::target(const Output& to,
                                        std::uint64_t count) const {
  engine::RowTarget target;
  target.data = to.data;
  target.type = to.type;
  target.layout = to.layout;
  target.place = place_of(to.device);
  target.count = gsl::narrow<std::int64_t>(count);
  target.stream = to.stream;
  return target;
}

// images [B, C, H, W] -> mean [B, L], logvar [B, L]
void Trainer::Impl::encode(const Batch& images, Output* mean, Output* logvar) {
  io::check_rows(images, image_rule(), config.device);
  require(mean != nullptr || logvar != nullptr, Status::argument,
          "encode: both outputs are null; at least one is needed");
  Output* outputs[2] = {mean, logvar};
  engine::RowTarget targets[2];
  std::uint64_t written = 0;
  for (int i = 0; i < 2; ++i) {
    if (outputs[i] == nullptr) continue;
    written =
        io::check_output(*outputs[i], code_rule(), images.count, config.device);
    targets[i] = target(*outputs[i], images.count);
  }
  engine_->encode({source(images), 0}, targets[0], targets[1]);
  for (Output* output : outputs)
    if (output != nullptr) output->written = written;
}

// codes [B, L] -> images [B, C, H, W]
void Trainer::Impl::decode(const Batch& codes, Output& images) {
  io::check_rows(codes, code_rule(), config.device);
  const std::uint64_t bytes =
      io::check_output(images, image_rule(), codes.count, config.device);
  engine_->decode(source(codes), target(images, codes.count));
  images.written = bytes;
}

// Rows [first, first + count) of z ~ temperature * N(0, I) -> images
void Trainer::Impl::sample(const Sampling& sampling, Output& images) {
  require(sampling.count > 0, Status::argument,
          "sampling: count is 0; at least 1 is needed");
  require(sampling.temperature >= 0 && sampling.temperature <= kLargestFactor,
          Status::argument, "sampling: temperature is ", sampling.temperature,
          "; allowed are 0 to ", kLargestFactor);
  // The index is a 32-bit field of the Philox counter.
  constexpr std::uint64_t kLast = std::uint64_t{1} << 32;
  require(sampling.first <= kLast && sampling.count <= kLast - sampling.first,
          Status::argument, "sampling: first + count is ", sampling.first,
          " + ", sampling.count, "; allowed is at most ", kLast);
  const std::uint64_t bytes =
      io::check_output(images, image_rule(), sampling.count, config.device);
  engine_->sample({sampling.seed, Stream::sample, 0}, sampling.first,
                  static_cast<float>(sampling.temperature),
                  target(images, sampling.count));
  images.written = bytes;
}

// images [B, C, H, W] -> mean [B, L] -> images [B, C, H, W]
void Trainer::Impl::reconstruct(const Batch& images, Output& output) {
  io::check_rows(images, image_rule(), config.device);
  const std::uint64_t bytes =
      io::check_output(output, image_rule(), images.count, config.device);
  engine_->reconstruct({source(images), 0}, target(output, images.count));
  output.written = bytes;
}

}  // namespace vae
