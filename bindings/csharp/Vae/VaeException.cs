// What a failed call throws, and the one place that turns a status of vae.h into it.
using System;
using System.Runtime.CompilerServices;

namespace Vae
{
    /// <summary>What a call of libvae answers; the numbers are those of vae.h.</summary>
    public enum VaeStatus
    {
        /// <summary>The call did all of what it says.</summary>
        Ok = 0,
        /// <summary>A value is not allowed; the text says which ones are.</summary>
        Argument = 100,
        /// <summary>A buffer is too small; the text says how many bytes are needed.</summary>
        TooSmall = 101,
        /// <summary>A reasonable wish that this build, device or version cannot fulfil.</summary>
        Unsupported = 102,
        /// <summary>The trainer is inside another call (another thread, or a callback).</summary>
        Busy = 200,
        /// <summary>The trainer's device was lost; only disposing of it makes sense.</summary>
        Poisoned = 201,
        /// <summary>Host or device memory is exhausted.</summary>
        Memory = 300,
        /// <summary>There is no such device, or it failed.</summary>
        Device = 400,
        /// <summary>The operating system refused a file operation; libvae itself could not be
        /// found or loaded.</summary>
        File = 500,
        /// <summary>A file's content is not what it should be.</summary>
        Format = 510,
        /// <summary>Made for another version of the interface or of the file format.</summary>
        Version = 600,
        /// <summary>Stopped by <see cref="Trainer.Cancel"/> or a callback; steps done are
        /// kept.</summary>
        Cancelled = 700,
        /// <summary>NaN or infinity in a training step, which was not committed.</summary>
        Nonfinite = 800,
        /// <summary>A defect of libvae itself; please report the text.</summary>
        Internal = 900,
    }

    /// <summary>A call that failed. It has changed nothing, if its documentation does not say
    /// otherwise.</summary>
    /// <remarks>C: <c>vae_last_error</c>, <c>vae_status_name</c>. A null argument is an
    /// <see cref="ArgumentNullException"/> instead, an object that was disposed of an
    /// <see cref="ObjectDisposedException"/>, a run that a cancellation token stopped an
    /// <see cref="OperationCanceledException"/>; all else is this.</remarks>
    public sealed class VaeException : Exception
    {
        /// <summary>A failure with libvae's own text for it.</summary>
        /// <param name="status">What kind of failure.</param>
        /// <param name="message">Names the value seen and the values allowed.</param>
        /// <param name="inner">What caused it, or null.</param>
        public VaeException(VaeStatus status, string message, Exception inner = null)
            : base(message, inner)
        {
            Status = status;
        }

        /// <summary>What kind of failure.</summary>
        public VaeStatus Status { get; }

        /// <summary>The name of the status in vae.h, such as "VAE_E_ARGUMENT".</summary>
        /// <remarks>C: <c>vae_status_name</c>. The plain name of <see cref="Status"/> where
        /// libvae could not be loaded.</remarks>
        public string StatusName
        {
            get { return Loader.IsReady ? Vae.Status.Name((int)Status) : Status.ToString(); }
        }
    }

    internal static unsafe class Status
    {
        /// <summary>Throws what the last call of this thread failed with, if it did.</summary>
        internal static void Check(int status)
        {
            if (status != (int)VaeStatus.Ok) throw Failure(status);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]  // see Loader.Call()
        internal static VaeException Failure(int status)
        {
            return new VaeException((VaeStatus)status,
                                    Utf8.Text(NativeMethods.vae_last_error()));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static string Name(int status)
        {
            return Utf8.Text(NativeMethods.vae_status_name(status));
        }
    }

    internal static class Whole
    {
        /// <summary>A whole number that C declares unsigned.</summary>
        internal static ulong Number(string name, long value)
        {
            if (value >= 0) return (ulong)value;
            throw new VaeException(VaeStatus.Argument,
                                   name + " is " + value + "; it must not be negative");
        }

        internal static uint Small(string name, int value)
        {
            return (uint)Number(name, value);
        }

        /// <summary>The length of an array; .NET's are limited to 2^31 - 1 elements.</summary>
        internal static int Length(string name, ulong elements)
        {
            if (elements <= 0x7fffffc7) return (int)elements;
            throw new VaeException(
                VaeStatus.Unsupported, name + " has " + elements +
                " elements; an array of .NET holds at most 2147483591");
        }
    }
}
