/**
 * @file vae.h
 * @brief The C interface of libvae: variational autoencoders, trained and run
 *        inside your program.
 *
 * One opaque trainer, one call per training step. You choose a model by filling
 * a configuration; you do not write layers. The header needs C99 or C++11 on a
 * 64-bit system and includes no other header of libvae. It contains no code
 * except the inline helpers at its end.
 *
 * @par Rules
 * These ten rules hold for every function below:
 *
 * 1.  **Status.** Every function that can fail returns #vae_status: #VAE_OK is
 *     0, every other value is a failure. Codes come in groups with gaps and are
 *     never renumbered. vae_status_name() gives the name of any value.
 *     vae_last_error() gives the text of the calling thread's last failure: the
 *     value seen and the values allowed. Only the next failure of the same
 *     thread replaces this text. Successful calls do not change it.
 * 2.  **No exceptions.** No exception leaves a function. The library never
 *     prints, exits or installs a signal handler, and never aborts because of a
 *     caller's mistake. Your callbacks must return normally: no exception,
 *     longjmp or panic may leave them. pthread_cancel() of a thread inside a
 *     call takes effect after the call; a callback must not enable cancellation
 *     earlier. A call needs 256 KiB of stack in addition to what your callbacks
 *     use.
 * 3.  **Handles** are opaque and typed. The destroy functions accept NULL.
 *     Handles may be destroyed in any order: a handle keeps alive what it uses
 *     of another.
 * 4.  **Threads.** One trainer serves one thread at a time. A call from a
 *     second thread returns #VAE_E_BUSY. Different trainers are independent.
 *     There are two exceptions. vae_cancel() may be called from any thread. A
 *     progress callback may use its own trainer to encode, decode, sample,
 *     reconstruct, score, save, get, set, read and write parameters,
 *     synchronise and diagnose; to train, evaluate, read metrics or destroy it
 *     there returns #VAE_E_BUSY. A dataset is immutable: any number of threads
 *     may use it at once. Do not destroy a handle while another thread is
 *     entering a call with it.
 *     **After fork()** a trainer works only in the process that created it. In
 *     the child its calls return #VAE_E_POISONED, and vae_destroy() does not
 *     free its memory. Datasets work in both processes. A child may create its
 *     own trainers. On the CPU, #VAE_ENGINE_TILE has no restriction;
 *     #VAE_ENGINE_BLOCKS is limited to one thread if a trainer of the parent
 *     had several (`threads` 0 then means 1, more is #VAE_E_UNSUPPORTED). On a
 *     GPU a child can create one only if the parent has not used a GPU; this is
 *     a rule of CUDA.
 * 5.  **Structs** are plain, begin with `struct_size`, have no padding and grow
 *     only at their end. Fill them with their init function. It takes the size
 *     that your program was compiled with and never writes past it. A struct
 *     may be shorter than this library's, down to its documented minimum: the
 *     missing fields have their defaults. A longer struct is accepted if all
 *     bytes unknown to this library are zero, else it is #VAE_E_VERSION. Zero
 *     is not a valid value of any choice, so a forgotten field is an error and
 *     not a silent default.
 * 6.  **Memory.** Buffers that you pass are borrowed for the call. Host data is
 *     copied before the call returns; GPU data is ordered by the stream given
 *     with it. Every buffer has its size in bytes beside it, and nothing is
 *     written beyond that size. For texts and files in memory, call with
 *     (NULL, 0) to get the number of bytes needed, then call again.
 * 7.  **A failed call changes nothing.** A step's loss, gradient and BatchNorm
 *     statistics are checked before the step is committed. No update produces a
 *     number outside float32's range, so vae_load() accepts every file that
 *     vae_save() writes. If work fails on the device after the call that issued
 *     it has returned, the next call that waits reports the failure. If a
 *     device is lost, or a step's commit ends with #VAE_E_INTERNAL, every later
 *     call of its trainer returns #VAE_E_POISONED; the trainer can still be
 *     destroyed.
 * 8.  **Version.** #VAE_ABI_VERSION is the version of this interface, not of
 *     the library. vae_config_init() takes the version that your program was
 *     compiled with. If the library has a different one, it returns
 *     #VAE_E_VERSION.
 * 9.  **Random numbers** are part of a trainer, not of the process: two
 *     trainers used in turn give the same results as each alone. Encoding,
 *     decoding, sampling, scoring and evaluating never change a later training
 *     step.
 * 10. **Images** are [count][channel][row][column] without gaps, unless the
 *     layout field says [row][column][channel]. Decoding gives probabilities
 *     (Bernoulli) or means (Gaussian). Paths are UTF-8. Training accepts at
 *     most `max_batch` images per step; inference accepts any count.
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
 * @brief Values that functions return.
 * @{
 */

/** Version of this interface; increased when compiled programs would break. */
#define VAE_ABI_VERSION 1

/** #VAE_OK or one of the VAE_E_ codes; treat unknown values as failures. */
typedef int32_t vae_status;

/** The call succeeded. */
#define VAE_OK 0
/** A value is not allowed; the text names the allowed values. */
#define VAE_E_ARGUMENT 100
/** A buffer is too small; the text says how many bytes are needed. */
#define VAE_E_TOO_SMALL 101
/** Valid request, not supported by this build, device or version. */
#define VAE_E_UNSUPPORTED 102
/** The trainer is inside another call (another thread, or a callback). */
#define VAE_E_BUSY 200
/** The trainer's device was lost, a defect of libvae interrupted the commit of
 * a step, or the trainer was created before fork() in the parent process; it
 * can only be destroyed. */
#define VAE_E_POISONED 201
/** Host or device memory is exhausted. */
#define VAE_E_MEMORY 300
/** The device does not exist or has failed. */
#define VAE_E_DEVICE 400
/** The operating system refused a file operation. */
#define VAE_E_FILE 500
/** The content of a file is invalid. */
#define VAE_E_FORMAT 510
/** Made for another version of this interface or of the file format. */
#define VAE_E_VERSION 600
/** Stopped by vae_cancel() or the progress callback; completed steps count. */
#define VAE_E_CANCELLED 700
/** NaN or infinity in a training step, which was not committed. */
#define VAE_E_NONFINITE 800
/** A bug in libvae; please report the text. */
#define VAE_E_INTERNAL 900

/** @} */

/**
 * @defgroup choices Choices
 * @brief The values of all enumerated fields and parameters.
 *
 * Zero is never a valid value. Numbers are never reused.
 * @{
 */

