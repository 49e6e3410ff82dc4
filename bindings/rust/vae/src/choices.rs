//! The choices of `vae.h` as enums, and the way back. A number that this crate
//! does not know is an error and never an enum's value.

use crate::error::{Error, Status};

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident ($what:literal) {
        $($(#[$value_doc:meta])* $value:ident = $number:ident,)*
    })*) => {$(
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
        }

        impl From<$name> for i32 {
            /// The number in `vae.h`.
            fn from(value: $name) -> i32 {
                match value {
                    $($name::$value => vae_sys::$number,)*
                }
            }
        }

        impl TryFrom<i32> for $name {
            type Error = Error;

            /// An error of [`Status::UNSUPPORTED`] for an unknown number.
            fn try_from(number: i32) -> Result<Self, Error> {
                match number {
                    $(vae_sys::$number => Ok($name::$value),)*
                    _ => Err(Error::new(
                        Status::UNSUPPORTED,
                        format!("{} is {number}, which this crate does not know", $what),
                    )),
                }
            }
        }
    )*};
}

choices! {
    /// Which model is trained.
    ModelKind ("model") {
        /// Variational autoencoder (Kingma & Welling 2014).
        Vae = VAE_MODEL_VAE,
    }
    /// The network around the latent code.
    Net ("net") {
        /// Convolutions with BatchNorm, for images.
        Conv = VAE_NET_CONV,
        /// Fully connected layers, for any vector.
        Dense = VAE_NET_DENSE,
    }
    /// p(x|z), evaluated on what the decoder puts out.
    Likelihood ("likelihood") {
        /// On logits; targets anywhere in \[0, 1\].
        Bernoulli = VAE_BERNOULLI,
        /// Of fixed variance, [`Config::gaussian_sigma`](crate::Config) squared.
        Gaussian = VAE_GAUSSIAN,
    }
    /// The type of a tensor's or image's numbers.
    ElementType ("element type") {
        /// One byte, 0 to 255, meaning 0 to 1.
        Uint8 = VAE_UINT8,
        /// IEEE single precision.
        Float32 = VAE_FLOAT32,
        /// Signed 64-bit integer; BatchNorm's counters and arrays.
        Int64 = VAE_INT64,
    }
    /// Where the arithmetic happens.
    Device ("device") {
        /// The host's processor and memory.
        Cpu = VAE_CPU,
        /// An NVIDIA GPU and its memory.
        Cuda = VAE_CUDA,
        /// A usable GPU if there is one, else the CPU.
        Auto = VAE_AUTO,
    }
    /// Arithmetic of products; parameters, statistics and losses stay single
    /// precision.
    Precision ("precision") {
        /// IEEE single precision.
        Fp32 = VAE_FP32,
        /// Products rounded to TF32 (GPU).
        Tf32 = VAE_TF32,
        /// Products of bfloat16, sums in single precision.
        Bf16 = VAE_BF16,
    }
    /// Which implementation computes the network.
    Engine ("engine") {
        /// The fastest that takes the configuration.
        Auto = VAE_ENGINE_AUTO,
        /// Any shape on any device; the others' reference.
        Blocks = VAE_ENGINE_BLOCKS,
        /// Own kernels, on GPUs only; `diagnose` tells whose products.
        Fused = VAE_ENGINE_FUSED,
        /// Products of small tiles, the rest done in the cache; on the CPU only,
        /// for convolutions with a multiple of 16 channels on images of up to 4.
        Tile = VAE_ENGINE_TILE,
    }
    /// Whether work on a GPU is recorded as a CUDA graph.
    Graph ("graph") {
        /// Where possible.
        Auto = VAE_GRAPH_AUTO,
        /// Not being able to is an error of [`Status::UNSUPPORTED`].
        On = VAE_GRAPH_ON,
        /// Every kernel is started by itself.
        Off = VAE_GRAPH_OFF,
    }
    /// What a step does whose loss or gradient is NaN or infinite. Either way
    /// nothing is committed.
    NonFinite ("nonfinite") {
        /// It fails with [`Status::NONFINITE`].
        Error = VAE_NONFINITE_ERROR,
        /// It is counted as skipped, training continues.
        Skip = VAE_NONFINITE_SKIP,
    }
    /// What a file holds.
    Save ("what to save") {
        /// The tensors of the PyTorch module and the configuration.
        Model = VAE_SAVE_MODEL,
        /// A model and everything needed to continue training.
        Checkpoint = VAE_SAVE_CHECKPOINT,
    }
    /// What is read or written of a parameter.
    What ("what to read") {
        /// The parameter itself.
        Value = VAE_VALUE,
        /// Last step's gradient; needs `keep_gradients`, and is only read.
        Gradient = VAE_GRADIENT,
        /// Adam's running mean of the gradient.
        Moment1 = VAE_MOMENT1,
        /// Adam's running mean of the squared gradient.
        Moment2 = VAE_MOMENT2,
    }
    /// Importance of a log message.
    LogLevel ("log level") {
        /// Something that the host would want to know.
        Warning = VAE_LOG_WARNING,
        /// What was chosen and why.
        Info = VAE_LOG_INFO,
        /// Everything else.
        Detail = VAE_LOG_DETAIL,
    }
}
