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

        // [fields: properties] by tools/fields/generate; do not edit
        /// <summary>Which model is trained; default <see cref="Vae.ModelKind.Vae"/>.</summary>
        public ModelKind Model { get; set; }

        /// <summary>Which network; default <see cref="Vae.NetKind.Conv"/>.</summary>
        public NetKind Net { get; set; }

        /// <summary>Channels of an image, 1..4096; default 1. A vector that is not an image is 1 x
        /// 1 x its length.</summary>
        public int Channels { get; set; }

        /// <summary>Rows of an image, 1..4096; default 28.</summary>
        public int Height { get; set; }

        /// <summary>Columns of an image, 1..4096; default 28. Channels x height x width is at most
        /// 16777216.</summary>
        public int Width { get; set; }

        /// <summary>Length of the latent code, 1..4096; default 32.</summary>
        public int Latent { get; set; }

        /// <summary><see cref="Vae.NetKind.Conv"/>: output channels of the encoder's 2..8
        /// convolutions, each 1..4096. All but the last halve height and width (kernel 4, stride
        /// 2); the last keeps them (kernel 3). The decoder mirrors the encoder.
        /// <see cref="Vae.NetKind.Dense"/>: 1..8 hidden sizes, each 1..65536. Default 64, 128,
        /// 128.</summary>
        public int[] Layers { get; set; }

        /// <summary>p(x|z); default <see cref="Vae.Likelihood.Bernoulli"/>.</summary>
        public Likelihood Likelihood { get; set; }

        /// <summary>True (default): the gradient is of the loss summed over the batch, as in the
        /// original; false: of its mean. Reported losses are always means.</summary>
        public bool SumGradient { get; set; }

        /// <summary>Standard deviation of <see cref="Vae.Likelihood.Gaussian"/>, in units of a
        /// pixel's [0, 1], 1e-15 to 1e15; default 1.</summary>
        public double GaussianSigma { get; set; }

        /// <summary>Weight of the KL divergence (beta of beta-VAE), 0 to 1e30; default 1.</summary>
        public double KlWeight { get; set; }

        /// <summary>Adam's step size, 0 to 1e30; default 0.001.</summary>
        public double LearningRate { get; set; }

        /// <summary>Decay of Adam's mean of the gradient, in [0, 1); default 0.9.</summary>
        public double Beta1 { get; set; }

        /// <summary>Decay of Adam's mean of the squared gradient, in [0, 1); default
        /// 0.999.</summary>
        public double Beta2 { get; set; }

        /// <summary>Added to Adam's divisor, 1e-37 to 1e30; default 1e-8.</summary>
        public double Epsilon { get; set; }

        /// <summary>Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30; default 0. Each
        /// element of the sum is limited to +-1e18.</summary>
        public double WeightDecay { get; set; }

        /// <summary>The whole gradient is scaled down to this norm, 0 to 1e30; 0 (default): no
        /// clipping.</summary>
        public double ClipNorm { get; set; }

        /// <summary>Of initialisation, noise and data order; default 0.</summary>
        public ulong Seed { get; set; }

        /// <summary>Most images of a training step, 1..65536; default 64. The first step allocates
        /// memory for them. Inference takes any count.</summary>
        public int MaxBatch { get; set; }

        /// <summary>Codes drawn per image in training: only 1.</summary>
        public int Samples { get; set; }

        /// <summary>CPU threads of this trainer, 1..1024; 0 (default): LibTorch's choice.</summary>
        public int Threads { get; set; }

        /// <summary>True: <c>Trainer.ReadParameter</c> can read gradients after a step; false
        /// (default): it cannot.</summary>
        public bool KeepGradients { get; set; }

        /// <summary>Where it computes; default <see cref="Vae.Device.Auto"/>.</summary>
        public Device Device { get; set; }

        /// <summary>Which GPU, 0..1023; default 0.</summary>
        public int DeviceIndex { get; set; }

        /// <summary>Arithmetic of matrix products; default
        /// <see cref="Vae.Precision.Fp32"/>.</summary>
        public Precision Precision { get; set; }

        /// <summary>What computes the network; default <see cref="Vae.Engine.Auto"/>.</summary>
        public Engine Engine { get; set; }

        /// <summary>What a training step does that is NaN or infinite; default
        /// <see cref="Vae.NonfiniteAction.Error"/>.</summary>
        public NonfiniteAction Nonfinite { get; set; }

        /// <summary>True: deterministic algorithms on a GPU; false (default): any. The CPU is
        /// always deterministic.</summary>
        public bool Deterministic { get; set; }

        /// <summary>Recording on a GPU; default <see cref="Vae.GraphMode.Auto"/>. No effect on the
        /// CPU.</summary>
        public GraphMode Graph { get; set; }

        /// <summary>Training steps of <c>Trainer.TrainEpoch</c> per CUDA graph, 1..64; 0 (default):
        /// 8. Cancellation and progress callbacks happen between graphs.</summary>
        public int GraphSteps { get; set; }

        /// <summary>How an update follows from the gradient; default
        /// <see cref="Vae.Optimizer.Adam"/>.</summary>
        public Optimizer Optimizer { get; set; }

        /// <summary>The learning rate after the warm-up; default
        /// <see cref="Vae.Schedule.Constant"/>.</summary>
        public Schedule Schedule { get; set; }

        /// <summary>Share of the learning rate at the end of <see cref="Vae.Schedule.Cosine"/>, 0
        /// to 1; default 0.</summary>
        public double ScheduleFloor { get; set; }

        /// <summary>Update at which <see cref="Vae.Schedule.Cosine"/> ends, more than
        /// <see cref="VaeConfig.WarmupUpdates"/>; the rate stays there; default 0.</summary>
        public ulong ScheduleUpdates { get; set; }

        /// <summary>Updates over which the learning rate rises linearly to its full value; 0
        /// (default): no warm-up.</summary>
        public ulong WarmupUpdates { get; set; }

        /// <summary>Updates over which the KL weight rises linearly from 0 to
        /// <see cref="VaeConfig.KlWeight"/>; 0 (default): no warm-up. Evaluation uses the full
        /// weight.</summary>
        public ulong KlWarmupUpdates { get; set; }

        /// <summary>Updates after which the KL weight's warm-up begins again (Fu et al. 2019), at
        /// least <see cref="VaeConfig.KlWarmupUpdates"/>; 0 (default): never.</summary>
        public ulong KlCycleUpdates { get; set; }
        // [end of properties]

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
                                       vae_config.LayersLength + " sizes");
            if (Layers.Length > vae_config.LayersLength)
                throw new VaeException(VaeStatus.Argument, "Layers has " + Layers.Length +
                                       " entries; at most " + vae_config.LayersLength);
            vae_config native = Defaults();
            native.layer_count = (uint)Layers.Length;
            for (int i = 0; i < vae_config.LayersLength; ++i)
                native.layers[i] =
                    i < Layers.Length ? Whole.Small("layers[" + i + "]", Layers[i]) : 0;
            // [fields: to native] by tools/fields/generate; do not edit
            native.model = (int)Model;
            native.net = (int)Net;
            native.channels = Whole.Small("channels", Channels);
            native.height = Whole.Small("height", Height);
            native.width = Whole.Small("width", Width);
            native.latent = Whole.Small("latent", Latent);
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
            native.optimizer = (int)Optimizer;
            native.schedule = (int)Schedule;
            native.schedule_floor = ScheduleFloor;
            native.schedule_updates = ScheduleUpdates;
            native.warmup_updates = WarmupUpdates;
            native.kl_warmup_updates = KlWarmupUpdates;
            native.kl_cycle_updates = KlCycleUpdates;
            // [end of to native]
            return native;
        }

        private static vae_config Defaults()
        {
            return Loader.Call(() =>
            {
                vae_config native;
                Status.Check(NativeMethods.vae_config_init(&native, (uint)sizeof(vae_config),
                                                           VaeAbi.Version));
                return native;
            });
        }

        private void Read(vae_config* native)
        {
            Layers = new int[native->layer_count];
            for (int i = 0; i < Layers.Length; ++i) Layers[i] = (int)native->layers[i];
            // [fields: from native] by tools/fields/generate; do not edit
            Model = (ModelKind)native->model;
            Net = (NetKind)native->net;
            Channels = (int)native->channels;
            Height = (int)native->height;
            Width = (int)native->width;
            Latent = (int)native->latent;
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
            Optimizer = (Optimizer)native->optimizer;
            Schedule = (Schedule)native->schedule;
            ScheduleFloor = native->schedule_floor;
            ScheduleUpdates = native->schedule_updates;
            WarmupUpdates = native->warmup_updates;
            KlWarmupUpdates = native->kl_warmup_updates;
            KlCycleUpdates = native->kl_cycle_updates;
            // [end of from native]
        }
    }
}
