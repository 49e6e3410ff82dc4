// Writes arrays to NumPy files, which numpy.load() reads.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>Files for NumPy.</summary>
    public static unsafe class Arrays
    {
        /// <summary>Writes an array to a NumPy file (.npy), which numpy.load() reads.</summary>
        /// <param name="path">An existing file is replaced; a failed call does not change it.
        /// </param>
        /// <param name="numbers">In C order: the last dimension fastest.</param>
        /// <param name="shape">1 to 8 sizes, each at least 1; their product is the length of
        /// `numbers`.</param>
        /// <remarks>C: <c>vae_write_array</c>.</remarks>
        /// <exception cref="VaeException">Argument; File.</exception>
        public static void Write(string path, ReadOnlySpan<float> numbers, params long[] shape)
        {
            Write(path, MemoryMarshal.AsBytes(numbers), ElementType.Float32, shape);
        }

        /// <summary>Writes an array of bytes.</summary>
        /// <param name="path">An existing file is replaced; a failed call does not change it.
        /// </param>
        /// <param name="numbers">In C order: the last dimension fastest.</param>
        /// <param name="shape">1 to 8 sizes, each at least 1; their product is the length of
        /// `numbers`.</param>
        /// <remarks>C: <c>vae_write_array</c>.</remarks>
        /// <exception cref="VaeException">Argument; File.</exception>
        public static void Write(string path, ReadOnlySpan<byte> numbers, params long[] shape)
        {
            Write(path, numbers, ElementType.UInt8, shape);
        }

        /// <summary>Writes an array of 64-bit integers.</summary>
        /// <param name="path">An existing file is replaced; a failed call does not change it.
        /// </param>
        /// <param name="numbers">In C order: the last dimension fastest.</param>
        /// <param name="shape">1 to 8 sizes, each at least 1; their product is the length of
        /// `numbers`.</param>
        /// <remarks>C: <c>vae_write_array</c>.</remarks>
        /// <exception cref="VaeException">Argument; File.</exception>
        public static void Write(string path, ReadOnlySpan<long> numbers, params long[] shape)
        {
            Write(path, MemoryMarshal.AsBytes(numbers), ElementType.Int64, shape);
        }

        private static void Write(string path, ReadOnlySpan<byte> numbers, ElementType type,
                                  long[] shape)
        {
            if (shape == null) throw new ArgumentNullException(nameof(shape));
            ulong[] sizes = new ulong[Math.Max(1, shape.Length)];  // an empty array pins to null
            for (int i = 0; i < shape.Length; ++i)
                sizes[i] = Whole.Number("shape[" + i + "]", shape[i]);
            Loader.Ready();
            using (NativeCall.Begin()) Call(path, numbers, type, sizes, (uint)shape.Length);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]  // see Loader.Call()
        private static void Call(string path, ReadOnlySpan<byte> numbers, ElementType type,
                                 ulong[] sizes, uint rank)
        {
            fixed (byte* file = Utf8.Bytes(path, nameof(path)))
            fixed (byte* data = &MemoryMarshal.GetReference(numbers))
            fixed (ulong* shape = sizes)
                Status.Check(NativeMethods.vae_write_array(file, data, (ulong)numbers.Length,
                                                           (int)type, shape, rank));
        }
    }
}
