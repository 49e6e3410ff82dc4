// Training: steps on the host's images, whole epochs, and wrong arguments.
using System;

namespace Vae.Tests
{
    internal static class TrainingTests
    {
        [Test]
        private static void LossFallsAndEveryKindOfMemoryGivesTheSame()
        {
            byte[] bytes = Small.Discs(Small.Batch);
            float[] floats = Small.FloatDiscs(Small.Batch);
            using (Trainer one = Small.Trainer())
            using (Trainer other = Small.Trainer())
            {
                double first = one.TrainStep(bytes).Loss, last = 0;
                Check.Equal(first, other.TrainStep(floats).Loss, "loss of floats");
                for (int step = 0; step < 30; ++step)
                {
                    last = one.TrainStep(new ReadOnlySpan<byte>(bytes)).Loss;
                    Metrics same = step % 3 == 0 ? other.TrainStep(new ReadOnlySpan<float>(floats))
                                 : step % 3 == 1 ? other.TrainStep(new Span<float>(floats))
                                                 : other.TrainStep(new Span<byte>(bytes));
                    Check.Equal(last, same.Loss, "loss of step " + step);
                }
                Check.That(last < first, "loss went from " + first + " to " + last);
            }
        }

        [Test]
        private static void RowsMayLieInALargerArrayOrOnTheStack()
        {
            byte[] all = Small.Discs(Small.Batch + 2);
            Span<byte> stack = stackalloc byte[2 * Small.Pixels];
            new ReadOnlySpan<byte>(all, Small.Pixels, stack.Length).CopyTo(stack);
            using (Trainer trainer = Small.Trainer())
            {
                double part = trainer.EvalStep(
                    new ReadOnlySpan<byte>(all, Small.Pixels, stack.Length)).Loss;
                Check.Equal(part, trainer.EvalStep(stack).Loss, "loss from the stack");
                Check.Equal(2L, trainer.EvalStep(stack).Images, "images");
            }
        }

        [Test]
        private static void IssuedStepsAreReadTogether()
        {
            byte[] images = Small.Discs(Small.Batch);
            using (Trainer trainer = Small.Trainer())
            {
                for (int step = 0; step < 3; ++step) trainer.IssueStep(images);
                Metrics metrics = trainer.ReadMetrics();
                Check.Equal(3L, metrics.Steps, "steps");
                Check.Equal(3L * Small.Batch, metrics.Images, "images");
                Check.Equal(Small.Latent, metrics.KlPerDimension.Count, "dimensions");
                double sum = 0;
                foreach (double kl in metrics.KlPerDimension) sum += kl;
                Check.That(Math.Abs(sum - metrics.Kl) < 1e-3 * (1 + metrics.Kl),
                           "dimensions add up to " + sum + ", KL is " + metrics.Kl);
                trainer.Synchronize();
                Check.Equal(0L, trainer.ReadMetrics().Steps, "steps of a second read");
            }
        }

        [Test]
        private static void SettingsAreReadBack()
        {
            using (Trainer trainer = Small.Trainer())
            {
                trainer.LearningRate = 0.5;
                trainer.KlWeight = 0.25;
                trainer.StepCount = 11;
                trainer.UpdateCount = 12;
                trainer.Epoch = 13;
                Check.Equal(0.5, trainer.LearningRate);
                Check.Equal(0.25, trainer.KlWeight);
                Check.Equal(11L, trainer.StepCount);
                Check.Equal(12L, trainer.UpdateCount);
                Check.Equal(13L, trainer.Epoch);
                Check.Equal(0.5, trainer.Config.LearningRate);
                Check.Contains("-1", Check.Fails(VaeStatus.Argument,
                                                 () => trainer.LearningRate = -1));
                Check.Fails(VaeStatus.Argument, () => trainer.Epoch = -1);
                Check.Equal(13L, trainer.Epoch);
            }
        }

