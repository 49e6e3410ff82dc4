/* A thread trains; the main thread watches and stops it. The callback publishes
 * the progress, vae_cancel() stops training in the middle of an epoch, and
 * training continues from the checkpoint.
 *
 *   watch [SECONDS]     default 2; writes watch.safetensors to the current
 *                       directory
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vae.h"

enum { kSide = 16, kPixels = kSide * kSide, kImages = 1024, kTicks = 10 };

/* Shared by both threads. `lock` guards `now`, `first_loss` and `reports`; the
 * rest belongs to the worker until it is joined. */
typedef struct work {
  pthread_mutex_t lock;
  vae_progress now;
  double first_loss;
  int reports;
  vae_trainer* trainer;
  vae_dataset* images;
  vae_status status; /* how training ended */
  char error[256];
} work;

static int failed(vae_status status) {
  if (status == VAE_OK) return 0;
  fprintf(stderr, "watch: %s: %s\n", vae_status_name(status), vae_last_error());
  return 1;
}

/* Called on the worker's thread. The progress is valid during the call only, so
 * the watcher gets a copy. */
static int32_t publish(const vae_progress* now, void* user) {
  work* self = user;
  pthread_mutex_lock(&self->lock);
  self->now = *now;
  if (self->reports++ == 0) self->first_loss = now->loss;
  pthread_mutex_unlock(&self->lock);
  return 0;
}

/* The worker: epoch after epoch, until it is cancelled or fails. */
static void* train(void* user) {
  work* self = user;
  vae_run run = vae_default_run();
  run.progress = publish;
  run.user = self;
  run.every_steps = 4;
  do {
    self->status = vae_train_epoch(self->trainer, self->images, &run, NULL);
  } while (self->status == VAE_OK);
  /* vae_last_error() belongs to this thread, so copy it for the other. */
  snprintf(self->error, sizeof self->error, "%s", vae_last_error());
  return NULL;
}

/* The main thread's loop, where a host does its other work. */
static void watch(work* self, int seconds) {
  const struct timespec tick = {0, 1000000000 / kTicks};
  for (int i = 1; i <= seconds * kTicks; ++i) {
    nanosleep(&tick, NULL);
    if (i % (kTicks / 2) != 0) continue;
    pthread_mutex_lock(&self->lock);
    const vae_progress now = self->now;
    pthread_mutex_unlock(&self->lock);
    printf("epoch %llu, step %llu of %llu: loss %.1f = %.1f + KL %.1f\n",
           (unsigned long long)now.epoch + 1, (unsigned long long)now.step,
           (unsigned long long)now.steps, now.loss, now.reconstruction, now.kl);
    fflush(stdout);
  }
}

/* Starts, watches and stops the worker; 0 if the loss has improved. */
static int train_and_watch(work* self, int seconds) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, train, self) != 0) {
    fprintf(stderr, "watch: cannot start a thread\n");
    return 1;
  }
  watch(self, seconds);
  const int lost = failed(vae_cancel(self->trainer, 1));
  pthread_join(thread, NULL);
  if (lost || failed(vae_cancel(self->trainer, 0))) return 1;

  if (self->status != VAE_E_CANCELLED) {
    fprintf(stderr, "watch: %s\n", self->error);
    return 1;
  }
  printf("cancelled in epoch %llu: loss %.1f at first, %.1f at last\n",
         (unsigned long long)self->now.epoch + 1, self->first_loss,
         self->now.loss);
  return self->now.loss < self->first_loss ? 0 : 1;
}

/* Five more steps with the trainer and with one loaded from the checkpoint: on
 * the CPU the losses have the same bits. */
static int go_on(vae_trainer* trainer, vae_dataset* images) {
  const char* path = "watch.safetensors";
  vae_trainer* again = NULL;
  vae_metrics here = vae_no_metrics(), there = vae_no_metrics();
  vae_run run = vae_default_run();
  run.max_steps = 5;
  int result = 1;
  if (failed(vae_save(trainer, path, VAE_SAVE_CHECKPOINT))) return 1;

  vae_config config = vae_default_config();
  if (failed(vae_get_config(trainer, &config)) ||
      failed(vae_load(path, &config, &again)) ||
      failed(vae_train_epoch(trainer, images, &run, &here)) ||
      failed(vae_train_epoch(again, images, &run, &there)))
    goto done;
  printf("5 more steps: loss %.6f; from %s: %.6f\n", here.loss, path,
         there.loss);
  result = here.loss == there.loss ? 0 : 1;

done:
  vae_destroy(again);
  return result;
}

static vae_status make_images(vae_dataset** images) {
  static uint8_t pixels[kImages * kPixels];
  static const uint32_t shape[3] = {1, kSide, kSide};
  for (int n = 0; n < kImages; ++n) { /* discs */
    const int x = 5 + rand() % 6, y = 5 + rand() % 6, r = 2 + rand() % 3;
    for (int i = 0; i < kPixels; ++i) {
      const int dx = i % kSide - x, dy = i / kSide - y;
      pixels[n * kPixels + i] = dx * dx + dy * dy <= r * r ? 255 : 0;
    }
  }
  const vae_batch all = vae_view_u8(pixels, kImages, kPixels);
  return vae_dataset_from_memory(&all, shape, images);
}

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? atoi(argv[1]) : 2;
  if (argc > 2 || seconds < 1) {
    fprintf(stderr, "usage: watch [SECONDS]\n");
    return 2;
  }
  static work self = {.lock = PTHREAD_MUTEX_INITIALIZER};
  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers[0] = 8;
  config.layers[1] = config.layers[2] = 16;
  config.max_batch = 32;
  config.device = VAE_CPU;
  config.threads = 1;

  int result = 1;
  if (!failed(make_images(&self.images)) &&
      !failed(vae_create(&config, &self.trainer)))
    result = train_and_watch(&self, seconds);
  if (result == 0) result = go_on(self.trainer, self.images);
  vae_destroy(self.trainer);
  vae_dataset_destroy(self.images);
  return result;
}
