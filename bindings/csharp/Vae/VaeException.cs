// The exception of a failed call, and the conversion of a status of vae.h to it.
using System;
using System.Runtime.CompilerServices;

namespace Vae
{
    /// <summary>Result of a call of libvae; the numbers are those of vae.h.</summary>
    public enum VaeStatus
    {
        /// <summary>The call succeeded.</summary>
        Ok = 0,
        /// <summary>A value is not allowed; the text names the allowed values.</summary>
        Argument = 100,
        /// <summary>A buffer is too small; the text says how many bytes are needed.</summary>
        TooSmall = 101,
        /// <summary>Valid request, not supported by this build, device or version.</summary>
        Unsupported = 102,
        /// <summary>The trainer is inside another call (another thread, or a callback).</summary>
        Busy = 200,
        /// <summary>The trainer's device was lost, a defect of libvae interrupted the commit of a
        /// step, or the process was forked; the trainer can only be disposed.</summary>
        Poisoned = 201,
        /// <summary>Host or device memory is exhausted.</summary>
        Memory = 300,
        /// <summary>The device does not exist or has failed.</summary>
        Device = 400,
        /// <summary>The operating system refused a file operation; libvae itself could not be
        /// found or loaded.</summary>
        File = 500,
        /// <summary>The content of a file is invalid.</summary>
        Format = 510,
        /// <summary>Made for another version of this interface or of the file format.</summary>
        Version = 600,
        /// <summary>Stopped by <see cref="Trainer.Cancel"/> or a callback; completed steps
        /// count.</summary>
        Cancelled = 700,
        /// <summary>NaN or infinity in a training step, which was not committed.</summary>
        Nonfinite = 800,
        /// <summary>A bug in libvae; please report the text.</summary>
        Internal = 900,
    }

    /// <summary>A failed call. It changed nothing, unless its documentation says
    /// otherwise.</summary>
    /// <remarks>C: <c>vae_last_error</c>, <c>vae_status_name</c>. Three failures have exceptions
    /// of their own: <see cref="ArgumentNullException"/> for a null argument,
    /// <see cref="ObjectDisposedException"/> for a disposed object, and
    /// <see cref="OperationCanceledException"/> for a run that a cancellation token
    /// stopped.</remarks>
    public sealed class VaeException : Exception
    {
        /// <summary>Creates an exception.</summary>
        /// <param name="status">Kind of failure.</param>
        /// <param name="message">Names the value seen and the values allowed.</param>
        /// <param name="inner">The cause, or null.</param>
        public VaeException(VaeStatus status, string message, Exception inner = null)
            : base(message, inner)
        {
            Status = status;
        }

        /// <summary>Kind of failure.</summary>
        public VaeStatus Status { get; }

        /// <summary>The name of the status in vae.h, such as "VAE_E_ARGUMENT".</summary>
        /// <remarks>C: <c>vae_status_name</c>. The name of <see cref="Status"/> if libvae could
        /// not be loaded.</remarks>
        public string StatusName
        {
            get { return Loader.IsReady ? Vae.Status.Name((int)Status) : Status.ToString(); }
        }
    }

    internal static unsafe class Status
    {
        /// <summary>Throws the error of this thread's last call if it failed.</summary>
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
        /// <summary>Converts to an unsigned number; throws if negative.</summary>
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
