// Use of the model: encoding, decoding, drawing, reconstructing, scoring. None of it changes a
// later training step.
using System;

namespace Vae
{
    public sealed unsafe partial class Trainer
    {
        /// <summary>Mean and log-variance of q(z|x).</summary>
        /// <param name="images">Any count.</param>
        /// <returns>[count][latent] each.</returns>
        /// <remarks>C: <c>vae_encode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public (float[] Mean, float[] LogVariance) Encode(Batch images)
        {
            ulong codes = images.Rows(nameof(images), imageElements) * (ulong)latent;
            float[] mean = Room("the means", codes);
            float[] logVariance = Room("the log-variances", codes);
            Encode(images, mean, logVariance);
            return (mean, logVariance);
        }

        /// <summary>Mean and log-variance of q(z|x) into the host's memory.</summary>
        /// <param name="images">Any count.</param>
        /// <param name="mean">Buffer for float [count][latent]; default: none.</param>
        /// <param name="logVariance">Buffer for float [count][latent]; default: none. Not
        /// both.</param>
        /// <remarks>C: <c>vae_encode</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Encode(Batch images, Output mean, Output logVariance = default(Output))
        {
            Measure(NativeMethods.vae_encode, images, mean, logVariance);
        }

        /// <summary>Codes to images: probabilities (Bernoulli) or means (Gaussian).</summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Decode(Batch codes)
        {
            float[] images = Room("the images", Pixels(codes.Rows(nameof(codes), latent)));
            Decode(codes, images);
            return images;
        }

        /// <summary>Codes to images of bytes.</summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public byte[] DecodeBytes(Batch codes)
        {
            byte[] images = ByteRoom(Pixels(codes.Rows(nameof(codes), latent)));
            Decode(codes, images);
            return images;
        }

        /// <summary>Codes to images in the host's memory.</summary>
        /// <param name="codes">Finite float [count][latent].</param>
        /// <param name="images">Buffer for [count] images.</param>
        /// <remarks>C: <c>vae_decode</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Decode(Batch codes, Output images)
        {
            Transform(NativeMethods.vae_decode, nameof(codes), codes, latent, images);
        }

        /// <summary>Draws codes from the prior and decodes them: generation. Image i is image
        /// first + i of the endless sequence that belongs to the seed.</summary>
        /// <param name="count">Images, at least 1.</param>
        /// <param name="seed">Its own, apart from the trainer's.</param>
        /// <param name="first">Where in the sequence to begin; first + count is at most
        /// 2^32.</param>
        /// <param name="temperature">z ~ temperature x N(0, I); 0 to 1e30.</param>
        /// <returns>[count] images.</returns>
        /// <remarks>C: <c>vae_sample</c>, <c>vae_sampling_init</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Sample(int count, ulong seed = 0, long first = 0, double temperature = 1)
        {
            float[] images = Room("the images", Pixels(Whole.Number(nameof(count), count)));
            Draw(images, (ulong)count, seed, first, temperature);
            return images;
        }

        /// <summary>Draws images of bytes.</summary>
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
            byte[] images = ByteRoom(Pixels(Whole.Number(nameof(count), count)));
            Draw(images, (ulong)count, seed, first, temperature);
            return images;
        }

        /// <summary>Draws as many images as fit into the buffer.</summary>
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

        /// <summary>Encodes, takes the mean as the code, decodes.</summary>
        /// <param name="images">Any count.</param>
        /// <returns>As many images.</returns>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public float[] Reconstruct(Batch images)
        {
            float[] result = Room("the result",
                                  Pixels(images.Rows(nameof(images), imageElements)));
            Reconstruct(images, result);
            return result;
        }

        /// <summary>Encodes, takes the mean as the code, decodes to bytes.</summary>
        /// <param name="images">Any count.</param>
        /// <returns>As many images.</returns>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public byte[] ReconstructBytes(Batch images)
        {
            byte[] result = ByteRoom(Pixels(images.Rows(nameof(images), imageElements)));
            Reconstruct(images, result);
            return result;
        }

        /// <summary>Encodes, takes the mean as the code, decodes into the host's memory.</summary>
        /// <param name="images">Any count.</param>
        /// <param name="result">Buffer for as many images.</param>
        /// <remarks>C: <c>vae_reconstruct</c>.</remarks>
        /// <exception cref="VaeException">Argument; TooSmall.</exception>
        public void Reconstruct(Batch images, Output result)
        {
            Transform(NativeMethods.vae_reconstruct, nameof(images), images, imageElements,
                      result);
        }

        /// <summary>-log p(x|z) and KL(q(z|x) || N(0, I)) of each image, in nats.</summary>
        /// <param name="images">Any count; z is drawn by row index, so that a call is
        /// repeatable.</param>
        /// <returns>[count] each.</returns>
        /// <remarks>C: <c>vae_score</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public (float[] Reconstruction, float[] Kl) Score(Batch images)
        {
            ulong count = images.Rows(nameof(images), imageElements);
            float[] reconstruction = Room("the result", count);
            float[] kl = Room("the result", count);
            Score(images, reconstruction, kl);
            return (reconstruction, kl);
        }

        /// <summary>The score of each image into the host's memory.</summary>
        /// <param name="images">Any count.</param>
        /// <param name="reconstruction">Buffer for float [count]; default: none.</param>
        /// <param name="kl">Buffer for float [count]; default: none. Not both.</param>
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
            fixed (byte* room = &result.Pin())
            {
                vae_batch from = batch.Native(name, rows, rowElements);
                vae_output to = result.Native(room);
                Status.Check(call(hold.Pointer, &from, &to));
            }
        }

        private void Measure(TwoResults call, Batch images, Output first, Output second)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* rows = &images.Pin())
            fixed (byte* firstRoom = &first.Pin())
            fixed (byte* secondRoom = &second.Pin())
            {
                vae_batch from = images.Native(nameof(images), rows, imageElements);
                vae_output one = first.Native(firstRoom), two = second.Native(secondRoom);
                Status.Check(call(hold.Pointer, &from, first.IsWanted ? &one : null,
                                  second.IsWanted ? &two : null));
            }
        }

        private void Draw(Output images, ulong count, ulong seed, long first, double temperature)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* room = &images.Pin())
            {
                vae_sampling sampling;
                Status.Check(NativeMethods.vae_sampling_init(&sampling,
                                                             (uint)sizeof(vae_sampling)));
                sampling.count = count;
                sampling.seed = seed;
                sampling.first = Whole.Number(nameof(first), first);
                sampling.temperature = temperature;
                vae_output to = images.Native(room);
                Status.Check(NativeMethods.vae_sample(hold.Pointer, &sampling, &to));
            }
        }

        private ulong Pixels(ulong count) { return count * (ulong)imageElements; }

        private static float[] Room(string name, ulong elements)
        {
            return new float[Whole.Length(name, elements)];
        }

        private static byte[] ByteRoom(ulong elements)
        {
            return new byte[Whole.Length("the images", elements)];
        }
    }
}
