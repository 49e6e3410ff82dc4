// Prints how much memory this process had at most while it trained on one batch
// of max_batch images, and vae_config_memory()'s estimate, in bytes. Its own
// batch of bytes is not counted. Usage: training_peak CONFIG.json-text STEPS
#include <sys/resource.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "vae.h"

namespace {

void check(vae_status status) {
  if (status == VAE_OK) return;
  std::fprintf(stderr, "%s\n", vae_last_error());
  std::exit(1);
}

std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  vae_config config = vae_default_config();
  check(vae_config_from_json(&config, words[1]));
  std::uint64_t estimate = 0;
  check(vae_config_memory(&config, &estimate, nullptr));

  const std::uint64_t pixels =
      std::uint64_t{config.channels} * config.height * config.width;
  std::vector<std::uint8_t> images(config.max_batch * pixels);
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13);
  const vae_batch batch = vae_view_u8(images.data(), config.max_batch, pixels);

  vae_trainer* trainer = nullptr;
  check(vae_create(&config, &trainer));
  const std::int64_t created = peak_bytes();
  for (int i = 0; i < std::atoi(words[2]); ++i)
    check(vae_train_step(trainer, &batch, nullptr));
  const std::int64_t trained = peak_bytes();
  const auto own = static_cast<std::int64_t>(images.size());
  std::printf("{\"estimate\": %" PRIu64 ", \"created\": %" PRId64
              ", \"trained\": %" PRId64 "}\n",
              estimate, created - own, trained - own);
  vae_destroy(trainer);
  return 0;
}
