/* The conformance program in C: see ../conformance.md, which is the same for
 * every host language. It checks no number itself; conformance.py compares the
 * programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vae.h"

enum { kSide = 12, kPixels = kSide * kSide, kImages = 96, kClasses = 3 };
enum { kBatch = 16, kLatent = 4 };
static const uint32_t kShape[3] = {1, kSide, kSide};

static uint8_t bytes[kImages * kPixels];
static float floats[kImages * kPixels];
static int32_t labels[kImages];

static void fail(const char* what) {
  fprintf(stderr, "conformance: %s\n", what);
  exit(1);
}

static void check(vae_status status) {
  if (status != VAE_OK) fail(vae_last_error());
}

static void* allocate(uint64_t size) {
  void* memory = malloc(size);
  if (memory == NULL) fail("not enough memory");
  return memory;
}

/* FNV-1a; of floats in memory, which is little-endian. */
static uint64_t sum_of(const void* data, uint64_t size) {
  const uint8_t* byte = data;
  uint64_t sum = 14695981039346656037u;
  for (uint64_t i = 0; i < size; ++i) sum = (sum ^ byte[i]) * 1099511628211u;
  return sum;
}

static void print_sum(const char* name, const void* data, uint64_t size) {
  printf("%s%016" PRIx64 "\n", name, sum_of(data, size));
}

/* The metrics; with the KL of each dimension if a buffer was given for it. */
static void print_metrics(const char* name, const vae_metrics* metrics) {
  printf("%s loss %a reconstruction %a kl %a mse %a norm %a", name,
         metrics->loss, metrics->reconstruction, metrics->kl, metrics->mse,
         metrics->gradient_norm);
  printf(" active %" PRIu32 " steps %" PRIu64 " images %" PRIu64
         " skipped %" PRIu64 " nonfinite %" PRIu64,
         metrics->active_units, metrics->steps, metrics->images,
         metrics->skipped_steps, metrics->nonfinite_steps);
  if (metrics->kl_per_dim != NULL) {
    printf(" dims");
    for (int i = 0; i < kLatent; ++i) printf(" %a", metrics->kl_per_dim[i]);
  }
  printf("\n");
}

static void print_floats(const char* name, const float* numbers, int count) {
  printf("%s", name);
  for (int i = 0; i < count; ++i) printf(" %a", (double)numbers[i]);
  printf("\n");
}

static void print_progress(const vae_progress* now) {
  printf("progress %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
         " %a %a %a\n",
         now->phase, now->epoch, now->step, now->steps, now->images, now->loss,
         now->reconstruction, now->kl);
}

static void make_images(void) {
  uint32_t state = 12345;
  for (int n = 0; n < kImages; ++n) {
    const int cx = 3 + n % 6, cy = 3 + n / 6 % 6, r2 = 4 + 5 * (n / 36);
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const int at = n * kPixels + y * kSide + x;
        const int inside = (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r2;
        state = state * 1664525u + 1013904223u;
        const uint32_t noise = state >> 24;
        bytes[at] = (uint8_t)(inside ? 255 - noise / 4 : noise / 8);
        floats[at] = (float)bytes[at] / 255.0f;
      }
    }
    labels[n] = n % kClasses;
  }
}

static vae_batch byte_images(int first, int count) {
  return vae_view_u8(bytes + first * kPixels, (uint64_t)count, kPixels);
}

static vae_batch float_images(int first, int count) {
  return vae_view_f32(floats + first * kPixels, (uint64_t)count, kPixels);
}

static vae_dataset* make_dataset(void) {
  vae_dataset* dataset = NULL;
  vae_batch all = byte_images(0, kImages);
  all.labels = labels;
  check(vae_dataset_from_memory(&all, kShape, &dataset));
  return dataset;
}

static vae_config make_config(void) {
  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = kLatent;
  config.layers[0] = 8;
  config.layers[1] = config.layers[2] = 16;
  config.seed = 7;
  config.max_batch = kBatch;
  config.threads = 1;
  config.device = VAE_CPU;
  return config;
}

