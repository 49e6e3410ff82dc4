// What a trainer is made from: vae_config with .NET's types. The rules for the values are the
// library's; this file only carries them over.
using System;

namespace Vae
{
    /// <summary>What a trainer is made from. The defaults are the original program: a
    /// convolutional VAE of 28x28 grey images, trained by Adam in batches of 64.</summary>
    /// <remarks>Values are looked at by <see cref="Validate"/> and by whatever takes the
    /// configuration, and copied there: changing it later changes no trainer.</remarks>
    public sealed unsafe class VaeConfig
    {
        /// <summary>The original program's configuration.</summary>
        /// <remarks>C: <c>vae_config_init</c>.</remarks>
        /// <exception cref="VaeException">libvae was not found (File) or is of another version
        /// (Version).</exception>
        public VaeConfig()
        {
            vae_config native = Defaults();
            Read(&native);
        }

        private VaeConfig(vae_config* native) { Read(native); }

        /// <summary>Default <see cref="ModelKind.Vae"/>.</summary>
        public ModelKind Model { get; set; }

        /// <summary>Default <see cref="NetKind.Conv"/>.</summary>
        public NetKind Net { get; set; }

        /// <summary>Of an image, 1..4096; default 1. A vector that is no image is
        /// 1 x 1 x its length.</summary>
        public int Channels { get; set; }

        /// <summary>Rows of an image, 1..4096; default 28.</summary>
        public int Height { get; set; }

        /// <summary>Columns of an image, 1..4096; default 28. Channels x height x width is at
        /// most 16777216.</summary>
        public int Width { get; set; }

        /// <summary>Length of the latent code, 1..4096; default 32.</summary>
        public int Latent { get; set; }

        /// <summary>At most 8 sizes; default 64, 128, 128. Convolutional: output channels of the
        /// encoder's 2..8 convolutions, each 1..4096; all but the last halve the image, the
        /// decoder mirrors them. Dense: 1..8 hidden sizes, each 1..65536.</summary>
        public int[] Layers { get; set; }

        /// <summary>p(x|z); default <see cref="Vae.Likelihood.Bernoulli"/>.</summary>
        public Likelihood Likelihood { get; set; }

        /// <summary>Whether gradients are of the loss summed over a batch's images (default), as
        /// in the original, or of its mean. Losses reported are means either way.</summary>
        public bool SumGradient { get; set; }

        /// <summary>Standard deviation of the Gaussian likelihood, in units of a pixel's [0, 1],
        /// 1e-15 to 1e15; default 1.</summary>
        public double GaussianSigma { get; set; }

        /// <summary>Weight of the KL divergence (beta), 0 to 1e30; default 1.</summary>
        public double KlWeight { get; set; }

        /// <summary>Adam's, 0 to 1e30; default 0.001.</summary>
        public double LearningRate { get; set; }

        /// <summary>Adam's, in [0, 1); default 0.9.</summary>
        public double Beta1 { get; set; }

        /// <summary>Adam's, in [0, 1); default 0.999.</summary>
        public double Beta2 { get; set; }

        /// <summary>Adam's, 1e-37 to 1e30; default 1e-8.</summary>
        public double Epsilon { get; set; }

        /// <summary>Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30;
        /// default 0.</summary>
        public double WeightDecay { get; set; }

        /// <summary>Largest norm of the whole gradient; 0 (default): any.</summary>
        public double ClipNorm { get; set; }

        /// <summary>Keys initialisation, noise and order of the data; default 0.</summary>
        public ulong Seed { get; set; }

        /// <summary>Most images of a training step, 1..65536; default 64.</summary>
        public int MaxBatch { get; set; }

        /// <summary>Codes drawn per image in training: 1 (default).</summary>
        public int Samples { get; set; }

        /// <summary>CPU threads, 1..1024; 0 (default): LibTorch's choice.</summary>
        public int Threads { get; set; }

        /// <summary>Whether gradients can be read after a step; default false.</summary>
        public bool KeepGradients { get; set; }

        /// <summary>Default <see cref="Vae.Device.Auto"/>.</summary>
        public Device Device { get; set; }

        /// <summary>Which GPU, from 0; default 0.</summary>
        public int DeviceIndex { get; set; }

