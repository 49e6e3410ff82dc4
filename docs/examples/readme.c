#include <stdio.h>
#include <vae.h>
#define CHECK(call) \
  if ((call) != VAE_OK) return fprintf(stderr, "%s\n", vae_last_error()), 1

int main(int argc, char** argv) {
  static uint8_t pixels[64 * 784];
  vae_dataset* images = NULL;
  vae_trainer* trainer = NULL;
  vae_metrics mean = vae_no_metrics();
  vae_config config = vae_default_config(); /* 28x28, Bernoulli, Adam */
  CHECK(vae_dataset_open(argc > 1 ? argv[1] : "data/mnist", NULL, &images));
  CHECK(vae_create(&config, &trainer));
  for (int epoch = 1; epoch <= 3; ++epoch) {
    CHECK(vae_train_epoch(trainer, images, NULL, &mean));
    printf("epoch %d: soft loss %.1f\n", epoch, mean.loss);
  }
  vae_sampling codes = vae_draw(64, 0); /* 64 images of seed 0 */
  vae_output output = vae_output_u8(pixels, sizeof pixels);
  CHECK(vae_sample(trainer, &codes, &output));
  vae_batch grid = vae_view_u8(pixels, 64, 784);
  CHECK(vae_write_grid("samples.png", &grid, (uint32_t[]){1, 28, 28}, 8));
  CHECK(vae_save(trainer, "model.safetensors", VAE_SAVE_MODEL));
  vae_destroy(trainer);
  vae_dataset_destroy(images);
}