/* The steps, by the numbers of conformance.md. */

static void show_config(const vae_config* config) { /* 1 */
  char json[2048];
  check(vae_config_to_json(config, json, sizeof json, NULL));
  printf("config %s\n", json);
}

static vae_metrics metrics_with_dims(double* dims) {
  vae_metrics metrics = vae_no_metrics();
  metrics.kl_per_dim = dims;
  metrics.kl_bytes = kLatent * sizeof *dims;
  return metrics;
}

static void train_steps(vae_trainer* trainer) { /* 2, 3 */
  double dims[kLatent];
  vae_metrics metrics = metrics_with_dims(dims);
  for (int step = 0; step < 8; ++step) {
    char name[16];
    const int first = kBatch * (step % 6);
    const vae_batch batch = step % 2 == 0 ? byte_images(first, kBatch)
                                          : float_images(first, kBatch);
    check(vae_train_step(trainer, &batch, &metrics));
    snprintf(name, sizeof name, "step %d", step);
    print_metrics(name, &metrics);
  }
  const vae_batch batch = byte_images(0, kBatch);
  vae_metrics sums = vae_no_metrics();
  check(vae_train_step(trainer, &batch, NULL));
  check(vae_read_metrics(trainer, &sums));
  print_metrics("sums", &sums);
}

static void change_settings(vae_trainer* trainer) { /* 4 */
  static const int32_t keys[] = {VAE_LEARNING_RATE, VAE_KL_WEIGHT, VAE_STEP,
                                 VAE_UPDATES, VAE_EPOCH};
  check(vae_set(trainer, VAE_LEARNING_RATE, 0.0005));
  check(vae_set(trainer, VAE_KL_WEIGHT, 0.5));
  printf("settings");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
    double value = 0;
    check(vae_get(trainer, keys[i], &value));
    printf(" %a", value);
  }
  printf("\n");
}

static void show_dataset(vae_dataset* dataset) { /* 5 */
  uint64_t count = 0;
  uint32_t shape[3] = {0}, classes = 0;
  check(vae_dataset_info(dataset, &count, shape, &classes));
  printf("dataset %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
         "\n",
         count, shape[0], shape[1], shape[2], classes);

  float images[2 * kPixels];
  int32_t two[2] = {-1, -1};
  vae_output output = vae_output_f32(images, 2 * kPixels);
  check(vae_dataset_read(dataset, 94, 2, &output, two, sizeof two));
  printf("read %016" PRIx64 " %" PRId32 " %" PRId32 "\n",
         sum_of(images, sizeof images), two[0], two[1]);
}

static void draw(vae_trainer* trainer, const char* name, uint64_t count,
                 uint64_t seed) {
  uint8_t images[4 * kPixels];
  const vae_sampling sampling = vae_draw(count, seed);
  vae_output output = vae_output_u8(images, sizeof images);
  check(vae_sample(trainer, &sampling, &output));
  print_sum(name, images, output.written);
}

static int32_t watch(const vae_progress* now, void* trainer) {
  print_progress(now);
  if (now->phase == VAE_PHASE_TRAIN && now->step == 4)
    draw(trainer, "inside ", 2, 5);
  return 0;
}

static void train_one_epoch(vae_trainer* trainer, vae_dataset* set) { /* 6 */
  vae_run run = vae_default_run();
  vae_metrics metrics = vae_no_metrics();
  run.every_steps = 2;
  run.progress = watch;
  run.user = trainer;
  check(vae_train_epoch(trainer, set, &run, &metrics));
  print_metrics("epoch", &metrics);
}

