// Images in memory, for training whole epochs.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>Channels, height and width of an image.</summary>
    public readonly struct ImageShape
    {
        /// <summary>Creates a shape.</summary>
        /// <param name="channels">1..4096.</param>
        /// <param name="height">Rows, 1..4096.</param>
        /// <param name="width">Columns, 1..4096.</param>
        public ImageShape(int channels, int height, int width)
        {
            Channels = channels;
            Height = height;
            Width = width;
        }

        /// <summary>Channels of a pixel.</summary>
        public int Channels { get; }

        /// <summary>Rows.</summary>
        public int Height { get; }

        /// <summary>Columns.</summary>
        public int Width { get; }

        /// <summary>Numbers of one image.</summary>
        public long Elements { get { return (long)Channels * Height * Width; } }

        /// <summary>The shape as text.</summary>
        /// <returns>Such as "1x28x28".</returns>
        public override string ToString() { return Channels + "x" + Height + "x" + Width; }

        internal unsafe void Write(uint* chw)
        {
            chw[0] = Whole.Small("channels", Channels);
            chw[1] = Whole.Small("height", Height);
            chw[2] = Whole.Small("width", Width);
            if (Elements == 0)
                throw new VaeException(VaeStatus.Argument,
                                       "shape is " + this + "; each must be at least 1");
        }
    }

    /// <summary>Immutable images in memory. Any number of threads and trainers may use one at
    /// once.</summary>
    public sealed unsafe class Dataset : IDisposable
    {
        private readonly DatasetHandle handle = new DatasetHandle();

        private Dataset(IntPtr native, long elementBytes)
        {
            handle.Set(native);
            ulong count;
            uint* chw = stackalloc uint[3];
            uint classes;
            Status.Check(NativeMethods.vae_dataset_info(native, &count, chw, &classes));
            Count = (long)count;
            ImageShape = new ImageShape((int)chw[0], (int)chw[1], (int)chw[2]);
            Classes = (int)classes;
            handle.SetMemory(Count * (ImageShape.Elements * elementBytes + sizeof(int)));
        }

        /// <summary>Reads images from a file or directory.</summary>
        /// <param name="path">A directory with MNIST's file names, gzipped or not: the training
        /// set, or the set named by an appended "/train" or "/test"; one IDX file; a directory of
        /// PNG files, or of subdirectories of PNG files, which in natural order are the labels 0,
        /// 1, ...; a directory that contains a directory `train`, which is read.</param>
        /// <param name="labelsPath">The IDX file of the labels of one IDX file; otherwise
        /// null.</param>
        /// <returns>The dataset.</returns>
        /// <remarks>C: <c>vae_dataset_open</c>.</remarks>
        /// <exception cref="VaeException">File if nothing is there; Format with the file and the
        /// problem; Memory.</exception>
        public static Dataset Open(string path, string labelsPath = null)
        {
            byte[] name = Utf8.Bytes(path, nameof(path));
            byte[] labels = labelsPath == null ? null : Utf8.Bytes(labelsPath, nameof(labelsPath));
            return Loader.Call(() =>
            {
                IntPtr native;
                fixed (byte* images = name)
                fixed (byte* classes = labels)
                    Status.Check(NativeMethods.vae_dataset_open(images, classes, &native));
                return new Dataset(native, sizeof(byte));
            });
        }

        /// <summary>Copies images and optional labels from host memory.</summary>
        /// <param name="images">Bytes or floats; the type is kept.</param>
        /// <param name="shape">Of one image.</param>
        /// <param name="labels">One per image, at least 0; empty: none.</param>
        /// <returns>The dataset.</returns>
        /// <remarks>C: <c>vae_dataset_from_memory</c>.</remarks>
        /// <exception cref="VaeException">Argument; Memory.</exception>
        public static Dataset FromMemory(Batch images, ImageShape shape,
                                         ReadOnlySpan<int> labels = default(ReadOnlySpan<int>))
        {
            Loader.Ready();
            using (NativeCall.Begin()) return Copy(images, shape, labels);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]  // see Loader.Call()
        private static Dataset Copy(Batch images, ImageShape shape, ReadOnlySpan<int> labels)
        {
            IntPtr native;
            uint* chw = stackalloc uint[3];
            shape.Write(chw);
            fixed (byte* pinned = &images.Pin())
            fixed (int* classes = &MemoryMarshal.GetReference(labels))
            {
                vae_batch all = images.Native(nameof(images), pinned, shape.Elements);
                if (labels.Length != 0 && (ulong)labels.Length != all.count)
                    throw new VaeException(VaeStatus.Argument, "there are " + labels.Length +
                                           " labels and " + all.count + " images");
                all.labels = labels.Length == 0 ? null : classes;
                Status.Check(NativeMethods.vae_dataset_from_memory(&all, chw, &native));
                return new Dataset(native, images.ElementBytes);
            }
        }

        /// <summary>The number of images.</summary>
        /// <remarks>C: <c>vae_dataset_info</c>.</remarks>
        public long Count { get; }

        /// <summary>The shape of an image.</summary>
        /// <remarks>C: <c>vae_dataset_info</c>.</remarks>
        public ImageShape ImageShape { get; }

        /// <summary>The largest label + 1; 0 without labels.</summary>
        /// <remarks>C: <c>vae_dataset_info</c>.</remarks>
        public int Classes { get; }

        /// <summary>Copies images to host memory.</summary>
        /// <param name="first">The first image, from 0.</param>
        /// <param name="images">Buffer; its size, a whole number of images, determines the
        /// count. Floats lie in [0, 1].</param>
        /// <remarks>C: <c>vae_dataset_read</c>.</remarks>
        /// <exception cref="VaeException">Argument if the range exceeds the dataset.</exception>
        public void Read(long first, Output images)
        {
            fixed (byte* pinned = &images.Pin())
            using (Hold hold = Hold())
            {
                vae_output output = images.Native(pinned);
                Status.Check(NativeMethods.vae_dataset_read(
                    hold.Pointer, Whole.Number(nameof(first), first),
                    images.Rows(nameof(images), ImageShape.Elements), &output, null, 0));
            }
        }

        /// <summary>Copies labels to host memory.</summary>
        /// <param name="first">The first image, from 0.</param>
        /// <param name="labels">Buffer; its length is the count.</param>
        /// <remarks>C: <c>vae_dataset_read</c>.</remarks>
        /// <exception cref="VaeException">Argument if the range exceeds the dataset, or for a
        /// dataset without labels.</exception>
        public void ReadLabels(long first, Span<int> labels)
        {
            fixed (int* pinned = &MemoryMarshal.GetReference(labels))
            using (Hold hold = Hold())
                Status.Check(NativeMethods.vae_dataset_read(
                    hold.Pointer, Whole.Number(nameof(first), first), (ulong)labels.Length, null,
                    pinned, sizeof(int) * (ulong)labels.Length));
        }

        /// <summary>Frees the handle; may be called on any thread and more than once. Trainers
        /// that still use the images keep them alive.</summary>
        /// <remarks>C: <c>vae_dataset_destroy</c>.</remarks>
        public void Dispose() { handle.Dispose(); }

        internal Hold Hold() { return new Hold(handle); }
    }
}
