//! What a trainer is made from. A default configuration is the original
//! program's: a convolutional VAE of 28x28 grey images. Nothing is checked here
//! but what the C struct cannot hold; the library checks the rest.

use std::mem::{size_of, MaybeUninit};
use std::path::Path;

use vae_sys::{vae_config, VAE_ABI_VERSION, VAE_MAX_LAYERS};

use crate::choices::*;
use crate::error::{Error, Result};
use crate::ffi;

/// What training holds at most, in bytes: [`Config::memory`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// In host memory.
    pub host_bytes: u64,
    /// In a GPU's memory; 0 on the CPU.
    pub device_bytes: u64,
}

/// The struct, its defaults, a builder method for every field, and the way to the C
/// struct and back.
macro_rules! config {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*) => {
        /// What a [`Trainer`](crate::Trainer) is made from: fields to set, or
        /// builder methods of the same names.
        ///
        /// ```
        /// use vae::{Config, Likelihood};
        ///
        /// let mut config = Config::default().size(3, 64, 64).latent(16);
        /// config.likelihood = Likelihood::Gaussian;
        /// assert!(config.validate().is_ok());
        /// let error = config.max_batch(0).validate().unwrap_err();
        /// assert!(error.text().contains("max_batch is 0"));
        /// ```
        #[doc(alias = "vae_config_init")]
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[$doc])* pub $field: $type,)*
            // [fields: layers doc] by tools/fields/generate; do not edit
            /// [`Net::Conv`]: output channels of the encoder's 2 to 8
            /// convolutions, each 1 to 4096. All but the last halve height and
            /// width (kernel 4, stride 2); the last keeps them (kernel 3). The
            /// decoder mirrors the encoder. [`Net::Dense`]: 1 to 8 hidden
            /// sizes, each 1 to 65536. Default 64, 128, 128.
            // [end of layers doc]
            pub layers: Vec<u32>,
        }

        impl Default for Config {
            /// The original program: `vae_config_init()`'s values.
            fn default() -> Self {
                Config { $($field: $default,)* layers: LAYERS.to_vec() }
            }
        }

        impl Config {
            $(
                #[doc = concat!("Sets the field `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*

            /// Copies every field but `layers` to the C struct.
            fn copy_to(&self, raw: &mut vae_config) {
                $(raw.$field = Carried::to_raw(self.$field);)*
            }

            /// The fields of the C struct, with `layers`.
            fn copy_from(raw: &vae_config, layers: Vec<u32>) -> Result<Config> {
                Ok(Config { $($field: Carried::from_raw(raw.$field)?,)* layers })
            }
        }
    };
}

// [fields: layers] by tools/fields/generate; do not edit
const LAYERS: &[u32] = &[64, 128, 128];
// [end of layers]

/// A field's type here and in the C struct, where a choice or a switch is a number.
trait Carried<Raw>: Sized {
    fn to_raw(self) -> Raw;
    fn from_raw(raw: Raw) -> Result<Self>;
}

macro_rules! carried {
    ($($type:ty as $raw:ty: $to:expr, $from:expr;)*) => {$(
        impl Carried<$raw> for $type {
            fn to_raw(self) -> $raw {
                $to(self)
            }
            fn from_raw(raw: $raw) -> Result<Self> {
                $from(raw)
            }
        }
    )*};
}

carried! {
    u32 as u32: |value| value, Ok;
    i32 as i32: |value| value, Ok;
    u64 as u64: |value| value, Ok;
    f64 as f64: |value| value, Ok;
    bool as u32: u32::from, |raw| Ok(raw != 0);
    bool as i32: i32::from, |raw| Ok(raw != 0);
    // [fields: carried] by tools/fields/generate; do not edit
    ModelKind as i32: i32::from, ModelKind::try_from;
    Net as i32: i32::from, Net::try_from;
    Likelihood as i32: i32::from, Likelihood::try_from;
    Device as i32: i32::from, Device::try_from;
    Precision as i32: i32::from, Precision::try_from;
    Engine as i32: i32::from, Engine::try_from;
    NonFinite as i32: i32::from, NonFinite::try_from;
    Graph as i32: i32::from, Graph::try_from;
    Optimizer as i32: i32::from, Optimizer::try_from;
    Schedule as i32: i32::from, Schedule::try_from;
    // [end of carried]
}

