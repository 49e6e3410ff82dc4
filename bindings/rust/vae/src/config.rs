//! What a trainer is made from. A default configuration is the original
//! program's: a convolutional VAE of 28x28 grey images. Nothing is checked here
//! but what the C struct cannot hold; the library checks the rest.

use std::mem::{size_of, MaybeUninit};
use std::path::Path;

use vae_sys::{vae_config, VAE_ABI_VERSION, VAE_MAX_LAYERS};

use crate::choices::{Device, Engine, Graph, Likelihood, ModelKind, Net, NonFinite, Precision};
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

/// The struct, its defaults, and a builder method for every field.
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
            /// [`Net::Conv`]: output channels of the encoder's 2 to 8
            /// convolutions, each 1 to 4096; all but the last halve the image,
            /// the last keeps it, the decoder mirrors them. [`Net::Dense`]: 1 to
            /// 8 hidden sizes, each 1 to 65536. Default 64, 128, 128.
            pub layers: Vec<u32>,
        }

        impl Default for Config {
            /// The original program: `vae_config_init()`'s values.
            fn default() -> Self {
                Config { $($field: $default,)* layers: vec![64, 128, 128] }
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
        }
    };
}

config! {
    /// Which model.
    model: ModelKind = ModelKind::Vae,
    /// Which network; default convolutions.
    net: Net = Net::Conv,
    /// Channels of an image, 1 to 4096; default 1. A vector that is no image is
    /// 1 x 1 x its length.
    channels: u32 = 1,
    /// Rows of an image, 1 to 4096; default 28.
    height: u32 = 28,
    /// Columns of an image, 1 to 4096; default 28. Channels x height x width is
    /// at most 16777216.
    width: u32 = 28,
    /// Length of the latent code, 1 to 4096; default 32.
    latent: u32 = 32,
    /// p(x|z); default Bernoulli.
    likelihood: Likelihood = Likelihood::Bernoulli,
    /// true (default): gradients are of the loss summed over a batch's images;
    /// false: of its mean. Losses reported are means either way.
    sum_gradient: bool = true,
    /// Standard deviation of [`Likelihood::Gaussian`], in units of a pixel's
    /// \[0, 1\], 1e-15 to 1e15; default 1.
    gaussian_sigma: f64 = 1.0,
    /// Weight of the KL divergence (beta), 0 to 1e30; default 1.
    kl_weight: f64 = 1.0,
    /// Adam's, 0 to 1e30; default 0.001.
    learning_rate: f64 = 1e-3,
    /// Adam's, 0 to below 1; default 0.9.
    beta1: f64 = 0.9,
    /// Adam's, 0 to below 1; default 0.999.
    beta2: f64 = 0.999,
    /// Adam's, 1e-37 to 1e30; default 1e-8.
    epsilon: f64 = 1e-8,
    /// Added to the gradient (L2), 0 to 1e30; default 0.
    weight_decay: f64 = 0.0,
    /// Largest norm of the whole gradient; 0 (default): any.
    clip_norm: f64 = 0.0,
    /// Keys initialisation, noise and order of the data; default 0.
    seed: u64 = 0,
    /// Most images of a training step, 1 to 65536; default 64. Inference takes
    /// any count.
    max_batch: u32 = 64,
    /// Codes drawn per image in training: 1.
    samples: u32 = 1,
    /// CPU threads of this trainer, 1 to 1024; 0 (default): LibTorch's choice.
    threads: u32 = 0,
    /// Whether gradients can be read after a step; default false.
    keep_gradients: bool = false,
    /// Where it runs; default a usable GPU if there is one, else the CPU.
    device: Device = Device::Auto,
    /// Which GPU, from 0; default 0.
    device_index: i32 = 0,
    /// Of products; default single precision.
    precision: Precision = Precision::Fp32,
    /// What computes it; default the fastest that takes the configuration.
    engine: Engine = Engine::Auto,
    /// What a step does whose loss is NaN or infinite; default: it fails.
    nonfinite: NonFinite = NonFinite::Error,
    /// Whether a GPU uses deterministic algorithms; the CPU always does.
    deterministic: bool = false,
    /// Whether work on a GPU is recorded; default where possible.
    graph: Graph = Graph::Auto,
    /// Training steps of a dataset that one CUDA graph holds, 1 to 64; 0
    /// (default): 8.
    graph_steps: u32 = 0,
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
        // SAFETY: as above; `text` gives room of the size it tells.
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
        Ok(vae_config {
            model: self.model.into(),
            net: self.net.into(),
            channels: self.channels,
            height: self.height,
            width: self.width,
            latent: self.latent,
            layer_count: count as u32,
            layers,
            likelihood: self.likelihood.into(),
            sum_gradient: self.sum_gradient.into(),
            gaussian_sigma: self.gaussian_sigma,
            kl_weight: self.kl_weight,
            learning_rate: self.learning_rate,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            clip_norm: self.clip_norm,
            seed: self.seed,
            max_batch: self.max_batch,
            samples: self.samples,
            threads: self.threads,
            keep_gradients: self.keep_gradients.into(),
            device: self.device.into(),
            device_index: self.device_index,
            precision: self.precision.into(),
            engine: self.engine.into(),
            nonfinite: self.nonfinite.into(),
            deterministic: self.deterministic.into(),
            graph: self.graph.into(),
            graph_steps: self.graph_steps,
            ..initialised()?
        })
    }

    fn from_raw(raw: &vae_config) -> Result<Config> {
        let count = (raw.layer_count as usize).min(VAE_MAX_LAYERS);
        Ok(Config {
            model: raw.model.try_into()?,
            net: raw.net.try_into()?,
            channels: raw.channels,
            height: raw.height,
            width: raw.width,
            latent: raw.latent,
            layers: raw.layers[..count].to_vec(),
            likelihood: raw.likelihood.try_into()?,
            sum_gradient: raw.sum_gradient != 0,
            gaussian_sigma: raw.gaussian_sigma,
            kl_weight: raw.kl_weight,
            learning_rate: raw.learning_rate,
            beta1: raw.beta1,
            beta2: raw.beta2,
            epsilon: raw.epsilon,
            weight_decay: raw.weight_decay,
            clip_norm: raw.clip_norm,
            seed: raw.seed,
            max_batch: raw.max_batch,
            samples: raw.samples,
            threads: raw.threads,
            keep_gradients: raw.keep_gradients != 0,
            device: raw.device.try_into()?,
            device_index: raw.device_index,
            precision: raw.precision.try_into()?,
            engine: raw.engine.try_into()?,
            nonfinite: raw.nonfinite.try_into()?,
            deterministic: raw.deterministic != 0,
            graph: raw.graph.try_into()?,
            graph_steps: raw.graph_steps,
        })
    }
}

/// The library's own defaults, fields unknown to [`Config`] among them.
fn initialised() -> Result<vae_config> {
    let mut room = MaybeUninit::<vae_config>::zeroed();
    let bytes = size_of::<vae_config>() as u32;
    // SAFETY: `room` has the size that is told; plain numbers, so that zeros
    // were valid already.
    unsafe {
        ffi::call(|| vae_sys::vae_config_init(room.as_mut_ptr(), bytes, VAE_ABI_VERSION))?;
        Ok(room.assume_init())
    }
}

impl std::str::FromStr for Config {
    type Err = Error;

    /// [`Config::from_json`].
    fn from_str(json: &str) -> Result<Config> {
        Config::from_json(json)
    }
}
