//! The structs of `vae.h`, field by field, with the header's own words. Whether
//! they lie in memory as the library's do is what `layout.rs` proves.

use std::os::raw::{c_char, c_void};

use crate::constants::*;
#[allow(unused_imports)] // for the links in the texts
use crate::functions::*;

/// [`VAE_OK`] or one of the `VAE_E_` codes; unknown ones are failures.
#[allow(non_camel_case_types)]
pub type vae_status = i32;

/// A model and its optimizer in training. Created by [`vae_create`] and
/// [`vae_load`], owned by the host, freed by [`vae_destroy`].
#[repr(C)]
#[derive(Debug)]
pub struct vae_trainer {
    _opaque: [u8; 0],
    _one_thread_at_a_time: std::marker::PhantomData<*mut u8>,
}

/// Images in memory. Created by [`vae_dataset_open`] and
/// [`vae_dataset_from_memory`], freed by [`vae_dataset_destroy`].
#[repr(C)]
#[derive(Debug)]
pub struct vae_dataset {
    _opaque: [u8; 0],
    _made_in_c_only: std::marker::PhantomData<*mut u8>,
}

/// Called by [`vae_train_epoch`] and [`vae_evaluate`] on the thread that called
/// them.
///
/// Returns 0 to continue; any other value ends the run with
/// [`VAE_E_CANCELLED`]. No panic may leave it.
pub type vae_progress_fn =
    Option<unsafe extern "C" fn(progress: *const vae_progress, user: *mut c_void) -> i32>;

/// Receives log messages, on the thread whose call causes them.
///
/// It must return normally and must not call the library.
pub type vae_log_fn =
    Option<unsafe extern "C" fn(level: i32, text: *const c_char, user: *mut c_void)>;

// [fields: structs] by tools/fields/generate; do not edit
/// Model, objective, optimizer and execution of a trainer. 248 bytes, minimum
/// 168. The defaults are those of the original program: a convolutional VAE for
/// 28x28 grey images, trained with Adam in batches of 64.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_config {
    /// sizeof(vae_config) in the host.
    pub struct_size: u32,
    /// [`VAE_ABI_VERSION`] of the host.
    pub abi_version: u32,
    /// Which model is trained: [`VAE_MODEL_VAE`] (default).
    pub model: i32,
    /// Which network: [`VAE_NET_CONV`] (default), [`VAE_NET_DENSE`].
    pub net: i32,
    /// Channels of an image, 1..4096; default 1. A vector that is not an image
    /// is 1 x 1 x its length.
    pub channels: u32,
    /// Rows of an image, 1..4096; default 28.
    pub height: u32,
    /// Columns of an image, 1..4096; default 28. Channels x height x width is
    /// at most 16777216.
    pub width: u32,
    /// Length of the latent code, 1..4096; default 32.
    pub latent: u32,
    /// Entries of `layers` in use; default 3.
    pub layer_count: u32,
    /// Reserved: 0.
    pub condition_size: u32,
    /// [`VAE_NET_CONV`]: output channels of the encoder's 2..8 convolutions,
    /// each 1..4096. All but the last halve height and width (kernel 4, stride
    /// 2); the last keeps them (kernel 3). The decoder mirrors the encoder.
    /// [`VAE_NET_DENSE`]: 1..8 hidden sizes, each 1..65536. Entries beyond
    /// `layer_count` are zero. Default 64, 128, 128.
    pub layers: [u32; VAE_MAX_LAYERS],
    /// p(x|z): [`VAE_BERNOULLI`] (default), [`VAE_GAUSSIAN`].
    pub likelihood: i32,
    /// 1 (default): the gradient is of the loss summed over the batch, as in
    /// the original; 0: of its mean. Reported losses are always means.
    pub sum_gradient: i32,
    /// Standard deviation of [`VAE_GAUSSIAN`], in units of a pixel's `[0, 1]`,
    /// 1e-15 to 1e15; default 1.
    pub gaussian_sigma: f64,
    /// Weight of the KL divergence (beta of beta-VAE), 0 to 1e30; default 1.
    pub kl_weight: f64,
    /// Adam's step size, 0 to 1e30; default 0.001.
    pub learning_rate: f64,
    /// Decay of Adam's mean of the gradient, in `[0, 1)`; default 0.9.
    pub beta1: f64,
    /// Decay of Adam's mean of the squared gradient, in `[0, 1)`; default
    /// 0.999.
    pub beta2: f64,
    /// Added to Adam's divisor, 1e-37 to 1e30; default 1e-8.
    pub epsilon: f64,
    /// Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30; default 0.
    /// Each element of the sum is limited to +-1e18.
    pub weight_decay: f64,
    /// The whole gradient is scaled down to this norm, 0 to 1e30; 0 (default):
    /// no clipping.
    pub clip_norm: f64,
    /// Of initialisation, noise and data order; default 0.
    pub seed: u64,
    /// Most images of a training step, 1..65536; default 64. The first step
    /// allocates memory for them. Inference takes any count.
    pub max_batch: u32,
    /// Codes drawn per image in training: only 1.
    pub samples: u32,
    /// CPU threads of this trainer, 1..1024; 0 (default): LibTorch's choice.
    pub threads: u32,
    /// 1: [`vae_param_read`] can read gradients after a step; 0 (default): it
    /// cannot.
    pub keep_gradients: u32,
    /// Where it computes: [`VAE_CPU`], [`VAE_CUDA`], [`VAE_AUTO`] (default).
    pub device: i32,
    /// Which GPU, 0..1023; default 0.
    pub device_index: i32,
    /// Arithmetic of matrix products: [`VAE_FP32`] (default), [`VAE_TF32`],
    /// [`VAE_BF16`].
    pub precision: i32,
    /// What computes the network: [`VAE_ENGINE_AUTO`] (default),
    /// [`VAE_ENGINE_BLOCKS`], [`VAE_ENGINE_FUSED`], [`VAE_ENGINE_TILE`].
    pub engine: i32,
    /// What a training step does that is NaN or infinite:
    /// [`VAE_NONFINITE_ERROR`] (default), [`VAE_NONFINITE_SKIP`].
    pub nonfinite: i32,
    /// 1: deterministic algorithms on a GPU; 0 (default): any. The CPU is
    /// always deterministic.
    pub deterministic: i32,
    /// Recording on a GPU: [`VAE_GRAPH_AUTO`] (default), [`VAE_GRAPH_ON`],
    /// [`VAE_GRAPH_OFF`]. No effect on the CPU.
    pub graph: i32,
    /// Training steps of [`vae_train_epoch`] per CUDA graph, 1..64; 0
    /// (default): 8. Cancellation and progress callbacks happen between graphs.
    pub graph_steps: u32,
    /// How an update follows from the gradient: [`VAE_ADAM`] (default),
    /// [`VAE_SGD`].
    pub optimizer: i32,
    /// The learning rate after the warm-up: [`VAE_SCHEDULE_CONSTANT`]
    /// (default), [`VAE_SCHEDULE_COSINE`].
    pub schedule: i32,
    /// Share of the learning rate at the end of [`VAE_SCHEDULE_COSINE`], 0 to
    /// 1; default 0.
    pub schedule_floor: f64,
    /// Update at which [`VAE_SCHEDULE_COSINE`] ends, more than
    /// `warmup_updates`; the rate stays there; default 0.
    pub schedule_updates: u64,
    /// Updates over which the learning rate rises linearly to its full value; 0
    /// (default): no warm-up.
    pub warmup_updates: u64,
    /// Updates over which the KL weight rises linearly from 0 to `kl_weight`; 0
    /// (default): no warm-up. Evaluation uses the full weight.
    pub kl_warmup_updates: u64,
    /// Updates after which the KL weight's warm-up begins again (Fu et al.
    /// 2019), at least `kl_warmup_updates`; 0 (default): never.
    pub kl_cycle_updates: u64,
}

