// Encoding, decoding, sampling, scoring, parameters: results, buffers, and wrong arguments.
using System;

namespace Vae.Tests
{
    internal static class InferenceTests
    {
        [Test]
        private static void ArraysAndBuffersGiveTheSame()
        {
            byte[] images = Small.Discs(3);
            using (Trainer trainer = Small.Trainer())
            {
                (float[] mean, float[] logVariance) = trainer.Encode(images);
                float[] buffer = new float[mean.Length], other = new float[mean.Length];
                trainer.Encode(images, buffer, other);
                Check.Same(mean, buffer, "mean");
                Check.Same(logVariance, other, "log-variance");
                Array.Clear(other, 0, other.Length);
                trainer.Encode(images, default(Output), other);
                Check.Same(logVariance, other, "log-variance alone");
                float[] decoded = trainer.Decode(mean);
                Check.Same(decoded, trainer.Reconstruct(images), "reconstruction");
                byte[] bytes = trainer.DecodeBytes(mean);
                Check.Same(bytes, trainer.ReconstructBytes(images), "reconstruction as bytes");
                for (int i = 0; i < bytes.Length; ++i)
                    Check.That(Math.Abs(bytes[i] - 255 * decoded[i]) < 0.51,
                               "byte " + bytes[i] + " for " + decoded[i]);
                (float[] reconstruction, float[] kl) = trainer.Score(images);
                float[] only = new float[3];
                trainer.Score(images, only);
                Check.Same(reconstruction, only, "reconstruction alone");
                Check.Equal(3, kl.Length, "scores");
            }
        }

        [Test]
        private static void ASequenceDrawnInPartsIsTheOneDrawnAtOnce()
        {
            using (Trainer trainer = Small.Trainer())
            {
                float[] all = trainer.Sample(5, seed: 9);
                float[] part = trainer.Sample(2, seed: 9, first: 3);
                float[] buffer = new float[5 * Small.Pixels];
                trainer.Sample(buffer, seed: 9);
                Check.Same(all, buffer, "buffer");
                // The same codes; products of other sizes may round differently.
                for (int i = 0; i < part.Length; ++i)
                    Check.That(Math.Abs(part[i] - all[3 * Small.Pixels + i]) < 1e-5,
                               "pixel " + i + " is " + part[i]);
                byte[] cold = trainer.SampleBytes(2, seed: 1, temperature: 0);
                Check.Same(cold, trainer.SampleBytes(2, seed: 2, temperature: 0), "mean image");
            }
        }

        [Test]
        private static void ABufferThatIsTooSmallIsNotWrittenTo()
        {
            byte[] images = Small.Discs(2);
            float[] buffer = { 7, 7, 7, 7, 7, 7, 7 };
            using (Trainer trainer = Small.Trainer())
            {
                string text = Check.Fails(VaeStatus.TooSmall,
                                          () => trainer.Encode(images, buffer));
                Check.Contains("32", text);  // the bytes that two codes need
                Check.Same(new float[] { 7, 7, 7, 7, 7, 7, 7 }, buffer, "buffer");
                Check.Fails(VaeStatus.TooSmall,
                            () => trainer.Decode(new float[Small.Latent], new byte[143]));
                Check.Throws<VaeException>(() => trainer.Encode(images, new float[0]));
                float[] large = new float[2 * Small.Latent + 1];
                large[2 * Small.Latent] = 5;
                trainer.Encode(images, large);
                Check.Equal(5f, large[2 * Small.Latent], "beyond the rows");
            }
        }

