// The enumerations of vae.h with their numbers. Zero is never valid, so a forgotten choice is an
// error.
namespace Vae
{
    /// <summary>Kind of model.</summary>
    public enum ModelKind
    {
        /// <summary>Variational autoencoder (Kingma and Welling 2014).</summary>
        Vae = 1,
    }

    /// <summary>Kind of encoder and decoder.</summary>
    public enum NetKind
    {
        /// <summary>Convolutions with BatchNorm, for images.</summary>
        Conv = 1,
        /// <summary>Fully connected layers, for any vector.</summary>
        Dense = 2,
    }

    /// <summary>p(x|z).</summary>
    public enum Likelihood
    {
        /// <summary>Bernoulli on logits; targets in [0, 1].</summary>
        Bernoulli = 1,
        /// <summary>Gaussian of fixed variance, <see cref="VaeConfig.GaussianSigma"/>
        /// squared.</summary>
        Gaussian = 2,
    }

    /// <summary>Element type.</summary>
    public enum ElementType
    {
        /// <summary>Unsigned byte; 0..255 stands for 0..1.</summary>
        UInt8 = 1,
        /// <summary>IEEE single precision.</summary>
        Float32 = 2,
        /// <summary>Signed 64-bit integer; BatchNorm's counters and arrays.</summary>
        Int64 = 3,
    }

    /// <summary>The device that computes.</summary>
    public enum Device
    {
        /// <summary>The CPU and host memory.</summary>
        Cpu = 1,
        /// <summary>An NVIDIA GPU and its memory.</summary>
        Cuda = 2,
        /// <summary>A GPU if one can be used, else the CPU.</summary>
        Auto = 3,
    }

    /// <summary>Layout of an image.</summary>
    public enum Layout
    {
        /// <summary>[channel][row][column], as in PyTorch.</summary>
        Chw = 1,
        /// <summary>[row][column][channel], as in image files.</summary>
        Hwc = 2,
    }

    /// <summary>Precision of matrix products.</summary>
    public enum Precision
    {
        /// <summary>IEEE single precision.</summary>
        Fp32 = 1,
        /// <summary>Inputs rounded to TF32 (GPU).</summary>
        Tf32 = 2,
        /// <summary>bfloat16 inputs, accumulated in single precision.</summary>
        Bf16 = 3,
    }

    /// <summary>The implementation that computes the network.</summary>
    public enum Engine
    {
        /// <summary>The fastest engine that supports the configuration.</summary>
        Auto = 1,
        /// <summary>Any shape on any device; the reference for the others.</summary>
        Blocks = 2,
        /// <summary>libvae's fused kernels, GPU only.</summary>
        Fused = 3,
        /// <summary>Every layer is computed tile by tile in the cache. CPU only; convolutions
        /// whose channels are multiples of 16, images of at most 4 channels.</summary>
        Tile = 4,
    }

    /// <summary>Whether work on a GPU is recorded as a CUDA graph.</summary>
    public enum GraphMode
    {
        /// <summary>Where possible.</summary>
        Auto = 1,
        /// <summary>Always; <see cref="VaeStatus.Unsupported"/> where it is not
        /// possible.</summary>
        On = 2,
        /// <summary>Never: every kernel is launched individually.</summary>
        Off = 3,
    }

    /// <summary>Action when a step's loss or gradient is NaN or infinite. Such a step is never
    /// committed.</summary>
    public enum NonfiniteAction
    {
        /// <summary>It fails with <see cref="VaeStatus.Nonfinite"/>.</summary>
        Error = 1,
        /// <summary>It is counted as skipped, and training continues.</summary>
        Skip = 2,
    }

    /// <summary>Content of a file.</summary>
    public enum SaveKind
    {
        /// <summary>The tensors of the PyTorch module and the configuration.</summary>
        Model = 1,
        /// <summary>A model and everything needed to continue training.</summary>
        Checkpoint = 2,
    }

    /// <summary>The array of a parameter that is read or written.</summary>
    public enum ParameterPart
    {
        /// <summary>The parameter itself.</summary>
        Value = 1,
        /// <summary>The last step's gradient; needs
        /// <see cref="VaeConfig.KeepGradients"/>, and can only be read.</summary>
        Gradient = 2,
        /// <summary>Adam's running mean of the gradient.</summary>
        Moment1 = 3,
        /// <summary>Adam's running mean of the squared gradient.</summary>
        Moment2 = 4,
    }

    /// <summary>The kind of run that reports progress.</summary>
    public enum RunPhase
    {
        /// <summary>Training.</summary>
        Train = 1,
        /// <summary>Evaluation.</summary>
        Evaluate = 2,
    }

    /// <summary>Importance of a log message.</summary>
    public enum LogLevel
    {
        /// <summary>A problem that the host should know about.</summary>
        Warning = 1,
        /// <summary>Which engine, device and options were chosen, and why.</summary>
        Info = 2,
        /// <summary>Everything else.</summary>
        Detail = 3,
    }
}
