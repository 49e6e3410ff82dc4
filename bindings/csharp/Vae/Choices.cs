// The enumerations of vae.h with their numbers. Zero is never valid, so a forgotten choice is an
// error.
namespace Vae
{
    // [fields: choices] by tools/fields/generate; do not edit
    /// <summary>Which model is trained.</summary>
    public enum ModelKind
    {
        /// <summary>Variational autoencoder (Kingma &amp; Welling 2014).</summary>
        Vae = 1,
    }

    /// <summary>The network around the latent code.</summary>
    public enum NetKind
    {
        /// <summary>Convolutions with BatchNorm and LeakyReLU, for images.</summary>
        Conv = 1,
        /// <summary>Fully connected layers without BatchNorm, for vectors of any kind.</summary>
        Dense = 2,
    }

    /// <summary>p(x|z), computed from the decoder's output.</summary>
    public enum Likelihood
    {
        /// <summary>Bernoulli on logits; targets anywhere in [0, 1].</summary>
        Bernoulli = 1,
        /// <summary>Gaussian of fixed variance, <see cref="VaeConfig.GaussianSigma"/>
        /// squared.</summary>
        Gaussian = 2,
    }

    /// <summary>Where a trainer computes.</summary>
    public enum Device
    {
        /// <summary>The CPU and host memory.</summary>
        Cpu = 1,
        /// <summary>An NVIDIA GPU and its memory.</summary>
        Cuda = 2,
        /// <summary>A GPU if one can be used, else the CPU; only in a configuration.</summary>
        Auto = 3,
    }

    /// <summary>Arithmetic of matrix products; parameters, statistics and losses are
    /// fp32.</summary>
    public enum Precision
    {
        /// <summary>IEEE single precision.</summary>
        Fp32 = 1,
        /// <summary>Inputs of matrix products rounded to TF32 (GPU).</summary>
        Tf32 = 2,
        /// <summary>Matrix products of bfloat16 inputs, accumulated in single precision.</summary>
        Bf16 = 3,
    }

    /// <summary>Which implementation computes the network.</summary>
    public enum Engine
    {
        /// <summary>The fastest engine that supports the configuration.</summary>
        Auto = 1,
        /// <summary>Any shape on any device; the reference for the others.</summary>
        Blocks = 2,
        /// <summary>Fused kernels of libvae, GPU only. They also compute the matrix products if
        /// precision is bf16, compute capability is at least 8.0, images have one channel, and
        /// <see cref="VaeConfig.Layers"/> and <see cref="VaeConfig.Latent"/> are multiples of 8;
        /// otherwise LibTorch does. The field "products" of <c>Trainer.Diagnose</c> tells
        /// which.</summary>
        Fused = 3,
        /// <summary>Every layer is computed tile by tile in the cache. CPU only; convolutions whose
        /// channels are multiples of 16, images of at most 4 channels.</summary>
        Tile = 4,
    }

    /// <summary>Action when the loss, gradient or a BatchNorm statistic of a training step is NaN
    /// or infinite. Such a step is never committed: parameters, moments and running statistics stay
    /// finite.</summary>
    public enum NonfiniteAction
    {
        /// <summary>The step fails with <see cref="VaeStatus.Nonfinite"/>.</summary>
        Error = 1,
        /// <summary>The step is counted as skipped, training continues.</summary>
        Skip = 2,
    }

    /// <summary>Whether work on a GPU is recorded as a CUDA graph and replayed, which saves
    /// launching every kernel.</summary>
    public enum GraphMode
    {
        /// <summary>Where possible; <c>Trainer.Diagnose</c> tells.</summary>
        Auto = 1,
        /// <summary>Always; <see cref="VaeStatus.Unsupported"/> where it is not possible.</summary>
        On = 2,
        /// <summary>Never: every kernel is launched individually.</summary>
        Off = 3,
    }

    /// <summary>How an update follows from the gradient.</summary>
    public enum Optimizer
    {
        /// <summary>Adam (Kingma &amp; Ba 2015), as torch.optim.Adam.</summary>
        Adam = 1,
        /// <summary>Stochastic gradient descent with momentum <see cref="VaeConfig.Beta1"/>, as
        /// torch.optim.SGD.</summary>
        Sgd = 2,
    }

    /// <summary>The learning rate after the warm-up, as a function of the updates.</summary>
    public enum Schedule
    {
        /// <summary><see cref="VaeConfig.LearningRate"/>.</summary>
        Constant = 1,
        /// <summary>From <see cref="VaeConfig.LearningRate"/> along half a cosine to
        /// <see cref="VaeConfig.ScheduleFloor"/> times it (Loshchilov &amp; Hutter 2017).</summary>
        Cosine = 2,
    }
    // [end of choices]

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

    /// <summary>Layout of an image.</summary>
    public enum Layout
    {
        /// <summary>[channel][row][column], as in PyTorch.</summary>
        Chw = 1,
        /// <summary>[row][column][channel], as in image files.</summary>
        Hwc = 2,
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