config! {
    // [fields: fields] by tools/fields/generate; do not edit
    /// Which model is trained; default [`ModelKind::Vae`].
    model: ModelKind = ModelKind::Vae,
    /// Which network; default [`Net::Conv`].
    net: Net = Net::Conv,
    /// Channels of an image, 1 to 4096; default 1. A vector that is not an
    /// image is 1 x 1 x its length.
    channels: u32 = 1,
    /// Rows of an image, 1 to 4096; default 28.
    height: u32 = 28,
    /// Columns of an image, 1 to 4096; default 28. Channels x height x width is
    /// at most 16777216.
    width: u32 = 28,
    /// Length of the latent code, 1 to 4096; default 32.
    latent: u32 = 32,
    /// p(x|z); default [`Likelihood::Bernoulli`].
    likelihood: Likelihood = Likelihood::Bernoulli,
    /// true (default): the gradient is of the loss summed over the batch, as in
    /// the original; false: of its mean. Reported losses are always means.
    sum_gradient: bool = true,
    /// Standard deviation of [`Likelihood::Gaussian`], in units of a pixel's
    /// \[0, 1\], 1e-15 to 1e15; default 1.
    gaussian_sigma: f64 = 1.0,
    /// Weight of the KL divergence (beta of beta-VAE), 0 to 1e30; default 1.
    kl_weight: f64 = 1.0,
    /// Adam's step size, 0 to 1e30; default 0.001.
    learning_rate: f64 = 0.001,
    /// Decay of Adam's mean of the gradient, in \[0, 1); default 0.9.
    beta1: f64 = 0.9,
    /// Decay of Adam's mean of the squared gradient, in \[0, 1); default 0.999.
    beta2: f64 = 0.999,
    /// Added to Adam's divisor, 1e-37 to 1e30; default 1e-8.
    epsilon: f64 = 1e-8,
    /// Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30; default 0.
    /// Each element of the sum is limited to +-1e18.
    weight_decay: f64 = 0.0,
    /// The whole gradient is scaled down to this norm, 0 to 1e30; 0 (default):
    /// no clipping.
    clip_norm: f64 = 0.0,
    /// Of initialisation, noise and data order; default 0.
    seed: u64 = 0,
    /// Most images of a training step, 1 to 65536; default 64. The first step
    /// allocates memory for them. Inference takes any count.
    max_batch: u32 = 64,
    /// Codes drawn per image in training: only 1.
    samples: u32 = 1,
    /// CPU threads of this trainer, 1 to 1024; 0 (default): LibTorch's choice.
    threads: u32 = 0,
    /// true: `Trainer::read_param` can read gradients after a step; false
    /// (default): it cannot.
    keep_gradients: bool = false,
    /// Where it computes; default [`Device::Auto`].
    device: Device = Device::Auto,
    /// Which GPU, 0 to 1023; default 0.
    device_index: i32 = 0,
    /// Arithmetic of matrix products; default [`Precision::Fp32`].
    precision: Precision = Precision::Fp32,
    /// What computes the network; default [`Engine::Auto`].
    engine: Engine = Engine::Auto,
    /// What a training step does that is NaN or infinite; default
    /// [`NonFinite::Error`].
    nonfinite: NonFinite = NonFinite::Error,
    /// true: deterministic algorithms on a GPU; false (default): any. The CPU
    /// is always deterministic.
    deterministic: bool = false,
    /// Recording on a GPU; default [`Graph::Auto`]. No effect on the CPU.
    graph: Graph = Graph::Auto,
    /// Training steps of `Trainer::train_epoch` per CUDA graph, 1 to 64; 0
    /// (default): 8. Cancellation and progress callbacks happen between graphs.
    graph_steps: u32 = 0,
    /// How an update follows from the gradient; default [`Optimizer::Adam`].
    optimizer: Optimizer = Optimizer::Adam,
    /// The learning rate after the warm-up; default [`Schedule::Constant`].
    schedule: Schedule = Schedule::Constant,
    /// Share of the learning rate at the end of [`Schedule::Cosine`], 0 to 1;
    /// default 0.
    schedule_floor: f64 = 0.0,
    /// Update at which [`Schedule::Cosine`] ends, more than `warmup_updates`;
    /// the rate stays there; default 0.
    schedule_updates: u64 = 0,
    /// Updates over which the learning rate rises linearly to its full value; 0
    /// (default): no warm-up.
    warmup_updates: u64 = 0,
    /// Updates over which the KL weight rises linearly from 0 to `kl_weight`; 0
    /// (default): no warm-up. Evaluation uses the full weight.
    kl_warmup_updates: u64 = 0,
    /// Updates after which the KL weight's warm-up begins again (Fu et al.
    /// 2019), at least `kl_warmup_updates`; 0 (default): never.
    kl_cycle_updates: u64 = 0,
    // [end of fields]
}

impl Config {
    /// Sets the field `layers`, from an array, a slice or a `Vec`.
    #[must_use]
    pub fn layers(mut self, layers: impl Into<Vec<u32>>) -> Self {
        self.layers = layers.into();
        self
    }

    /// Sets `channels`, `height` and `width`.
    #[must_use]
    pub fn size(self, channels: u32, height: u32, width: u32) -> Self {
        self.channels(channels).height(height).width(width)
    }

