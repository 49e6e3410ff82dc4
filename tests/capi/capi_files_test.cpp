// Files through the C API: writing, reading back, and the status of each
// failure.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

std::vector<std::uint8_t> bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const char* path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void load_refused(const char* path, const vae_config* config,
                  vae_status expected,
                  std::initializer_list<std::string> parts) {
  vae_trainer* trainer = nullptr;
  trainer = reinterpret_cast<vae_trainer*>(&trainer);  // to see it cleared
  refused(vae_load(path, config, &trainer), expected, parts);
  CHECK(trainer == nullptr);
}

}  // namespace

TEST_CASE("a file equals a file in memory, and gives the same outputs") {
  const char* path = "capi_files_test_\xC3\xA4.safetensors";  // UTF-8
  const Trainer trainer = make_trainer();
  train(trainer.get(), 0, 3);
  for (const std::int32_t what : {VAE_SAVE_MODEL, VAE_SAVE_CHECKPOINT}) {
    good(vae_save(trainer.get(), path, what));
    CHECK(bytes_of(path) == saved(trainer.get(), what));
    vae_trainer* opened = nullptr;
    good(vae_load(path, nullptr, &opened));
    const Trainer again(opened);
    vae_config config = vae_default_config();
    good(vae_get_config(opened, &config));
    CHECK(config.latent == kLatent);
    CHECK(config.max_batch == kMaxBatch);
    CHECK(get(opened, VAE_STEP) == (what == VAE_SAVE_MODEL ? 0 : 3));
    if (config.device == VAE_CPU)
      CHECK(encoded(opened, pictures(4)) ==
            encoded(trainer.get(), pictures(4)));
    vae_config stored = vae_default_config();
    good(vae_config_from_file(&stored, path));
    CHECK(stored.latent == kLatent);
  }
  CHECK(saved(trainer.get(), VAE_SAVE_MODEL).size() <
        saved(trainer.get(), VAE_SAVE_CHECKPOINT).size());
  std::remove(path);
}

TEST_CASE("settings come from the configuration, the model from the file") {
  const Trainer trainer = make_trainer();
  const auto bytes = saved(trainer.get());
  vae_config config = small_config();
  config.learning_rate = 0.5;
  config.max_batch = 3;
  const Trainer other = loaded(bytes, &config);
  vae_config now = vae_default_config();
  good(vae_get_config(other.get(), &now));
  CHECK(now.max_batch == 3);
  CHECK(now.learning_rate == 0.5);
  config = small_config();
  config.latent = kLatent + 1;
  vae_trainer* none = nullptr;
  refused(vae_load_memory(bytes.data(), bytes.size(), &config, &none),
          VAE_E_ARGUMENT, {"another model"});
  CHECK(none == nullptr);
}

TEST_CASE("missing and invalid files") {
  const char* path = "capi_files_test.bad";
  load_refused("no/such/file.safetensors", nullptr, VAE_E_FILE,
               {"no/such/file.safetensors"});
  load_refused("", nullptr, VAE_E_FILE, {});
  load_refused(".", nullptr, VAE_E_FILE, {});
  write(path, {'n', 'o', 't', ' ', 'a', ' ', 'm', 'o', 'd', 'e', 'l', '!'});
  load_refused(path, nullptr, VAE_E_FORMAT, {path});
  const Trainer trainer = make_trainer();
  const auto bytes = saved(trainer.get());
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, bytes.size() - 1}) {
    write(path, {bytes.begin(), bytes.begin() + std::ptrdiff_t(size)});
    load_refused(path, nullptr, VAE_E_FORMAT, {path});
    vae_trainer* none = nullptr;
    refused(vae_load_memory(bytes.data(), size, nullptr, &none), VAE_E_FORMAT);
  }
  auto newer = bytes;
  const std::string mark = "\"vae.format\":\"1\"";
  const auto at =
      std::search(newer.begin(), newer.end(), mark.begin(), mark.end());
  REQUIRE(at != newer.end());
  at[std::ptrdiff_t(mark.size()) - 2] = '7';
  vae_trainer* none = nullptr;
  refused(vae_load_memory(newer.data(), newer.size(), nullptr, &none),
          VAE_E_VERSION, {"7"});
  std::remove(path);
}