/* [fields: choices] by tools/fields/generate; do not edit */
/** vae_config.model: variational autoencoder (Kingma & Welling 2014). */
#define VAE_MODEL_VAE 1

/** vae_config.net: convolutions with BatchNorm and LeakyReLU, for images. */
#define VAE_NET_CONV 1
/** vae_config.net: fully connected layers without BatchNorm, for vectors of any
 *  kind. */
#define VAE_NET_DENSE 2

/** vae_config.likelihood: Bernoulli on logits; targets anywhere in [0, 1]. */
#define VAE_BERNOULLI 1
/** vae_config.likelihood: Gaussian of fixed variance, `gaussian_sigma`
 *  squared. */
#define VAE_GAUSSIAN 2

/** Device: the CPU and host memory. */
#define VAE_CPU 1
/** Device: an NVIDIA GPU and its memory. */
#define VAE_CUDA 2
/** Device: a GPU if one can be used, else the CPU; only in a configuration. */
#define VAE_AUTO 3

/** vae_config.precision: IEEE single precision. */
#define VAE_FP32 1
/** vae_config.precision: inputs of matrix products rounded to TF32 (GPU). */
#define VAE_TF32 2
/** vae_config.precision: matrix products of bfloat16 inputs, accumulated in
 *  single precision. */
#define VAE_BF16 3

/** vae_config.engine: the fastest engine that supports the configuration. */
#define VAE_ENGINE_AUTO 1
/** vae_config.engine: any shape on any device; the reference for the others. */
#define VAE_ENGINE_BLOCKS 2
/** vae_config.engine: fused kernels of libvae, GPU only. They also compute the
 *  matrix products if precision is bf16, compute capability is at least 8.0,
 *  images have one channel, and `layers` and `latent` are multiples of 8;
 *  otherwise LibTorch does. The field "products" of vae_diagnose() tells
 *  which. */
#define VAE_ENGINE_FUSED 3
/** vae_config.engine: every layer is computed tile by tile in the cache. CPU
 *  only; convolutions whose channels are multiples of 16, images of at most 4
 *  channels. */
#define VAE_ENGINE_TILE 4

/** vae_config.nonfinite: the step fails with #VAE_E_NONFINITE. */
#define VAE_NONFINITE_ERROR 1
/** vae_config.nonfinite: the step is counted as skipped, training continues. */
#define VAE_NONFINITE_SKIP 2

/** vae_config.graph: where possible; vae_diagnose() tells. */
#define VAE_GRAPH_AUTO 1
/** vae_config.graph: always; #VAE_E_UNSUPPORTED where it is not possible. */
#define VAE_GRAPH_ON 2
/** vae_config.graph: never: every kernel is launched individually. */
#define VAE_GRAPH_OFF 3

/** vae_config.optimizer: Adam (Kingma & Ba 2015), as torch.optim.Adam. */
#define VAE_ADAM 1
/** vae_config.optimizer: stochastic gradient descent with momentum `beta1`, as
 *  torch.optim.SGD. */
#define VAE_SGD 2

/** vae_config.schedule: `learning_rate`. */
#define VAE_SCHEDULE_CONSTANT 1
/** vae_config.schedule: from `learning_rate` along half a cosine to
 *  `schedule_floor` times it (Loshchilov & Hutter 2017). */
#define VAE_SCHEDULE_COSINE 2
/* [end of choices] */

/** Element type: unsigned byte; 0..255 stands for 0..1. */
#define VAE_UINT8 1
/** Element type: IEEE single precision. */
#define VAE_FLOAT32 2
/** Element type: signed 64-bit integer; for BatchNorm's counters and
 *  vae_write_array(). */
#define VAE_INT64 3

/** Layout: [channel][row][column], as in PyTorch. */
#define VAE_CHW 1
/** Layout: [row][column][channel], as in image files. */
#define VAE_HWC 2

/** vae_save(): the tensors of the PyTorch module and the configuration. */
#define VAE_SAVE_MODEL 1
/** vae_save(): a model and everything needed to continue training. */
#define VAE_SAVE_CHECKPOINT 2

/** vae_param_read(), vae_param_write(): the parameter itself. */
#define VAE_VALUE 1
/** vae_param_read(): the last step's gradient; needs `keep_gradients`. */
#define VAE_GRADIENT 2
/** Adam's running mean of the gradient. */
#define VAE_MOMENT1 3
/** Adam's running mean of the squared gradient. */
#define VAE_MOMENT2 4

/** vae_set(), vae_get(): learning rate before schedules, 0 to 1e30. */
#define VAE_LEARNING_RATE 1
/** vae_set(), vae_get(): weight of the KL divergence after its warm-up, 0 to
 *  1e30. */
#define VAE_KL_WEIGHT 2
/** vae_set(), vae_get(): steps issued, an integer up to 2^53; training stops
 *  there. Part of the key of the noise. */
#define VAE_STEP 3
/** vae_set(), vae_get(): updates applied (Adam's t), an integer up to 2^53; the
 *  count stays there. */
#define VAE_UPDATES 4
/** vae_set(), vae_get(): epochs finished, an integer up to 2^53; epochs stop
 *  there. Part of the key of the data order. Setting it restarts that epoch
 *  from its first image. */
#define VAE_EPOCH 5
/** Reserved for models with several phases: #VAE_E_UNSUPPORTED for now. */
#define VAE_PHASE 6

/** vae_progress.phase: called from vae_train_epoch(). */
#define VAE_PHASE_TRAIN 1
/** vae_progress.phase: called from vae_evaluate(). */
#define VAE_PHASE_EVALUATE 2

/** Log level: a problem that the host should know about. */
#define VAE_LOG_WARNING 1
/** Log level: which engine, device and options were chosen, and why. */
#define VAE_LOG_INFO 2
/** Log level: everything else. */
#define VAE_LOG_DETAIL 3

/** Number of entries of vae_config.layers. */
#define VAE_MAX_LAYERS 8

/** @} */

/**
 * @defgroup structs Structs
 * @brief Inputs and outputs, and the functions that initialise them.
 *
 * Each init function takes a struct and its `sizeof` in the calling program. It
 * fills the struct with the defaults given beside the fields and sets
 * `struct_size`. It writes no byte beyond `struct_size`. It returns
 * #VAE_E_ARGUMENT, and leaves the struct as it was, for NULL and for a size
 * that is below the struct's minimum, above 4096 or not a multiple of 8.
 * @{
 */

/** A model with its optimizer. Created by vae_create() and vae_load(), owned by
 *  the host, freed by vae_destroy(). */
typedef struct vae_trainer vae_trainer;