static void evaluate(vae_trainer* trainer, vae_dataset* dataset) { /* 7 */
  double dims[kLatent];
  vae_run run = vae_default_run();
  vae_metrics metrics = metrics_with_dims(dims);
  run.batch_size = 10;
  run.every_steps = 0;
  run.progress = watch;
  run.user = trainer;
  check(vae_evaluate(trainer, dataset, &run, &metrics));
  print_metrics("evaluate", &metrics);

  const vae_batch ten = float_images(0, 10), three = byte_images(0, 3);
  vae_metrics of_ten = vae_no_metrics();
  check(vae_eval_step(trainer, &ten, &of_ten));
  print_metrics("eval_step", &of_ten);

  float scores[6]; /* three reconstructions, three KLs */
  vae_output reconstruction = vae_output_f32(scores, 3);
  vae_output kl = vae_output_f32(scores + 3, 3);
  check(vae_score(trainer, &three, &reconstruction, &kl));
  print_floats("score", scores, 6);
}

static void infer(vae_trainer* trainer, uint8_t* drawn) { /* 8 */
  enum { kCodes = 5 * kLatent };
  static float images[5 * kPixels];
  float mean[kCodes], logvar[kCodes];
  vae_output mean_output = vae_output_f32(mean, kCodes);
  vae_output logvar_output = vae_output_f32(logvar, kCodes);
  const vae_batch five = byte_images(0, 5), four = float_images(0, 4);
  check(vae_encode(trainer, &five, &mean_output, &logvar_output));
  print_floats("mean", mean, kCodes);
  print_floats("logvar", logvar, kCodes);

  check(vae_write_array("codes.npy", mean, sizeof mean, VAE_FLOAT32,
                        (uint64_t[]){5, kLatent}, 2));
  const vae_batch codes = vae_view_f32(mean, 5, kLatent);
  vae_output output = vae_output_f32(images, 5 * kPixels);
  check(vae_decode(trainer, &codes, &output));
  print_sum("decode ", images, output.written);

  vae_sampling sampling = vae_draw(9, 3);
  vae_output nine = vae_output_u8(drawn, 9 * kPixels);
  sampling.first = 2;
  sampling.temperature = 0.8;
  check(vae_sample(trainer, &sampling, &nine));
  print_sum("sample ", drawn, nine.written);

  output = vae_output_f32(images, 4 * kPixels);
  check(vae_reconstruct(trainer, &four, &output));
  print_sum("reconstruct ", images, output.written);
}

static void print_param(vae_trainer* trainer, uint32_t index) {
  vae_param param;
  check(vae_param_init(&param, sizeof param));
  check(vae_param_info(trainer, index, &param));
  printf("param %s %" PRId32 " %" PRIu32 " %" PRIu64 " ", param.name,
         param.dtype, param.trainable, param.elements);
  for (uint32_t i = 0; i < param.rank; ++i)
    printf("%s%" PRId64, i == 0 ? "" : "x", param.shape[i]);
  const uint64_t size = param.elements * (param.dtype == VAE_INT64 ? 8 : 4);
  void* value = allocate(size);
  check(vae_param_read(trainer, param.name, VAE_VALUE, value, size));
  print_sum(param.rank == 0 ? "scalar " : " ", value, size);
  free(value);
}

static void read_params(vae_trainer* trainer) { /* 9 */
  uint32_t count = 0;
  check(vae_param_count(trainer, &count));
  for (uint32_t i = 0; i < count; ++i) print_param(trainer, i);

  float moment[8 * 1 * 4 * 4], bias[kLatent];
  check(vae_param_read(trainer, "encoder.0.weight", VAE_MOMENT1, moment,
                       sizeof moment));
  print_sum("moment ", moment, sizeof moment);
  for (int i = 0; i < kLatent; ++i) bias[i] = 0.125f;
  check(vae_param_write(trainer, "fc11.bias", VAE_VALUE, bias, sizeof bias));
  memset(bias, 0, sizeof bias);
  check(vae_param_read(trainer, "fc11.bias", VAE_VALUE, bias, sizeof bias));
  print_sum("written ", bias, sizeof bias);
}

/* The bytes of a file, to be freed. */
static void* read_file(const char* path, uint64_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path);
  *size = (uint64_t)ftell(file);
  void* data = allocate(*size);
  rewind(file);
  if (fread(data, 1, *size, file) != *size) fail(path);
  fclose(file);
  return data;
}

