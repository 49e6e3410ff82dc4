// Reading and writing the model's tensors by PyTorch's names.
#include <cmath>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

vae_param info(vae_trainer* trainer, std::uint32_t index) {
  vae_param param;
  good(vae_param_init(&param, sizeof param));
  good(vae_param_info(trainer, index, &param));
  return param;
}

std::uint32_t count_of(vae_trainer* trainer) {
  std::uint32_t count = 0;
  good(vae_param_count(trainer, &count));
  return count;
}

std::vector<float> read(vae_trainer* trainer, const char* name,
                        std::int32_t what, std::size_t elements) {
  std::vector<float> values(elements);
  good(vae_param_read(trainer, name, what, values.data(), elements * 4));
  return values;
}

}  // namespace

TEST_CASE("every tensor has a name, a shape and a size") {
  const Trainer trainer = make_trainer();
  const std::uint32_t count = count_of(trainer.get());
  REQUIRE(count > 10);
  bool found = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const vae_param param = info(trainer.get(), i);
    CAPTURE(param.name);
    std::uint64_t product = 1;
    for (std::uint32_t d = 0; d < param.rank; ++d)
      product *= static_cast<std::uint64_t>(param.shape[d]);
    CHECK(product == param.elements);
    const std::uint64_t bytes =
        param.elements * (param.dtype == VAE_INT64 ? 8 : 4);
    std::vector<std::uint8_t> data(bytes + 8, 0xAB);
    refused(vae_param_read(trainer.get(), param.name, VAE_VALUE, data.data(),
                           bytes - 1),
            VAE_E_TOO_SMALL, {std::to_string(bytes), param.name});
    good(vae_param_read(trainer.get(), param.name, VAE_VALUE, data.data(),
                        bytes));
    for (std::size_t k = bytes; k < data.size(); ++k) CHECK(data[k] == 0xAB);
    if (std::string(param.name) == "fc11.weight") {
      found = true;
      CHECK(param.rank == 2);
      CHECK(param.shape[0] == kLatent);
      CHECK(param.trainable == 1);
    }
  }
  CHECK(found);
  vae_param param;
  good(vae_param_init(&param, sizeof param));
  refused(vae_param_info(trainer.get(), count, &param), VAE_E_ARGUMENT,
          {"index is " + std::to_string(count)});
}

TEST_CASE("a written tensor is read back and used") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  const auto before = encoded(trainer.get(), pixels);
  const float bias[kLatent] = {1, 2, 3, 4};
  const auto old = read(trainer.get(), "fc11.bias", VAE_VALUE, kLatent);
  good(vae_param_write(trainer.get(), "fc11.bias", VAE_VALUE, bias,
                       sizeof bias));
  CHECK(read(trainer.get(), "fc11.bias", VAE_VALUE, kLatent) ==
        std::vector<float>(bias, bias + kLatent));
  const auto after = encoded(trainer.get(), pixels);
  for (std::size_t i = 0; i < after.size(); ++i)
    CHECK(after[i] - before[i] ==
          doctest::Approx(bias[i % kLatent] - old[i % kLatent]).epsilon(1e-4));
}

TEST_CASE("failed writes change nothing") {
  const Trainer trainer = make_trainer();
  const auto before = saved(trainer.get());
  float bias[kLatent] = {1, 2, 3, 4};
  refused(vae_param_write(trainer.get(), "fc11.bias", VAE_VALUE, bias, 12),
          VAE_E_ARGUMENT, {"12", "16"});
  refused(vae_param_write(trainer.get(), "fc11.bias", VAE_VALUE, bias, 20),
          VAE_E_ARGUMENT, {"20", "16"});
  refused(vae_param_write(trainer.get(), "fc99.bias", VAE_VALUE, bias, 16),
          VAE_E_ARGUMENT, {"fc99.bias"});
  refused(vae_param_read(trainer.get(), "", VAE_VALUE, bias, 16),
          VAE_E_ARGUMENT);
  bias[2] = std::nanf("");
  refused(vae_param_write(trainer.get(), "fc11.bias", VAE_VALUE, bias, 16),
          VAE_E_ARGUMENT, {"2"});
  bias[2] = 3;
  CHECK(vae_param_write(trainer.get(), "fc11.bias", VAE_GRADIENT, bias, 16) !=
        VAE_OK);
  CHECK(saved(trainer.get()) == before);
}

TEST_CASE("gradients are kept if configured") {
  vae_config config = small_config();
  float bias[kLatent];
  {
    const Trainer trainer = make_trainer(config);
    train(trainer.get(), 0, 1);
    refused(vae_param_read(trainer.get(), "fc11.bias", VAE_GRADIENT, bias, 16),
            VAE_E_UNSUPPORTED, {"keep_gradients"});
  }
  config.keep_gradients = 1;
  const Trainer trainer = make_trainer(config);
  train(trainer.get(), 0, 1);
  const auto gradient = read(trainer.get(), "fc11.bias", VAE_GRADIENT, kLatent);
  const auto moment = read(trainer.get(), "fc11.bias", VAE_MOMENT1, kLatent);
  const auto square = read(trainer.get(), "fc11.bias", VAE_MOMENT2, kLatent);
  for (std::uint32_t i = 0; i < kLatent; ++i) {
    CHECK(gradient[i] != 0.0f);
    CHECK(moment[i] == doctest::Approx(0.1 * gradient[i]).epsilon(1e-5));
    CHECK(square[i] ==
          doctest::Approx(0.001 * gradient[i] * gradient[i]).epsilon(1e-4));
  }
}

TEST_CASE("statistics have no gradient and no moments") {
  const Trainer trainer = make_trainer();
  float mean[8];
  CHECK(vae_param_read(trainer.get(), "encoder.1.running_mean", VAE_MOMENT1,
                       mean, sizeof mean) != VAE_OK);
  good(vae_param_read(trainer.get(), "encoder.1.running_mean", VAE_VALUE, mean,
                      sizeof mean));
}
