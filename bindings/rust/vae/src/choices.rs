//! The choices of `vae.h` as enums, and conversions in both directions. A number
//! that this crate does not know is an error.

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
    // [fields: choices] by tools/fields/generate; do not edit
    /// Which model is trained.
    ModelKind ("model") {
        /// Variational autoencoder (Kingma & Welling 2014).
        Vae = VAE_MODEL_VAE,
    }
    /// The network around the latent code.
    Net ("net") {
        /// Convolutions with BatchNorm and LeakyReLU, for images.
        Conv = VAE_NET_CONV,
        /// Fully connected layers without BatchNorm, for vectors of any kind.
        Dense = VAE_NET_DENSE,
    }
    /// p(x|z), computed from the decoder's output.
    Likelihood ("likelihood") {
        /// Bernoulli on logits; targets anywhere in \[0, 1\].
        Bernoulli = VAE_BERNOULLI,
        /// Gaussian of fixed variance,
        /// [`Config::gaussian_sigma`](crate::Config) squared.
        Gaussian = VAE_GAUSSIAN,
    }
    /// Where a trainer computes.
    Device ("device") {
        /// The CPU and host memory.
        Cpu = VAE_CPU,
        /// An NVIDIA GPU and its memory.
        Cuda = VAE_CUDA,
        /// A GPU if one can be used, else the CPU; only in a configuration.
        Auto = VAE_AUTO,
    }
    /// Arithmetic of matrix products; parameters, statistics and losses are
    /// fp32.
    Precision ("precision") {
        /// IEEE single precision.
        Fp32 = VAE_FP32,
        /// Inputs of matrix products rounded to TF32 (GPU).
        Tf32 = VAE_TF32,
        /// Matrix products of bfloat16 inputs, accumulated in single precision.
        Bf16 = VAE_BF16,
    }
    /// Which implementation computes the network.
    Engine ("engine") {
        /// The fastest engine that supports the configuration.
        Auto = VAE_ENGINE_AUTO,
        /// Any shape on any device; the reference for the others.
        Blocks = VAE_ENGINE_BLOCKS,
        /// Fused kernels of libvae, GPU only. They also compute the matrix
        /// products if precision is bf16, compute capability is at least 8.0,
        /// images have one channel, and `layers` and `latent` are multiples of
        /// 8; otherwise LibTorch does. The field "products" of
        /// `Trainer::diagnose` tells which.
        Fused = VAE_ENGINE_FUSED,
        /// Every layer is computed tile by tile in the cache. CPU only;
        /// convolutions whose channels are multiples of 16, images of at most 4
        /// channels.
        Tile = VAE_ENGINE_TILE,
    }
    /// Action when the loss, gradient or a BatchNorm statistic of a training
    /// step is NaN or infinite. Such a step is never committed: parameters,
    /// moments and running statistics stay finite.
    NonFinite ("nonfinite") {
        /// The step fails with [`Status::NONFINITE`](crate::Status::NONFINITE).
        Error = VAE_NONFINITE_ERROR,
        /// The step is counted as skipped, training continues.
        Skip = VAE_NONFINITE_SKIP,
    }
    /// Whether work on a GPU is recorded as a CUDA graph and replayed, which
    /// saves launching every kernel.
    Graph ("graph") {
        /// Where possible; `Trainer::diagnose` tells.
        Auto = VAE_GRAPH_AUTO,
        /// Always; [`Status::UNSUPPORTED`](crate::Status::UNSUPPORTED) where it
        /// is not possible.
        On = VAE_GRAPH_ON,
        /// Never: every kernel is launched individually.
        Off = VAE_GRAPH_OFF,
    }
    /// How an update follows from the gradient.
    Optimizer ("optimizer") {
        /// Adam (Kingma & Ba 2015), as torch.optim.Adam.
        Adam = VAE_ADAM,
        /// Stochastic gradient descent with momentum `beta1`, as
        /// torch.optim.SGD.
        Sgd = VAE_SGD,
    }
    /// The learning rate after the warm-up, as a function of the updates.
    Schedule ("schedule") {
        /// `learning_rate`.
        Constant = VAE_SCHEDULE_CONSTANT,
        /// From `learning_rate` along half a cosine to `schedule_floor` times
        /// it (Loshchilov & Hutter 2017).
        Cosine = VAE_SCHEDULE_COSINE,
    }
    // [end of choices]
    /// Element type of a tensor or image.
    ElementType ("element type") {
        /// One byte; 0 to 255 stands for 0 to 1.
        Uint8 = VAE_UINT8,
        /// IEEE single precision.
        Float32 = VAE_FLOAT32,
        /// Signed 64-bit integer; BatchNorm's counters and arrays.
        Int64 = VAE_INT64,
    }
    /// Content of a file.
    Save ("what to save") {
        /// The tensors of the PyTorch module and the configuration.
        Model = VAE_SAVE_MODEL,
        /// A model and everything needed to continue training.
        Checkpoint = VAE_SAVE_CHECKPOINT,
    }
    /// The array of a parameter that is read or written.
    What ("what to read") {
        /// The parameter itself.
        Value = VAE_VALUE,
        /// The last step's gradient; needs `keep_gradients` and cannot be written.
        Gradient = VAE_GRADIENT,
        /// Adam's running mean of the gradient.
        Moment1 = VAE_MOMENT1,
        /// Adam's running mean of the squared gradient.
        Moment2 = VAE_MOMENT2,
    }
    /// Importance of a log message.
    LogLevel ("log level") {
        /// A problem that the host should know about.
        Warning = VAE_LOG_WARNING,
        /// Which engine, device and options were chosen, and why.
        Info = VAE_LOG_INFO,
        /// Everything else.
        Detail = VAE_LOG_DETAIL,
    }
}
