// Inference: encoding, decoding, sampling, reconstructing, scoring. Later training steps do not
// depend on it.
using System;

namespace Vae
{
    public sealed unsafe partial class Trainer
    {
        /// <summary>Mean and log-variance of q(z|x).</summary>
        /// <param name="images">Any number of images.</param>
        /// <returns>[count][latent] each.</returns>
        /// <remarks>C: <c>vae_encode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public (float[] Mean, float[] LogVariance) Encode(Batch images)
        {
            ulong codes = images.Rows(nameof(images), imageElements) * (ulong)latent;
            float[] mean = Allocate("the means", codes);
            float[] logVariance = Allocate("the log-variances", codes);
            Encode(images, mean, logVariance);
            return (mean, logVariance);
        }

        /// <summary>Mean and log-variance of q(z|x), to host or GPU memory.</summary>
        /// <param name="images">Any number of images.</param>
        /// <param name="mean">Buffer for float [count][latent]; default: none.</param>
        /// <param name="logVariance">Buffer for float [count][latent]; default: none. At least
        /// one of the two is needed.</param>
        /// <remarks>C: <c>vae_encode</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Encode(Batch images, Output mean, Output logVariance = default(Output))
        {
            Measure(NativeMethods.vae_encode, images, mean, logVariance);
        }

        /// <summary>Decodes codes to images: probabilities (Bernoulli) or means (Gaussian).
        /// </summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Decode(Batch codes)
        {
            float[] images = Allocate("the images", Pixels(codes.Rows(nameof(codes), latent)));
            Decode(codes, images);
            return images;
        }

        /// <summary>Decodes codes to images of bytes.</summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public byte[] DecodeBytes(Batch codes)
        {
            byte[] images = AllocateBytes(Pixels(codes.Rows(nameof(codes), latent)));
            Decode(codes, images);
            return images;
        }

        /// <summary>Decodes codes to host or GPU memory.</summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <param name="images">Buffer for [count] images.</param>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Decode(Batch codes, Output images)
        {
            Transform(NativeMethods.vae_decode, nameof(codes), codes, latent, images);
        }

        /// <summary>Draws codes from the prior and decodes them. Each seed has an infinite
        /// sequence of images; image i of a call is image first + i of it.</summary>
        /// <param name="count">Images, at least 1.</param>
        /// <param name="seed">Of the sequence; independent of the trainer's.</param>
        /// <param name="first">Index of the first image in the sequence; first + count is at most
        /// 2^32.</param>
        /// <param name="temperature">Factor of z ~ N(0, I); 0 to 1e30.</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_sample</c>, <c>vae_sampling_init</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Sample(int count, ulong seed = 0, long first = 0, double temperature = 1)
        {
            float[] images = Allocate("the images", Pixels(Whole.Number(nameof(count), count)));
            Draw(images, (ulong)count, seed, first, temperature);
            return images;
        }

        /// <summary>Samples images of bytes.</summary>
        /// <param name="count">Images, at least 1.</param>
        /// <param name="seed">As in <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <param name="first">As in <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <param name="temperature">As in
        /// <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_sample</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public byte[] SampleBytes(int count, ulong seed = 0, long first = 0,
                                  double temperature = 1)
        {
            byte[] images = AllocateBytes(Pixels(Whole.Number(nameof(count), count)));
            Draw(images, (ulong)count, seed, first, temperature);
            return images;
        }

        /// <summary>Samples as many images as the buffer holds.</summary>
        /// <param name="images">Buffer for a whole number of images.</param>
        /// <param name="seed">As in <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <param name="first">As in <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <param name="temperature">As in
        /// <see cref="Sample(int, ulong, long, double)"/>.</param>
        /// <remarks>C: <c>vae_sample</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public void Sample(Output images, ulong seed = 0, long first = 0, double temperature = 1)
        {
            Draw(images, images.Rows(nameof(images), imageElements), seed, first, temperature);
        }

