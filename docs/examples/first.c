/* Trains on images of discs in the host's own loop. */
#include <stdio.h>
#include <stdlib.h>
#include <vae.h>

enum { kSide = 16, kPixels = kSide * kSide, kBatch = 32, kSteps = 90 };

static void check(vae_status status) {
  if (status == VAE_OK) return;
  fprintf(stderr, "%s: %s\n", vae_status_name(status), vae_last_error());
  exit(1);
}

static void draw_disc(uint8_t* pixels) {
  const int x = 5 + rand() % 6, y = 5 + rand() % 6, r = 2 + rand() % 3;
  for (int i = 0; i < kPixels; ++i) {
    const int dx = i % kSide - x, dy = i / kSide - y;
    pixels[i] = dx * dx + dy * dy <= r * r ? 255 : 0;
  }
}

int main(void) {
  static uint8_t discs[kBatch * kPixels];
  float code[4], drawn[kPixels];

  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers[0] = 8; /* layer_count is 3 already */
  config.layers[1] = config.layers[2] = 16;
  vae_trainer* trainer = NULL;
  check(vae_create(&config, &trainer));

  const vae_batch batch = vae_view_u8(discs, kBatch, kPixels);
  vae_metrics metrics = vae_no_metrics();
  for (int step = 0; step < kSteps; ++step) {
    for (int i = 0; i < kBatch; ++i) draw_disc(discs + i * kPixels);
    check(vae_train_step(trainer, &batch, NULL));
    if (step % 30 != 29) continue;
    check(vae_read_metrics(trainer, &metrics)); /* of the last 30 steps */
    printf("step %d: loss %.1f = reconstruction %.1f + KL %.1f\n", step + 1,
           metrics.loss, metrics.reconstruction, metrics.kl);
  }

  const vae_batch one = vae_view_u8(discs, 1, kPixels);
  vae_output code_output = vae_output_f32(code, 4);
  check(vae_encode(trainer, &one, &code_output, NULL));
  const vae_batch codes = vae_view_f32(code, 1, 4);
  vae_output image_output = vae_output_f32(drawn, kPixels);
  check(vae_decode(trainer, &codes, &image_output));
  for (int i = 0; i < kPixels; ++i)
    printf("%s%s", drawn[i] > 0.5f ? "##" : " .",
           i % kSide == kSide - 1 ? "\n" : "");
  check(vae_save(trainer, "discs.safetensors", VAE_SAVE_MODEL));
  vae_destroy(trainer);
  return 0;
}