        /// <summary>Default <see cref="Vae.Precision.Fp32"/>.</summary>
        public Precision Precision { get; set; }

        /// <summary>Default <see cref="Vae.Engine.Auto"/>.</summary>
        public Engine Engine { get; set; }

        /// <summary>Default <see cref="NonfiniteAction.Error"/>.</summary>
        public NonfiniteAction Nonfinite { get; set; }

        /// <summary>Deterministic algorithms on a GPU too; default false. The CPU always
        /// is.</summary>
        public bool Deterministic { get; set; }

        /// <summary>On a GPU; default <see cref="GraphMode.Auto"/>.</summary>
        public GraphMode Graph { get; set; }

        /// <summary>Training steps of a data set that one CUDA graph holds, 1..64; 0 (default):
        /// 8.</summary>
        public int GraphSteps { get; set; }

        /// <summary>Checks every value. Looks for no device and opens nothing.</summary>
        /// <remarks>C: <c>vae_config_validate</c>.</remarks>
        /// <exception cref="VaeException">Argument or Unsupported, the text naming the first
        /// value that is not allowed and the values that are.</exception>
        public void Validate()
        {
            vae_config native = ToNative();
            Status.Check(NativeMethods.vae_config_validate(&native));
        }

        /// <summary>Estimates how much memory a trainer of this configuration will hold at
        /// most in training, without a GPU: parameters, moments, gradients and the workspace
        /// for MaxBatch images, without datasets.</summary>
        /// <remarks>C: <c>vae_config_memory</c>.</remarks>
        /// <returns>Bytes in host memory and in a GPU's.</returns>
        /// <exception cref="VaeException">As <see cref="Validate"/>; Unsupported if no engine
        /// supports the configuration.</exception>
        public TrainingMemory Memory()
        {
            vae_config native = ToNative();
            ulong host, device;
            Status.Check(NativeMethods.vae_config_memory(&native, &host, &device));
            return new TrainingMemory(host, device);
        }

        /// <summary>Reads a JSON object whose members are the fields of vae_config. A field
        /// absent from the text has its default.</summary>
        /// <remarks>C: <c>vae_config_from_json</c>.</remarks>
        /// <param name="json">Choices go by name: "bernoulli", "auto", ...; "layers" is an
        /// array.</param>
        /// <returns>A new configuration.</returns>
        /// <exception cref="VaeException">Format or Argument, naming an unknown member, a wrong
        /// type or a value out of range.</exception>
        public static VaeConfig FromJson(string json)
        {
            byte[] bytes = Utf8.Bytes(json, nameof(json));
            return Loader.Call(() =>
            {
                vae_config native = Defaults();
                fixed (byte* text = bytes)
                    Status.Check(NativeMethods.vae_config_from_json(&native, text));
                return new VaeConfig(&native);
            });
        }

        /// <summary>Reads the configuration from a JSON file, or from a model or checkpoint that
        /// libvae wrote.</summary>
        /// <remarks>C: <c>vae_config_from_file</c>.</remarks>
        /// <param name="path">The file.</param>
        /// <returns>A new configuration.</returns>
        /// <exception cref="VaeException">File; Format if the file holds none;
        /// Argument.</exception>
        public static VaeConfig FromFile(string path)
        {
            byte[] name = Utf8.Bytes(path, nameof(path));
            return Loader.Call(() =>
            {
                vae_config native = Defaults();
                fixed (byte* file = name)
                    Status.Check(NativeMethods.vae_config_from_file(&native, file));
                return new VaeConfig(&native);
            });
        }

        /// <summary>Writes the configuration as one JSON object.</summary>
        /// <remarks>C: <c>vae_config_to_json</c>.</remarks>
        /// <returns>What <see cref="FromJson"/> reads.</returns>
        /// <exception cref="VaeException">As <see cref="Validate"/>.</exception>
        public string ToJson()
        {
            vae_config native = ToNative();
            vae_config* from = &native;
            return Utf8.Ask((text, capacity, needed) =>
                NativeMethods.vae_config_to_json(from, text, capacity, needed));
        }