/// Input rows: images, or codes for [`vae_decode`]. 64 bytes, minimum 40.
/// Borrowed for the call. Images of [`VAE_UINT8`] are divided by 255. Images of
/// [`VAE_FLOAT32`] must lie in `[0, 1]` (Bernoulli) or be finite (Gaussian),
/// else [`VAE_E_ARGUMENT`] names the first bad value by its index. Codes are
/// finite [`VAE_FLOAT32`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_batch {
    /// sizeof(vae_batch) in the host.
    pub struct_size: u32,
    /// [`VAE_UINT8`] or [`VAE_FLOAT32`] (default).
    pub dtype: i32,
    /// The rows; aligned for `dtype`.
    pub data: *const c_void,
    /// Size of `data`: at least `count` whole rows.
    pub bytes: u64,
    /// Rows, >= 1.
    pub count: u64,
    /// Where `data` lies: [`VAE_CPU`] (default), [`VAE_CUDA`].
    pub device: i32,
    /// Of an image: [`VAE_CHW`] (default) or [`VAE_HWC`].
    pub layout: i32,
    /// [`VAE_CUDA`]: the cudaStream_t that wrote `data`; NULL (default): the
    /// default stream.
    pub stream: *mut c_void,
    /// For [`vae_dataset_from_memory`]: `count` labels >= 0, or NULL. Otherwise
    /// reserved: NULL.
    pub labels: *const i32,
    /// Reserved: NULL.
    pub condition: *const f32,
}

/// Buffer for output rows. 48 bytes, minimum 40. Images are written as
/// [`VAE_FLOAT32`] or, rounded to 0..255, as [`VAE_UINT8`]; everything else is
/// [`VAE_FLOAT32`] only. If the buffer is too small, nothing is written.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_output {
    /// sizeof(vae_output) in the host.
    pub struct_size: u32,
    /// [`VAE_UINT8`] or [`VAE_FLOAT32`] (default).
    pub dtype: i32,
    /// The buffer; aligned for `dtype`.
    pub data: *mut c_void,
    /// Size of `data`.
    pub bytes: u64,
    /// Set by the call: bytes written.
    pub written: u64,
    /// Where `data` lies: [`VAE_CPU`] (default), [`VAE_CUDA`].
    pub device: i32,
    /// Of an image: [`VAE_CHW`] (default) or [`VAE_HWC`].
    pub layout: i32,
    /// [`VAE_CUDA`]: the cudaStream_t that will read `data`; NULL (default):
    /// the default stream.
    pub stream: *mut c_void,
}