        [Test]
        private static void WrongImagesAreRefusedAndChangeNothing()
        {
            using (Trainer trainer = Small.Trainer())
            {
                string text = Check.Fails(VaeStatus.Argument,
                                          () => trainer.TrainStep(new byte[Small.Pixels + 1]));
                Check.Contains("images has 145 numbers", text);
                Check.Contains("rows of 144", text);
                Check.Fails(VaeStatus.Argument, () => trainer.TrainStep(new byte[0]));
                Check.Fails(VaeStatus.Argument, () => trainer.IssueStep(Span<byte>.Empty));
                Check.Fails(VaeStatus.Argument, () => trainer.EvalStep(default(Batch)));
                Check.Throws<ArgumentNullException>(() => trainer.TrainStep((byte[])null));
                Check.Throws<ArgumentNullException>(() => trainer.TrainStep((float[])null));
                Check.Throws<ArgumentNullException>(
                    () => Batch.OnDevice(IntPtr.Zero, 1, ElementType.UInt8));
                text = Check.Fails(VaeStatus.Argument,
                                   () => trainer.TrainStep(Small.Discs(Small.Batch + 1)));
                Check.Contains("9", text);
                Check.Equal(0L, trainer.StepCount, "steps");
            }
        }

        [Test]
        private static void ANanPixelIsNamedByItsIndex()
        {
            float[] images = Small.FloatDiscs(Small.Batch);
            images[1000] = float.NaN;
            using (Trainer trainer = Small.Trainer())
            {
                Check.Contains("element 136 of row 6", Check.Fails(
                    VaeStatus.Argument, () => trainer.TrainStep(images)));
                images[1000] = 1.5f;
                Check.Contains("1.5", Check.Fails(VaeStatus.Argument,
                                                  () => trainer.EvalStep(images)));
                images[1000] = 1;
                trainer.TrainStep(images);
            }
        }

        [Test]
        private static void ATrainerOnTheCpuRejectsGpuMemory()
        {
            IntPtr nowhere = (IntPtr)4096;
            using (Trainer trainer = Small.Trainer())
            {
                string text = Check.Throws<VaeException>(() => trainer.TrainStep(Batch.OnDevice(
                    nowhere, Small.Pixels, ElementType.UInt8))).Message;
                Check.Contains("device", text);
                Check.Throws<VaeException>(() => trainer.Sample(Output.OnDevice(
                    nowhere, 4 * Small.Pixels, ElementType.Float32)));
                Check.Contains("bytes is -1", Check.Fails(VaeStatus.Argument, () =>
                    trainer.EvalStep(Batch.OnDevice(nowhere, -1, ElementType.UInt8))));
            }
        }

        [Test]
        private static void HwcImagesAreTheSameImages()
        {
            VaeConfig config = Small.Config();
            config.Channels = 3;
            byte[] planes = new byte[2 * 3 * Small.Pixels], pixels = new byte[planes.Length];
            for (int i = 0; i < planes.Length; ++i)
            {
                int image = i / (3 * Small.Pixels), channel = i / Small.Pixels % 3;
                planes[i] = (byte)(i * 31);
                pixels[(image * Small.Pixels + i % Small.Pixels) * 3 + channel] = planes[i];
            }
            using (Trainer trainer = new Trainer(config))
            {
                Check.Equal(trainer.EvalStep(planes).Loss,
                            trainer.EvalStep(new Batch(pixels, Layout.Hwc)).Loss, "loss");
                byte[] drawn = trainer.SampleBytes(1), turned = new byte[drawn.Length];
                trainer.Sample(new Output(turned, Layout.Hwc));
                Check.Equal(drawn[Small.Pixels], turned[1], "first pixel of the second channel");
            }
        }

        [Test]
        private static void AnEpochTrainsTheWholeDataset()
        {
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                Metrics epoch = trainer.TrainEpoch(images);
                Check.Equal((long)Small.Count, epoch.Images, "images");
                Check.Equal(1L, trainer.Epoch, "epoch");
                Metrics part = trainer.TrainEpoch(images, new RunOptions { MaxSteps = 2 });
                Check.Equal(2L, part.Steps, "steps");
                Metrics once = trainer.Evaluate(images), again = trainer.Evaluate(images);
                Check.Equal(once.Loss, again.Loss, "loss of a second evaluation");
                Check.Fails(VaeStatus.Argument, () => trainer.TrainEpoch(
                    images, new RunOptions { BatchSize = Small.Batch + 1 }));
                Check.Contains("MaxSteps is -1", Check.Fails(
                    VaeStatus.Argument,
                    () => trainer.TrainEpoch(images, new RunOptions { MaxSteps = -1 })));
                Check.Throws<ArgumentNullException>(() => trainer.TrainEpoch(null));
                Check.Throws<ArgumentNullException>(
                    () => trainer.Evaluate(images, (Func<Progress, bool>)null));
            }
        }
    }
}
