// Tensors of the model by their PyTorch names: description, reading, writing.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>One tensor of the model, with the name and shape of the PyTorch module's.
    /// </summary>
    /// <remarks>C: <c>vae_param_info</c>, <c>vae_param_init</c>.</remarks>
    public sealed unsafe class Parameter
    {
        internal Parameter(vae_param* native)
        {
            Name = Utf8.Text(native->name);
            Type = (ElementType)native->dtype;
            IsTrainable = native->trainable != 0;
            Elements = (long)native->elements;
            long[] shape = new long[native->rank];
            for (int i = 0; i < shape.Length; ++i) shape[i] = native->shape[i];
            Shape = shape;
        }

        /// <summary>"encoder.0.weight", "fc11.bias", ...</summary>
        public string Name { get; }

        /// <summary>Float32; Int64 for a counter.</summary>
        public ElementType Type { get; }

        /// <summary>False for BatchNorm's statistics and counters.</summary>
        public bool IsTrainable { get; }

        /// <summary>As in PyTorch; empty for a scalar.</summary>
        public IReadOnlyList<long> Shape { get; }

        /// <summary>Product of the shape; 1 for a scalar.</summary>
        public long Elements { get; }
    }

    public sealed unsafe partial class Trainer
    {
        /// <summary>The elements of a tensor, in PyTorch's order.</summary>
        /// <param name="name">One of <see cref="Parameters"/>, of type Float32.</param>
        /// <param name="part">Value; for trainable tensors also gradient and moments.</param>
        /// <returns>The elements.</returns>
        /// <remarks>C: <c>vae_param_read</c>.</remarks>
        /// <exception cref="VaeException">Argument; Unsupported for a gradient without
        /// <see cref="VaeConfig.KeepGradients"/>.</exception>
        public float[] ReadParameter(string name, ParameterPart part = ParameterPart.Value)
        {
            Parameter known = Find(name);
            long elements = known == null ? 0 : known.Elements;
            float[] data = new float[Whole.Length(name, (ulong)elements)];
            ReadParameter(name, data, part);
            return data;
        }

        /// <summary>Copies a tensor to host memory, in PyTorch's order.</summary>
        /// <param name="name">One of <see cref="Parameters"/>, of type Float32.</param>
        /// <param name="data">Buffer for all elements.</param>
        /// <param name="part">Value; for trainable tensors also gradient and moments.</param>
        /// <remarks>C: <c>vae_param_read</c>.</remarks>
        /// <exception cref="VaeException">As in the other overload; TooSmall.</exception>
        public void ReadParameter(string name, Span<float> data,
                                  ParameterPart part = ParameterPart.Value)
        {
            RequireType(name, ElementType.Float32);
            fixed (float* pinned = &MemoryMarshal.GetReference(data))
                Read(name, part, pinned, sizeof(float) * (ulong)data.Length);
        }

        /// <summary>Reads one of BatchNorm's counters.</summary>
        /// <param name="name">One of <see cref="Parameters"/>, of type Int64.</param>
        /// <returns>The updates applied.</returns>
        /// <remarks>C: <c>vae_param_read</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public long ReadCounter(string name)
        {
            RequireType(name, ElementType.Int64);
            long value;
            Read(name, ParameterPart.Value, &value, sizeof(long));
            return value;
        }

        /// <summary>Replaces a tensor, in PyTorch's order.</summary>
        /// <param name="name">One of <see cref="Parameters"/>, of type Float32.</param>
        /// <param name="data">All elements, finite; squares and variances not
        /// negative.</param>
        /// <param name="part">Value, Moment1 or Moment2.</param>
        /// <remarks>C: <c>vae_param_write</c>.</remarks>
        /// <exception cref="VaeException">Argument; then the tensor is unchanged.</exception>
        public void WriteParameter(string name, ReadOnlySpan<float> data,
                                   ParameterPart part = ParameterPart.Value)
        {
            RequireType(name, ElementType.Float32);
            fixed (byte* text = Utf8.Bytes(name, nameof(name)))
            fixed (float* numbers = &MemoryMarshal.GetReference(data))
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_param_write(
                    hold.Pointer, text, (int)part, numbers, sizeof(float) * (ulong)data.Length));
        }

        private void Read(string name, ParameterPart part, void* data, ulong bytes)
        {
            fixed (byte* text = Utf8.Bytes(name, nameof(name)))
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_param_read(hold.Pointer, text, (int)part, data,
                                                          bytes));
        }

        private Parameter Find(string name)
        {
            if (name == null) throw new ArgumentNullException(nameof(name));
            foreach (Parameter parameter in Parameters)
                if (parameter.Name == name) return parameter;
            return null;
        }

        // libvae receives untyped bytes, so the type is checked here: 8 bytes could be two floats
        // or one counter. For an unknown name libvae fails itself.
        private void RequireType(string name, ElementType type)
        {
            Parameter known = Find(name);
            if (known != null && known.Type != type)
                throw new VaeException(VaeStatus.Argument, name + " has the type " + known.Type +
                                       "; this call is for " + type);
        }

        private IReadOnlyList<Parameter> ListParameters()
        {
            using (Hold hold = new Hold(handle))
            {
                uint count;
                Status.Check(NativeMethods.vae_param_count(hold.Pointer, &count));
                Parameter[] list = new Parameter[count];
                for (uint i = 0; i < count; ++i)
                {
                    vae_param native;
                    Status.Check(NativeMethods.vae_param_init(&native, (uint)sizeof(vae_param)));
                    Status.Check(NativeMethods.vae_param_info(hold.Pointer, i, &native));
                    list[i] = new Parameter(&native);
                }
                return Array.AsReadOnly(list);
            }
        }
    }
}
