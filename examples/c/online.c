/* Trains on samples that arrive one by one while the host does its own work.
 * The host's loop writes each sample to a ring buffer and never waits; a second
 * thread runs a training step whenever a batch is full. If training is too slow
 * and the ring is full, the newest sample is dropped and counted, as for a
 * camera.
 *
 *   online [SAMPLES]     default 3000, one per millisecond; writes online.png
 * to the current directory
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vae.h"

enum { kSide = 16, kPixels = kSide * kSide, kBatch = 32, kSlots = 4 * kBatch };
enum { kReport = 8, kDrawn = 16 };

/* Shared by both threads. `lock` guards everything except images in use: the
 * host writes free slots, the learner reads filled slots. The number of slots
 * is a multiple of the batch size, so a batch is contiguous. */
typedef struct ring {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t written, taken, dropped; /* samples */
  int closed;
  uint64_t steps;
  double first_loss, last_loss; /* means over kReport steps */
  char error[256];              /* of the learner; "" if all is well */
  uint8_t images[kSlots][kPixels];
} ring;

typedef struct learner {
  vae_trainer* trainer; /* the learner's own until it is joined */
  ring* samples;
} learner;

/* --- the host's side ------------------------------------------------------ */

static void draw_disc(uint8_t* pixels) {
  const int x = 5 + rand() % 6, y = 5 + rand() % 6, r = 2 + rand() % 3;
  for (int i = 0; i < kPixels; ++i) {
    const int dx = i % kSide - x, dy = i / kSide - y;
    pixels[i] = dx * dx + dy * dy <= r * r ? 255 : 0;
  }
}

/* Never waits for training: the lock is held for a few instructions only. */
static void put(ring* samples, const uint8_t* pixels) {
  pthread_mutex_lock(&samples->lock);
  const int full = samples->written - samples->taken == kSlots;
  uint8_t* slot = samples->images[samples->written % kSlots];
  pthread_mutex_unlock(&samples->lock);

  if (!full) memcpy(slot, pixels, kPixels);
  pthread_mutex_lock(&samples->lock);
  if (full)
    ++samples->dropped;
  else
    ++samples->written;
  pthread_cond_signal(&samples->changed);
  pthread_mutex_unlock(&samples->lock);
}

static double now_in_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void report(ring* samples, int arrived, double away) {
  pthread_mutex_lock(&samples->lock);
  const uint64_t steps = samples->steps, dropped = samples->dropped;
  const double loss = samples->last_loss;
  pthread_mutex_unlock(&samples->lock);
  printf(
      "%d samples, %llu dropped, %llu steps, loss %.1f; the host was away "
      "for %.1f ms at most\n",
      arrived, (unsigned long long)dropped, (unsigned long long)steps, loss,
      away);
}

/* The host's loop: one tick per millisecond, one sample per tick. */
static void work(ring* samples, int count) {
  const struct timespec tick = {0, 1000000};
  uint8_t pixels[kPixels];
  double away = 0, last = now_in_ms();
  for (int i = 1; i <= count; ++i) {
    draw_disc(pixels);
    put(samples, pixels);
    nanosleep(&tick, NULL);
    const double now = now_in_ms();
    if (now - last > away) away = now - last;
    last = now;
    if (i % 1000 == 0 || i == count) report(samples, i, away);
  }
}

/* --- the learner's side --------------------------------------------------- */

/* The next full batch, or NULL if there will be none. */
static const uint8_t* next_batch(ring* samples) {
  const uint8_t* batch = NULL;
  pthread_mutex_lock(&samples->lock);
  while (samples->written - samples->taken < kBatch && !samples->closed)
    pthread_cond_wait(&samples->changed, &samples->lock);
  if (samples->written - samples->taken >= kBatch)
    batch = samples->images[samples->taken % kSlots];
  pthread_mutex_unlock(&samples->lock);
  return batch;
}

static vae_status learn_batch(const learner* self, const uint8_t* images) {
  ring* samples = self->samples;
  const vae_batch batch = vae_view_u8(images, kBatch, kPixels);
  vae_metrics metrics = vae_no_metrics();
  vae_status status = vae_train_step(self->trainer, &batch, NULL);
  const uint64_t steps = samples->steps + 1; /* only this thread writes it */
  if (status == VAE_OK && steps % kReport == 0)
    status = vae_read_metrics(self->trainer, &metrics);

  pthread_mutex_lock(&samples->lock);
  samples->taken += kBatch; /* the call has copied them */
  samples->steps = steps;
  if (metrics.steps > 0) samples->last_loss = metrics.loss;
  if (steps == kReport) samples->first_loss = metrics.loss;
  pthread_mutex_unlock(&samples->lock);
  return status;
}

static void* learn(void* user) {
  const learner* self = user;
  const uint8_t* batch;
  while ((batch = next_batch(self->samples)) != NULL) {
    if (learn_batch(self, batch) == VAE_OK) continue;
    /* vae_last_error() belongs to this thread, so copy it for the other. */
    pthread_mutex_lock(&self->samples->lock);
    snprintf(self->samples->error, sizeof self->samples->error, "%s",
             vae_last_error());
    pthread_mutex_unlock(&self->samples->lock);
    break;
  }
  return NULL;
}

/* --- both ----------------------------------------------------------------- */

/* Runs the learner while the host works; 0 if the loss has improved. */
static int run(vae_trainer* trainer, int count) {
  static ring samples = {.lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER};
  learner self = {trainer, &samples};
  pthread_t thread;
  if (pthread_create(&thread, NULL, learn, &self) != 0) {
    fprintf(stderr, "online: cannot start a thread\n");
    return 1;
  }
  work(&samples, count);
  pthread_mutex_lock(&samples.lock);
  samples.closed = 1;
  pthread_cond_signal(&samples.changed);
  pthread_mutex_unlock(&samples.lock);
  pthread_join(thread, NULL);

  if (samples.error[0] != '\0') {
    fprintf(stderr, "online: %s\n", samples.error);
    return 1;
  }
  printf("loss %.1f at first, %.1f at last\n", samples.first_loss,
         samples.last_loss);
  return samples.last_loss < samples.first_loss ? 0 : 1;
}

static vae_status draw_samples(vae_trainer* trainer, const char* path) {
  static const uint32_t shape[3] = {1, kSide, kSide};
  uint8_t images[kDrawn * kPixels];
  const vae_sampling sampling = vae_draw(kDrawn, 0);
  const vae_batch grid = vae_view_u8(images, kDrawn, kPixels);
  vae_output output = vae_output_u8(images, sizeof images);
  const vae_status status = vae_sample(trainer, &sampling, &output);
  return status != VAE_OK ? status : vae_write_grid(path, &grid, shape, 4);
}

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 3000;
  if (argc > 2 || count < 2 * kReport * kBatch) {
    fprintf(stderr, "usage: online [SAMPLES], at least %d\n",
            2 * kReport * kBatch);
    return 2;
  }
  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers[0] = 8;
  config.layers[1] = config.layers[2] = 16;
  config.max_batch = kBatch;
  config.threads = 1; /* the other processors are the host's */

  vae_trainer* trainer = NULL;
  int result = 1;
  vae_status status = vae_create(&config, &trainer);
  if (status == VAE_OK) {
    result = run(trainer, count);
    status = draw_samples(trainer, "online.png");
  }
  if (status != VAE_OK) {
    fprintf(stderr, "online: %s\n", vae_last_error());
    result = 1;
  }
  vae_destroy(trainer);
  return result;
}