/// Results of training or evaluation: means per image, in nats. 104 bytes,
/// minimum 88. With grey pixels as Bernoulli targets the losses are "soft"
/// losses. They can compare models, but are not a bound on a likelihood.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_metrics {
    /// sizeof(vae_metrics) in the host.
    pub struct_size: u32,
    /// Latent dimensions whose mean varies over images by more than 0.01 (Burda
    /// et al. 2016).
    pub active_units: u32,
    /// Training steps, or batches evaluated.
    pub steps: u64,
    /// Images of committed steps.
    pub images: u64,
    /// Steps that were not committed.
    pub skipped_steps: u64,
    /// Those skipped because of NaN or infinity.
    pub nonfinite_steps: u64,
    /// reconstruction + KL weight x kl.
    pub loss: f64,
    /// -log p(x|z), summed over pixels.
    pub reconstruction: f64,
    /// KL(q(z|x) || N(0, I)), unweighted (Kingma & Welling 2014, appendix B).
    pub kl: f64,
    /// Squared error per pixel of the reconstruction.
    pub mse: f64,
    /// Before clipping, root mean square over steps; 0 in evaluation.
    pub gradient_norm: f64,
    /// Wall time inside the library.
    pub seconds: f64,
    /// Buffer of the host for the KL of each latent dimension (`latent`
    /// doubles), or NULL (default).
    pub kl_per_dim: *mut f64,
    /// Size of `kl_per_dim`: at least 8 x latent.
    pub kl_bytes: u64,
}

/// Argument of a progress callback. 72 bytes. Owned by the library and valid
/// only during the callback. Losses are means since the run began.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_progress {
    /// sizeof(vae_progress) in the library.
    pub struct_size: u32,
    /// [`VAE_PHASE_TRAIN`] or [`VAE_PHASE_EVALUATE`].
    pub phase: u32,
    /// The current epoch, counted from 0.
    pub epoch: u64,
    /// Steps done in this epoch or evaluation.
    pub step: u64,
    /// Total steps of this epoch or evaluation.
    pub steps: u64,
    /// Images done in this run.
    pub images: u64,
    /// As in vae_metrics.
    pub loss: f64,
    /// As in vae_metrics.
    pub reconstruction: f64,
    /// As in vae_metrics.
    pub kl: f64,
    /// Wall time since the run began.
    pub seconds: f64,
}

/// Options of a pass over a dataset. 40 bytes, minimum 24.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_run {
    /// sizeof(vae_run) in the host.
    pub struct_size: u32,
    /// Steps between calls of `progress`, which is also called at the end; 0:
    /// only at the end; default 10.
    pub every_steps: u32,
    /// 1..max_batch; 0 (default): max_batch.
    pub batch_size: u64,
    /// Stop after this many steps; 0 (default): no limit.
    pub max_steps: u64,
    /// Callback, or NULL (default).
    pub progress: vae_progress_fn,
    /// Passed to `progress`; default NULL.
    pub user: *mut c_void,
}

/// Which codes [`vae_sample`] draws. 56 bytes, minimum 40. Each seed defines a
/// sequence of images. Image i of a call is image `first` + i of that sequence,
/// so several calls can draw a sequence in parts. `first` + `count` is at most
/// 2^32.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_sampling {
    /// sizeof(vae_sampling) in the host.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Images to draw, >= 1; default 64.
    pub count: u64,
    /// Independent of `vae_config.seed`; default 0.
    pub seed: u64,
    /// Start in the sequence; default 0.
    pub first: u64,
    /// z ~ temperature x N(0, I); 0 to 1e30; default 1.
    pub temperature: f64,
    /// Reserved: NULL.
    pub labels: *const i32,
    /// Reserved: NULL.
    pub condition: *const f32,
}

/// One tensor of the model, as named by PyTorch. 152 bytes, minimum 152. Filled
/// by [`vae_param_info`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_param {
    /// sizeof(vae_param) in the host.
    pub struct_size: u32,
    /// [`VAE_FLOAT32`]; [`VAE_INT64`] for a counter.
    pub dtype: i32,
    /// Entries of `shape` in use.
    pub rank: u32,
    /// 0: BatchNorm's statistics and counters.
    pub trainable: u32,
    /// As in PyTorch; unused entries are 0.
    pub shape: [i64; 8],
    /// Product of the shape; 1 for a scalar.
    pub elements: u64,
    /// "encoder.0.weight", ...; zero-terminated.
    pub name: [c_char; 64],
}
// [end of structs]
