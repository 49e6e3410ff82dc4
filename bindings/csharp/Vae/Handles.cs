// Handles of vae.h: ownership, the lifetime during calls, and the native memory reported to the
// garbage collector. A handle is destroyed after its last call: see Hold.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;

namespace Vae
{
    /// <summary>A handle that is destroyed once, after it was disposed or became unreachable and
    /// no call uses it.</summary>
    internal abstract class NativeHandle : SafeHandle
    {
        private long bytes;
        private volatile bool disposed;

        protected NativeHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        /// <summary>True after the first Dispose(), also while calls still hold the handle and
        /// <see cref="SafeHandle.IsClosed"/> is false.</summary>
        internal bool IsDisposed { get { return disposed; } }

        internal abstract string Owner { get; }

        internal void Set(IntPtr native) { SetHandle(native); }

        /// <summary>Sets the approximate native memory behind the handle.</summary>
        internal void SetMemory(long native)
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

        // Finalizers run in any order, so this must not throw or use an object with a finalizer.
        // At the end of the process the system frees the memory.
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

    /// <summary>Keeps a handle alive during a call: neither the finalizer nor a Dispose() on
    /// another thread or in a callback can destroy it.</summary>
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

    /// <summary>The native memory behind all handles, reported to the garbage collector.</summary>
    internal static class NativeMemory
    {
        // Mono ignores memory pressure. So there a collection is started when it has doubled.
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

        /// <summary>Approximate bytes of a trainer: parameters, gradients, moments, and the
        /// activations of its largest step.</summary>
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
            // Encoder and decoder; each layer's output before and after its activation.
            return sizeof(float) * (numbers + 4 * activations * config.MaxBatch);
        }
    }
}
