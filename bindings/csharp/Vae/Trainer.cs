// Creation, loading, saving and settings of a trainer; the other calls are in Trainer.*.cs. A thin
// layer: libvae checks the arguments.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>A model and its optimizer.</summary>
    /// <remarks>
    /// <para>One thread at a time may use a trainer; calls of a second thread fail with
    /// <see cref="VaeStatus.Busy"/>. <see cref="Cancel"/> and <see cref="Dispose"/> may be called
    /// on any thread. Inside a progress callback the same trainer may encode, decode, sample,
    /// reconstruct, score, save, get, set, read and write parameters, synchronise and
    /// diagnose.</para>
    /// <para>Every method throws <see cref="ObjectDisposedException"/> after
    /// <see cref="Dispose"/>. A failed call changes nothing.</para>
    /// </remarks>
    public sealed unsafe partial class Trainer : IDisposable
    {
        private readonly TrainerHandle handle = new TrainerHandle();
        private readonly long imageElements;
        private readonly int latent;

        /// <summary>Creates a trainer. Parameters are initialised from the seed with PyTorch's
        /// distributions.</summary>
        /// <param name="config">Copied.</param>
        /// <remarks>C: <c>vae_create</c>.</remarks>
        /// <exception cref="VaeException">As <see cref="VaeConfig.Validate"/>; Device with the
        /// reason why it cannot be used; Memory.</exception>
        public Trainer(VaeConfig config) : this(New(config)) { }

        private delegate int Maker(IntPtr* trainer);

        private Trainer(Maker make)
        {
            using (NativeCall.Begin())
            {
                IntPtr native;
                int status = make(&native);
                handle.Set(native);
                Status.Check(status);
            }
            VaeConfig config = Config;
            ImageShape = new ImageShape(config.Channels, config.Height, config.Width);
            imageElements = ImageShape.Elements;
            latent = config.Latent;
            Parameters = ListParameters();
            handle.SetMemory(NativeMemory.Estimate(config, Parameters));
        }

        /// <summary>Creates a trainer from a file of <see cref="Save"/> or of PyTorch.</summary>
        /// <param name="path">The file.</param>
        /// <param name="config">Null: model and settings are those of the file, and the device is
        /// selected again. Otherwise its model must agree with the file, and all other settings
        /// are taken from it. Files that libvae did not write need one.</param>
        /// <returns>The trainer. Training continues from a checkpoint bit for bit on the CPU with
        /// the same engine, LibTorch, CPU type and thread count.</returns>
        /// <remarks>C: <c>vae_load</c>.</remarks>
        /// <exception cref="VaeException">File, Format, Version; as the constructor.</exception>
        public static Trainer Load(string path, VaeConfig config = null)
        {
            byte[] name = Utf8.Bytes(path, nameof(path));
            return Load(config, (native, trainer) =>
            {
                fixed (byte* file = name)
                    return NativeMethods.vae_load(file, native, trainer);
            });
        }

        /// <summary>Creates a trainer from the bytes of such a file.</summary>
        /// <param name="file">The bytes; used only during the call.</param>
        /// <param name="config">As in the other overload.</param>
        /// <returns>The trainer.</returns>
        /// <remarks>C: <c>vae_load_memory</c>.</remarks>
        /// <exception cref="VaeException">Format, Version; as the constructor.</exception>
        public static Trainer Load(byte[] file, VaeConfig config = null)
        {
            if (file == null) throw new ArgumentNullException(nameof(file));
            return Load(new ReadOnlySpan<byte>(file), config);
        }

        /// <summary>Creates a trainer from the bytes of such a file.</summary>
        /// <param name="file">The bytes; used only during the call.</param>
        /// <param name="config">As in the other overload.</param>
        /// <returns>The trainer.</returns>
        /// <remarks>C: <c>vae_load_memory</c>.</remarks>
        /// <exception cref="VaeException">Format, Version; as the constructor.</exception>
        public static Trainer Load(ReadOnlySpan<byte> file, VaeConfig config = null)
        {
            byte none;  // libvae rejects NULL, and an empty span may have no address
            fixed (byte* pinned = &MemoryMarshal.GetReference(file))
            {
                byte* data = file.Length == 0 ? &none : pinned;
                ulong bytes = (ulong)file.Length;
                return Load(config, (native, trainer) =>
                    NativeMethods.vae_load_memory(data, bytes, native, trainer));
            }
        }

        /// <summary>The configuration in use: device and threads resolved, learning rate and KL
        /// weight as last set. A copy.</summary>
        /// <remarks>C: <c>vae_get_config</c>.</remarks>
        public VaeConfig Config
        {
            get
            {
                using (Hold hold = new Hold(handle)) return VaeConfig.Of(hold.Pointer);
            }
        }

        /// <summary>Shape of the model's images.</summary>
        public ImageShape ImageShape { get; }

        /// <summary>Every tensor of the model, in the order, names and shapes of the PyTorch
        /// module's state_dict.</summary>
        /// <remarks>C: <c>vae_param_count</c>, <c>vae_param_info</c>.</remarks>
        public IReadOnlyList<Parameter> Parameters { get; }

        /// <summary>Learning rate before schedules, 0 to 1e30; can be changed between steps.</summary>
        /// <remarks>C: <c>vae_get</c>, <c>vae_set</c>.</remarks>
        public double LearningRate
        {
            get { return Get(Key.LearningRate); }
            set { Set(Key.LearningRate, value); }
        }

        /// <summary>Weight of the KL divergence, 0 to 1e30; can be changed between
        /// steps.</summary>
        /// <remarks>C: <c>vae_get</c>, <c>vae_set</c>.</remarks>
        public double KlWeight
        {
            get { return Get(Key.KlWeight); }
            set { Set(Key.KlWeight, value); }
        }

        /// <summary>Steps issued; part of the key of the noise.</summary>
        /// <remarks>C: <c>vae_get</c>, <c>vae_set</c>.</remarks>
        public long StepCount
        {
            get { return (long)Get(Key.Step); }
            set { Set(Key.Step, value); }
        }

        /// <summary>Updates applied (Adam's t).</summary>
        /// <remarks>C: <c>vae_get</c>, <c>vae_set</c>.</remarks>
        public long UpdateCount
        {
            get { return (long)Get(Key.Updates); }
            set { Set(Key.Updates, value); }
        }

        /// <summary>Epochs finished; part of the key of the data order. Setting it restarts that
        /// epoch from its first image.</summary>
        /// <remarks>C: <c>vae_get</c>, <c>vae_set</c>.</remarks>
        public long Epoch
        {
            get { return (long)Get(Key.Epoch); }
            set { Set(Key.Epoch, value); }
        }

        /// <summary>Writes a model or a checkpoint to a safetensors file, which PyTorch reads.
        /// Waits for the device.</summary>
        /// <param name="path">An existing file is replaced; a failed call does not change it.
        /// </param>
        /// <param name="kind">A model, or a checkpoint to continue training from.</param>
        /// <remarks>C: <c>vae_save</c>.</remarks>
        /// <exception cref="VaeException">File; Argument.</exception>
        public void Save(string path, SaveKind kind)
        {
            fixed (byte* file = Utf8.Bytes(path, nameof(path)))
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_save(hold.Pointer, file, (int)kind));
        }

        /// <summary>The bytes that <see cref="Save"/> would write.</summary>
        /// <param name="kind">A model or a checkpoint.</param>
        /// <returns>The file's bytes.</returns>
        /// <remarks>C: <c>vae_save_memory</c>.</remarks>
        /// <exception cref="VaeException">Argument; Unsupported beyond 2 GiB.</exception>
        public byte[] SaveBytes(SaveKind kind)
        {
            using (Hold hold = new Hold(handle))
            {
                ulong needed;
                Status.Check(NativeMethods.vae_save_memory(hold.Pointer, (int)kind, null, 0,
                                                           &needed));
                byte[] file = new byte[Whole.Length("the file", needed)];
                fixed (byte* data = file)
                    Status.Check(NativeMethods.vae_save_memory(hold.Pointer, (int)kind, data,
                                                               needed, &needed));
                return file;
            }
        }

        /// <summary>JSON: this trainer's device and engine, why they were chosen, and each device
        /// and whether it can be used.</summary>
        /// <returns>One JSON object.</returns>
        /// <remarks>C: <c>vae_diagnose</c>.</remarks>
        public string Diagnose()
        {
            using (Hold hold = new Hold(handle))
            {
                IntPtr trainer = hold.Pointer;
                return Utf8.Ask((text, capacity, needed) =>
                    NativeMethods.vae_diagnose(trainer, text, capacity, needed));
            }
        }

        /// <summary>Frees the trainer; may be called on any thread and more than once. While a
        /// call uses it, also inside its own callback, it is freed when that call
        /// returns.</summary>
        /// <remarks>C: <c>vae_destroy</c>.</remarks>
        public void Dispose() { handle.Dispose(); }

        private delegate int Loading(vae_config* config, IntPtr* trainer);

        private static Trainer Load(VaeConfig config, Loading load)
        {
            Loader.Ready();
            vae_config native = config == null ? default(vae_config) : config.ToNative();
            vae_config* given = config == null ? null : &native;
            return new Trainer(trainer => load(given, trainer));
        }

        private static Maker New(VaeConfig config)
        {
            if (config == null) throw new ArgumentNullException(nameof(config));
            vae_config native = config.ToNative();
            return trainer => Create(native, trainer);
        }

        private static int Create(vae_config config, IntPtr* trainer)
        {
            return NativeMethods.vae_create(&config, trainer);
        }

        private enum Key
        {
            LearningRate = 1,
            KlWeight = 2,
            Step = 3,
            Updates = 4,
            Epoch = 5,
        }

        private double Get(Key key)
        {
            double value;
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_get(hold.Pointer, (int)key, &value));
            return value;
        }

        private void Set(Key key, double value)
        {
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_set(hold.Pointer, (int)key, value));
        }
    }
}
