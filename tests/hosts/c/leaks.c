/* Creates, trains and destroys many small trainers with vae.h, and prints the
 * process's resident memory. leaks.py checks the numbers; with the address
 * sanitizer, its leak checker does.
 *
 *   leaks [COUNT]        default 200 trainers
 */
#define _POSIX_C_SOURCE 200809L /* sysconf */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vae.h"

enum { kSide = 8, kPixels = kSide * kSide, kImages = 16, kEvery = 20 };

static uint8_t images[kImages * kPixels];

static void check(vae_status status) {
  if (status == VAE_OK) return;
  fprintf(stderr, "leaks: %s\n", vae_last_error());
  exit(1);
}

/* Resident memory of this process in KiB. */
static long resident(void) {
  long pages = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
    fprintf(stderr, "leaks: cannot read /proc/self/statm\n");
    exit(1);
  }
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static vae_config make_config(uint64_t seed) {
  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers[0] = config.layers[1] = config.layers[2] = 8;
  config.max_batch = kImages;
  config.threads = 1;
  config.device = VAE_CPU;
  config.seed = seed;
  return config;
}

/* An epoch over a dataset that is destroyed before its trainer. */
static void train_on_dataset(vae_trainer* trainer, const vae_batch* all) {
  const uint32_t shape[3] = {1, kSide, kSide};
  vae_dataset* dataset = NULL;
  check(vae_dataset_from_memory(all, shape, &dataset));
  check(vae_train_epoch(trainer, dataset, NULL, NULL));
  vae_dataset_destroy(dataset);
}

static void save_and_load(vae_trainer* trainer) {
  uint64_t size = 0;
  vae_trainer* other = NULL;
  check(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, NULL, 0, &size));
  void* file = malloc(size);
  check(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, file, size, NULL));
  check(vae_load_memory(file, size, NULL, &other));
  free(file);
  vae_destroy(other);
}

static void fail_to_create(void) {
  vae_trainer* trainer = NULL;
  vae_config config = make_config(0);
  config.latent = 0;
  if (vae_create(&config, &trainer) != VAE_E_ARGUMENT || trainer != NULL) {
    fprintf(stderr, "leaks: a trainer without a latent code was made\n");
    exit(1);
  }
}

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 200;
  for (int i = 0; i < kImages * kPixels; ++i)
    images[i] = (uint8_t)(i * 7 % 256);
  const vae_batch batch = vae_view_u8(images, kImages, kPixels);

  for (int i = 1; i <= count; ++i) {
    const vae_config config = make_config((uint64_t)i);
    vae_trainer* trainer = NULL;
    vae_metrics metrics = vae_no_metrics();
    check(vae_create(&config, &trainer));
    check(vae_train_step(trainer, &batch, NULL));
    check(vae_train_step(trainer, &batch, &metrics));
    if (i % 4 == 0) train_on_dataset(trainer, &batch);
    if (i % 5 == 0) save_and_load(trainer);
    if (i % 10 == 0) fail_to_create();
    vae_destroy(trainer);
    if (i % kEvery != 0) continue;
    printf("trainers %d rss %ld\n", i, resident());
    fflush(stdout);
  }
  return 0;
}