        [Test]
        private static void WrongArgumentsAreNamed()
        {
            using (Trainer trainer = Small.Trainer())
            {
                Check.Fails(VaeStatus.Argument, () => trainer.Sample(0));
                Check.Contains("count is -2",
                               Check.Fails(VaeStatus.Argument, () => trainer.Sample(-2)));
                Check.Contains("first is -1", Check.Fails(
                    VaeStatus.Argument, () => trainer.Sample(1, first: -1)));
                Check.Contains("temperature", Check.Fails(
                    VaeStatus.Argument, () => trainer.Sample(1, temperature: double.NaN)));
                Check.Fails(VaeStatus.Argument, () => trainer.Sample(new byte[100]));
                Check.Contains("codes has 5 numbers", Check.Fails(
                    VaeStatus.Argument, () => trainer.Decode(new float[5])));
                Check.Fails(VaeStatus.Argument, () => trainer.Decode(
                    new[] { 0, 0, 0, float.PositiveInfinity }));
                Check.Fails(VaeStatus.Argument, () => trainer.Decode(new byte[4]));
                Check.Throws<ArgumentNullException>(() => trainer.Decode((float[])null));
                Check.Throws<ArgumentNullException>(
                    () => trainer.Decode(new float[4], (float[])null));
                Check.Throws<VaeException>(
                    () => trainer.Encode(Small.Discs(1), default(Output)));
                Check.Throws<VaeException>(
                    () => trainer.Encode(Small.Discs(1), new byte[4 * Small.Latent]));
            }
        }

        [Test]
        private static void AResultAboveTheLimitOfAnArrayIsAnError()
        {
            using (Trainer trainer = Small.Trainer())
                Check.Contains("2147483591", Check.Fails(
                    VaeStatus.Unsupported, () => trainer.SampleBytes(int.MaxValue)));
        }

        [Test]
        private static void ParametersAreReadAndWrittenByName()
        {
            VaeConfig config = Small.Config();
            config.KeepGradients = true;
            using (Trainer trainer = new Trainer(config))
            {
                trainer.TrainStep(Small.Discs(Small.Batch));
                Parameter first = trainer.Parameters[0];
                Check.Equal("encoder.0.weight", first.Name);
                Check.Equal(4, first.Shape.Count, "rank");
                Check.Equal(8L, first.Shape[0], "output channels");
                Check.That(first.IsTrainable, "trainable");
                foreach (ParameterPart part in Enum.GetValues(typeof(ParameterPart)))
                    Check.Equal(first.Elements,
                                (long)trainer.ReadParameter(first.Name, part).Length);
                float[] bias = { 1, 2, 3, 4 };
                trainer.WriteParameter("fc11.bias", bias);
                Check.Same(bias, trainer.ReadParameter("fc11.bias"), "fc11.bias");
                Check.Equal(1L, trainer.ReadCounter("encoder.1.num_batches_tracked"), "updates");
            }
        }

        [Test]
        private static void WrongParametersAreRefused()
        {
            using (Trainer trainer = Small.Trainer())
            {
                Check.Contains("nobody", Check.Fails(VaeStatus.Argument,
                                                     () => trainer.ReadParameter("nobody")));
                Check.Contains("Int64", Check.Fails(
                    VaeStatus.Argument,
                    () => trainer.ReadParameter("encoder.1.num_batches_tracked")));
                Check.Fails(VaeStatus.Argument, () => trainer.ReadCounter("fc11.bias"));
                Check.Fails(VaeStatus.Unsupported, () => trainer.ReadParameter(
                    "fc11.bias", ParameterPart.Gradient));
                Check.Fails(VaeStatus.TooSmall, () => trainer.ReadParameter(
                    "fc11.bias", new float[3]));
                Check.Fails(VaeStatus.Argument, () => trainer.WriteParameter(
                    "fc11.bias", new float[3]));
                Check.Fails(VaeStatus.Argument, () => trainer.WriteParameter(
                    "fc11.bias", new[] { 1, 2, 3, float.NaN }));
                Check.Throws<ArgumentNullException>(() => trainer.ReadParameter(null));
                Check.Fails(VaeStatus.Argument, () => trainer.ReadParameter("fc11.bias\0x"));
            }
        }
    }
}