/** Images in memory. Created by vae_dataset_open() and
 *  vae_dataset_from_memory(), freed by vae_dataset_destroy(). */
typedef struct vae_dataset vae_dataset;

/* [fields: vae_config] by tools/fields/generate; do not edit */
/**
 * @brief Model, objective, optimizer and execution of a trainer. 248 bytes,
 *        minimum 168.
 *
 * The defaults are those of the original program: a convolutional VAE for 28x28
 * grey images, trained with Adam in batches of 64.
 */
typedef struct vae_config {
  /** sizeof(vae_config) in the host. */
  uint32_t struct_size;
  /** #VAE_ABI_VERSION of the host. */
  uint32_t abi_version;
  /** Which model is trained: #VAE_MODEL_VAE (default). */
  int32_t model;
  /** Which network: #VAE_NET_CONV (default), #VAE_NET_DENSE. */
  int32_t net;
  /** Channels of an image, 1..4096; default 1. A vector that is not an image is
   *  1 x 1 x its length. */
  uint32_t channels;
  /** Rows of an image, 1..4096; default 28. */
  uint32_t height;
  /** Columns of an image, 1..4096; default 28. Channels x height x width is at
   *  most 16777216. */
  uint32_t width;
  /** Length of the latent code, 1..4096; default 32. */
  uint32_t latent;
  /** Entries of `layers` in use; default 3. */
  uint32_t layer_count;
  /** Reserved: 0. */
  uint32_t condition_size;
  /** #VAE_NET_CONV: output channels of the encoder's 2..8 convolutions, each
   *  1..4096. All but the last halve height and width (kernel 4, stride 2); the
   *  last keeps them (kernel 3). The decoder mirrors the encoder.
   *  #VAE_NET_DENSE: 1..8 hidden sizes, each 1..65536. Entries beyond
   *  `layer_count` are zero. Default 64, 128, 128. */
  uint32_t layers[VAE_MAX_LAYERS];
  /** p(x|z): #VAE_BERNOULLI (default), #VAE_GAUSSIAN. */
  int32_t likelihood;
  /** 1 (default): the gradient is of the loss summed over the batch, as in the
   *  original; 0: of its mean. Reported losses are always means. */
  int32_t sum_gradient;
  /** Standard deviation of #VAE_GAUSSIAN, in units of a pixel's [0, 1], 1e-15
   *  to 1e15; default 1. */
  double gaussian_sigma;
  /** Weight of the KL divergence (beta of beta-VAE), 0 to 1e30; default 1. */
  double kl_weight;
  /** Adam's step size, 0 to 1e30; default 0.001. */
  double learning_rate;
  /** Decay of Adam's mean of the gradient, in [0, 1); default 0.9. */
  double beta1;
  /** Decay of Adam's mean of the squared gradient, in [0, 1); default 0.999. */
  double beta2;
  /** Added to Adam's divisor, 1e-37 to 1e30; default 1e-8. */
  double epsilon;
  /** Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30; default 0.
   *  Each element of the sum is limited to +-1e18. */
  double weight_decay;
  /** The whole gradient is scaled down to this norm, 0 to 1e30; 0 (default): no
   *  clipping. */
  double clip_norm;
  /** Of initialisation, noise and data order; default 0. */
  uint64_t seed;
  /** Most images of a training step, 1..65536; default 64. The first step
   *  allocates memory for them. Inference takes any count. */
  uint32_t max_batch;
  /** Codes drawn per image in training: only 1. */
  uint32_t samples;
  /** CPU threads of this trainer, 1..1024; 0 (default): LibTorch's choice. */
  uint32_t threads;
  /** 1: vae_param_read() can read gradients after a step; 0 (default): it
   *  cannot. */
  uint32_t keep_gradients;
  /** Where it computes: #VAE_CPU, #VAE_CUDA, #VAE_AUTO (default). */
  int32_t device;
  /** Which GPU, 0..1023; default 0. */
  int32_t device_index;
  /** Arithmetic of matrix products: #VAE_FP32 (default), #VAE_TF32,
   *  #VAE_BF16. */
  int32_t precision;
  /** What computes the network: #VAE_ENGINE_AUTO (default), #VAE_ENGINE_BLOCKS,
   *  #VAE_ENGINE_FUSED, #VAE_ENGINE_TILE. */
  int32_t engine;
  /** What a training step does that is NaN or infinite: #VAE_NONFINITE_ERROR
   *  (default), #VAE_NONFINITE_SKIP. */
  int32_t nonfinite;
  /** 1: deterministic algorithms on a GPU; 0 (default): any. The CPU is always
   *  deterministic. */
  int32_t deterministic;
  /** Recording on a GPU: #VAE_GRAPH_AUTO (default), #VAE_GRAPH_ON,
   *  #VAE_GRAPH_OFF. No effect on the CPU. */
  int32_t graph;
  /** Training steps of vae_train_epoch() per CUDA graph, 1..64; 0 (default): 8.
   *  Cancellation and progress callbacks happen between graphs. */
  uint32_t graph_steps;
  /** How an update follows from the gradient: #VAE_ADAM (default), #VAE_SGD. */
  int32_t optimizer;
  /** The learning rate after the warm-up: #VAE_SCHEDULE_CONSTANT (default),
   *  #VAE_SCHEDULE_COSINE. */
  int32_t schedule;
  /** Share of the learning rate at the end of #VAE_SCHEDULE_COSINE, 0 to 1;
   *  default 0. */
  double schedule_floor;
  /** Update at which #VAE_SCHEDULE_COSINE ends, more than `warmup_updates`; the
   *  rate stays there; default 0. */
  uint64_t schedule_updates;
  /** Updates over which the learning rate rises linearly to its full value; 0
   *  (default): no warm-up. */
  uint64_t warmup_updates;
  /** Updates over which the KL weight rises linearly from 0 to `kl_weight`; 0
   *  (default): no warm-up. Evaluation uses the full weight. */
  uint64_t kl_warmup_updates;
  /** Updates after which the KL weight's warm-up begins again (Fu et al. 2019),
   *  at least `kl_warmup_updates`; 0 (default): never. */
  uint64_t kl_cycle_updates;
} vae_config;
/* [end of vae_config] */

/**
 * @brief Input rows: images, or codes for vae_decode(). 64 bytes, minimum 40.
 *
 * Borrowed for the call. Images of #VAE_UINT8 are divided by 255. Images of
 * #VAE_FLOAT32 must lie in [0, 1] (Bernoulli) or be finite (Gaussian), else
 * #VAE_E_ARGUMENT names the first bad value by its index. Codes are finite
 * #VAE_FLOAT32.
 */
