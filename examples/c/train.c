/* Trains on images in a folder, samples new images, saves the model. Built
 * twice: train with libvae.so, train_static with libvae.a.
 *
 *   train FOLDER [EPOCHS]     FOLDER as for vae_dataset_open(), such as
 *                             MNIST's; default 5 epochs; writes samples.png
 *                             and model.safetensors to the current directory
 */
#include <stdio.h>
#include <stdlib.h>

#include "vae.h"

enum { kSamples = 64, kColumns = 8 };

/* Prints the error if there was one. */
static int failed(vae_status status) {
  if (status == VAE_OK) return 0;
  fprintf(stderr, "train: %s: %s\n", vae_status_name(status), vae_last_error());
  return 1;
}

/* Called by vae_train_epoch() after every 100 steps and at the end. */
static int32_t tell(const vae_progress* now, void* user) {
  (void)user;
  printf("\repoch %llu: step %llu of %llu, loss %.2f ",
         (unsigned long long)now->epoch + 1, (unsigned long long)now->step,
         (unsigned long long)now->steps, now->loss);
  if (now->step == now->steps) printf("\n");
  fflush(stdout);
  return 0; /* anything else would end the run */
}

/* The loss on the first few batches, without training. */
static vae_status measure(vae_trainer* trainer, vae_dataset* images,
                          double* loss) {
  vae_run few = vae_default_run();
  vae_metrics metrics = vae_no_metrics();
  few.max_steps = 8;
  const vae_status status = vae_evaluate(trainer, images, &few, &metrics);
  *loss = metrics.loss;
  return status;
}

/* Writes a grid of sampled images. */
static vae_status draw_samples(vae_trainer* trainer, const uint32_t* shape,
                               const char* path) {
  const uint64_t pixels = (uint64_t)shape[0] * shape[1] * shape[2];
  uint8_t* images = malloc(kSamples * pixels);
  if (images == NULL) return VAE_E_MEMORY;
  const vae_sampling sampling = vae_draw(kSamples, 0);
  const vae_batch grid = vae_view_u8(images, kSamples, pixels);
  vae_output output = vae_output_u8(images, kSamples * pixels);
  vae_status status = vae_sample(trainer, &sampling, &output);
  if (status == VAE_OK) status = vae_write_grid(path, &grid, shape, kColumns);
  free(images);
  return status;
}

static int train(const char* folder, int epochs) {
  vae_dataset* images = NULL;
  vae_trainer* trainer = NULL;
  uint32_t shape[3];
  double before = 0, after = 0;
  int result = 1;

  vae_config config = vae_default_config();
  vae_run run = vae_default_run();
  run.progress = tell;
  run.every_steps = 100;

  if (failed(vae_dataset_open(folder, NULL, &images))) goto done;
  if (failed(vae_dataset_info(images, NULL, shape, NULL))) goto done;
  config.channels = shape[0];
  config.height = shape[1];
  config.width = shape[2];
  if (failed(vae_create(&config, &trainer))) goto done;

  if (failed(measure(trainer, images, &before))) goto done;
  for (int epoch = 0; epoch < epochs; ++epoch)
    if (failed(vae_train_epoch(trainer, images, &run, NULL))) goto done;
  if (failed(measure(trainer, images, &after))) goto done;
  printf("loss %.2f before, %.2f after training\n", before, after);

  if (failed(draw_samples(trainer, shape, "samples.png"))) goto done;
  if (failed(vae_save(trainer, "model.safetensors", VAE_SAVE_MODEL))) goto done;
  printf("wrote samples.png and model.safetensors\n");
  result = after < before ? 0 : 1;

done:
  vae_destroy(trainer); /* both take NULL */
  vae_dataset_destroy(images);
  return result;
}

int main(int argc, char** argv) {
  const int epochs = argc == 3 ? atoi(argv[2]) : 5;
  if (argc < 2 || argc > 3 || epochs < 1) {
    fprintf(stderr, "usage: train FOLDER [EPOCHS]\n");
    return 2;
  }
  return train(argv[1], epochs);
}
