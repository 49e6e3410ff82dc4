// Input rows and buffers for output rows: views of the host's memory, or of a GPU's,
// that live on the stack. Nothing is copied here, and nothing is kept.
using System;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>Rows that go in: images, or codes for <see cref="Trainer.Decode(Batch)"/>, one
    /// after the other without gaps.</summary>
    /// <remarks>Every method that takes one takes a <c>byte[]</c>, <c>float[]</c>,
    /// <c>Span</c> or <c>ReadOnlySpan</c> of either as it is: they convert. How many rows there
    /// are follows from the length, which must be a whole number of rows. The memory is borrowed
    /// for the call and copied before it returns. Bytes are divided by 255; floats lie in [0, 1]
    /// (Bernoulli) or are finite (Gaussian). C: <c>vae_batch_init</c>.</remarks>
    public readonly unsafe ref struct Batch
    {
        private readonly ReadOnlySpan<byte> start;  // only says where: never longer than needed
        private readonly ulong bytes;
        private readonly ElementType type;
        private readonly Layout layout;
        private readonly IntPtr device;
        private readonly IntPtr stream;

        /// <summary>Rows of bytes.</summary>
        /// <param name="rows">A whole number of rows.</param>
        /// <param name="layout">The order within an image.</param>
        public Batch(ReadOnlySpan<byte> rows, Layout layout = Layout.Chw)
            : this(rows, (ulong)rows.Length, ElementType.UInt8, layout)
        {
        }

        /// <summary>Rows of floats.</summary>
        /// <param name="rows">A whole number of rows.</param>
        /// <param name="layout">The order within an image.</param>
        public Batch(ReadOnlySpan<float> rows, Layout layout = Layout.Chw)
            : this(MemoryMarshal.AsBytes(rows.Slice(0, Math.Min(1, rows.Length))),
                   sizeof(float) * (ulong)rows.Length, ElementType.Float32, layout)
        {
        }

        private Batch(ReadOnlySpan<byte> start, ulong bytes, ElementType type, Layout layout,
                      IntPtr device = default(IntPtr), IntPtr stream = default(IntPtr))
        {
            this.start = start;
            this.bytes = bytes;
            this.type = type;
            this.layout = layout;
            this.device = device;
            this.stream = stream;
        }

        /// <summary>Rows in the memory of the trainer's GPU.</summary>
        /// <param name="data">Where they begin; aligned for the type.</param>
        /// <param name="bytes">Their size: a whole number of rows.</param>
        /// <param name="type">UInt8 or Float32.</param>
        /// <param name="stream">The cudaStream_t that wrote them; zero: the default
        /// stream.</param>
        /// <param name="layout">The order within an image.</param>
        /// <returns>The view. The memory must stay until the stream has come that far.</returns>
        public static Batch OnDevice(IntPtr data, long bytes, ElementType type,
                                     IntPtr stream = default(IntPtr), Layout layout = Layout.Chw)
        {
            if (data == IntPtr.Zero) throw new ArgumentNullException(nameof(data));
            return new Batch(default(ReadOnlySpan<byte>), Whole.Number(nameof(bytes), bytes),
                             type, layout, data, stream);
        }

        /// <summary>The bytes of an array.</summary>
        /// <param name="rows">Not null.</param>
        public static implicit operator Batch(byte[] rows)
        {
            if (rows == null) throw new ArgumentNullException(nameof(rows));
            return new Batch(new ReadOnlySpan<byte>(rows));
        }

        /// <summary>The floats of an array.</summary>
        /// <param name="rows">Not null.</param>
        public static implicit operator Batch(float[] rows)
        {
            if (rows == null) throw new ArgumentNullException(nameof(rows));
            return new Batch(new ReadOnlySpan<float>(rows));
        }

        /// <summary>The bytes of a span.</summary>
        /// <param name="rows">The span.</param>
        public static implicit operator Batch(ReadOnlySpan<byte> rows) { return new Batch(rows); }

        /// <summary>The floats of a span.</summary>
        /// <param name="rows">The span.</param>
        public static implicit operator Batch(ReadOnlySpan<float> rows) { return new Batch(rows); }

        /// <summary>The bytes of a span.</summary>
        /// <param name="rows">The span.</param>
        public static implicit operator Batch(Span<byte> rows) { return new Batch(rows); }

        /// <summary>The floats of a span.</summary>
        /// <param name="rows">The span.</param>
        public static implicit operator Batch(Span<float> rows) { return new Batch(rows); }

        internal long ElementBytes
        {
            get { return type == ElementType.UInt8 ? sizeof(byte) : sizeof(float); }
        }

        /// <summary>For `fixed`, while <see cref="Native"/>'s result is in use.</summary>
        internal ref byte Pin() { return ref MemoryMarshal.GetReference(start); }

        /// <summary>How many rows of so many numbers; what does not divide is refused.</summary>
        internal ulong Rows(string name, long rowElements)
        {
            return View.Rows(name, bytes, type, rowElements);
        }

        internal vae_batch Native(string name, byte* pinned, long rowElements)
        {
            vae_batch native;
            Status.Check(NativeMethods.vae_batch_init(&native, (uint)sizeof(vae_batch)));
            native.dtype = (int)type;
            native.data = device != IntPtr.Zero ? (void*)device : pinned;
            native.bytes = bytes;
            native.count = Rows(name, rowElements);
            native.device = (int)(device != IntPtr.Zero ? Device.Cuda : Device.Cpu);
            native.layout = (int)layout;
            native.stream = stream;
            return native;
        }
    }

    /// <summary>Buffer for rows that come out. Images come as floats or, rounded to 0..255, as
    /// bytes; all else as floats only.</summary>
    /// <remarks>Every method that takes one takes a <c>byte[]</c>, <c>float[]</c> or <c>Span</c>
    /// of either as it is: they convert. A buffer that is too small is
    /// <see cref="VaeStatus.TooSmall"/> before anything is computed; what is beyond the rows is
    /// left as it was. C: <c>vae_output_init</c>.</remarks>
    public readonly unsafe ref struct Output
    {
        private readonly Span<byte> start;
        private readonly ulong bytes;
        private readonly ElementType type;
        private readonly Layout layout;
        private readonly IntPtr device;
        private readonly IntPtr stream;
        private readonly bool wanted;

        /// <summary>Buffer for bytes.</summary>
        /// <param name="room">The buffer.</param>
        /// <param name="layout">The order within an image.</param>
        public Output(Span<byte> room, Layout layout = Layout.Chw)
            : this(room, (ulong)room.Length, ElementType.UInt8, layout)
        {
        }

        /// <summary>Buffer for floats.</summary>
        /// <param name="room">The buffer.</param>
        /// <param name="layout">The order within an image.</param>
        public Output(Span<float> room, Layout layout = Layout.Chw)
            : this(MemoryMarshal.AsBytes(room.Slice(0, Math.Min(1, room.Length))),
                   sizeof(float) * (ulong)room.Length, ElementType.Float32, layout)
        {
        }

        private Output(Span<byte> start, ulong bytes, ElementType type, Layout layout,
                       IntPtr device = default(IntPtr), IntPtr stream = default(IntPtr))
        {
            this.start = start;
            this.bytes = bytes;
            this.type = type;
            this.layout = layout;
            this.device = device;
            this.stream = stream;
            wanted = true;
        }

        /// <summary>Room in the memory of the trainer's GPU.</summary>
        /// <param name="data">Where it begins; aligned for the type.</param>
        /// <param name="bytes">Its size.</param>
        /// <param name="type">UInt8 or Float32.</param>
        /// <param name="stream">The cudaStream_t that will read it; zero: the default
        /// stream.</param>
        /// <param name="layout">The order within an image.</param>
        /// <returns>The view.</returns>
        public static Output OnDevice(IntPtr data, long bytes, ElementType type,
                                      IntPtr stream = default(IntPtr), Layout layout = Layout.Chw)
        {
            if (data == IntPtr.Zero) throw new ArgumentNullException(nameof(data));
            return new Output(default(Span<byte>), Whole.Number(nameof(bytes), bytes), type,
                              layout, data, stream);
        }

        /// <summary>The room of an array of bytes.</summary>
        /// <param name="room">Not null.</param>
        public static implicit operator Output(byte[] room)
        {
            if (room == null) throw new ArgumentNullException(nameof(room));
            return new Output(new Span<byte>(room));
        }

        /// <summary>The room of an array of floats.</summary>
        /// <param name="room">Not null.</param>
        public static implicit operator Output(float[] room)
        {
            if (room == null) throw new ArgumentNullException(nameof(room));
            return new Output(new Span<float>(room));
        }

        /// <summary>The room of a span of bytes.</summary>
        /// <param name="room">The span.</param>
        public static implicit operator Output(Span<byte> room) { return new Output(room); }

        /// <summary>The room of a span of floats.</summary>
        /// <param name="room">The span.</param>
        public static implicit operator Output(Span<float> room) { return new Output(room); }

        internal ref byte Pin() { return ref MemoryMarshal.GetReference(start); }

        /// <summary>False of default(Output) only: empty room is room that is too
        /// small.</summary>
        internal bool IsWanted { get { return wanted; } }

        internal ulong Rows(string name, long rowElements)
        {
            return View.Rows(name, bytes, type, rowElements);
        }

        internal vae_output Native(byte* pinned)
        {
            vae_output native;
            Status.Check(NativeMethods.vae_output_init(&native, (uint)sizeof(vae_output)));
            native.dtype = (int)type;
            native.data = device != IntPtr.Zero ? (void*)device : pinned;
            native.bytes = bytes;
            native.device = (int)(device != IntPtr.Zero ? Device.Cuda : Device.Cpu);
            native.layout = (int)layout;
            native.stream = stream;
            return native;
        }
    }

    internal static class View
    {
        /// <summary>How many rows of so many numbers these bytes are.</summary>
        internal static ulong Rows(string name, ulong bytes, ElementType type, long rowElements)
        {
            ulong elements = type == ElementType.UInt8 ? bytes : bytes / sizeof(float);
            ulong row = (ulong)rowElements;
            if (elements != 0 && elements % row == 0) return elements / row;
            throw new VaeException(
                VaeStatus.Argument, name + " has " + elements +
                " numbers; needed is a whole number of rows of " + row + ", at least one");
        }
    }
}