typedef struct vae_batch {
  uint32_t struct_size; /**< sizeof(vae_batch) in the host. */
  int32_t dtype;        /**< #VAE_UINT8 or #VAE_FLOAT32 (default). */
  const void* data;     /**< The rows; aligned for `dtype`. */
  uint64_t bytes;       /**< Size of `data`: at least `count` whole rows. */
  uint64_t count;       /**< Rows, >= 1. */
  int32_t device; /**< Where `data` lies: #VAE_CPU (default), #VAE_CUDA. */
  int32_t layout; /**< Of an image: #VAE_CHW (default) or #VAE_HWC. */
  void* stream;   /**< #VAE_CUDA: the cudaStream_t that wrote `data`; NULL
                       (default): the default stream. */
  const int32_t* labels;  /**< For vae_dataset_from_memory(): `count` labels
                               >= 0, or NULL. Otherwise reserved: NULL. */
  const float* condition; /**< Reserved: NULL. */
} vae_batch;

/**
 * @brief Buffer for output rows. 48 bytes, minimum 40.
 *
 * Images are written as #VAE_FLOAT32 or, rounded to 0..255, as #VAE_UINT8;
 * everything else is #VAE_FLOAT32 only. If the buffer is too small, nothing is
 * written.
 */
typedef struct vae_output {
  uint32_t struct_size; /**< sizeof(vae_output) in the host. */
  int32_t dtype;        /**< #VAE_UINT8 or #VAE_FLOAT32 (default). */
  void* data;           /**< The buffer; aligned for `dtype`. */
  uint64_t bytes;       /**< Size of `data`. */
  uint64_t written;     /**< Set by the call: bytes written. */
  int32_t device; /**< Where `data` lies: #VAE_CPU (default), #VAE_CUDA. */
  int32_t layout; /**< Of an image: #VAE_CHW (default) or #VAE_HWC. */
  void* stream;   /**< #VAE_CUDA: the cudaStream_t that will read `data`; NULL
                       (default): the default stream. */
} vae_output;

/**
 * @brief Results of training or evaluation: means per image, in nats. 104
 *        bytes, minimum 88.
 *
 * With grey pixels as Bernoulli targets the losses are "soft" losses. They can
 * compare models, but are not a bound on a likelihood.
 */
typedef struct vae_metrics {
  uint32_t struct_size;     /**< sizeof(vae_metrics) in the host. */
  uint32_t active_units;    /**< Latent dimensions whose mean varies over images
                                 by more than 0.01 (Burda et al. 2016). */
  uint64_t steps;           /**< Training steps, or batches evaluated. */
  uint64_t images;          /**< Images of committed steps. */
  uint64_t skipped_steps;   /**< Steps that were not committed. */
  uint64_t nonfinite_steps; /**< Those skipped because of NaN or infinity. */
  double loss;              /**< reconstruction + KL weight x kl. */
  double reconstruction;    /**< -log p(x|z), summed over pixels. */
  double kl;  /**< KL(q(z|x) || N(0, I)), unweighted (Kingma & Welling 2014,
                   appendix B). */
  double mse; /**< Squared error per pixel of the reconstruction. */
  double gradient_norm; /**< Before clipping, root mean square over steps; 0 in
                             evaluation. */
  double seconds;       /**< Wall time inside the library. */
  double* kl_per_dim;   /**< Buffer of the host for the KL of each latent
                             dimension (`latent` doubles), or NULL (default). */
  uint64_t kl_bytes;    /**< Size of `kl_per_dim`: at least 8 x latent. */
} vae_metrics;

/**
 * @brief Argument of a progress callback. 72 bytes.
 *
 * Owned by the library and valid only during the callback. Losses are means
 * since the run began.
 */
typedef struct vae_progress {
  uint32_t struct_size;  /**< sizeof(vae_progress) in the library. */
  uint32_t phase;        /**< #VAE_PHASE_TRAIN or #VAE_PHASE_EVALUATE. */
  uint64_t epoch;        /**< The current epoch, counted from 0. */
  uint64_t step;         /**< Steps done in this epoch or evaluation. */
  uint64_t steps;        /**< Total steps of this epoch or evaluation. */
  uint64_t images;       /**< Images done in this run. */
  double loss;           /**< As in vae_metrics. */
  double reconstruction; /**< As in vae_metrics. */
  double kl;             /**< As in vae_metrics. */
  double seconds;        /**< Wall time since the run began. */
} vae_progress;

/**
 * @brief Called by vae_train_epoch() and vae_evaluate() on the thread that
 *        called them.
 * @param progress State of the run; valid during the callback.
 * @param user     vae_run.user.
 * @return 0 to continue; any other value ends the run with #VAE_E_CANCELLED.
 *
 * It must return normally (rule 2). Rule 4 lists what it may call.
 */
typedef int32_t (*vae_progress_fn)(const vae_progress* progress, void* user);

/**
 * @brief Receives log messages, on the thread whose call causes them.
 * @param level #VAE_LOG_WARNING, #VAE_LOG_INFO or #VAE_LOG_DETAIL.
 * @param text  One line; valid during the callback.
 * @param user  As given to vae_set_log_callback().
 *
 * It must return normally and must not call the library.
 */
typedef void (*vae_log_fn)(int32_t level, const char* text, void* user);

/** @brief Options of a pass over a dataset. 40 bytes, minimum 24. */
typedef struct vae_run {
  uint32_t struct_size; /**< sizeof(vae_run) in the host. */
  uint32_t every_steps; /**< Steps between calls of `progress`, which is also
                             called at the end; 0: only at the end; default 10.
                         */
  uint64_t batch_size;  /**< 1..max_batch; 0 (default): max_batch. */
  uint64_t max_steps;   /**< Stop after this many steps; 0 (default): no limit.
                         */
  vae_progress_fn progress; /**< Callback, or NULL (default). */
  void* user;               /**< Passed to `progress`; default NULL. */
} vae_run;

/**
 * @brief Which codes vae_sample() draws. 56 bytes, minimum 40.
 *
 * Each seed defines a sequence of images. Image i of a call is image `first` +
 * i of that sequence, so several calls can draw a sequence in parts. `first` +
 * `count` is at most 2^32.
 */
