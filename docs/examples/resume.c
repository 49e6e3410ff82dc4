/* Stops in the middle of an epoch, saves, and continues from the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae.h>

enum { kImages = 256, kPixels = 64 };

static void check(vae_status status) {
  if (status == VAE_OK) return;
  fprintf(stderr, "%s: %s\n", vae_status_name(status), vae_last_error());
  exit(1);
}

/* Called after every step; anything but 0 ends the run. */
static int32_t stop_in_the_middle(const vae_progress* now, void* user) {
  (void)user;
  return now->step * 2 >= now->steps;
}

int main(void) {
  static uint8_t stripes[kImages * kPixels];
  for (int i = 0; i < kImages * kPixels; ++i)
    stripes[i] = (i / kPixels + i) % 8 < 4 ? 0 : 255;
  const vae_batch all = vae_view_u8(stripes, kImages, kPixels);
  const uint32_t shape[3] = {1, 1, kPixels}; /* vectors of 64 numbers */
  vae_dataset* images = NULL;
  check(vae_dataset_from_memory(&all, shape, &images));

  vae_config config = vae_default_config();
  check(vae_config_from_json(&config,
                             "{\"net\": \"dense\", \"height\": 1,"
                             " \"width\": 64, \"layers\": [32],"
                             " \"latent\": 2, \"max_batch\": 16}"));
  vae_trainer* trainer = NULL;
  check(vae_create(&config, &trainer));
  vae_run run = vae_default_run();
  run.progress = stop_in_the_middle;
  run.every_steps = 1;
  const vae_status stopped = vae_train_epoch(trainer, images, &run, NULL);
  if (stopped != VAE_E_CANCELLED) check(stopped);
  check(vae_save(trainer, "checkpoint.safetensors", VAE_SAVE_CHECKPOINT));
  vae_destroy(trainer);

  check(vae_load("checkpoint.safetensors", NULL, &trainer));
  vae_metrics rest = vae_no_metrics();
  check(vae_train_epoch(trainer, images, NULL, &rest));
  double epochs = 0;
  check(vae_get(trainer, VAE_EPOCH, &epochs));
  printf("the other %llu steps; %.0f epoch finished\n",
         (unsigned long long)rest.steps, epochs);
  vae_destroy(trainer);
  vae_dataset_destroy(images);
  return rest.steps == 8 && epochs == 1 ? 0 : 1;
}
