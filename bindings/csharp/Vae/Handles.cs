// Who owns a handle of vae.h, how long a call keeps it, and what the garbage collector is told
// of the memory behind it. Destroying waits for the last call: see Hold.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;

namespace Vae
{
    /// <summary>A handle that is destroyed once, when it was disposed of or is unreachable and
    /// no call uses it any more.</summary>
    internal abstract class NativeHandle : SafeHandle
    {
        private long bytes;
        private volatile bool disposed;

        protected NativeHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        /// <summary>From the first Dispose() on, when calls may still hold the handle and
        /// <see cref="SafeHandle.IsClosed"/> is not yet true.</summary>
        internal bool IsDisposed { get { return disposed; } }

        internal abstract string Owner { get; }

        internal void Set(IntPtr native) { SetHandle(native); }

        /// <summary>Says how much native memory the handle stands for, roughly.</summary>
        internal void Weigh(long native)
        {
            bytes = native;
            NativeMemory.Add(native);
        }

        protected override void Dispose(bool disposing)
        {
            disposed = true;
            base.Dispose(disposing);
        }

        protected abstract void Destroy(IntPtr native);

        // Finalizers may come here in any order: nothing here may throw or use an object that
        // has one. What is left when the process ends goes with it.
        protected sealed override bool ReleaseHandle()
        {
            if (!Ending.TryEnter()) return true;
            Destroy(handle);
            Ending.Leave();
            NativeMemory.Remove(bytes);
            return true;
        }
    }

    /// <remarks>C: <c>vae_destroy</c>.</remarks>
    internal sealed class TrainerHandle : NativeHandle
    {
        internal override string Owner { get { return typeof(Trainer).FullName; } }

        protected override void Destroy(IntPtr native) { NativeMethods.vae_destroy(native); }
    }

    /// <remarks>C: <c>vae_dataset_destroy</c>.</remarks>
    internal sealed class DatasetHandle : NativeHandle
    {
        internal override string Owner { get { return typeof(Dataset).FullName; } }

        protected override void Destroy(IntPtr native)
        {
            NativeMethods.vae_dataset_destroy(native);
        }
    }

    /// <summary>Keeps a handle for the length of a call: neither the finalizer nor a Dispose() of
    /// another thread, or of a callback, can destroy it meanwhile.</summary>
    internal struct Hold : IDisposable
    {
        private readonly NativeHandle handle;

        internal Hold(NativeHandle handle)
        {
            if (handle.IsDisposed) throw new ObjectDisposedException(handle.Owner);
            bool held = false;
            handle.DangerousAddRef(ref held);
            this.handle = handle;
            Pointer = handle.DangerousGetHandle();
            Ending.Enter();
        }

        internal IntPtr Pointer { get; }

        public void Dispose()
        {
            handle.DangerousRelease();
            Ending.Leave();
        }
    }

    /// <summary>The native memory behind all handles, as the garbage collector is told.</summary>
    internal static class NativeMemory
    {
        // Mono takes note of no pressure: what has doubled there is collected from here.
        private const long Least = 16 << 20;
        private static long held;
        private static long limit = Least;

        internal static long Held { get { return Interlocked.Read(ref held); } }

        internal static void Add(long bytes)
        {
            if (bytes <= 0) return;
            long now = Interlocked.Add(ref held, bytes);
            GC.AddMemoryPressure(bytes);
            if (!Ending.OnMono || now <= Interlocked.Read(ref limit)) return;
            Interlocked.Exchange(ref limit, 2 * now);
            GC.Collect();
        }

        internal static void Remove(long bytes)
        {
            if (bytes <= 0) return;
            long now = Interlocked.Add(ref held, -bytes);
            GC.RemoveMemoryPressure(bytes);
            if (2 * now < Interlocked.Read(ref limit))
                Interlocked.Exchange(ref limit, Math.Max(Least, 2 * now));
        }

        /// <summary>What a trainer takes, roughly: parameters, their gradients and moments, and
        /// the activations of its largest step.</summary>
        internal static long Estimate(VaeConfig config, IReadOnlyList<Parameter> parameters)
        {
            long numbers = 0;
            foreach (Parameter parameter in parameters)
                numbers += parameter.Elements * (parameter.IsTrainable ? 4 : 1);
            long image = (long)config.Channels * config.Height * config.Width;
            long activations = image + config.Latent;
            long height = config.Height, width = config.Width;
            for (int i = 0; i < config.Layers.Length; ++i)
            {
                if (config.Net == NetKind.Conv && i + 1 < config.Layers.Length)
                {
                    height = (height + 1) / 2;
                    width = (width + 1) / 2;
                }
                activations += config.Layers[i] *
                               (config.Net == NetKind.Conv ? height * width : 1);
            }
            // Encoder and decoder; each activation before and after its function.
            return sizeof(float) * (numbers + 4 * activations * config.MaxBatch);
        }
    }
}