    /// Checks every field. Looks for no device and opens nothing.
    #[doc(alias = "vae_config_validate")]
    pub fn validate(&self) -> Result<()> {
        let raw = self.to_raw()?;
        // SAFETY: an initialised struct that outlives the call.
        ffi::call(|| unsafe { vae_sys::vae_config_validate(&raw) })
    }

    /// Estimates how much memory a [`Trainer`](crate::Trainer) of this
    /// configuration will hold at most in training, without a GPU: parameters,
    /// moments, gradients and the workspace for `max_batch` images, without
    /// datasets. [`Status::UNSUPPORTED`](crate::Status::UNSUPPORTED) if no
    /// engine supports the configuration.
    ///
    /// ```
    /// let memory = vae::Config::default().device(vae::Device::Cpu).memory()?;
    /// assert!(memory.host_bytes > 0 && memory.device_bytes == 0);
    /// # Ok::<(), vae::Error>(())
    /// ```
    #[doc(alias = "vae_config_memory")]
    pub fn memory(&self) -> Result<Memory> {
        let raw = self.to_raw()?;
        let mut memory = Memory::default();
        // SAFETY: an initialised struct and two numbers that outlive the call.
        ffi::call(|| unsafe {
            vae_sys::vae_config_memory(&raw, &mut memory.host_bytes, &mut memory.device_bytes)
        })?;
        Ok(memory)
    }

    /// One JSON object with every field; choices by their names.
    #[doc(alias = "vae_config_to_json")]
    pub fn to_json(&self) -> Result<String> {
        let raw = self.to_raw()?;
        // SAFETY: as above; `text` passes a buffer and its size.
        ffi::text(|text, capacity, needed| unsafe {
            vae_sys::vae_config_to_json(&raw, text, capacity, needed)
        })
    }

    /// Reads a JSON object whose members are the fields. One that is absent has
    /// its default; [`Status::FORMAT`](crate::Status::FORMAT) or
    /// [`Status::ARGUMENT`](crate::Status::ARGUMENT) name one that is unknown,
    /// of a wrong type or out of range.
    #[doc(alias = "vae_config_from_json")]
    pub fn from_json(json: &str) -> Result<Config> {
        let json = ffi::c_text(json, "json")?;
        // SAFETY: initialised and zero-terminated; both outlive the call.
        Config::filled(|raw| unsafe { vae_sys::vae_config_from_json(raw, json.as_ptr()) })
    }

    /// Reads the configuration from a JSON file, or from a model or checkpoint
    /// that libvae wrote.
    #[doc(alias = "vae_config_from_file")]
    pub fn from_file(path: impl AsRef<Path>) -> Result<Config> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: initialised and zero-terminated; both outlive the call.
        Config::filled(|raw| unsafe { vae_sys::vae_config_from_file(raw, path.as_ptr()) })
    }

    /// The configuration that `call` sets.
    pub(crate) fn filled(
        call: impl FnOnce(&mut vae_config) -> vae_sys::vae_status,
    ) -> Result<Config> {
        let mut raw = initialised()?;
        ffi::call(|| call(&mut raw))?;
        Config::from_raw(&raw)
    }

    pub(crate) fn to_raw(&self) -> Result<vae_config> {
        let count = self.layers.len();
        if count > VAE_MAX_LAYERS {
            return Err(Error::argument(format!(
                "layers has {count} entries; allowed are at most {VAE_MAX_LAYERS}"
            )));
        }
        let mut layers = [0; VAE_MAX_LAYERS];
        layers[..count].copy_from_slice(&self.layers);
        let mut raw = vae_config {
            layer_count: count as u32,
            layers,
            ..initialised()?
        };
        self.copy_to(&mut raw);
        Ok(raw)
    }

    fn from_raw(raw: &vae_config) -> Result<Config> {
        let count = (raw.layer_count as usize).min(VAE_MAX_LAYERS);
        Config::copy_from(raw, raw.layers[..count].to_vec())
    }
}

/// The library's own defaults, fields unknown to [`Config`] among them.
fn initialised() -> Result<vae_config> {
    let mut raw = MaybeUninit::<vae_config>::zeroed();
    let bytes = size_of::<vae_config>() as u32;
    // SAFETY: `bytes` is the size of `raw`, whose fields are numbers: zeros are
    // valid.
    unsafe {
        ffi::call(|| vae_sys::vae_config_init(raw.as_mut_ptr(), bytes, VAE_ABI_VERSION))?;
        Ok(raw.assume_init())
    }
}

impl std::str::FromStr for Config {
    type Err = Error;

    /// [`Config::from_json`].
    fn from_str(json: &str) -> Result<Config> {
        Config::from_json(json)
    }
}