typedef struct vae_sampling {
  uint32_t struct_size;   /**< sizeof(vae_sampling) in the host. */
  uint32_t reserved;      /**< 0. */
  uint64_t count;         /**< Images to draw, >= 1; default 64. */
  uint64_t seed;          /**< Independent of vae_config.seed; default 0. */
  uint64_t first;         /**< Start in the sequence; default 0. */
  double temperature;     /**< z ~ temperature x N(0, I); 0 to 1e30; default 1.
                           */
  const int32_t* labels;  /**< Reserved: NULL. */
  const float* condition; /**< Reserved: NULL. */
} vae_sampling;

/** @brief One tensor of the model, as named by PyTorch. 152 bytes, minimum 152.
 *         Filled by vae_param_info(). */
typedef struct vae_param {
  uint32_t struct_size; /**< sizeof(vae_param) in the host. */
  int32_t dtype;        /**< #VAE_FLOAT32; #VAE_INT64 for a counter. */
  uint32_t rank;        /**< Entries of `shape` in use. */
  uint32_t trainable;   /**< 0: BatchNorm's statistics and counters. */
  int64_t shape[8];     /**< As in PyTorch; unused entries are 0. */
  uint64_t elements;    /**< Product of the shape; 1 for a scalar. */
  char name[64];        /**< "encoder.0.weight", ...; zero-terminated. */
} vae_param;

/**
 * @brief Defaults of a configuration: the original program's.
 * @param config      Set.
 * @param struct_size sizeof(vae_config) in the host.
 * @param abi_version #VAE_ABI_VERSION of the host.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_VERSION if `abi_version` is not the
 *         library's.
 */
VAE_API vae_status vae_config_init(vae_config* config, uint32_t struct_size,
                                   uint32_t abi_version);
/**
 * @brief Defaults of a batch: host memory, float32, no rows.
 * @param batch       Set.
 * @param struct_size sizeof(vae_batch) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_batch_init(vae_batch* batch, uint32_t struct_size);
/**
 * @brief Defaults of an output: host memory, float32, no buffer.
 * @param output      Set.
 * @param struct_size sizeof(vae_output) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_output_init(vae_output* output, uint32_t struct_size);
/**
 * @brief Defaults of metrics: all zero, no buffer for the KL per dimension.
 * @param metrics     Set.
 * @param struct_size sizeof(vae_metrics) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_metrics_init(vae_metrics* metrics, uint32_t struct_size);
/**
 * @brief Defaults of a run: the whole dataset, no progress callback.
 * @param run         Set.
 * @param struct_size sizeof(vae_run) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_run_init(vae_run* run, uint32_t struct_size);
/**
 * @brief Defaults of a sampling: 64 images of seed 0.
 * @param sampling    Set.
 * @param struct_size sizeof(vae_sampling) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_sampling_init(vae_sampling* sampling,
                                     uint32_t struct_size);
/**
 * @brief An empty struct for vae_param_info().
 * @param param       Set.
 * @param struct_size sizeof(vae_param) in the host.
 * @return #VAE_OK or #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_param_init(vae_param* param, uint32_t struct_size);

/** @} */

/**
 * @defgroup config Configuration
 * @brief Checking configurations and converting them to JSON.
 *
 * A configuration passed as output must be initialised: its `struct_size` and
 * `abi_version` are read. A failed call does not change it.
 * @{
 */

/**
 * @brief Checks every field. Does not look for devices or open files.
 * @param config The configuration.
 * @return #VAE_OK; #VAE_E_ARGUMENT or #VAE_E_UNSUPPORTED with a text that names
 *         the first bad field and its allowed values; #VAE_E_VERSION.
 */
VAE_API vae_status vae_config_validate(const vae_config* config);
/**
 * @brief How much memory a trainer will hold at most in training: an estimate,
 *        before it is created.
 * @param config       The configuration.
 * @param host_bytes   Set to the bytes in host memory; may be NULL if
 *                     `device_bytes` is not.
 * @param device_bytes Set to the bytes in the memory of the GPU, 0 on the CPU;
 *                     may be NULL if `host_bytes` is not.
 * @return #VAE_OK; the failures of vae_config_validate(); #VAE_E_UNSUPPORTED if
 *         no engine supports the configuration. After a failure neither number
 *         is set.
 *
 * Counts parameters, moments, gradients, and the workspace for steps of
 * `max_batch` images. Does not count datasets, your own buffers, and what the
 * libraries take for themselves. On the CPU it was within 20 % of what training
 * took in the cases of docs/memory.md; the numbers for a GPU have not been held
 * against one. Device and engine are chosen as by vae_create(), but no GPU is
 * used: with #VAE_CUDA none has to exist; with #VAE_AUTO the CUDA driver is
 * asked whether there is one. In the flavour cpu, #VAE_ENGINE_FUSED is counted
 * with LibTorch's matrix products.
 */
VAE_API vae_status vae_config_memory(const vae_config* config,
                                     uint64_t* host_bytes,
                                     uint64_t* device_bytes);
/**
 * @brief Reads a JSON object whose members are the fields of vae_config.
 * @param config Every field is set; a field absent from the text to its
 *               default.
 * @param json   Zero-terminated UTF-8. Choices are written as names:
 *               "bernoulli", "auto", ...; `layers` is an array, and there is
 *               no `layer_count`.
 * @return #VAE_OK; #VAE_E_FORMAT or #VAE_E_ARGUMENT for an unknown member, a
 *         wrong type or a value out of range, which the text names.
 */
VAE_API vae_status vae_config_from_json(vae_config* config, const char* json);
/**
 * @brief Writes a configuration as one JSON object.
 * @param config   A valid configuration.
 * @param text     Output buffer; NULL (with `capacity` 0) to get the size only.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, including the final zero, also when
 *                 `text` is too small; may be NULL if `text` is not.
 * @return #VAE_OK; #VAE_E_TOO_SMALL (nothing is written); the failures of
 *         vae_config_validate().
 */
VAE_API vae_status vae_config_to_json(const vae_config* config, char* text,
                                      uint64_t capacity, uint64_t* needed);
/**
 * @brief Reads the configuration from a JSON file, or from a model or
 *        checkpoint that libvae wrote.
 * @param config Every field is set.
 * @param path   UTF-8.
 * @return #VAE_OK; #VAE_E_FILE; #VAE_E_FORMAT if the file contains no
 *         configuration; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_config_from_file(vae_config* config, const char* path);

/** @} */

/**
 * @defgroup lifetime Creating, saving, loading
 * @brief Trainers and their files.
 *
 * Files are in the safetensors format. Tensors have the names and shapes of the
 * PyTorch module, so PyTorch reads libvae's files and libvae reads PyTorch's.
 * Saving writes a temporary file and renames it: a failed call does not change
 * an existing file.
 * @{
 */

