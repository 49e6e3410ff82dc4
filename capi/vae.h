/**
 * @file vae.h
 * @brief The C interface of libvae: variational autoencoders, trained and run
 *        inside your program.
 *
 * One trainer, one call per training step. Users choose a model by filling a
 * configuration; nobody writes layers. C99 and C++11, 64-bit, no other header
 * needed. This file is not a framework and holds no code but the few one-line
 * helpers at its end.
 *
 * @par Rules
 * The ten rules that hold for every function below:
 *
 * 1.  **Status.** Whatever can fail returns #vae_status: #VAE_OK is 0, every
 *     other value a failure. Codes come in groups with gaps and never change
 *     their number. vae_status_name() names any value. vae_last_error() is the
 *     text of the calling thread's last failure; it names the value seen and
 *     the values allowed. Only the next failure of the same thread replaces
 *     it: successes and clean-up leave it alone.
 * 2.  **Nothing escapes.** No exception crosses this border. The library never
 *     prints, exits, installs a handler or aborts because of its caller. Your
 *     callbacks must return normally too: no exception, no longjmp, no panic
 *     may leave them. pthread_cancel() of a thread inside a call takes effect
 *     after the call; callbacks must not allow it earlier. A call needs 256
 *     KiB of stack, besides what your callbacks need.
 * 3.  **Handles** are opaque and typed. Destroying takes NULL. Handles may be
 *     destroyed in any order: what one needs of another it keeps alive itself.
 * 4.  **One trainer, one thread at a time**; different trainers are
 *     independent. A second thread gets #VAE_E_BUSY, never undefined
 *     behaviour. Two exceptions: vae_cancel() may be called from any thread,
 *     and from inside a progress callback the same trainer may encode, decode,
 *     sample, reconstruct, score, save, get, set, read and write parameters,
 *     synchronise and diagnose; training, evaluating, reading metrics and
 *     destroying it are #VAE_E_BUSY there. A dataset is immutable: any number
 *     of threads may use one at once. No handle may be destroyed while another
 *     thread is entering a call with it.
 *     **After fork()** a trainer works in the process that made it; in a child
 *     its calls are #VAE_E_POISONED and vae_destroy() leaves its memory to the
 *     end of the process. Datasets work in both. A child may make trainers of
 *     its own: on the CPU with the engine #VAE_ENGINE_TILE always, with
 *     #VAE_ENGINE_BLOCKS with one thread where a trainer of the parent had
 *     several (`threads` 0 means 1 then, more is #VAE_E_UNSUPPORTED); on a GPU
 *     only if the parent has not used one, which is CUDA's rule.
 * 5.  **Structs** are plain, begin with `struct_size`, have no padding and grow
 *     only at their end. Fill them with their init function, which is told the
 *     size that you were compiled with and never writes past it. A shorter
 *     struct is honoured from its documented minimum on: fields beyond it have
 *     their defaults. A longer one is accepted if what this library does not
 *     know of it is zero, else #VAE_E_VERSION. Zero is no valid value of any
 *     choice, so a forgotten field is an error and no silent default.
 * 6.  **Memory stays where it came from.** What you pass is borrowed for the
 *     call. Data on the host is copied before the call returns; data on a GPU
 *     is ordered by the stream that comes with it. Every buffer has its size
 *     in bytes beside it, and nothing is written beyond it. Texts and files in
 *     memory: ask with (NULL, 0) for the bytes needed, then call again.
 * 7.  **A failed call changes nothing.** A step's loss, gradient and statistics
 *     of BatchNorm are checked before anything is committed, and no update
 *     takes a number out of float32's range: whatever a trainer has become
 *     within the ranges given here, vae_load() takes what vae_save() wrote.
 *     Failures of work that was only issued are reported by the next call that
 *     waits. If a device is lost, its trainer answers #VAE_E_POISONED from then
 *     on, and can still be destroyed.
 * 8.  **The version of this interface**, #VAE_ABI_VERSION, is not the version
 *     of the library. vae_config_init() is told the one you were compiled
 *     with; another one than the library's is #VAE_E_VERSION.
 * 9.  **Random numbers** belong to a trainer, none to the process: two trainers
 *     used in turn give what each gives alone. Encoding, decoding, sampling,
 *     scoring and evaluating never change a later training step.
 * 10. **Images** are [count][channel][row][column] without gaps unless the
 *     layout field says [row][column][channel]. Decoding gives probabilities
 *     (Bernoulli) or means (Gaussian). Paths are UTF-8. Training refuses more
 *     than `max_batch` images; inference takes any count.
 *
 * Sources: Kingma & Welling, "Auto-Encoding Variational Bayes", 2014 (VAE);
 * Higgins et al., "beta-VAE", 2017 (KL weight); Kingma & Ba, "Adam", 2015;
 * Ioffe & Szegedy, "Batch Normalization", 2015; Burda et al., "Importance
 * Weighted Autoencoders", 2016 (active units).
 */
#ifndef VAE_H
#define VAE_H

#include <stddef.h>
#include <stdint.h>

