// vae/torch.hpp: tensors as batches and results, and errors.
#include "vae/torch.hpp"

#undef CHECK
#include <doctest/doctest.h>

using vae::Status;

namespace {

vae::Config small_config() {
  vae::Config config;
  config.channels = 2;
  config.height = 8;
  config.width = 6;
  config.latent = 3;
  config.layers = {4, 5};
  config.max_batch = 8;
  config.device = vae::DeviceKind::cpu;
  config.threads = 1;
  return config;
}

at::Tensor images(std::int64_t count) {
  return at::arange(count * 2 * 8 * 6, at::kFloat)
      .remainder(17)
      .div(17)
      .reshape({count, 2, 8, 6});
}

Status refusal(const at::Tensor& tensor) {
  try {
    vae::batch_of(tensor);
  } catch (const vae::Error& error) {
    return error.status();
  }
  return Status::ok;
}

}  // namespace

TEST_CASE("tensors train, encode, decode and sample") {
  vae::Trainer trainer(small_config());
  vae::Metrics metrics;
  vae::train_step(trainer, images(8), &metrics);
  CHECK(metrics.images == 8);
  const auto [mean, logvar] = vae::encode(trainer, images(5));
  CHECK(mean.sizes() == at::IntArrayRef({5, 3}));
  CHECK(logvar.sizes() == at::IntArrayRef({5, 3}));
  const at::Tensor decoded = vae::decode(trainer, mean);
  CHECK(decoded.sizes() == at::IntArrayRef({5, 2, 8, 6}));
  at::Tensor reconstructed = at::empty_like(decoded);
  vae::Output output = vae::output_of(reconstructed);
  trainer.reconstruct(vae::batch_of(images(5)), output);
  CHECK(at::equal(decoded, reconstructed));
  const at::Tensor drawn = vae::sample(trainer, {.count = 4});
  CHECK(drawn.sizes() == at::IntArrayRef({4, 2, 8, 6}));
  CHECK(drawn.min().item<float>() >= 0.0f);
  CHECK(drawn.max().item<float>() <= 1.0f);
}

TEST_CASE("channels_last tensors mean the same images") {
  vae::Trainer trainer(small_config());
  const at::Tensor plain = images(4);
  const at::Tensor last = plain.contiguous(at::MemoryFormat::ChannelsLast);
  REQUIRE(!last.is_contiguous());
  CHECK(at::equal(vae::encode(trainer, plain).first,
                  vae::encode(trainer, last).first));
}

TEST_CASE("tensors that cannot be viewed are errors") {
  CHECK(refusal(at::Tensor()) == Status::argument);
  CHECK(refusal(images(2).to(at::kDouble)) == Status::argument);
  CHECK(refusal(images(2).transpose(2, 3)) == Status::argument);
  CHECK(refusal(images(2)) == Status::ok);
}