        /// <summary>A copy that can be changed by itself.</summary>
        /// <returns>The copy.</returns>
        public VaeConfig Clone()
        {
            VaeConfig copy = (VaeConfig)MemberwiseClone();
            if (Layers != null) copy.Layers = (int[])Layers.Clone();
            return copy;
        }

        /// <summary>The configuration of a trainer; what it needs is asked of the
        /// library.</summary>
        internal static VaeConfig Of(IntPtr trainer)
        {
            vae_config native = Defaults();
            Status.Check(NativeMethods.vae_get_config(trainer, &native));
            return new VaeConfig(&native);
        }

        internal vae_config ToNative()
        {
            if (Layers == null)
                throw new VaeException(VaeStatus.Argument, "Layers is null; allowed are 1 to " +
                                       vae_config.MaxLayers + " sizes");
            if (Layers.Length > vae_config.MaxLayers)
                throw new VaeException(VaeStatus.Argument, "Layers has " + Layers.Length +
                                       " entries; at most " + vae_config.MaxLayers);
            vae_config native = Defaults();
            native.model = (int)Model;
            native.net = (int)Net;
            native.channels = Whole.Small("channels", Channels);
            native.height = Whole.Small("height", Height);
            native.width = Whole.Small("width", Width);
            native.latent = Whole.Small("latent", Latent);
            native.layer_count = (uint)Layers.Length;
            for (int i = 0; i < vae_config.MaxLayers; ++i)
                native.layers[i] =
                    i < Layers.Length ? Whole.Small("layers[" + i + "]", Layers[i]) : 0;
            native.likelihood = (int)Likelihood;
            native.sum_gradient = SumGradient ? 1 : 0;
            native.gaussian_sigma = GaussianSigma;
            native.kl_weight = KlWeight;
            native.learning_rate = LearningRate;
            native.beta1 = Beta1;
            native.beta2 = Beta2;
            native.epsilon = Epsilon;
            native.weight_decay = WeightDecay;
            native.clip_norm = ClipNorm;
            native.seed = Seed;
            native.max_batch = Whole.Small("max_batch", MaxBatch);
            native.samples = Whole.Small("samples", Samples);
            native.threads = Whole.Small("threads", Threads);
            native.keep_gradients = KeepGradients ? 1u : 0u;
            native.device = (int)Device;
            native.device_index = DeviceIndex;
            native.precision = (int)Precision;
            native.engine = (int)Engine;
            native.nonfinite = (int)Nonfinite;
            native.deterministic = Deterministic ? 1 : 0;
            native.graph = (int)Graph;
            native.graph_steps = Whole.Small("graph_steps", GraphSteps);
            return native;
        }

        private static vae_config Defaults()
        {
            return Loader.Call(() =>
            {
                vae_config native;
                Status.Check(NativeMethods.vae_config_init(&native, (uint)sizeof(vae_config),
                                                           vae_config.AbiVersion));
                return native;
            });
        }

        private void Read(vae_config* native)
        {
            Model = (ModelKind)native->model;
            Net = (NetKind)native->net;
            Channels = (int)native->channels;
            Height = (int)native->height;
            Width = (int)native->width;
            Latent = (int)native->latent;
            Layers = new int[native->layer_count];
            for (int i = 0; i < Layers.Length; ++i) Layers[i] = (int)native->layers[i];
            Likelihood = (Likelihood)native->likelihood;
            SumGradient = native->sum_gradient != 0;
            GaussianSigma = native->gaussian_sigma;
            KlWeight = native->kl_weight;
            LearningRate = native->learning_rate;
            Beta1 = native->beta1;
            Beta2 = native->beta2;
            Epsilon = native->epsilon;
            WeightDecay = native->weight_decay;
            ClipNorm = native->clip_norm;
            Seed = native->seed;
            MaxBatch = (int)native->max_batch;
            Samples = (int)native->samples;
            Threads = (int)native->threads;
            KeepGradients = native->keep_gradients != 0;
            Device = (Device)native->device;
            DeviceIndex = native->device_index;
            Precision = (Precision)native->precision;
            Engine = (Engine)native->engine;
            Nonfinite = (NonfiniteAction)native->nonfinite;
            Deterministic = native->deterministic != 0;
            Graph = (GraphMode)native->graph;
            GraphSteps = (int)native->graph_steps;
        }
    }
}
