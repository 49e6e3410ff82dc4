//! The constants of `vae.h`: version, status codes, choices. They are integers
//! and not enums, because a newer library may have more values.

#[allow(unused_imports)] // for the links in the texts
use crate::functions::*;
use crate::structs::vae_status;

// [fields: constants] by tools/fields/generate; do not edit
/// Version of this interface; increased when compiled programs would break.
pub const VAE_ABI_VERSION: u32 = 1;
/// The call succeeded.
pub const VAE_OK: vae_status = 0;
/// A value is not allowed; the text names the allowed values.
pub const VAE_E_ARGUMENT: vae_status = 100;
/// A buffer is too small; the text says how many bytes are needed.
pub const VAE_E_TOO_SMALL: vae_status = 101;
/// Valid request, not supported by this build, device or version.
pub const VAE_E_UNSUPPORTED: vae_status = 102;
/// The trainer is inside another call (another thread, or a callback).
pub const VAE_E_BUSY: vae_status = 200;
/// The trainer's device was lost, a defect of libvae interrupted the commit of
/// a step, or the trainer was created before fork() in the parent process; it
/// can only be destroyed.
pub const VAE_E_POISONED: vae_status = 201;
/// Host or device memory is exhausted.
pub const VAE_E_MEMORY: vae_status = 300;
/// The device does not exist or has failed.
pub const VAE_E_DEVICE: vae_status = 400;
/// The operating system refused a file operation.
pub const VAE_E_FILE: vae_status = 500;
/// The content of a file is invalid.
pub const VAE_E_FORMAT: vae_status = 510;
/// Made for another version of this interface or of the file format.
pub const VAE_E_VERSION: vae_status = 600;
/// Stopped by [`vae_cancel`] or the progress callback; completed steps count.
pub const VAE_E_CANCELLED: vae_status = 700;
/// NaN or infinity in a training step, which was not committed.
pub const VAE_E_NONFINITE: vae_status = 800;
/// A bug in libvae; please report the text.
pub const VAE_E_INTERNAL: vae_status = 900;
/// `vae_config.model`: variational autoencoder (Kingma & Welling 2014).
pub const VAE_MODEL_VAE: i32 = 1;
/// `vae_config.net`: convolutions with BatchNorm and LeakyReLU, for images.
pub const VAE_NET_CONV: i32 = 1;
/// `vae_config.net`: fully connected layers without BatchNorm, for vectors of
/// any kind.
pub const VAE_NET_DENSE: i32 = 2;
/// `vae_config.likelihood`: Bernoulli on logits; targets anywhere in `[0, 1]`.
pub const VAE_BERNOULLI: i32 = 1;
/// `vae_config.likelihood`: Gaussian of fixed variance, `gaussian_sigma`
/// squared.
pub const VAE_GAUSSIAN: i32 = 2;
/// Device: the CPU and host memory.
pub const VAE_CPU: i32 = 1;
/// Device: an NVIDIA GPU and its memory.
pub const VAE_CUDA: i32 = 2;
/// Device: a GPU if one can be used, else the CPU; only in a configuration.
pub const VAE_AUTO: i32 = 3;
/// `vae_config.precision`: IEEE single precision.
pub const VAE_FP32: i32 = 1;
/// `vae_config.precision`: inputs of matrix products rounded to TF32 (GPU).
pub const VAE_TF32: i32 = 2;
/// `vae_config.precision`: matrix products of bfloat16 inputs, accumulated in
/// single precision.
pub const VAE_BF16: i32 = 3;
/// `vae_config.engine`: the fastest engine that supports the configuration.
pub const VAE_ENGINE_AUTO: i32 = 1;
/// `vae_config.engine`: any shape on any device; the reference for the others.
pub const VAE_ENGINE_BLOCKS: i32 = 2;
/// `vae_config.engine`: fused kernels of libvae, GPU only. They also compute
/// the matrix products if precision is bf16, compute capability is at least
/// 8.0, images have one channel, and `layers` and `latent` are multiples of 8;
/// otherwise LibTorch does. The field "products" of [`vae_diagnose`] tells
/// which.
pub const VAE_ENGINE_FUSED: i32 = 3;
/// `vae_config.engine`: every layer is computed tile by tile in the cache. CPU
/// only; convolutions whose channels are multiples of 16, images of at most 4
/// channels.
pub const VAE_ENGINE_TILE: i32 = 4;
/// `vae_config.nonfinite`: the step fails with [`VAE_E_NONFINITE`].
pub const VAE_NONFINITE_ERROR: i32 = 1;
/// `vae_config.nonfinite`: the step is counted as skipped, training continues.
pub const VAE_NONFINITE_SKIP: i32 = 2;
/// `vae_config.graph`: where possible; [`vae_diagnose`] tells.
pub const VAE_GRAPH_AUTO: i32 = 1;
/// `vae_config.graph`: always; [`VAE_E_UNSUPPORTED`] where it is not possible.
pub const VAE_GRAPH_ON: i32 = 2;
/// `vae_config.graph`: never: every kernel is launched individually.
pub const VAE_GRAPH_OFF: i32 = 3;
/// `vae_config.optimizer`: Adam (Kingma & Ba 2015), as torch.optim.Adam.
pub const VAE_ADAM: i32 = 1;
/// `vae_config.optimizer`: stochastic gradient descent with momentum `beta1`,
/// as torch.optim.SGD.
pub const VAE_SGD: i32 = 2;
/// `vae_config.schedule`: `learning_rate`.
pub const VAE_SCHEDULE_CONSTANT: i32 = 1;
/// `vae_config.schedule`: from `learning_rate` along half a cosine to
/// `schedule_floor` times it (Loshchilov & Hutter 2017).
pub const VAE_SCHEDULE_COSINE: i32 = 2;
/// Element type: unsigned byte; 0..255 stands for 0..1.
pub const VAE_UINT8: i32 = 1;
/// Element type: IEEE single precision.
pub const VAE_FLOAT32: i32 = 2;
/// Element type: signed 64-bit integer; for BatchNorm's counters and
/// [`vae_write_array`].
pub const VAE_INT64: i32 = 3;
/// Layout: `[channel][row][column]`, as in PyTorch.
pub const VAE_CHW: i32 = 1;
/// Layout: `[row][column][channel]`, as in image files.
pub const VAE_HWC: i32 = 2;
/// [`vae_save`]: the tensors of the PyTorch module and the configuration.
pub const VAE_SAVE_MODEL: i32 = 1;
/// [`vae_save`]: a model and everything needed to continue training.
pub const VAE_SAVE_CHECKPOINT: i32 = 2;
/// [`vae_param_read`], [`vae_param_write`]: the parameter itself.
pub const VAE_VALUE: i32 = 1;
/// [`vae_param_read`]: the last step's gradient; needs `keep_gradients`.
pub const VAE_GRADIENT: i32 = 2;
/// Adam's running mean of the gradient.
pub const VAE_MOMENT1: i32 = 3;
/// Adam's running mean of the squared gradient.
pub const VAE_MOMENT2: i32 = 4;
/// [`vae_set`], [`vae_get`]: learning rate before schedules, 0 to 1e30.
pub const VAE_LEARNING_RATE: i32 = 1;
/// [`vae_set`], [`vae_get`]: weight of the KL divergence after its warm-up, 0
/// to 1e30.
pub const VAE_KL_WEIGHT: i32 = 2;
/// [`vae_set`], [`vae_get`]: steps issued, an integer up to 2^53; training
/// stops there. Part of the key of the noise.
pub const VAE_STEP: i32 = 3;
/// [`vae_set`], [`vae_get`]: updates applied (Adam's t), an integer up to 2^53;
/// the count stays there.
pub const VAE_UPDATES: i32 = 4;
/// [`vae_set`], [`vae_get`]: epochs finished, an integer up to 2^53; epochs
/// stop there. Part of the key of the data order. Setting it restarts that
/// epoch from its first image.
pub const VAE_EPOCH: i32 = 5;
/// Reserved for models with several phases: [`VAE_E_UNSUPPORTED`] for now.
pub const VAE_PHASE: i32 = 6;
/// `vae_progress.phase`: called from [`vae_train_epoch`].
pub const VAE_PHASE_TRAIN: u32 = 1;
/// `vae_progress.phase`: called from [`vae_evaluate`].
pub const VAE_PHASE_EVALUATE: u32 = 2;
/// Log level: a problem that the host should know about.
pub const VAE_LOG_WARNING: i32 = 1;
/// Log level: which engine, device and options were chosen, and why.
pub const VAE_LOG_INFO: i32 = 2;
/// Log level: everything else.
pub const VAE_LOG_DETAIL: i32 = 3;
/// Number of entries of `vae_config.layers`.
pub const VAE_MAX_LAYERS: usize = 8;
// [end of constants]
