/* Trains a variational autoencoder on MNIST step by step: the original program
 * in C, with its own training loop. The `vae` command has everything else.
 *
 *   train_mnist FOLDER_OF_MNIST [EPOCHS]     writes to result/
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vae.h"

enum { kBatch = 64, kLogEvery = 10, kSamples = 64, kColumns = 8 };
enum { kPixels = 28 * 28 };
static const uint32_t kShape[3] = {1, 28, 28};

static void check(vae_status status) {
  if (status == VAE_OK) return;
  fprintf(stderr, "train_mnist: %s\n", vae_last_error());
  exit(1);
}

static vae_dataset* open_set(const char* folder, const char* which) {
  char path[4096];
  vae_dataset* set;
  snprintf(path, sizeof path, "%s/%s", folder, which);
  check(vae_dataset_open(path, NULL, &set));
  return set;
}

static void shuffle(uint64_t* order, uint64_t count) {
  for (uint64_t i = count; i > 1; --i) {
    const uint64_t other = (uint64_t)rand() % i, moved = order[i - 1];
    order[i - 1] = order[other];
    order[other] = moved;
  }
}

/* 64 sampled images as a grid of 8 x 8. */
static void draw_samples(vae_trainer* trainer, int epoch, uint64_t seed) {
  static uint8_t pixels[kSamples * kPixels];
  char path[64];
  const vae_sampling codes = vae_draw(kSamples, seed);
  const vae_batch grid = vae_view_u8(pixels, kSamples, kPixels);
  vae_output output = vae_output_u8(pixels, sizeof pixels);
  check(vae_sample(trainer, &codes, &output));
  snprintf(path, sizeof path, "result/sample_%d.png", epoch);
  check(vae_write_grid(path, &grid, kShape, kColumns));
}

static void train(vae_trainer* trainer, vae_dataset* set, uint64_t* order,
                  uint64_t images, int epoch) {
  static uint8_t rows[kBatch * kPixels];
  const uint64_t steps = (images + kBatch - 1) / kBatch;
  vae_metrics metrics = vae_no_metrics();

  shuffle(order, images);
  for (uint64_t step = 0; step < steps; ++step) {
    const uint64_t first = step * kBatch, left = images - first;
    const uint64_t count = left < kBatch ? left : kBatch;
    for (uint64_t i = 0; i < count; ++i) {
      vae_output row = vae_output_u8(rows + i * kPixels, kPixels);
      check(vae_dataset_read(set, order[first + i], 1, &row, NULL, 0));
    }
    const vae_batch batch = vae_view_u8(rows, count, kPixels);
    const int log = step % kLogEvery == 0;
    /* With metrics the call waits and returns this batch's loss; without, it
     * does not wait. */
    check(vae_train_step(trainer, &batch, log ? &metrics : NULL));
    if (!log) continue;

    draw_samples(trainer, epoch, (uint64_t)epoch * steps + step);
    printf("Train Epoch:%d -- [%llu/%llu (%.0f%%)] -- Loss:%.6f\n", epoch,
           (unsigned long long)first, (unsigned long long)images,
           100. * (double)step / (double)steps, metrics.loss);
    fflush(stdout);
  }
  check(vae_read_metrics(trainer, &metrics)); /* of the whole epoch */
  printf("====> Epoch: %d Average loss: %.4f\n", epoch, metrics.loss);
}

/* "Soft": with grey pixels as targets the loss is not a bound of a likelihood.
 */
static void test(vae_trainer* trainer, vae_dataset* set) {
  vae_metrics metrics = vae_no_metrics();
  check(vae_evaluate(trainer, set, NULL, &metrics));
  printf("====> Test set: soft loss: %.4f (reconstruction %.4f, KL %.4f)\n",
         metrics.loss, metrics.reconstruction, metrics.kl);
  fflush(stdout);
}

int main(int argc, char** argv) {
  const int epochs = argc == 3 ? atoi(argv[2]) : 14;
  if (argc < 2 || argc > 3 || epochs < 1) {
    fprintf(stderr, "usage: train_mnist FOLDER_OF_MNIST [EPOCHS]\n");
    return 2;
  }
  vae_dataset* training = open_set(argv[1], "train");
  vae_dataset* testing = open_set(argv[1], "test");
  uint64_t images;
  uint32_t shape[3];
  check(vae_dataset_info(training, &images, shape, NULL));
  uint64_t* order = malloc(images * sizeof *order);
  if (order == NULL || shape[0] * shape[1] * shape[2] != kPixels) {
    fprintf(stderr, "train_mnist: not enough memory, or images not 1x28x28\n");
    return 1;
  }
  for (uint64_t i = 0; i < images; ++i) order[i] = i;

  const vae_config config = vae_default_config(); /* the original's */
  vae_trainer* trainer;
  check(vae_create(&config, &trainer));
  mkdir("result", 0777);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    train(trainer, training, order, images, epoch);
    test(trainer, testing);
  }
  check(vae_save(trainer, "result/model.safetensors", VAE_SAVE_MODEL));

  free(order);
  vae_destroy(trainer);
  vae_dataset_destroy(training);
  vae_dataset_destroy(testing);
  return 0;
}
