/* A C program of a user of the installed library: trains a few steps, samples
 * one image, and checks that the results are finite. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <vae.h>

static void check(vae_status status) {
  if (status == VAE_OK) return;
  fprintf(stderr, "%s: %s\n", vae_status_name(status), vae_last_error());
  exit(1);
}

int main(void) {
  static float images[8 * 64];
  static float drawn[64];
  vae_config config;
  vae_trainer* trainer = NULL;
  vae_metrics metrics;
  vae_batch batch;
  vae_sampling sampling;
  vae_output output;
  int i;

  for (i = 0; i < 8 * 64; ++i) images[i] = (float)(i % 7) / 7.0f;
  check(vae_config_init(&config, sizeof config, VAE_ABI_VERSION));
  config.height = config.width = 8;
  config.latent = 4;
  config.layer_count = 2;
  config.layers[0] = 8;
  config.layers[1] = 8;
  config.layers[2] = 0;
  config.device = VAE_CPU;
  check(vae_create(&config, &trainer));

  check(vae_batch_init(&batch, sizeof batch));
  batch.data = images;
  batch.bytes = sizeof images;
  batch.count = 8;
  check(vae_metrics_init(&metrics, sizeof metrics));
  for (i = 0; i < 3; ++i) check(vae_train_step(trainer, &batch, &metrics));

  check(vae_sampling_init(&sampling, sizeof sampling));
  sampling.count = 1;
  check(vae_output_init(&output, sizeof output));
  output.data = drawn;
  output.bytes = sizeof drawn;
  check(vae_sample(trainer, &sampling, &output));
  vae_destroy(trainer);

  if (!(metrics.loss > 0 && isfinite(metrics.loss))) return 2;
  for (i = 0; i < 64; ++i) {
    if (!(drawn[i] >= 0 && drawn[i] <= 1)) return 3;
  }
  printf("C: loss %.3f\n", metrics.loss);
  return 0;
}
