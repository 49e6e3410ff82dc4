// Views of input rows and of buffers for output rows, in host or GPU memory. They live on the
// stack and own and copy nothing.
using System;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>Contiguous input rows: images, or codes for
    /// <see cref="Trainer.Decode(Batch)"/>.</summary>
    /// <remarks>A <c>byte[]</c>, a <c>float[]</c>, and a <c>Span</c> or <c>ReadOnlySpan</c> of
    /// either convert to it. The number of rows follows from the length, which must be a whole
    /// number of rows. The memory is borrowed for the call and copied before it returns. Bytes
    /// are divided by 255; floats must lie in [0, 1] (Bernoulli) or be finite (Gaussian).
    /// C: <c>vae_batch_init</c>.</remarks>
    public readonly unsafe ref struct Batch
    {
        private readonly View view;

        /// <summary>Rows of bytes.</summary>
        /// <param name="rows">A whole number of rows.</param>
        /// <param name="layout">Layout of an image.</param>
        public Batch(ReadOnlySpan<byte> rows, Layout layout = Layout.Chw)
        {
            view = new View(rows, layout);
        }

        /// <summary>Rows of floats.</summary>
        /// <param name="rows">A whole number of rows.</param>
        /// <param name="layout">Layout of an image.</param>
        public Batch(ReadOnlySpan<float> rows, Layout layout = Layout.Chw)
        {
            view = new View(rows, layout);
        }

        private Batch(View view) { this.view = view; }

        /// <summary>Rows in the memory of the trainer's GPU.</summary>
        /// <param name="data">Address of the first row; aligned for the type.</param>
        /// <param name="bytes">Size of all rows: a whole number of rows.</param>
        /// <param name="type">UInt8 or Float32.</param>
        /// <param name="stream">The cudaStream_t that wrote them; zero: the default
        /// stream.</param>
        /// <param name="layout">Layout of an image.</param>
        /// <returns>The view. The memory must stay unchanged until the issued work is done.
        /// </returns>
        public static Batch OnDevice(IntPtr data, long bytes, ElementType type,
                                     IntPtr stream = default(IntPtr), Layout layout = Layout.Chw)
        {
            return new Batch(new View(data, bytes, type, layout, stream));
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

        internal long ElementBytes { get { return view.ElementBytes; } }

        /// <summary>For `fixed`, as long as the result of <see cref="Native"/> is used.</summary>
        internal ref byte Pin() { return ref view.Pin(); }

        /// <summary>The number of rows; throws if the last one is incomplete.</summary>
        internal ulong Rows(string name, long rowElements) { return view.Rows(name, rowElements); }

        internal vae_batch Native(string name, byte* pinned, long rowElements)
        {
            vae_batch native;
            Status.Check(NativeMethods.vae_batch_init(&native, (uint)sizeof(vae_batch)));
            native.dtype = (int)view.Type;
            native.data = view.Address(pinned);
            native.bytes = view.Bytes;
            native.count = Rows(name, rowElements);
            native.device = (int)view.Device;
            native.layout = (int)view.Layout;
            native.stream = view.Stream;
            return native;
        }
    }

    /// <summary>Buffer for output rows. Images are floats or, rounded to 0..255, bytes;
    /// everything else is floats.</summary>
    /// <remarks>A <c>byte[]</c>, a <c>float[]</c> and a <c>Span</c> of either convert to it. If
    /// the buffer is too small, the call fails with <see cref="VaeStatus.TooSmall"/> before
    /// anything is computed; bytes beyond the rows are not changed.
    /// C: <c>vae_output_init</c>.</remarks>
    public readonly unsafe ref struct Output
    {
        private readonly View view;
        private readonly bool wanted;

        /// <summary>A buffer for bytes.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="layout">Layout of an image.</param>
        public Output(Span<byte> buffer, Layout layout = Layout.Chw)
            : this(new View((ReadOnlySpan<byte>)buffer, layout))
        {
        }

        /// <summary>A buffer for floats.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="layout">Layout of an image.</param>
        public Output(Span<float> buffer, Layout layout = Layout.Chw)
            : this(new View((ReadOnlySpan<float>)buffer, layout))
        {
        }

        private Output(View view)
        {
            this.view = view;
            wanted = true;
        }

        /// <summary>A buffer in the memory of the trainer's GPU.</summary>
        /// <param name="data">Its address; aligned for the type.</param>
        /// <param name="bytes">Its size.</param>
        /// <param name="type">UInt8 or Float32.</param>
        /// <param name="stream">The cudaStream_t that will read it; zero: the default
        /// stream.</param>
        /// <param name="layout">Layout of an image.</param>
        /// <returns>The view.</returns>
        public static Output OnDevice(IntPtr data, long bytes, ElementType type,
                                      IntPtr stream = default(IntPtr), Layout layout = Layout.Chw)
        {
            return new Output(new View(data, bytes, type, layout, stream));
        }

        /// <summary>An array of bytes as a buffer.</summary>
        /// <param name="buffer">Not null.</param>
        public static implicit operator Output(byte[] buffer)
        {
            if (buffer == null) throw new ArgumentNullException(nameof(buffer));
            return new Output(new Span<byte>(buffer));
        }

        /// <summary>An array of floats as a buffer.</summary>
        /// <param name="buffer">Not null.</param>
        public static implicit operator Output(float[] buffer)
        {
            if (buffer == null) throw new ArgumentNullException(nameof(buffer));
            return new Output(new Span<float>(buffer));
        }

        /// <summary>A span of bytes as a buffer.</summary>
        /// <param name="buffer">The span.</param>
        public static implicit operator Output(Span<byte> buffer) { return new Output(buffer); }

        /// <summary>A span of floats as a buffer.</summary>
        /// <param name="buffer">The span.</param>
        public static implicit operator Output(Span<float> buffer) { return new Output(buffer); }

        internal ref byte Pin() { return ref view.Pin(); }

        /// <summary>False only for default(Output). An empty buffer is a buffer that is too
        /// small.</summary>
        internal bool IsWanted { get { return wanted; } }

        internal ulong Rows(string name, long rowElements) { return view.Rows(name, rowElements); }

        internal vae_output Native(byte* pinned)
        {
            vae_output native;
            Status.Check(NativeMethods.vae_output_init(&native, (uint)sizeof(vae_output)));
            native.dtype = (int)view.Type;
            native.data = view.Address(pinned);
            native.bytes = view.Bytes;
            native.device = (int)view.Device;
            native.layout = (int)view.Layout;
            native.stream = view.Stream;
            return native;
        }
    }

    /// <summary>Address, size, type and layout of rows in host or GPU memory.</summary>
    internal readonly unsafe ref struct View
    {
        private readonly ReadOnlySpan<byte> start;  // only its address is used
        private readonly IntPtr device;             // zero: host memory

        internal View(ReadOnlySpan<byte> rows, Layout layout)
            : this(rows, (ulong)rows.Length, ElementType.UInt8, layout)
        {
        }

        // The size in bytes may exceed the length of a span, so only one element is cast.
        internal View(ReadOnlySpan<float> rows, Layout layout)
            : this(MemoryMarshal.AsBytes(rows.Slice(0, Math.Min(1, rows.Length))),
                   sizeof(float) * (ulong)rows.Length, ElementType.Float32, layout)
        {
        }

        internal View(IntPtr data, long bytes, ElementType type, Layout layout, IntPtr stream)
            : this(default(ReadOnlySpan<byte>), Whole.Number(nameof(bytes), bytes), type, layout)
        {
            if (data == IntPtr.Zero) throw new ArgumentNullException(nameof(data));
            device = data;
            Stream = stream;
        }

        private View(ReadOnlySpan<byte> start, ulong bytes, ElementType type, Layout layout)
        {
            this.start = start;
            Bytes = bytes;
            Type = type;
            Layout = layout;
            device = IntPtr.Zero;
            Stream = IntPtr.Zero;
        }

        internal ulong Bytes { get; }
        internal ElementType Type { get; }
        internal Layout Layout { get; }
        internal IntPtr Stream { get; }

        internal Device Device
        {
            get { return device != IntPtr.Zero ? Device.Cuda : Device.Cpu; }
        }

        internal long ElementBytes
        {
            get { return Type == ElementType.UInt8 ? sizeof(byte) : sizeof(float); }
        }

        internal ref byte Pin() { return ref MemoryMarshal.GetReference(start); }

        /// <summary>The GPU address, or that of the pinned host memory.</summary>
        internal void* Address(byte* pinned)
        {
            return device != IntPtr.Zero ? (void*)device : pinned;
        }

        /// <summary>The number of rows in these bytes; throws if it is not a whole number.
        /// </summary>
        internal ulong Rows(string name, long rowElements)
        {
            ulong elements = Bytes / (ulong)ElementBytes;
            ulong row = (ulong)rowElements;
            if (elements != 0 && elements % row == 0) return elements / row;
            throw new VaeException(
                VaeStatus.Argument, name + " has " + elements +
                " numbers; they must be a whole number of rows of " + row + ", at least one");
        }
    }
}
