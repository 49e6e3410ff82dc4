// Datasets from memory: checks when they are created, read and used.
#include <algorithm>
#include <array>
#include <cmath>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

constexpr std::uint32_t kShape[3] = {1, kSide, kSide};

}  // namespace

TEST_CASE("parts of a dataset") {
  const Dataset dataset = make_dataset(5);
  std::uint64_t count = 0;
  std::uint32_t shape[3] = {}, classes = 0;
  good(vae_dataset_info(dataset.get(), &count, shape, &classes));
  CHECK(count == 5);
  CHECK(shape[0] == 1);
  CHECK(shape[1] == kSide);
  CHECK(shape[2] == kSide);
  CHECK(classes == 3);
  good(vae_dataset_info(dataset.get(), nullptr, nullptr, nullptr));

  std::int32_t labels[6] = {-9, -9, -9, -9, -9, -9};
  std::vector<std::uint8_t> pixels(5 * kPixels);
  vae_output output = vae_output_u8(pixels.data(), pixels.size());
  good(vae_dataset_read(dataset.get(), 1, 4, &output, labels, 16));
  CHECK(labels[0] == 1);
  CHECK(labels[3] == 1);
  CHECK(labels[4] == -9);
  const auto all = pictures(5, 99);
  CHECK(std::equal(all.begin() + kPixels, all.end(), pixels.begin()));
  refused(vae_dataset_read(dataset.get(), 1, 4, nullptr, labels, 15),
          VAE_E_TOO_SMALL, {"15", "16"});
  const std::uint64_t last = ~std::uint64_t{0};
  const std::uint64_t parts[][2] = {{0, 0},    {0, 6},    {5, 1},
                                    {4, last}, {last, 1}, {last, last}};
  for (const auto& part : parts)
    refused(vae_dataset_read(dataset.get(), part[0], part[1], &output, labels,
                             last),
            VAE_E_ARGUMENT, {std::to_string(part[0]), "0 to 4"});
}

TEST_CASE("datasets from memory are checked") {
  const auto pixels = pictures(4);
  vae_batch all = view(pixels);
  vae_dataset* dataset = nullptr;
  good(vae_dataset_from_memory(&all, kShape, &dataset));
  std::int32_t labels[4] = {0, 1, -1, 2};
  vae_output none = vae_output_u8(nullptr, 0);
  refused(vae_dataset_read(dataset, 0, 4, nullptr, labels, 16), VAE_E_ARGUMENT,
          {"labels"});
  refused(vae_dataset_read(dataset, 0, 4, &none, nullptr, 0), VAE_E_ARGUMENT,
          {"data is NULL"});
  vae_dataset_destroy(dataset);
  all.labels = labels;
  refused(vae_dataset_from_memory(&all, kShape, &dataset), VAE_E_ARGUMENT,
          {"-1"});
  CHECK(dataset == nullptr);
  std::vector<float> floats(2 * kPixels, 0.5f);
  floats[kPixels + 3] = std::nanf("");
  const vae_batch bad = vae_view_f32(floats.data(), 2, kPixels);
  refused(vae_dataset_from_memory(&bad, kShape, &dataset), VAE_E_ARGUMENT,
          {"nan", "3"});
  all = view(pixels);
  const std::uint32_t wide[3] = {1, kSide, kSide + 1};
  CHECK(vae_dataset_from_memory(&all, wide, &dataset) != VAE_OK);
  const std::uint32_t flat[3] = {1, 0, kSide};
  refused(vae_dataset_from_memory(&all, flat, &dataset), VAE_E_ARGUMENT);
  CHECK(vae_dataset_open("no/such/folder", nullptr, &dataset) == VAE_E_FILE);
  CHECK(dataset == nullptr);
}

TEST_CASE("a dataset must have the model's shape and its range of values") {
  const Trainer trainer = make_trainer();
  const std::vector<float> wide(2 * kPixels, 2.0f);
  const vae_batch all = vae_view_f32(wide.data(), 2, kPixels);
  const auto before = saved(trainer.get());
  for (const auto& shape :
       {std::array<std::uint32_t, 3>{1, kSide, kSide},
        std::array<std::uint32_t, 3>{1, kSide / 2, kSide * 2}}) {
    vae_dataset* made = nullptr;
    good(vae_dataset_from_memory(&all, shape.data(), &made));
    const Dataset dataset(made);
    refused(vae_train_epoch(trainer.get(), made, nullptr, nullptr),
            VAE_E_ARGUMENT);
    refused(vae_evaluate(trainer.get(), made, nullptr, nullptr),
            VAE_E_ARGUMENT);
  }
  const Dataset dataset = make_dataset(8);
  vae_run run = vae_default_run();
  run.batch_size = kMaxBatch + 1;
  refused(vae_train_epoch(trainer.get(), dataset.get(), &run, nullptr),
          VAE_E_ARGUMENT, {"17", "16"});
  CHECK(saved(trainer.get()) == before);
}