static void save(vae_trainer* trainer, const uint8_t* drawn) { /* 10 */
  check(vae_save(trainer, "model.safetensors", VAE_SAVE_MODEL));
  check(vae_save(trainer, "checkpoint.safetensors", VAE_SAVE_CHECKPOINT));
  uint64_t size = 0, needed = 0;
  void* file = read_file("checkpoint.safetensors", &size);
  check(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, NULL, 0, &needed));
  void* memory = allocate(needed);
  check(vae_save_memory(trainer, VAE_SAVE_CHECKPOINT, memory, needed, NULL));
  if (needed != size || memcmp(memory, file, size) != 0)
    fail("the checkpoint in memory is not the one in the file");
  printf("saved %" PRIu64, size);
  print_sum(" ", memory, size);
  free(memory);
  free(file);

  const vae_batch grid = vae_view_u8(drawn, 9, kPixels);
  check(vae_write_grid("grid.png", &grid, kShape, 3));
}

static void reload(vae_trainer* a, vae_dataset* dataset) { /* 11 */
  vae_trainer *b = NULL, *c = NULL;
  vae_run run = vae_default_run();
  vae_metrics metrics = vae_no_metrics();
  run.max_steps = 3;
  check(vae_load("checkpoint.safetensors", NULL, &b));
  check(vae_train_epoch(a, dataset, &run, &metrics));
  print_metrics("continued", &metrics);
  check(vae_train_epoch(b, dataset, &run, &metrics));
  print_metrics("continued", &metrics);

  uint64_t size = 0;
  void* model = read_file("model.safetensors", &size);
  check(vae_load_memory(model, size, NULL, &c));
  free(model);
  draw(c, "reloaded ", 4, 1);
  vae_destroy(c);
  vae_destroy(b);
}

static void print_error(vae_status status) {
  if (status == VAE_OK) fail("a call that had to fail did not");
  printf("error %s: %s\n", vae_status_name(status), vae_last_error());
}

static void provoke(vae_trainer* trainer, vae_dataset* dataset) { /* 12 */
  vae_trainer* other = NULL;
  vae_config config = make_config();
  config.latent = 0;
  print_error(vae_create(&config, &other));

  float numbers[4 * kLatent];
  const vae_batch five = byte_images(0, 5);
  vae_output four = vae_output_f32(numbers, 4 * kLatent);
  print_error(vae_encode(trainer, &five, &four, NULL));
  print_error(vae_param_read(trainer, "fc11.bias", VAE_GRADIENT, numbers,
                             kLatent * sizeof *numbers));
  print_error(vae_load("missing.safetensors", NULL, &other));
  print_error(vae_load("grid.png", NULL, &other));

  check(vae_cancel(trainer, 1));
  print_error(vae_train_epoch(trainer, dataset, NULL, NULL));
  check(vae_cancel(trainer, 0));
}

int main(void) {
  uint8_t drawn[9 * kPixels];
  make_images();
  const vae_config config = make_config();
  show_config(&config);

  vae_trainer* trainer = NULL;
  check(vae_create(&config, &trainer));
  train_steps(trainer);
  change_settings(trainer);
  vae_dataset* dataset = make_dataset();
  show_dataset(dataset);
  train_one_epoch(trainer, dataset);
  evaluate(trainer, dataset);
  infer(trainer, drawn);
  read_params(trainer);
  save(trainer, drawn);
  reload(trainer, dataset);
  provoke(trainer, dataset);

  vae_metrics metrics = vae_no_metrics(); /* 13 */
  const vae_batch last = byte_images(16, kBatch);
  check(vae_train_step(trainer, &last, &metrics));
  print_metrics("after", &metrics);
  check(vae_save(trainer, "after.safetensors", VAE_SAVE_MODEL));
  vae_destroy(trainer);
  vae_dataset_destroy(dataset);
  return 0;
}
