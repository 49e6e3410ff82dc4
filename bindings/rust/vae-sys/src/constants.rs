//! The numbers of `vae.h`: versions, status codes, choices. Integers all of
//! them: a library newer than this crate may know more values than these.

#[allow(unused_imports)] // for the links in the texts
use crate::functions::*;
use crate::structs::vae_status;

/// Version of this interface; raised when a compiled host would break.
pub const VAE_ABI_VERSION: u32 = 1;
/// The call did all of what it says.
pub const VAE_OK: vae_status = 0;
/// A value is not allowed; the text says which ones are.
pub const VAE_E_ARGUMENT: vae_status = 100;
/// A buffer is too small; the text says how many bytes are needed.
pub const VAE_E_TOO_SMALL: vae_status = 101;
/// A reasonable wish that this build, device or version cannot fulfil.
pub const VAE_E_UNSUPPORTED: vae_status = 102;
/// The trainer is inside another call (another thread, or a callback).
pub const VAE_E_BUSY: vae_status = 200;
/// The trainer's device was lost; only destroying it makes sense.
pub const VAE_E_POISONED: vae_status = 201;
/// Host or device memory is exhausted.
pub const VAE_E_MEMORY: vae_status = 300;
/// There is no such device, or it failed.
pub const VAE_E_DEVICE: vae_status = 400;
/// The operating system refused a file operation.
pub const VAE_E_FILE: vae_status = 500;
/// A file's content is not what it should be.
pub const VAE_E_FORMAT: vae_status = 510;
/// Made for another version of this interface or of the file format.
pub const VAE_E_VERSION: vae_status = 600;
/// Stopped by [`vae_cancel`] or the progress callback; steps done are kept.
pub const VAE_E_CANCELLED: vae_status = 700;
/// NaN or infinity in a training step, which was not committed.
pub const VAE_E_NONFINITE: vae_status = 800;
/// A defect of libvae itself; please report the text.
pub const VAE_E_INTERNAL: vae_status = 900;
/// `vae_config.model`: variational autoencoder (Kingma & Welling 2014).
pub const VAE_MODEL_VAE: i32 = 1;
/// `vae_config.net`: convolutions with BatchNorm, for images.
pub const VAE_NET_CONV: i32 = 1;
/// `vae_config.net`: fully connected layers, for any vector.
pub const VAE_NET_DENSE: i32 = 2;
/// `vae_config.likelihood`: Bernoulli on logits; targets anywhere in `[0, 1]`.
pub const VAE_BERNOULLI: i32 = 1;
/// `vae_config.likelihood`: Gaussian of fixed variance `gaussian_sigma`^2.
pub const VAE_GAUSSIAN: i32 = 2;
/// Element type: one byte, 0 to 255, meaning 0 to 1.
pub const VAE_UINT8: i32 = 1;
/// Element type: IEEE single precision.
pub const VAE_FLOAT32: i32 = 2;
/// Element type: signed 64-bit integer; BatchNorm's counters and arrays.
pub const VAE_INT64: i32 = 3;
/// Device: the host's processor and memory.
pub const VAE_CPU: i32 = 1;
/// Device: an NVIDIA GPU and its memory.
pub const VAE_CUDA: i32 = 2;
/// `vae_config.device` only: a usable GPU if there is one, else the CPU.
pub const VAE_AUTO: i32 = 3;
/// Layout: `[channel][row][column]`, as in PyTorch.
pub const VAE_CHW: i32 = 1;
/// Layout: `[row][column][channel]`, as in image files.
pub const VAE_HWC: i32 = 2;
/// `vae_config.precision`: IEEE single precision.
pub const VAE_FP32: i32 = 1;
/// `vae_config.precision`: products rounded to TF32 (GPU).
pub const VAE_TF32: i32 = 2;
/// `vae_config.precision`: products of bfloat16, sums in single precision.
pub const VAE_BF16: i32 = 3;
/// `vae_config.engine`: the fastest that takes the configuration.
pub const VAE_ENGINE_AUTO: i32 = 1;
/// `vae_config.engine`: any shape on any device; the others' reference.
pub const VAE_ENGINE_BLOCKS: i32 = 2;
/// `vae_config.engine`: own kernels around LibTorch's products; on GPUs only.
pub const VAE_ENGINE_FUSED: i32 = 3;
/// `vae_config.engine`: products of small tiles, the rest done in the cache; on
/// the CPU only, for convolutions with a multiple of 16 channels on images of
/// up to 4.
pub const VAE_ENGINE_TILE: i32 = 4;
/// `vae_config.graph`: record work on a GPU as a CUDA graph where possible.
pub const VAE_GRAPH_AUTO: i32 = 1;
/// `vae_config.graph`: fail with [`VAE_E_UNSUPPORTED`] where it is not
/// possible.
pub const VAE_GRAPH_ON: i32 = 2;
/// `vae_config.graph`: start every kernel by itself.
pub const VAE_GRAPH_OFF: i32 = 3;
/// `vae_config.nonfinite`: the step fails with [`VAE_E_NONFINITE`].
pub const VAE_NONFINITE_ERROR: i32 = 1;
/// `vae_config.nonfinite`: the step is counted as skipped, training goes on.
pub const VAE_NONFINITE_SKIP: i32 = 2;
/// [`vae_save`]: the tensors of the PyTorch module and the configuration.
pub const VAE_SAVE_MODEL: i32 = 1;
/// [`vae_save`]: the same and all that is needed to go on training.
pub const VAE_SAVE_CHECKPOINT: i32 = 2;
/// [`vae_param_read`], [`vae_param_write`]: the parameter itself.
pub const VAE_VALUE: i32 = 1;
/// [`vae_param_read`]: last step's gradient; needs `keep_gradients`.
pub const VAE_GRADIENT: i32 = 2;
/// Adam's running mean of the gradient.
pub const VAE_MOMENT1: i32 = 3;
/// Adam's running mean of the squared gradient.
pub const VAE_MOMENT2: i32 = 4;
/// [`vae_set`], [`vae_get`]: Adam's learning rate, 0 to 1e30.
pub const VAE_LEARNING_RATE: i32 = 1;
/// [`vae_set`], [`vae_get`]: weight of the KL divergence, 0 to 1e30.
pub const VAE_KL_WEIGHT: i32 = 2;
/// [`vae_set`], [`vae_get`]: steps issued, whole number up to 2^53; keys the
/// noise.
pub const VAE_STEP: i32 = 3;
/// [`vae_set`], [`vae_get`]: updates applied, whole number up to 2^53; Adam's
/// t.
pub const VAE_UPDATES: i32 = 4;
/// [`vae_set`], [`vae_get`]: epochs finished, whole number up to 2^53; keys the
/// order. Setting it begins that epoch from its first image.
pub const VAE_EPOCH: i32 = 5;
/// Reserved for models with several phases: [`VAE_E_UNSUPPORTED`] for now.
pub const VAE_PHASE: i32 = 6;
/// `vae_progress.phase`: called from [`vae_train_epoch`].
pub const VAE_PHASE_TRAIN: u32 = 1;
/// `vae_progress.phase`: called from [`vae_evaluate`].
pub const VAE_PHASE_EVALUATE: u32 = 2;
/// Log level: something that the host would want to know.
pub const VAE_LOG_WARNING: i32 = 1;
/// Log level: what was chosen and why.
pub const VAE_LOG_INFO: i32 = 2;
/// Log level: everything else.
pub const VAE_LOG_DETAIL: i32 = 3;
/// Most entries of `vae_config.layers`.
pub const VAE_MAX_LAYERS: usize = 8;