/**
 * @brief Creates a trainer. Initial values follow PyTorch's rules and depend on
 *        `seed`.
 * @param config  Copied.
 * @param trainer Set to the new trainer, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; the failures of vae_config_validate(); #VAE_E_DEVICE if the
 *         device cannot be used, with the reason; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_create(const vae_config* config, vae_trainer** trainer);
/**
 * @brief Creates a trainer from a file of vae_save() or of PyTorch.
 * @param path    UTF-8.
 * @param config  NULL: use the file's configuration, and choose the device
 *                again. Otherwise the model fields of `config` must agree with
 *                the file, and all other settings come from `config`. Needed
 *                for a file that libvae did not write.
 * @param trainer Set to the new trainer, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; #VAE_E_FILE; #VAE_E_FORMAT; #VAE_E_VERSION; the failures of
 *         vae_create().
 *
 * On the CPU, training continues bit for bit from a checkpoint if engine,
 * LibTorch, processor type and thread count are the same.
 */
VAE_API vae_status vae_load(const char* path, const vae_config* config,
                            vae_trainer** trainer);
/**
 * @brief vae_load() from memory.
 * @param data    The content of the file; borrowed for the call.
 * @param bytes   Size of `data`.
 * @param config  As in vae_load().
 * @param trainer As in vae_load().
 * @return As vae_load(), except #VAE_E_FILE.
 */
VAE_API vae_status vae_load_memory(const void* data, uint64_t bytes,
                                   const vae_config* config,
                                   vae_trainer** trainer);
/**
 * @brief Writes the model or a checkpoint to a file. Waits for the device.
 * @param trainer The trainer.
 * @param path    UTF-8; an existing file is replaced.
 * @param what    #VAE_SAVE_MODEL or #VAE_SAVE_CHECKPOINT.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE (an existing file is
 *         unchanged).
 */
VAE_API vae_status vae_save(vae_trainer* trainer, const char* path,
                            int32_t what);
/**
 * @brief vae_save() to memory: the same bytes.
 * @param trainer  The trainer.
 * @param what     #VAE_SAVE_MODEL or #VAE_SAVE_CHECKPOINT.
 * @param data     Output buffer; NULL (with `capacity` 0) to get the size only.
 * @param capacity Bytes of `data`.
 * @param needed   Set to the bytes needed, also when `data` is too small; may
 *                 be NULL if `data` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL (nothing is written).
 */
VAE_API vae_status vae_save_memory(vae_trainer* trainer, int32_t what,
                                   void* data, uint64_t capacity,
                                   uint64_t* needed);
/**
 * @brief Waits for the trainer's outstanding work and frees the trainer. Does
 *        not change vae_last_error().
 * @param trainer May be NULL.
 *
 * Exception: while the trainer is inside another call (on another thread, or
 * around a progress callback), this function only sets vae_last_error() and
 * does not free the trainer.
 */
VAE_API void vae_destroy(vae_trainer* trainer);
/**
 * @brief The configuration in use: device and threads as resolved, learning
 *        rate and KL weight as last set.
 * @param trainer The trainer.
 * @param config  Initialised; every field is set.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_VERSION.
 */
VAE_API vae_status vae_get_config(vae_trainer* trainer, vae_config* config);

/** @} */

/**
 * @defgroup training Training, step by step
 * @brief For hosts with their own training loop.
 * @{
 */

/**
 * @brief One step of gradient descent on -ELBO (Kingma & Welling 2014, eq. 10).
 * @param trainer The trainer.
 * @param batch   1..max_batch images; at least 2 if the convolutions reduce an
 *                image to one pixel, because BatchNorm needs two values.
 * @param metrics NULL: the call does not wait for the device (at most two steps
 *                are outstanding), and the next call that waits reports a
 *                failure. Otherwise the call waits and sets the metrics of this
 *                step alone.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL for `kl_per_dim`;
 *         #VAE_E_NONFINITE if configured. A failed step does not change
 *         parameters, moments, counts or running statistics.
 */
VAE_API vae_status vae_train_step(vae_trainer* trainer, const vae_batch* batch,
                                  vae_metrics* metrics);
/**
 * @brief The metrics of a batch without training. BatchNorm uses its running
 *        statistics. The noise depends on the row index alone, so a call is
 *        repeatable.
 * @param trainer The trainer.
 * @param batch   Images, any count.
 * @param metrics Set.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_eval_step(vae_trainer* trainer, const vae_batch* batch,
                                 vae_metrics* metrics);
/**
 * @brief The metrics of all training steps since the last read. Waits for the
 *        device.
 * @param trainer The trainer.
 * @param metrics Set; after a failure the same steps can be read again.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; failures of outstanding
 *         work.
 */
VAE_API vae_status vae_read_metrics(vae_trainer* trainer, vae_metrics* metrics);
/**
 * @brief Waits for all outstanding work.
 * @param trainer The trainer.
 * @return #VAE_OK; failures of outstanding work.
 */
VAE_API vae_status vae_synchronize(vae_trainer* trainer);
/**
 * @brief Changes a setting or counter between steps.
 * @param trainer The trainer.
 * @param key     #VAE_LEARNING_RATE ... #VAE_EPOCH.
 * @param value   In the range given beside the key.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_UNSUPPORTED for #VAE_PHASE.
 */
VAE_API vae_status vae_set(vae_trainer* trainer, int32_t key, double value);
/**
 * @brief Reads a setting or counter.
 * @param trainer The trainer.
 * @param key     #VAE_LEARNING_RATE ... #VAE_EPOCH.
 * @param value   Set.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_UNSUPPORTED for #VAE_PHASE.
 */
VAE_API vae_status vae_get(vae_trainer* trainer, int32_t key, double* value);

/** @} */

/**
 * @defgroup inference Encoding, decoding, sampling
 * @brief Inference; never changes a later training step.
 *
 * BatchNorm uses its running statistics. Counts are not limited by `max_batch`.
 * A buffer that is too small is #VAE_E_TOO_SMALL; nothing is computed then.
 * @{
 */

