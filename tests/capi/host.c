/* A host in C99: trains on computed images and checks the results of every
 * step. It is linked with libvae.so and again with libvae.a; both must print
 * the same. It includes vae.h only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vae.h"

#define SIDE 12
#define PIXELS (SIDE * SIDE)
#define LATENT 4
#define BATCH 16
#define COUNT 48

static uint8_t images[COUNT * PIXELS];
static int32_t labels[COUNT];

static void fail(const char* what, int line) {
  fprintf(stderr, "host.c:%d: %s\nlast error: %s\n", line, what,
          vae_last_error());
  exit(1);
}

#define CHECK(condition)                          \
  do {                                            \
    if (!(condition)) fail(#condition, __LINE__); \
  } while (0)
#define OK(call) CHECK((call) == VAE_OK)

static void draw_images(void) {
  uint32_t state = 1;
  int i, x, y;
  for (i = 0; i < COUNT; ++i) {
    const int left = (int)((state = state * 1664525u + 1013904223u) >> 29);
    const int top = (int)((state = state * 1664525u + 1013904223u) >> 29);
    labels[i] = left > top;
    for (y = 0; y < SIDE; ++y)
      for (x = 0; x < SIDE; ++x)
        images[i * PIXELS + y * SIDE + x] =
            x >= left && x < left + 4 && y >= top && y < top + 4 ? 240 : 10;
  }
}

static vae_config make_config(void) {
  vae_config config = vae_default_config();
  CHECK(config.struct_size == sizeof config);
  config.height = config.width = SIDE;
  config.latent = LATENT;
  config.layers[0] = config.layers[1] = config.layers[2] = 8;
  config.max_batch = BATCH;
  config.device = VAE_CPU;
  config.threads = 1;
  config.seed = 3;
  config.learning_rate = 0.01;
  return config;
}

static void train_some(vae_trainer* trainer, int steps, double* first,
                       double* last) {
  int i;
  for (i = 0; i < steps; ++i) {
    const vae_batch batch =
        vae_view_u8(images + (i % 3) * BATCH * PIXELS, BATCH, PIXELS);
    vae_metrics metrics = vae_no_metrics();
    double kl[LATENT], sum = 0;
    int k;
    metrics.kl_per_dim = kl;
    metrics.kl_bytes = sizeof kl;
    OK(vae_train_step(trainer, &batch, &metrics));
    CHECK(metrics.steps == 1 && metrics.images == BATCH);
    for (k = 0; k < LATENT; ++k) sum += kl[k];
    CHECK(fabs(sum - metrics.kl) <= 1e-6 * (1 + metrics.kl));
    if (i == 0) *first = metrics.loss;
    *last = metrics.loss;
  }
}

/* The bytes of a checkpoint; the caller frees them. */
static unsigned char* checkpoint(vae_trainer* trainer, uint64_t* bytes) {
  unsigned char* data;
  OK(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, NULL, 0, bytes));
  data = malloc(*bytes);
  CHECK(data != NULL);
  OK(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, data, *bytes, NULL));
  return data;
}

static void same_state(vae_trainer* one, vae_trainer* two) {
  uint64_t size_one = 0, size_two = 0;
  unsigned char* a = checkpoint(one, &size_one);
  unsigned char* b = checkpoint(two, &size_two);
  CHECK(size_one == size_two);
  CHECK(memcmp(a, b, size_one) == 0);
  free(a);
  free(b);
}

static void use_model(vae_trainer* trainer) {
  const vae_batch batch = vae_view_u8(images, COUNT, PIXELS);
  const vae_sampling sampling = vae_draw(9, 5);
  const uint32_t shape[3] = {1, SIDE, SIDE};
  static float means[COUNT * LATENT], logvars[COUNT * LATENT];
  static float decoded[COUNT * PIXELS], again[COUNT * PIXELS];
  static uint8_t samples[9 * PIXELS];
  float losses[COUNT];
  vae_output mean = vae_output_f32(means, COUNT * LATENT);
  vae_output logvar = vae_output_f32(logvars, COUNT * LATENT);
  vae_output pictures = vae_output_f32(decoded, COUNT * PIXELS);
  vae_output straight = vae_output_f32(again, COUNT * PIXELS);
  vae_output drawn = vae_output_u8(samples, sizeof samples);
  vae_output scores = vae_output_f32(losses, COUNT);
  vae_batch codes, grid;
  double error = 0;
  int i;
  OK(vae_encode(trainer, &batch, &mean, &logvar));
  CHECK(mean.written == sizeof means && logvar.written == sizeof logvars);
  codes = vae_view_f32(means, COUNT, LATENT);
  OK(vae_decode(trainer, &codes, &pictures));
  OK(vae_reconstruct(trainer, &batch, &straight));
  for (i = 0; i < COUNT * PIXELS; ++i) {
    CHECK(decoded[i] >= 0.0f && decoded[i] <= 1.0f);
    CHECK(fabsf(decoded[i] - again[i]) < 1e-5f);
    error += fabs((double)decoded[i] - images[i] / 255.0);
  }
  printf("mean error of a pixel %.4f\n", error / (COUNT * PIXELS));
  CHECK(error / (COUNT * PIXELS) < 0.1);
  OK(vae_sample(trainer, &sampling, &drawn));
  CHECK(drawn.written == sizeof samples);
  OK(vae_score(trainer, &batch, &scores, NULL));
  for (i = 0; i < COUNT; ++i) CHECK(losses[i] > 0.0f);
  grid = vae_view_u8(samples, 9, PIXELS);
  OK(vae_write_grid("host_samples.png", &grid, shape, 3));
  CHECK(remove("host_samples.png") == 0);
}