#ifndef VAE_API
#if defined(_WIN32)
#define VAE_API __declspec(dllimport)
#elif defined(__GNUC__)
#define VAE_API __attribute__((visibility("default")))
#else
#define VAE_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup status Status codes
 * @brief What a call returns, and the text that goes with it.
 * @{
 */

/** Version of this interface; raised when a compiled host would break. */
#define VAE_ABI_VERSION 1

/** #VAE_OK or one of the VAE_E_ codes; unknown ones are failures. */
typedef int32_t vae_status;

/** The call did all of what it says. */
#define VAE_OK 0
/** A value is not allowed; the text says which ones are. */
#define VAE_E_ARGUMENT 100
/** A buffer is too small; the text says how many bytes are needed. */
#define VAE_E_TOO_SMALL 101
/** A reasonable wish that this build, device or version cannot fulfil. */
#define VAE_E_UNSUPPORTED 102
/** The trainer is inside another call (another thread, or a callback). */
#define VAE_E_BUSY 200
/** The trainer's device was lost, or it was made by the process that this one
 *  was forked from; only destroying it makes sense. */
#define VAE_E_POISONED 201
/** Host or device memory is exhausted. */
#define VAE_E_MEMORY 300
/** There is no such device, or it failed. */
#define VAE_E_DEVICE 400
/** The operating system refused a file operation. */
#define VAE_E_FILE 500
/** A file's content is not what it should be. */
#define VAE_E_FORMAT 510
/** Made for another version of this interface or of the file format. */
#define VAE_E_VERSION 600
/** Stopped by vae_cancel() or the progress callback; steps done are kept. */
#define VAE_E_CANCELLED 700
/** NaN or infinity in a training step, which was not committed. */
#define VAE_E_NONFINITE 800
/** A defect of libvae itself; please report the text. */
#define VAE_E_INTERNAL 900

/** @} */

/**
 * @defgroup choices Choices
 * @brief The values of all fields and parameters that choose one of several.
 *
 * Zero is never among them. Numbers are never reused.
 * @{
 */

/** vae_config.model: variational autoencoder (Kingma & Welling 2014). */
#define VAE_MODEL_VAE 1

/** vae_config.net: convolutions with BatchNorm, for images. */
#define VAE_NET_CONV 1
/** vae_config.net: fully connected layers, for any vector. */
#define VAE_NET_DENSE 2

/** vae_config.likelihood: Bernoulli on logits; targets anywhere in [0, 1]. */
#define VAE_BERNOULLI 1
/** vae_config.likelihood: Gaussian of fixed variance `gaussian_sigma`^2. */
#define VAE_GAUSSIAN 2

/** Element type: one byte, 0 to 255, meaning 0 to 1. */
#define VAE_UINT8 1
/** Element type: IEEE single precision. */
#define VAE_FLOAT32 2
/** Element type: signed 64-bit integer; BatchNorm's counters and arrays. */
#define VAE_INT64 3

/** Device: the host's processor and memory. */
#define VAE_CPU 1
/** Device: an NVIDIA GPU and its memory. */
#define VAE_CUDA 2
/** vae_config.device only: a usable GPU if there is one, else the CPU. */
#define VAE_AUTO 3

/** Layout: [channel][row][column], as in PyTorch. */
#define VAE_CHW 1
/** Layout: [row][column][channel], as in image files. */
#define VAE_HWC 2

/** vae_config.precision: IEEE single precision. */
#define VAE_FP32 1
/** vae_config.precision: products rounded to TF32 (GPU). */
#define VAE_TF32 2
/** vae_config.precision: products of bfloat16, sums in single precision. */
#define VAE_BF16 3

/** vae_config.engine: the fastest that takes the configuration. */
#define VAE_ENGINE_AUTO 1
/** vae_config.engine: any shape on any device; the others' reference. */
#define VAE_ENGINE_BLOCKS 2
/** vae_config.engine: own kernels, on GPUs only. With bf16 on compute
 * capability 8.0 and newer they do the products too, if images have one channel
 * and `layers` and `latent` are multiples of 8; else LibTorch does. The field
 * `products` of vae_diagnose() tells which. */
#define VAE_ENGINE_FUSED 3
/** vae_config.engine: products of small tiles, the rest done in the cache; on
 * the CPU only, convolutions with a multiple of 16 channels, images of up to 4.
 */
#define VAE_ENGINE_TILE 4

/** vae_config.graph: record work on a GPU as a CUDA graph where possible. */
#define VAE_GRAPH_AUTO 1
/** vae_config.graph: fail with #VAE_E_UNSUPPORTED where it is not possible. */
#define VAE_GRAPH_ON 2
/** vae_config.graph: start every kernel by itself. */
#define VAE_GRAPH_OFF 3

/** vae_config.nonfinite: the step fails with #VAE_E_NONFINITE. */
#define VAE_NONFINITE_ERROR 1
/** vae_config.nonfinite: the step is counted as skipped, training goes on. */
#define VAE_NONFINITE_SKIP 2

/** vae_save(): the tensors of the PyTorch module and the configuration. */
#define VAE_SAVE_MODEL 1
/** vae_save(): the same and all that is needed to go on training. */
#define VAE_SAVE_CHECKPOINT 2

/** vae_param_read(), vae_param_write(): the parameter itself. */
#define VAE_VALUE 1
/** vae_param_read(): last step's gradient; needs `keep_gradients`. */
#define VAE_GRADIENT 2
/** Adam's running mean of the gradient. */
#define VAE_MOMENT1 3
/** Adam's running mean of the squared gradient. */
#define VAE_MOMENT2 4

/** vae_set(), vae_get(): Adam's learning rate, 0 to 1e30. */
#define VAE_LEARNING_RATE 1
/** vae_set(), vae_get(): weight of the KL divergence, 0 to 1e30. */
#define VAE_KL_WEIGHT 2
/** vae_set(), vae_get(): steps issued, whole number up to 2^53, where training
 *  ends; keys the noise. */
#define VAE_STEP 3
/** vae_set(), vae_get(): updates applied, whole number up to 2^53, where the
 *  count stays; Adam's t. */
#define VAE_UPDATES 4
/** vae_set(), vae_get(): epochs finished, whole number up to 2^53, where epochs
 *  end; keys the order. Setting it begins that epoch from its first image. */
#define VAE_EPOCH 5
/** Reserved for models with several phases: #VAE_E_UNSUPPORTED for now. */
#define VAE_PHASE 6

/** vae_progress.phase: called from vae_train_epoch(). */
#define VAE_PHASE_TRAIN 1
/** vae_progress.phase: called from vae_evaluate(). */
#define VAE_PHASE_EVALUATE 2

/** Log level: something that the host would want to know. */
#define VAE_LOG_WARNING 1
/** Log level: what was chosen and why. */
#define VAE_LOG_INFO 2
/** Log level: everything else. */
#define VAE_LOG_DETAIL 3

/** Most entries of vae_config.layers. */
#define VAE_MAX_LAYERS 8

/** @} */

/**
 * @defgroup structs Structs
 * @brief What goes in and comes out, and the functions that give defaults.
 *
 * Each init function takes the struct and `sizeof` of it as the host was
 * compiled, fills it with the defaults given beside the fields, and sets
 * `struct_size`. It writes no byte beyond `struct_size`. It fails with
 * #VAE_E_ARGUMENT for NULL and for a size that is below the struct's minimum,
 * no multiple of 8, or above 4096; the struct is untouched then.
 * @{
 */

/** A model and its optimizer in training. Created by vae_create() and
 *  vae_load(), owned by the host, freed by vae_destroy(). */
typedef struct vae_trainer vae_trainer;

/** Images in memory. Created by vae_dataset_open() and
 *  vae_dataset_from_memory(), freed by vae_dataset_destroy(). */
typedef struct vae_dataset vae_dataset;

/**
 * @brief What a trainer is made from. 200 bytes, minimum 168.
 *
 * The defaults are the original program: a convolutional VAE of 28x28 grey
 * images, trained by Adam in batches of 64.
 */
typedef struct vae_config {
  uint32_t struct_size; /**< Bytes of this struct as the host knows it. */
  uint32_t abi_version; /**< #VAE_ABI_VERSION that the host knows. */
  int32_t model;        /**< #VAE_MODEL_VAE (default). */
  int32_t net;          /**< #VAE_NET_CONV (default) or #VAE_NET_DENSE. */
  uint32_t channels; /**< Of an image, 1..4096; default 1. A vector that is no
                          image is 1 x 1 x its length. */
  uint32_t height;   /**< Rows of an image, 1..4096; default 28. */
  uint32_t width;    /**< Columns of an image, 1..4096; default 28. Channels x
                          height x width is at most 16777216. */
  uint32_t latent;   /**< Length of the latent code, 1..4096; default 32. */
  uint32_t layer_count;    /**< Entries of `layers` in use; default 3. */
  uint32_t condition_size; /**< Reserved: 0. */
  /** #VAE_NET_CONV: output channels of the encoder's 2..8 convolutions, each
   *  1..4096; all but the last halve the image (kernel 4, stride 2), the last
   *  keeps it (kernel 3); the decoder mirrors them. #VAE_NET_DENSE: 1..8
   *  hidden sizes, each 1..65536. Entries beyond `layer_count` are zero.
   *  Default 64, 128, 128. */
  uint32_t layers[VAE_MAX_LAYERS];
  int32_t likelihood; /**< p(x|z): #VAE_BERNOULLI (default), #VAE_GAUSSIAN. */
  /** 1 (default): gradients are of the loss summed over a batch's images, as
   *  in the original; 0: of its mean. Losses reported are means either way. */
  int32_t sum_gradient;
  double gaussian_sigma; /**< Standard deviation of #VAE_GAUSSIAN, in units of
                              a pixel's [0, 1], 1e-15 to 1e15;
                              default 1. */
  double kl_weight;      /**< Weight of the KL divergence (beta), 0 to 1e30;
                               default 1. */
  double learning_rate;  /**< Adam's, 0 to 1e30; default 0.001. */
  double beta1;          /**< Adam's, in [0, 1); default 0.9. */
  double beta2;          /**< Adam's, in [0, 1); default 0.999. */
  double epsilon;        /**< Adam's, 1e-37 to 1e30; default 1e-8. */
  double weight_decay;   /**< Added to the gradient (L2, as in PyTorch's Adam),
                              0 to 1e30; default 0. An element's sum beyond
                              +-1e18 counts as +-1e18. */
  double clip_norm;   /**< Largest norm of the whole gradient; 0 (default): any.
                       */
  uint64_t seed;      /**< Keys initialisation, noise and order of the data;
                           default 0. */
  uint32_t max_batch; /**< Most images of a training step, 1..65536; default
                           64. The first step reserves memory for them. */
  uint32_t samples;   /**< Codes drawn per image in training: 1 (default). */
  uint32_t threads;   /**< CPU threads, 1..1024; 0 (default): LibTorch's choice.
                       */
  uint32_t keep_gradients; /**< 1: gradients can be read after a step; 0
                                (default): not. */
  int32_t device;          /**< #VAE_CPU, #VAE_CUDA or #VAE_AUTO (default). */
  int32_t device_index;    /**< Which GPU, >= 0; default 0. */
  int32_t precision;       /**< #VAE_FP32 (default), #VAE_TF32, #VAE_BF16. */
  int32_t engine;          /**< #VAE_ENGINE_AUTO (default), #VAE_ENGINE_BLOCKS,
                                #VAE_ENGINE_FUSED, #VAE_ENGINE_TILE. */
  int32_t nonfinite;       /**< #VAE_NONFINITE_ERROR (default) or
                                #VAE_NONFINITE_SKIP. */
  int32_t deterministic;   /**< 1: deterministic algorithms on a GPU too; 0
                                (default): not. The CPU always is. */
  int32_t graph; /**< On a GPU: #VAE_GRAPH_AUTO (default), #VAE_GRAPH_ON,
                      #VAE_GRAPH_OFF. The CPU records nothing. */
  /** Training steps of a data set that one CUDA graph holds, 1..64; 0
   *  (default): 8. vae_train_epoch() can be stopped, and calls back, between
   *  graphs. */
  uint32_t graph_steps;
} vae_config;

/**
 * @brief Rows that go in: images, or codes for vae_decode(). 64 bytes,
 *        minimum 40.
 *
 * Borrowed for the call. Images of #VAE_UINT8 are divided by 255; of
 * #VAE_FLOAT32 they lie in [0, 1] (Bernoulli) or are finite (Gaussian), else
 * #VAE_E_ARGUMENT names the first offender by its index. Codes are finite
 * #VAE_FLOAT32.
 */
typedef struct vae_batch {
  uint32_t struct_size; /**< Bytes of this struct as the host knows it. */
  int32_t dtype;        /**< #VAE_UINT8 or #VAE_FLOAT32 (default). */
  const void* data;     /**< The rows; aligned for `dtype`. */
  uint64_t bytes;       /**< Size of `data`: at least `count` whole rows. */
  uint64_t count;       /**< Rows, >= 1. */
  int32_t device; /**< Where `data` lies: #VAE_CPU (default), #VAE_CUDA. */
  int32_t layout; /**< Of an image: #VAE_CHW (default) or #VAE_HWC. */
  void* stream;   /**< #VAE_CUDA: the cudaStream_t that wrote `data`; NULL
                       (default): the default stream. */
  const int32_t* labels;  /**< vae_dataset_from_memory(): `count` labels >= 0,
                               or NULL. Elsewhere NULL (reserved). */
  const float* condition; /**< Reserved: NULL. */
} vae_batch;

/**
 * @brief Room for rows that come out. 48 bytes, minimum 40.
 *
 * Images come as #VAE_FLOAT32 or, rounded to 0..255, as #VAE_UINT8; all else
 * as #VAE_FLOAT32 only. Nothing is written if the room is too small.
 */
typedef struct vae_output {
  uint32_t struct_size; /**< Bytes of this struct as the host knows it. */
  int32_t dtype;        /**< #VAE_UINT8 or #VAE_FLOAT32 (default). */
  void* data;           /**< The room; aligned for `dtype`. */
  uint64_t bytes;       /**< Size of `data`. */
  uint64_t written;     /**< Set by the call: bytes written. */
  int32_t device; /**< Where `data` lies: #VAE_CPU (default), #VAE_CUDA. */
  int32_t layout; /**< Of an image: #VAE_CHW (default) or #VAE_HWC. */
  void* stream;   /**< #VAE_CUDA: the cudaStream_t that will read `data`; NULL
                       (default): the default stream. */
} vae_output;

/**
 * @brief How training goes: means per image, in nats. 104 bytes, minimum 88.
 *
 * With grey pixels as Bernoulli targets the losses are "soft" losses: they
 * compare models, but bound no likelihood.
 */
typedef struct vae_metrics {
  uint32_t struct_size;     /**< Bytes of this struct as the host knows it. */
  uint32_t active_units;    /**< Latent dimensions whose mean varies over images
                                 by more than 0.01 (Burda et al. 2016). */
  uint64_t steps;           /**< Training steps, or batches evaluated. */
  uint64_t images;          /**< Images of steps that were committed. */
  uint64_t skipped_steps;   /**< Steps that committed nothing. */
  uint64_t nonfinite_steps; /**< Of these, for NaN or infinity. */
  double loss;              /**< reconstruction + KL weight x kl. */
  double reconstruction;    /**< -log p(x|z), summed over pixels. */
  double kl;  /**< KL(q(z|x) || N(0, I)), unweighted (Kingma & Welling 2014,
                   appendix B). */
  double mse; /**< Squared error per pixel of the reconstruction. */
  double gradient_norm; /**< Before clipping, root mean square over steps; 0 in
                             evaluation. */
  double seconds;       /**< Wall time inside the library. */
  double* kl_per_dim;   /**< The host's room for the KL of each latent dimension
                             (`latent` doubles); NULL (default): not wanted. */
  uint64_t kl_bytes;    /**< Size of `kl_per_dim`: at least 8 x latent. */
} vae_metrics;

/**
 * @brief What a progress callback is told. 72 bytes.
 *
 * Owned by the library and valid during the callback only. `struct_size` says
 * how much of it the library knows. Losses are means since the run began.
 */
typedef struct vae_progress {
  uint32_t struct_size;  /**< Bytes of this struct as the library knows it. */
  uint32_t phase;        /**< #VAE_PHASE_TRAIN or #VAE_PHASE_EVALUATE. */
  uint64_t epoch;        /**< The epoch under way, counted from 0. */
  uint64_t step;         /**< Steps done in this epoch or evaluation. */
  uint64_t steps;        /**< Steps that it has. */
  uint64_t images;       /**< Images done in this run. */
  double loss;           /**< As in vae_metrics. */
  double reconstruction; /**< As in vae_metrics. */
  double kl;             /**< As in vae_metrics. */
  double seconds;        /**< Wall time since the run began. */
} vae_progress;

/**
 * @brief Called by vae_train_epoch() and vae_evaluate() on their own thread.
 * @param progress Where the run stands; valid during the call.
 * @param user     vae_run.user.
 * @return 0 to go on; anything else ends the run with #VAE_E_CANCELLED.
 *
 * It must return: no exception and no longjmp may leave it. What it may call
 * is said by rule 4.
 */
typedef int32_t (*vae_progress_fn)(const vae_progress* progress, void* user);

/**
 * @brief Told of noteworthy events, on the thread whose call causes them.
 * @param level #VAE_LOG_WARNING, #VAE_LOG_INFO or #VAE_LOG_DETAIL.
 * @param text  One line; valid during the call.
 * @param user  As given to vae_set_log_callback().
 *
 * It must return, and may not call the library.
 */
typedef void (*vae_log_fn)(int32_t level, const char* text, void* user);

/** @brief How to go through a dataset. 40 bytes, minimum 24. */
typedef struct vae_run {
  uint32_t struct_size; /**< Bytes of this struct as the host knows it. */
  uint32_t every_steps; /**< `progress` is called after so many steps and at
                             the end; 0: only at the end; default 10. */
  uint64_t batch_size;  /**< 1..max_batch; 0 (default): max_batch. */
  uint64_t max_steps;   /**< Stop after so many steps; 0 (default): no limit. */
  vae_progress_fn progress; /**< NULL (default): nobody is told. */
  void* user;               /**< Handed to `progress`; default NULL. */
} vae_run;

/**
 * @brief Which codes vae_sample() draws. 56 bytes, minimum 40.
 *
 * Image i of a call is image `first` + i of the endless sequence that belongs
 * to `seed`: a sequence drawn in parts is the one drawn at once. `first` +
 * `count` is at most 2^32.
 */
typedef struct vae_sampling {
  uint32_t struct_size;   /**< Bytes of this struct as the host knows it. */
  uint32_t reserved;      /**< 0. */
  uint64_t count;         /**< Images to draw, >= 1; default 64. */
  uint64_t seed;          /**< Its own, apart from the trainer's; default 0. */
  uint64_t first;         /**< Where in the sequence to begin; default 0. */
  double temperature;     /**< z ~ temperature x N(0, I); 0 to 1e30; default 1.
                           */
  const int32_t* labels;  /**< Reserved: NULL. */
  const float* condition; /**< Reserved: NULL. */
} vae_sampling;

/** @brief One tensor of the model, as PyTorch names it. 152 bytes, all
 *         needed. Filled by vae_param_info(). */
typedef struct vae_param {
  uint32_t struct_size; /**< Bytes of this struct as the host knows it. */
  int32_t dtype;        /**< #VAE_FLOAT32; #VAE_INT64 for a counter. */
  uint32_t rank;        /**< Entries of `shape` in use. */
  uint32_t trainable;   /**< 0: BatchNorm's statistics and counters. */
  int64_t shape[8];     /**< As in PyTorch; unused entries are 0. */
  uint64_t elements;    /**< Product of the shape; 1 for a scalar. */
  char name[64];        /**< "encoder.0.weight", "fc11.bias", ...; ends in 0. */
} vae_param;

/**
 * @brief Fills a configuration with the original program's.
 * @param config      Where to.
 * @param struct_size sizeof(vae_config) as the host was compiled.
 * @param abi_version #VAE_ABI_VERSION as the host was compiled.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_VERSION for a foreign
 *         `abi_version`, which the text names with the library's.
 */
VAE_API vae_status vae_config_init(vae_config* config, uint32_t struct_size,
                                   uint32_t abi_version);
/**
 * @brief Defaults of a batch: host memory, float32, no rows.
 * @param batch       Where to.
 * @param struct_size sizeof(vae_batch) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_batch_init(vae_batch* batch, uint32_t struct_size);
/**
 * @brief Defaults of an output: host memory, float32, no room.
 * @param output      Where to.
 * @param struct_size sizeof(vae_output) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_output_init(vae_output* output, uint32_t struct_size);
/**
 * @brief Defaults of metrics: all zero, no KL per dimension wanted.
 * @param metrics     Where to.
 * @param struct_size sizeof(vae_metrics) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_metrics_init(vae_metrics* metrics, uint32_t struct_size);
/**
 * @brief Defaults of a run: the whole dataset, nobody told.
 * @param run         Where to.
 * @param struct_size sizeof(vae_run) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_run_init(vae_run* run, uint32_t struct_size);
/**
 * @brief Defaults of a sampling: 64 images of seed 0.
 * @param sampling    Where to.
 * @param struct_size sizeof(vae_sampling) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_sampling_init(vae_sampling* sampling,
                                     uint32_t struct_size);
/**
 * @brief An empty description, to be filled by vae_param_info().
 * @param param       Where to.
 * @param struct_size sizeof(vae_param) as the host was compiled.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_param_init(vae_param* param, uint32_t struct_size);

/** @} */

/**
 * @defgroup config Configuration
 * @brief Checking configurations, and writing them down.
 *
 * A configuration that is written to must have been initialised: its
 * `struct_size` and `abi_version` are read. After a failure it is as before.
 * @{
 */

/**
 * @brief Checks every field. Looks for no device and opens nothing.
 * @param config The configuration.
 * @return #VAE_OK; #VAE_E_ARGUMENT or #VAE_E_UNSUPPORTED, the text naming the
 *         first field that is not allowed and the values that are;
 *         #VAE_E_VERSION.
 */
VAE_API vae_status vae_config_validate(const vae_config* config);
/**
 * @brief Reads a JSON object whose members are the fields of vae_config.
 * @param config Set as a whole: a field absent from the text gets its default.
 * @param json   Zero-terminated UTF-8. Choices go by name: "bernoulli",
 *               "auto", ...; `layers` is an array, and there is no
 *               `layer_count`.
 * @return #VAE_OK; #VAE_E_FORMAT or #VAE_E_ARGUMENT naming an unknown member,
 *         a wrong type or a value out of range.
 */
VAE_API vae_status vae_config_from_json(vae_config* config, const char* json);
/**
 * @brief Writes a configuration as one JSON object.
 * @param config   A valid configuration.
 * @param text     Where to; NULL (with `capacity` 0) only asks for the size.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, with the final zero, also when
 *                 `text` is too small; may be NULL if `text` is not.
 * @return #VAE_OK; #VAE_E_TOO_SMALL (nothing is written); as
 *         vae_config_validate().
 */
VAE_API vae_status vae_config_to_json(const vae_config* config, char* text,
                                      uint64_t capacity, uint64_t* needed);
/**
 * @brief Reads the configuration from a JSON file, or from a model or
 *        checkpoint that libvae wrote.
 * @param config Set as a whole.
 * @param path   UTF-8.
 * @return #VAE_OK; #VAE_E_FILE; #VAE_E_FORMAT if the file holds none;
 *         #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_config_from_file(vae_config* config, const char* path);

/** @} */

/**
 * @defgroup lifetime Creating, saving, loading
 * @brief The life of a trainer.
 *
 * Files are safetensors: the tensors have the names and shapes of the PyTorch
 * module, so either side reads the other's. They are written beside the target
 * and renamed: a file is whole or as before.
 * @{
 */

/**
 * @brief Makes a trainer, initialised as PyTorch would, from `seed`.
 * @param config  Copied.
 * @param trainer Set to the new trainer, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; as vae_config_validate(); #VAE_E_DEVICE saying why the
 *         device cannot be used; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_create(const vae_config* config, vae_trainer** trainer);
/**
 * @brief Makes a trainer from a file of vae_save() or of PyTorch.
 * @param path    UTF-8.
 * @param config  NULL: model and settings as in the file, device chosen anew.
 *                Else its model fields must agree with the file and all other
 *                settings are taken from it. A file that libvae did not write
 *                needs one.
 * @param trainer Set to the new trainer, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; #VAE_E_FILE; #VAE_E_FORMAT; #VAE_E_VERSION; as
 *         vae_create().
 *
 * A checkpoint that goes on with the same engine, LibTorch, processor type and
 * thread count on the CPU continues bit for bit.
 */
VAE_API vae_status vae_load(const char* path, const vae_config* config,
                            vae_trainer** trainer);
/**
 * @brief vae_load() from memory.
 * @param data    The file's bytes; not kept.
 * @param bytes   How many.
 * @param config  As in vae_load().
 * @param trainer As in vae_load().
 * @return As vae_load(), but for #VAE_E_FILE.
 */
VAE_API vae_status vae_load_memory(const void* data, uint64_t bytes,
                                   const vae_config* config,
                                   vae_trainer** trainer);
/**
 * @brief Writes the model or a checkpoint to a file. Waits for the device.
 * @param trainer The trainer.
 * @param path    UTF-8; an existing file is replaced.
 * @param what    #VAE_SAVE_MODEL or #VAE_SAVE_CHECKPOINT.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE (a file that was there is as
 *         before).
 */
VAE_API vae_status vae_save(vae_trainer* trainer, const char* path,
                            int32_t what);
/**
 * @brief vae_save() to memory: the same bytes.
 * @param trainer  The trainer.
 * @param what     #VAE_SAVE_MODEL or #VAE_SAVE_CHECKPOINT.
 * @param data     Where to; NULL (with `capacity` 0) only asks for the size.
 * @param capacity Bytes of `data`.
 * @param needed   Set to the bytes needed, also when `data` is too small; may
 *                 be NULL if `data` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL (nothing is written).
 */
VAE_API vae_status vae_save_memory(vae_trainer* trainer, int32_t what,
                                   void* data, uint64_t capacity,
                                   uint64_t* needed);
/**
 * @brief Frees a trainer, waiting for what it still has to do. Never changes
 *        vae_last_error(), with one exception.
 * @param trainer May be NULL.
 *
 * The exception: called while the trainer is inside another call (on another
 * thread, or around a progress callback) it does nothing but set
 * vae_last_error().
 */
VAE_API void vae_destroy(vae_trainer* trainer);
/**
 * @brief The configuration in force: device and threads resolved, learning
 *        rate and KL weight as last set.
 * @param trainer The trainer.
 * @param config  Initialised; set as a whole.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_VERSION.
 */
VAE_API vae_status vae_get_config(vae_trainer* trainer, vae_config* config);

/** @} */

/**
 * @defgroup training Training, step by step
 * @brief The host owns the loop.
 * @{
 */

/**
 * @brief One step of gradient descent on -ELBO (Kingma & Welling 2014, eq. 10).
 * @param trainer The trainer.
 * @param batch   1..max_batch images; at least 2 if the convolutions leave
 *                one pixel, which BatchNorm cannot normalise by itself.
 * @param metrics NULL: the call does not wait for the device (at most two
 *                steps run ahead), and failures seen late come from the next
 *                call that waits. Else it waits, and describes this step alone.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL for `kl_per_dim`;
 *         #VAE_E_NONFINITE if configured. After a failure parameters, moments,
 *         counts and running statistics are as before.
 */
VAE_API vae_status vae_train_step(vae_trainer* trainer, const vae_batch* batch,
                                  vae_metrics* metrics);
/**
 * @brief The same sums without learning: BatchNorm by its running statistics,
 *        z drawn by row index, so that a call is repeatable.
 * @param trainer The trainer.
 * @param batch   Images, any count.
 * @param metrics Set.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_eval_step(vae_trainer* trainer, const vae_batch* batch,
                                 vae_metrics* metrics);
/**
 * @brief Sums of the training steps since the last read; waits for the device.
 * @param trainer The trainer.
 * @param metrics Set; a failure leaves the sums to be read again.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; late failures.
 */
VAE_API vae_status vae_read_metrics(vae_trainer* trainer, vae_metrics* metrics);
/**
 * @brief Waits until everything issued has happened.
 * @param trainer The trainer.
 * @return #VAE_OK; late failures.
 */
VAE_API vae_status vae_synchronize(vae_trainer* trainer);
/**
 * @brief Changes a number between steps.
 * @param trainer The trainer.
 * @param key     #VAE_LEARNING_RATE ... #VAE_EPOCH.
 * @param value   In the range given beside the key.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_UNSUPPORTED for #VAE_PHASE.
 */
VAE_API vae_status vae_set(vae_trainer* trainer, int32_t key, double value);
/**
 * @brief Reads a number.
 * @param trainer The trainer.
 * @param key     #VAE_LEARNING_RATE ... #VAE_EPOCH.
 * @param value   Set.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_UNSUPPORTED for #VAE_PHASE.
 */
VAE_API vae_status vae_get(vae_trainer* trainer, int32_t key, double* value);

/** @} */

/**
 * @defgroup inference Encoding, decoding, sampling
 * @brief Use of the model, at any time; never changes a training step.
 *
 * BatchNorm uses its running statistics. Counts are not bounded by max_batch.
 * Room that is too small is #VAE_E_TOO_SMALL before anything is computed.
 * @{
 */

/**
 * @brief Mean and log-variance of q(z|x), float32 [count][latent] each.
 * @param trainer The trainer.
 * @param images  Images, any count.
 * @param mean    Room for the means, or NULL.
 * @param logvar  Room for the log-variances, or NULL; not both NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_encode(vae_trainer* trainer, const vae_batch* images,
                              vae_output* mean, vae_output* logvar);
/**
 * @brief Codes to images: probabilities (Bernoulli) or means (Gaussian).
 * @param trainer The trainer.
 * @param codes   Finite float32 [count][latent].
 * @param images  Room for [count] images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_decode(vae_trainer* trainer, const vae_batch* codes,
                              vae_output* images);
/**
 * @brief Draws codes from the prior and decodes them: generation.
 * @param trainer  The trainer.
 * @param sampling Which ones.
 * @param images   Room for [sampling.count] images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_UNSUPPORTED for
 *         labels or a condition.
 */
VAE_API vae_status vae_sample(vae_trainer* trainer,
                              const vae_sampling* sampling, vae_output* images);
/**
 * @brief Encodes, takes the mean as the code, decodes.
 * @param trainer The trainer.
 * @param images  Images, any count.
 * @param output  Room for as many images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_reconstruct(vae_trainer* trainer,
                                   const vae_batch* images, vae_output* output);
/**
 * @brief -log p(x|z) and KL(q(z|x) || N(0, I)) of each image, in nats.
 * @param trainer        The trainer.
 * @param batch          Images, any count; z is drawn by row index, so that a
 *                       call is repeatable.
 * @param reconstruction Room for float32 [count], or NULL.
 * @param kl             Room for float32 [count], or NULL; not both NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_score(vae_trainer* trainer, const vae_batch* batch,
                             vae_output* reconstruction, vae_output* kl);

/** @} */

/**
 * @defgroup dataset Datasets and whole epochs
 * @brief Images that are read once and stay.
 * @{
 */

/**
 * @brief Opens images by what `path` is.
 * @param path A folder with MNIST's file names, gzipped or not: its training
 *             set, or with "/train" or "/test" appended that set; one IDX
 *             file; a folder of PNG files, whose subfolders, sorted, are the
 *             labels 0, 1, ...; a folder that holds `train` and `test`. UTF-8.
 *             An alpha channel of PNG files is dropped, 16 bits become 8.
 * @param labels_path For one IDX file: the IDX file of its labels; else NULL.
 * @param dataset Set to the new dataset, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; #VAE_E_FILE if nothing is there or it cannot be read;
 *         #VAE_E_FORMAT naming file and offence, also of a folder that can be
 *         read in two ways; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_dataset_open(const char* path, const char* labels_path,
                                    vae_dataset** dataset);
/**
 * @brief Copies images, and labels if there are any, from host memory.
 * @param all       Images as uint8 or float32, kept as such, with labels.
 * @param shape_chw Three numbers: channels, height, width.
 * @param dataset   Set to the new dataset, which the host destroys; NULL after
 *                  a failure.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_dataset_from_memory(const vae_batch* all,
                                           const uint32_t* shape_chw,
                                           vae_dataset** dataset);
/**
 * @brief What a dataset holds. Each result may be NULL if not wanted.
 * @param dataset   The dataset.
 * @param count     Set to the number of images.
 * @param shape_chw Three numbers, set to channels, height, width.
 * @param classes   Set to the largest label + 1; 0 without labels.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_dataset_info(vae_dataset* dataset, uint64_t* count,
                                    uint32_t* shape_chw, uint32_t* classes);
/**
 * @brief Copies images [first, first + count) out, and their labels.
 * @param dataset     The dataset.
 * @param first       The first image, from 0.
 * @param count       How many, >= 1.
 * @param images      Room in host memory, or NULL. Float32 lies in [0, 1].
 * @param labels      Room for `count` labels, or NULL; not both NULL.
 * @param label_bytes Bytes of `labels`, at least 4 x count.
 * @return #VAE_OK; #VAE_E_ARGUMENT outside the set, or for labels of a set
 *         without; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_dataset_read(vae_dataset* dataset, uint64_t first,
                                    uint64_t count, vae_output* images,
                                    int32_t* labels, uint64_t label_bytes);
/**
 * @brief Frees the handle; trainers that still use the images keep them.
 * @param dataset May be NULL.
 */
VAE_API void vae_dataset_destroy(vae_dataset* dataset);
/**
 * @brief Trains through a dataset once, in an order keyed by (seed, epoch).
 * @param trainer The trainer.
 * @param dataset Images of the model's shape.
 * @param run     How; NULL: vae_run_init()'s defaults.
 * @param metrics Set to the means over this call's steps; may be NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_CANCELLED;
 *         #VAE_E_NONFINITE. Steps done before are kept.
 *
 * The last batch may be smaller; a single last image that BatchNorm cannot
 * take is left out. If the run is stopped (vae_cancel(), the callback,
 * max_steps), the next call goes on where it stopped, and what was done is
 * part of vae_read_metrics() as are all steps.
 */
VAE_API vae_status vae_train_epoch(vae_trainer* trainer, vae_dataset* dataset,
                                   const vae_run* run, vae_metrics* metrics);
/**
 * @brief The metrics of a set without learning, z drawn by image index: a call
 *        is repeatable, and does not depend on the batch size but by rounding.
 * @param trainer The trainer.
 * @param dataset Images of the model's shape.
 * @param run     How; NULL: vae_run_init()'s defaults.
 * @param metrics Set; may be NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_CANCELLED.
 */
VAE_API vae_status vae_evaluate(vae_trainer* trainer, vae_dataset* dataset,
                                const vae_run* run, vae_metrics* metrics);
/**
 * @brief From any thread: while on, vae_train_epoch() and vae_evaluate() stop
 *        at the next step with #VAE_E_CANCELLED; on a GPU, before the next
 *        CUDA graph of steps (graph_steps).
 * @param trainer The trainer; it must not be destroyed meanwhile.
 * @param on      1 or 0. A level and no pulse: the library never clears it.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_cancel(vae_trainer* trainer, int32_t on);

/** @} */

/**
 * @defgroup params Parameters
 * @brief Every tensor of the model, in the order, names and shapes of the
 *        PyTorch module's state_dict. BatchNorm's counts of batches
 *        (`num_batches_tracked`) are the updates applied, and only read.
 * @{
 */

/**
 * @brief How many tensors there are.
 * @param trainer The trainer.
 * @param count   Set.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_param_count(vae_trainer* trainer, uint32_t* count);
/**
 * @brief Name, type and shape of a tensor.
 * @param trainer The trainer.
 * @param index   0 .. count - 1.
 * @param param   Initialised; set.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_param_info(vae_trainer* trainer, uint32_t index,
                                  vae_param* param);
/**
 * @brief Copies a tensor to host memory, in PyTorch's order.
 * @param trainer The trainer.
 * @param name    As vae_param_info() gives it.
 * @param what    #VAE_VALUE, #VAE_GRADIENT, #VAE_MOMENT1 or #VAE_MOMENT2; the
 *                last three of trainable tensors only.
 * @param data    Room for `elements` numbers of the tensor's type.
 * @param bytes   Size of `data`.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_UNSUPPORTED for a
 *         gradient without `keep_gradients`.
 */
VAE_API vae_status vae_param_read(vae_trainer* trainer, const char* name,
                                  int32_t what, void* data, uint64_t bytes);
/**
 * @brief Replaces a tensor from host memory, in PyTorch's order.
 * @param trainer The trainer.
 * @param name    As vae_param_info() gives it.
 * @param what    #VAE_VALUE, #VAE_MOMENT1 or #VAE_MOMENT2.
 * @param data    `elements` finite numbers of the tensor's type.
 * @param bytes   Size of `data`: exactly that of the tensor.
 * Squares (#VAE_MOMENT2) and running variances must not be negative.
 * @return #VAE_OK; #VAE_E_ARGUMENT (the tensor is as before);
 *         #VAE_E_UNSUPPORTED for `num_batches_tracked`, which is
 *         #VAE_UPDATES.
 */
VAE_API vae_status vae_param_write(vae_trainer* trainer, const char* name,
                                   int32_t what, const void* data,
                                   uint64_t bytes);

/** @} */

/**
 * @defgroup about Pictures and information
 * @brief What one looks at.
 * @{
 */

/**
 * @brief Writes images as a grid in a PNG file, drawn as torchvision's
 *        save_image does: 2 black pixels around each image. At most 1000000
 *        pixels on a side and 268435456 in all.
 * @param path      UTF-8; an existing file is replaced, whole or not at all.
 * @param images    In host memory, uint8 or float32 (clipped to [0, 1]).
 * @param shape_chw Three numbers: channels (1 or 3), height, width.
 * @param columns   Images in a row; 0: the square root of the count, rounded
 *                  up.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE.
 */
VAE_API vae_status vae_write_grid(const char* path, const vae_batch* images,
                                  const uint32_t* shape_chw, uint32_t columns);
/**
 * @brief Writes an array as a NumPy file (.npy), which numpy.load() reads:
 *        codes, scores, parameters.
 * @param path  UTF-8; an existing file is replaced, whole or not at all.
 * @param data  The numbers in host memory, in C order: the last dimension
 *              fastest. NaN and infinity are written as they are.
 * @param bytes Size of `data`: exactly that of the array.
 * @param dtype #VAE_FLOAT32, #VAE_UINT8 or #VAE_INT64.
 * @param shape `rank` sizes, each at least 1.
 * @param rank  Dimensions, 1..8.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE.
 */
VAE_API vae_status vae_write_array(const char* path, const void* data,
                                   uint64_t bytes, int32_t dtype,
                                   const uint64_t* shape, uint32_t rank);
/**
 * @brief The name of a status: "VAE_E_ARGUMENT".
 * @param status Any value.
 * @return Never NULL and never to be freed; "unknown status" for others.
 */
VAE_API const char* vae_status_name(vae_status status);
/**
 * @brief The text of this thread's last failure.
 * @return Never NULL ("" before the first one), owned by the library, valid
 *         until this thread's next failure.
 */
VAE_API const char* vae_last_error(void);
/**
 * @brief Version of the library, "major.minor.patch".
 * @return Never NULL and never to be freed.
 */
VAE_API const char* vae_version(void);
/**
 * @brief #VAE_ABI_VERSION that the library was compiled with.
 * @return The number.
 */
VAE_API uint32_t vae_abi_version(void);
/**
 * @brief Where the fields of every struct lie, for a host in another language
 *        to hold its own declarations against.
 * @param text     Where to; NULL (with `capacity` 0) only asks for the size.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, with the final zero; may be NULL if
 *                 `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 *
 * Lines in the order of this file, each ending in a newline: "vae_config 200
 * 8" gives a struct's size and alignment, "vae_config.latent 28 4" a field's
 * offset and size. As structs only grow at their end, every line about a field
 * stays as it is; a struct may become larger.
 */
VAE_API vae_status vae_layout(char* text, uint64_t capacity, uint64_t* needed);
/**
 * @brief JSON: version, compiler, flavour, LibTorch, instruction set.
 * @param text     Where to; NULL (with `capacity` 0) only asks for the size.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, with the final zero; may be NULL if
 *                 `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_build_info(char* text, uint64_t capacity,
                                  uint64_t* needed);
/**
 * @brief JSON: each device, whether it can be used, and if not, why; with a
 *        trainer: what that one runs on and why.
 * @param trainer_or_null A trainer, or NULL.
 * @param text     Where to; NULL (with `capacity` 0) only asks for the size.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, with the final zero; may be NULL if
 *                 `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_diagnose(vae_trainer* trainer_or_null, char* text,
                                uint64_t capacity, uint64_t* needed);
/**
 * @brief Who is told of noteworthy events: one for the process, none at first.
 * @param callback  May be called from any thread that calls the library; NULL
 *                  turns it off.
 * @param user      Handed to `callback`.
 * @param min_level How noteworthy an event must at least be: with
 *                  #VAE_LOG_WARNING only warnings are told, with
 *                  #VAE_LOG_DETAIL everything. Not looked at without callback.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_set_log_callback(vae_log_fn callback, void* user,
                                        int32_t min_level);

/** @} */

/**
 * @defgroup helpers One-line helpers
 * @brief Inline functions for host memory; all they do is fill structs.
 * @{
 */

/**
 * @brief The original program's configuration, of this header's version.
 * @return With `struct_size` 0, which every call refuses, if the library is of
 *         another version; vae_last_error() says so.
 */
static inline vae_config vae_default_config(void) {
  vae_config config;
  if (vae_config_init(&config, sizeof config, VAE_ABI_VERSION) != VAE_OK) {
    config.struct_size = 0;
  }
  return config;
}

/**
 * @brief A batch of `count` rows of `row_elements` bytes each.
 * @param data         The rows; must outlive the batch.
 * @param count        Rows.
 * @param row_elements Numbers of one row, such as 784.
 * @return The view.
 */
static inline vae_batch vae_view_u8(const uint8_t* data, uint64_t count,
                                    uint64_t row_elements) {
  vae_batch batch;
  (void)vae_batch_init(&batch, sizeof batch);
  batch.dtype = VAE_UINT8;
  batch.data = data;
  batch.bytes = count * row_elements;
  batch.count = count;
  return batch;
}

/**
 * @brief A batch of `count` rows of `row_elements` floats each.
 * @param data         The rows; must outlive the batch.
 * @param count        Rows.
 * @param row_elements Numbers of one row, such as 784 or `latent`.
 * @return The view.
 */
static inline vae_batch vae_view_f32(const float* data, uint64_t count,
                                     uint64_t row_elements) {
  vae_batch batch;
  (void)vae_batch_init(&batch, sizeof batch);
  batch.dtype = VAE_FLOAT32;
  batch.data = data;
  batch.bytes = count * row_elements * sizeof *data;
  batch.count = count;
  return batch;
}

/**
 * @brief Room for `elements` bytes.
 * @param data     The room; must outlive the output.
 * @param elements Numbers that it holds.
 * @return The view.
 */
static inline vae_output vae_room_u8(uint8_t* data, uint64_t elements) {
  vae_output output;
  (void)vae_output_init(&output, sizeof output);
  output.dtype = VAE_UINT8;
  output.data = data;
  output.bytes = elements;
  return output;
}

/**
 * @brief Room for `elements` floats.
 * @param data     The room; must outlive the output.
 * @param elements Numbers that it holds.
 * @return The view.
 */
static inline vae_output vae_room_f32(float* data, uint64_t elements) {
  vae_output output;
  (void)vae_output_init(&output, sizeof output);
  output.dtype = VAE_FLOAT32;
  output.data = data;
  output.bytes = elements * sizeof *data;
  return output;
}

/**
 * @brief Metrics to be filled, without KL per dimension.
 * @return All zero.
 */
static inline vae_metrics vae_no_metrics(void) {
  vae_metrics metrics;
  (void)vae_metrics_init(&metrics, sizeof metrics);
  return metrics;
}

/**
 * @brief `count` images of the sequence that belongs to `seed`.
 * @param count Images.
 * @param seed  Any.
 * @return The sampling.
 */
static inline vae_sampling vae_draw(uint64_t count, uint64_t seed) {
  vae_sampling sampling;
  (void)vae_sampling_init(&sampling, sizeof sampling);
  sampling.count = count;
  sampling.seed = seed;
  return sampling;
}

/**
 * @brief A run through a whole dataset that tells nobody.
 * @return vae_run_init()'s defaults.
 */
static inline vae_run vae_default_run(void) {
  vae_run run;
  (void)vae_run_init(&run, sizeof run);
  return run;
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif /* VAE_H */