/**
 * @brief Mean and log-variance of q(z|x), float32 [count][latent] each.
 * @param trainer The trainer.
 * @param images  Images, any count.
 * @param mean    Buffer for the means, or NULL.
 * @param logvar  Buffer for the log-variances, or NULL; not both NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_encode(vae_trainer* trainer, const vae_batch* images,
                              vae_output* mean, vae_output* logvar);
/**
 * @brief Decodes codes to images: probabilities (Bernoulli) or means
 *        (Gaussian).
 * @param trainer The trainer.
 * @param codes   Finite float32 [count][latent].
 * @param images  Buffer for `count` images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_decode(vae_trainer* trainer, const vae_batch* codes,
                              vae_output* images);
/**
 * @brief Draws codes from the prior and decodes them.
 * @param trainer  The trainer.
 * @param sampling Which codes to draw.
 * @param images   Buffer for `sampling.count` images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_UNSUPPORTED for
 *         labels or a condition.
 */
VAE_API vae_status vae_sample(vae_trainer* trainer,
                              const vae_sampling* sampling, vae_output* images);
/**
 * @brief Encodes images and decodes the means.
 * @param trainer The trainer.
 * @param images  Images, any count.
 * @param output  Buffer for as many images.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_reconstruct(vae_trainer* trainer,
                                   const vae_batch* images, vae_output* output);
/**
 * @brief -log p(x|z) and KL(q(z|x) || N(0, I)) of each image, in nats.
 * @param trainer        The trainer.
 * @param batch          Images, any count. The noise depends on the row index
 *                       alone, so a call is repeatable.
 * @param reconstruction Buffer for float32 [count], or NULL.
 * @param kl             Buffer for float32 [count], or NULL; not both NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_score(vae_trainer* trainer, const vae_batch* batch,
                             vae_output* reconstruction, vae_output* kl);

/** @} */

/**
 * @defgroup dataset Datasets and whole epochs
 * @brief Images in memory, and passes over all of them.
 * @{
 */

/**
 * @brief Reads images from a file or directory.
 * @param path One of, in UTF-8:
 *             - a directory with MNIST's file names, gzipped or not: the
 *               training set, or the set named by an appended "/train" or
 *               "/test";
 *             - one IDX file;
 *             - a directory of PNG files, or of subdirectories of PNG files,
 *               which in sorted order are the labels 0, 1, ...; alpha is
 *               dropped, 16 bits per channel become 8;
 *             - a directory that contains `train` and `test`.
 * @param labels_path For one IDX file: the IDX file of its labels; else NULL.
 * @param dataset Set to the new dataset, which the host destroys; NULL after a
 *                failure.
 * @return #VAE_OK; #VAE_E_FILE if nothing is there or it cannot be read;
 *         #VAE_E_FORMAT with the file and the problem, also for a directory
 *         that fits two of these cases; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_dataset_open(const char* path, const char* labels_path,
                                    vae_dataset** dataset);
/**
 * @brief Copies images, and labels if there are any, from host memory.
 * @param all       Images as uint8 or float32, stored in that type, and labels.
 * @param shape_chw Three numbers: channels, height, width.
 * @param dataset   Set to the new dataset, which the host destroys; NULL after
 *                  a failure.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_MEMORY.
 */
VAE_API vae_status vae_dataset_from_memory(const vae_batch* all,
                                           const uint32_t* shape_chw,
                                           vae_dataset** dataset);
/**
 * @brief Size and shape of a dataset. Each result may be NULL.
 * @param dataset   The dataset.
 * @param count     Set to the number of images.
 * @param shape_chw Three numbers, set to channels, height, width.
 * @param classes   Set to the largest label + 1; 0 without labels.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_dataset_info(vae_dataset* dataset, uint64_t* count,
                                    uint32_t* shape_chw, uint32_t* classes);
/**
 * @brief Copies images [first, first + count) and their labels to the host.
 * @param dataset     The dataset.
 * @param first       The first image, from 0.
 * @param count       Number of images, >= 1.
 * @param images      Buffer in host memory, or NULL. Float32 lies in [0, 1].
 * @param labels      Buffer for `count` labels, or NULL; not both NULL.
 * @param label_bytes Bytes of `labels`, at least 4 x count.
 * @return #VAE_OK; #VAE_E_ARGUMENT if the range exceeds the dataset, or for
 *         labels of a dataset without labels; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_dataset_read(vae_dataset* dataset, uint64_t first,
                                    uint64_t count, vae_output* images,
                                    int32_t* labels, uint64_t label_bytes);
/**
 * @brief Frees the handle. Trainers that still use the images keep them alive.
 * @param dataset May be NULL.
 */
VAE_API void vae_dataset_destroy(vae_dataset* dataset);
/**
 * @brief Trains one epoch, in a random order given by (seed, epoch).
 * @param trainer The trainer.
 * @param dataset Images of the model's shape.
 * @param run     Options; NULL: the defaults of vae_run_init().
 * @param metrics Set to the metrics of this call's steps; may be NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_CANCELLED;
 *         #VAE_E_NONFINITE. Steps completed before a failure are kept.
 *
 * The last batch may be smaller. If it is a single image that BatchNorm cannot
 * normalise, it is left out. After an early stop (vae_cancel(), the callback,
 * `max_steps`) the next call continues there. vae_read_metrics() includes the
 * steps of an epoch like all others.
 */
VAE_API vae_status vae_train_epoch(vae_trainer* trainer, vae_dataset* dataset,
                                   const vae_run* run, vae_metrics* metrics);
/**
 * @brief The metrics of a dataset without training. The noise depends on the
 *        image index alone: a call is repeatable, and the batch size changes
 *        only rounding.
 * @param trainer The trainer.
 * @param dataset Images of the model's shape.
 * @param run     Options; NULL: the defaults of vae_run_init().
 * @param metrics Set; may be NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL; #VAE_E_CANCELLED.
 */
VAE_API vae_status vae_evaluate(vae_trainer* trainer, vae_dataset* dataset,
                                const vae_run* run, vae_metrics* metrics);
/**
 * @brief Sets or clears a request to stop; may be called from any thread. While
 *        it is set, vae_train_epoch() and vae_evaluate() stop before the next
 *        step with #VAE_E_CANCELLED; on a GPU, before the next CUDA graph
 *        (`graph_steps`).
 * @param trainer The trainer; it must not be destroyed during the call.
 * @param on      1 or 0. Level-triggered: stays set until the host clears it.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_cancel(vae_trainer* trainer, int32_t on);

/** @} */

/**
 * @defgroup params Parameters
 * @brief All tensors of the model, with the order, names and shapes of the
 *        PyTorch module's state_dict. BatchNorm's counters
 *        (`num_batches_tracked`) equal #VAE_UPDATES and are read-only.
 * @{
 */