        /// <summary>Encodes images and decodes the means.</summary>
        /// <param name="images">Any number of images.</param>
        /// <returns>As many images.</returns>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Reconstruct(Batch images)
        {
            float[] result = Allocate("the result",
                                      Pixels(images.Rows(nameof(images), imageElements)));
            Reconstruct(images, result);
            return result;
        }

        /// <summary>Encodes images and decodes the means to bytes.</summary>
        /// <param name="images">Any number of images.</param>
        /// <returns>As many images.</returns>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public byte[] ReconstructBytes(Batch images)
        {
            byte[] result = AllocateBytes(Pixels(images.Rows(nameof(images), imageElements)));
            Reconstruct(images, result);
            return result;
        }

        /// <summary>Encodes images and decodes the means to host or GPU memory.</summary>
        /// <param name="images">Any number of images.</param>
        /// <param name="result">Buffer for as many images.</param>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Reconstruct(Batch images, Output result)
        {
            Transform(NativeMethods.vae_reconstruct, nameof(images), images, imageElements,
                      result);
        }

        /// <summary>-log p(x|z) and KL(q(z|x) || N(0, I)) of each image, in nats.</summary>
        /// <param name="images">Any number of images. The noise depends on the row index alone,
        /// so a call is repeatable.</param>
        /// <returns>[count] each.</returns>
        /// <remarks>C: <c>vae_score</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public (float[] Reconstruction, float[] Kl) Score(Batch images)
        {
            ulong count = images.Rows(nameof(images), imageElements);
            float[] reconstruction = Allocate("the result", count);
            float[] kl = Allocate("the result", count);
            Score(images, reconstruction, kl);
            return (reconstruction, kl);
        }

        /// <summary>The scores of each image, to host or GPU memory.</summary>
        /// <param name="images">Any number of images.</param>
        /// <param name="reconstruction">Buffer for float [count]; default: none.</param>
        /// <param name="kl">Buffer for float [count]; default: none. At least one of the two is
        /// needed.</param>
        /// <remarks>C: <c>vae_score</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Score(Batch images, Output reconstruction, Output kl = default(Output))
        {
            Measure(NativeMethods.vae_score, images, reconstruction, kl);
        }

        private delegate int OneResult(IntPtr trainer, vae_batch* batch, vae_output* result);

        private delegate int TwoResults(IntPtr trainer, vae_batch* batch, vae_output* first,
                                        vae_output* second);

        private void Transform(OneResult call, string name, Batch batch, long rowElements,
                               Output result)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* rows = &batch.Pin())
            fixed (byte* pinned = &result.Pin())
            {
                vae_batch from = batch.Native(name, rows, rowElements);
                vae_output to = result.Native(pinned);
                Status.Check(call(hold.Pointer, &from, &to));
            }
        }

        private void Measure(TwoResults call, Batch images, Output first, Output second)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* rows = &images.Pin())
            fixed (byte* firstData = &first.Pin())
            fixed (byte* secondData = &second.Pin())
            {
                vae_batch from = images.Native(nameof(images), rows, imageElements);
                vae_output one = first.Native(firstData), two = second.Native(secondData);
                Status.Check(call(hold.Pointer, &from, first.IsWanted ? &one : null,
                                  second.IsWanted ? &two : null));
            }
        }

        private void Draw(Output images, ulong count, ulong seed, long first, double temperature)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* pinned = &images.Pin())
            {
                vae_sampling sampling;
                Status.Check(NativeMethods.vae_sampling_init(&sampling,
                                                             (uint)sizeof(vae_sampling)));
                sampling.count = count;
                sampling.seed = seed;
                sampling.first = Whole.Number(nameof(first), first);
                sampling.temperature = temperature;
                vae_output to = images.Native(pinned);
                Status.Check(NativeMethods.vae_sample(hold.Pointer, &sampling, &to));
            }
        }

        private ulong Pixels(ulong count) { return count * (ulong)imageElements; }

        private static float[] Allocate(string name, ulong elements)
        {
            return new float[Whole.Length(name, elements)];
        }

        private static byte[] AllocateBytes(ulong elements)
        {
            return new byte[Whole.Length("the images", elements)];
        }
    }
}