TEST_CASE("a failed write is an error, and the old file is unchanged") {
  const Trainer trainer = make_trainer();
  refused(
      vae_save(trainer.get(), "no/such/folder/x.safetensors", VAE_SAVE_MODEL),
      VAE_E_FILE, {"no/such/folder"});
  const auto pixels = pictures(4);
  const vae_batch images = view(pixels);
  const std::uint32_t shape[3] = {1, kSide, kSide};
  refused(vae_write_grid("no/such/folder/x.png", &images, shape, 2),
          VAE_E_FILE);
  const float one = 1;
  const std::uint64_t size = 1;
  refused(vae_write_array("no/such/folder/x.npy", &one, sizeof one, VAE_FLOAT32,
                          &size, 1),
          VAE_E_FILE, {"no/such/folder/x.npy cannot be written: No such file"});
}

TEST_CASE("a grid is a PNG file of the right size") {
  const char* path = "capi_files_test.png";
  const auto pixels = pictures(6);
  const vae_batch images = view(pixels);
  const std::uint32_t shape[3] = {1, kSide, kSide};
  good(vae_write_grid(path, &images, shape, 3));
  const auto bytes = bytes_of(path);
  REQUIRE(bytes.size() > 24);
  CHECK(std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0);
  CHECK(bytes[19] == 3 * (kSide + 2) + 2);  // width, big-endian
  CHECK(bytes[23] == 2 * (kSide + 2) + 2);  // height
  const std::uint32_t two_channels[3] = {2, kSide, kSide / 2};
  refused(vae_write_grid(path, &images, two_channels, 3), VAE_E_ARGUMENT,
          {"2"});
  CHECK(bytes_of(path) == bytes);
  std::remove(path);
}

TEST_CASE("an array is a NumPy file, and errors name the bad argument") {
  const char* path = "capi_files_test.npy";
  const std::vector<float> numbers{0, -1.5f, 2, 3, 4, 5};
  const std::uint64_t shape[] = {2, 3, 1};
  const std::uint64_t bytes = numbers.size() * sizeof(float);
  good(vae_write_array(path, numbers.data(), bytes, VAE_FLOAT32, shape, 2));
  const auto file = bytes_of(path);
  REQUIRE(file.size() == 128 + bytes);
  const std::string head(file.begin(), file.begin() + 128);
  CHECK(head == std::string("\x93NUMPY\1\0\x76\0", 10) +
                    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, "
                    "3), }" +
                    std::string(58, ' ') + "\n");
  CHECK(std::memcmp(file.data() + 128, numbers.data(), bytes) == 0);

  const auto write = [&](std::int32_t dtype, const std::uint64_t* sizes,
                         std::uint32_t rank, std::uint64_t capacity) {
    return vae_write_array(path, numbers.data(), capacity, dtype, sizes, rank);
  };
  refused(write(0, shape, 2, bytes), VAE_E_ARGUMENT,
          {"dtype is 0", "1 (VAE_UINT8), 2 (VAE_FLOAT32), 3 (VAE_INT64)"});
  refused(write(VAE_FLOAT32, shape, 0, bytes), VAE_E_ARGUMENT,
          {"0 dimensions", "1 to 8"});
  const std::uint64_t nine[9] = {6, 1, 1, 1, 1, 1, 1, 1, 1};
  good(write(VAE_FLOAT32, nine, 8, bytes));
  refused(write(VAE_FLOAT32, nine, 9, bytes), VAE_E_ARGUMENT,
          {"9 dimensions", "1 to 8"});
  const std::uint64_t none[] = {6, 0};
  refused(write(VAE_FLOAT32, none, 2, bytes), VAE_E_ARGUMENT,
          {"shape[1] is 0", "at least 1"});
  refused(write(VAE_FLOAT32, shape, 2, bytes - 1), VAE_E_ARGUMENT,
          {"bytes is 23", "(2, 3) has 24"});
  const std::uint64_t wide[] = {1ull << 32, 1ull << 32};
  refused(write(VAE_UINT8, wide, 2, 0), VAE_E_ARGUMENT,
          {"(4294967296, 4294967296)", "at most 9223372036854775807 bytes"});
  std::remove(path);
}