/**
 * @brief The number of tensors.
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
 * @param data    Buffer for `elements` numbers of the tensor's type.
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
 * @return #VAE_OK; #VAE_E_ARGUMENT (the tensor is unchanged);
 *         #VAE_E_UNSUPPORTED for `num_batches_tracked`, which follows
 *         #VAE_UPDATES.
 *
 * #VAE_MOMENT2 and running variances must not be negative.
 */
VAE_API vae_status vae_param_write(vae_trainer* trainer, const char* name,
                                   int32_t what, const void* data,
                                   uint64_t bytes);

/** @} */

/**
 * @defgroup about Pictures and information
 * @brief Image grids, arrays, versions, errors and the log.
 * @{
 */

/**
 * @brief Writes images as a grid to a PNG file. As in torchvision's save_image,
 *        each image has a border of 2 black pixels. The grid has at most
 *        1000000 pixels per side and 268435456 in total.
 * @param path      UTF-8; an existing file is replaced. A failed call does not
 *                  change it.
 * @param images    In host memory, uint8 or float32 (clipped to [0, 1]).
 * @param shape_chw Three numbers: channels (1 or 3), height, width.
 * @param columns   Images per row; 0: the square root of the count, rounded up.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE.
 */
VAE_API vae_status vae_write_grid(const char* path, const vae_batch* images,
                                  const uint32_t* shape_chw, uint32_t columns);
/**
 * @brief Writes an array, such as codes or scores, to a NumPy file (.npy) that
 *        numpy.load() can read.
 * @param path  UTF-8; an existing file is replaced. A failed call does not
 *              change it.
 * @param data  Elements in host memory in C order (last dimension fastest). NaN
 *              and infinity are allowed.
 * @param bytes Size of `data`: exactly that of the array.
 * @param dtype #VAE_FLOAT32, #VAE_UINT8 or #VAE_INT64.
 * @param shape `rank` sizes, each at least 1.
 * @param rank  Number of dimensions, 1..8.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_FILE.
 */
VAE_API vae_status vae_write_array(const char* path, const void* data,
                                   uint64_t bytes, int32_t dtype,
                                   const uint64_t* shape, uint32_t rank);
/**
 * @brief The name of a status: "VAE_E_ARGUMENT".
 * @param status Any value.
 * @return A static string, never NULL; "unknown status" for an unknown value.
 */
VAE_API const char* vae_status_name(vae_status status);
/**
 * @brief The text of the calling thread's last failure.
 * @return Never NULL ("" before the first failure). Owned by the library and
 *         valid until this thread's next failure.
 */
VAE_API const char* vae_last_error(void);
/**
 * @brief Version of the library, "major.minor.patch".
 * @return A static string, never NULL.
 */
VAE_API const char* vae_version(void);
/**
 * @brief #VAE_ABI_VERSION of the library.
 * @return The version.
 */
VAE_API uint32_t vae_abi_version(void);
/**
 * @brief Sizes and field offsets of all structs, so that a binding in another
 *        language can check its own declarations.
 * @param text     Output buffer; NULL (with `capacity` 0) to get the size only.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, including the final zero; may be
 * NULL if `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 *
 * Lines are in the order of this file and end in a newline. "vae_config 200 8"
 * is a struct's size and alignment; "vae_config.latent 28 4" is a field's
 * offset and size. Because structs only grow at their end, the line of a field
 * never changes; the size of a struct may increase.
 */
VAE_API vae_status vae_layout(char* text, uint64_t capacity, uint64_t* needed);
/**
 * @brief JSON: version, compiler, flavour, LibTorch, instruction set.
 * @param text     Output buffer; NULL (with `capacity` 0) to get the size only.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, including the final zero; may be
 * NULL if `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_build_info(char* text, uint64_t capacity,
                                  uint64_t* needed);
/**
 * @brief JSON: for each device whether it can be used and, if not, why; for a
 *        trainer its device and engine, and why they were chosen.
 * @param trainer_or_null A trainer, or NULL.
 * @param text     Output buffer; NULL (with `capacity` 0) to get the size only.
 * @param capacity Bytes of `text`.
 * @param needed   Set to the bytes needed, including the final zero; may be
 * NULL if `text` is not.
 * @return #VAE_OK; #VAE_E_ARGUMENT; #VAE_E_TOO_SMALL.
 */
VAE_API vae_status vae_diagnose(vae_trainer* trainer_or_null, char* text,
                                uint64_t capacity, uint64_t* needed);
/**
 * @brief Sets the log callback of the process; initially there is none.
 * @param callback  Called on any thread that calls the library; NULL turns
 *                  logging off.
 * @param user      Passed to `callback`.
 * @param min_level The least important level that is reported:
 *                  #VAE_LOG_WARNING reports only warnings, #VAE_LOG_DETAIL
 *                  everything. Ignored if `callback` is NULL.
 * @return #VAE_OK; #VAE_E_ARGUMENT.
 */
VAE_API vae_status vae_set_log_callback(vae_log_fn callback, void* user,
                                        int32_t min_level);

/** @} */

/**
 * @defgroup helpers One-line helpers
 * @brief Inline functions that fill structs for host memory.
 * @{
 */

/**
 * @brief The default configuration.
 * @return If the library has another #VAE_ABI_VERSION, `struct_size` is 0,
 *         which every function rejects, and vae_last_error() gives the reason.
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
 * @brief A buffer for `elements` bytes.
 * @param data     The buffer; must outlive the output.
 * @param elements Size of `data`.
 * @return The view.
 */
static inline vae_output vae_output_u8(uint8_t* data, uint64_t elements) {
  vae_output output;
  (void)vae_output_init(&output, sizeof output);
  output.dtype = VAE_UINT8;
  output.data = data;
  output.bytes = elements;
  return output;
}

/**
 * @brief A buffer for `elements` floats.
 * @param data     The buffer; must outlive the output.
 * @param elements Number of floats in `data`.
 * @return The view.
 */
static inline vae_output vae_output_f32(float* data, uint64_t elements) {
  vae_output output;
  (void)vae_output_init(&output, sizeof output);
  output.dtype = VAE_FLOAT32;
  output.data = data;
  output.bytes = elements * sizeof *data;
  return output;
}

/**
 * @brief Empty metrics without a buffer for the KL per dimension.
 * @return All zero.
 */
static inline vae_metrics vae_no_metrics(void) {
  vae_metrics metrics;
  (void)vae_metrics_init(&metrics, sizeof metrics);
  return metrics;
}

/**
 * @brief The first `count` images of the sequence of `seed`.
 * @param count Number of images.
 * @param seed  Any value.
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
 * @brief Default run: the whole dataset, no progress callback.
 * @return The defaults of vae_run_init().
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