static int32_t count_calls(const vae_progress* progress, void* user) {
  CHECK(progress->struct_size == sizeof *progress);
  CHECK(progress->phase == VAE_PHASE_TRAIN);
  ++*(int*)user;
  return 0;
}

static void whole_epochs(vae_trainer* trainer) {
  const uint32_t shape[3] = {1, SIDE, SIDE};
  vae_batch all = vae_view_u8(images, COUNT, PIXELS);
  vae_run run = vae_default_run();
  vae_metrics trained = vae_no_metrics(), evaluated = vae_no_metrics();
  vae_metrics repeated = vae_no_metrics();
  vae_dataset* dataset = NULL;
  uint32_t classes = 0;
  int calls = 0;
  all.labels = labels;
  OK(vae_dataset_from_memory(&all, shape, &dataset));
  OK(vae_dataset_info(dataset, NULL, NULL, &classes));
  CHECK(classes == 2);
  run.every_steps = 1;
  run.progress = count_calls;
  run.user = &calls;
  OK(vae_train_epoch(trainer, dataset, &run, &trained));
  CHECK(calls == COUNT / BATCH && trained.images == COUNT);
  OK(vae_evaluate(trainer, dataset, NULL, &evaluated));
  OK(vae_evaluate(trainer, dataset, NULL, &repeated));
  CHECK(evaluated.images == COUNT && evaluated.loss == repeated.loss);
  CHECK(evaluated.kl == repeated.kl && evaluated.mse == repeated.mse);
  vae_dataset_destroy(dataset);
  printf("evaluated: loss %.6f mse %.6f\n", evaluated.loss, evaluated.mse);
}

static void save_and_go_on(vae_trainer* trainer, const vae_config* config) {
  const char* path = "host_checkpoint.safetensors";
  vae_trainer* resumed = NULL;
  double a, b, c, d;
  OK(vae_save(trainer, path, VAE_SAVE_CHECKPOINT));
  OK(vae_load(path, config, &resumed));
  CHECK(remove(path) == 0);
  same_state(trainer, resumed);
  train_some(trainer, 5, &a, &b);
  train_some(resumed, 5, &c, &d);
  CHECK(a == c && b == d);
  same_state(trainer, resumed);
  vae_destroy(resumed);
}

static void refusals(vae_trainer* trainer) {
  const vae_batch many = vae_view_u8(images, BATCH + 1, PIXELS);
  vae_config config = make_config();
  vae_trainer* none = trainer;
  CHECK(vae_train_step(trainer, &many, NULL) == VAE_E_ARGUMENT);
  CHECK(strstr(vae_last_error(), "17") != NULL);
  config.net = 0;
  CHECK(vae_create(&config, &none) == VAE_E_ARGUMENT && none == NULL);
  CHECK(strstr(vae_last_error(), "VAE_NET_DENSE") != NULL);
  CHECK(strcmp(vae_status_name(VAE_E_ARGUMENT), "VAE_E_ARGUMENT") == 0);
}

int main(void) {
  const vae_config config = make_config();
  vae_trainer *trainer = NULL, *twin = NULL;
  double first = 0, last = 0, twin_first = 0, twin_last = 0;
  CHECK(vae_abi_version() == VAE_ABI_VERSION);
  CHECK(vae_last_error() != NULL && vae_last_error()[0] == '\0');
  draw_images();
  OK(vae_create(&config, &trainer));
  OK(vae_create(&config, &twin));
  train_some(trainer, 200, &first, &last);
  train_some(twin, 200, &twin_first, &twin_last);
  CHECK(first == twin_first && last == twin_last);
  same_state(trainer, twin);
  vae_destroy(twin);
  printf("loss %.6f -> %.6f\n", first, last);
  CHECK(last < 0.5 * first);
  whole_epochs(trainer);
  use_model(trainer);
  refusals(trainer);
  save_and_go_on(trainer, &config);
  vae_destroy(trainer);
  vae_destroy(NULL);
  return 0;
}
