// Handles: disposing in any order, on any thread, twice or never; garbage collections during
// calls, and the memory pressure reported to the collector.
using System;
using System.Collections.Generic;
using System.Threading;

namespace Vae.Tests
{
    internal static class LifetimeTests
    {
        private static readonly RunOptions Often = new RunOptions { EverySteps = 1 };

        [Test]
        private static void DisposingTwiceAndInAnyOrderIsFine()
        {
            foreach (bool datasetFirst in new[] { true, false })
            {
                Trainer trainer = Small.Trainer();
                Dataset images = Small.Dataset();
                trainer.TrainEpoch(images, new RunOptions { MaxSteps = 1 });
                if (datasetFirst)
                {
                    images.Dispose();
                    trainer.TrainStep(Small.Discs(2));
                }
                trainer.Dispose();
                images.Dispose();
                trainer.Dispose();
                images.Dispose();
            }
        }

        [Test]
        private static void UseAfterDisposeIsAnObjectDisposedException()
        {
            Trainer trainer = Small.Trainer();
            Dataset images = Small.Dataset();
            images.Dispose();
            Throw(() => images.Read(0, new byte[Small.Pixels]), "Vae.Dataset");
            Throw(() => images.ReadLabels(0, new int[1]), "Vae.Dataset");
            Throw(() => trainer.TrainEpoch(images), "Vae.Dataset");
            Check.Equal((long)Small.Count, images.Count, "count after Dispose()");
            trainer.Dispose();
            byte[] batch = Small.Discs(2);
            foreach (Action use in new Action[]
                     {
                         () => trainer.TrainStep(batch), () => trainer.IssueStep(batch),
                         () => trainer.EvalStep(batch), () => trainer.ReadMetrics(),
                         () => trainer.Synchronize(), () => trainer.TrainEpoch(images),
                         () => trainer.Evaluate(images), () => trainer.Cancel(),
                         () => trainer.Encode(batch), () => trainer.Decode(new float[4]),
                         () => trainer.Sample(1), () => trainer.Reconstruct(batch),
                         () => trainer.Score(batch), () => trainer.LearningRate = 1,
                         () => trainer.Epoch.ToString(), () => trainer.Config.ToJson(),
                         () => trainer.Save("x", SaveKind.Model),
                         () => trainer.SaveBytes(SaveKind.Model), () => trainer.Diagnose(),
                         () => trainer.ReadParameter("fc11.bias"),
                         () => trainer.ReadCounter("encoder.1.num_batches_tracked"),
                         () => trainer.WriteParameter("fc11.bias", new float[4]),
                     })
                Throw(use, "Vae.Trainer");
        }

        private static void Throw(Action use, string owner)
        {
            Check.Equal(owner, Check.Throws<ObjectDisposedException>(use).ObjectName);
        }

        [Test]
        private static void DisposingInsideACallbackWaitsForTheRun()
        {
            long before = NativeMemory.Held;
            Trainer trainer = Small.Trainer();
            Dataset images = Small.Dataset();
            Metrics epoch = trainer.TrainEpoch(images, now =>
            {
                trainer.Dispose();
                images.Dispose();
                Check.Throws<ObjectDisposedException>(() => trainer.Sample(1));
                Check.That(NativeMemory.Held > before, "the trainer is not freed yet");
                return true;
            }, Often);
            Check.Equal(6L, epoch.Steps, "steps");
            Check.Equal(before, NativeMemory.Held, "native memory");
        }

        [Test]
        private static void DisposingOnAnotherThreadWaitsForTheCall()
        {
            long before = NativeMemory.Held;
            for (int round = 0; round < 20; ++round)
            {
                Trainer trainer = Small.Trainer();
                byte[] batch = Small.Discs(Small.Batch);
                using (ManualResetEventSlim begun = new ManualResetEventSlim())
                {
                    Thread user = new Thread(() =>
                    {
                        try
                        {
                            while (true)
                            {
                                trainer.IssueStep(batch);
                                begun.Set();
                            }
                        }
                        catch (ObjectDisposedException)
                        {
                        }
                    });
                    user.Start();
                    begun.Wait();
                    trainer.Dispose();
                    user.Join();
                }
            }
            Check.Equal(before, NativeMemory.Held, "native memory");
        }

        [Test]
        private static void MemoryPressureIsRemovedAsItWasAdded()
        {
            long before = NativeMemory.Held;
            Trainer trainer = Small.Trainer();
            long one = NativeMemory.Held - before;
            Check.That(one > 16 * 1024, "memory of a trainer is " + one + " bytes");
            Dataset images = Small.Dataset();
            Check.That(NativeMemory.Held - before - one >= Small.Count * Small.Pixels,
                       "memory of a dataset includes its images");
            Check.Fails(VaeStatus.Format, () => Trainer.Load(new byte[64]));
            images.Dispose();
            images.Dispose();
            Check.Equal(before + one, NativeMemory.Held, "native memory");
            trainer.Dispose();
            Check.Equal(before, NativeMemory.Held, "native memory");
        }

        [Test]
        private static void FinalizersFreeWhatWasNotDisposed()
        {
            long before = NativeMemory.Held;
            const int Count = 12;
            long most = 0;
            // On a thread that ends, so that no root on its stack remains.
            Thread maker = new Thread(() =>
            {
                for (int i = 0; i < Count; ++i)
                {
                    Trainer trainer = Small.Trainer();
                    trainer.TrainEpoch(Small.Dataset(), new RunOptions { MaxSteps = 1 });
                }
                most = NativeMemory.Held - before;
            });
            maker.Start();
            maker.Join();
            for (int i = 0; i < 20 && NativeMemory.Held != before; ++i)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            Check.That(most > 0, "nothing was created");
            Check.Equal(before, NativeMemory.Held, "native memory");
        }

        [Test]
        private static void TemporariesLiveAsLongAsTheirCall()
        {
            using (Storm storm = new Storm())
                for (int round = 0; round < 20; ++round)
                {
                    Metrics epoch = Small.Trainer().TrainEpoch(Small.Dataset());
                    Check.Equal((long)Small.Count, epoch.Images, "images");
                }
        }

        [Test]
        private static void GarbageCollectionsChangeNoResult()
        {
            using (Trainer calm = Small.Trainer())
            using (Trainer stormy = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                for (int epoch = 0; epoch < 5; ++epoch) calm.TrainEpoch(images);
                float[] expected = calm.Encode(Small.FloatDiscs()).Mean;
                using (Storm storm = new Storm())
                {
                    int callbacks = 0;
                    for (int epoch = 0; epoch < 5; ++epoch)
                        stormy.TrainEpoch(images, now =>
                        {
                            GC.Collect();
                            GC.KeepAlive(new byte[1000 + callbacks++]);
                            return true;
                        }, Often);
                    Check.Equal(30, callbacks, "callbacks");
                    for (int round = 0; round < 20; ++round)
                        Check.Same(expected, stormy.Encode(Small.FloatDiscs()).Mean, "mean");
                    Check.That(storm.Collections > 10,
                               "there were " + storm.Collections + " collections");
                }
            }
        }

        /// <summary>Collects and compacts the heap until it is disposed.</summary>
        private sealed class Storm : IDisposable
        {
            private readonly Thread thread;
            private volatile bool over;
            private int collections;

            internal Storm()
            {
                thread = new Thread(Rage);
                thread.Start();
            }

            internal int Collections { get { return Volatile.Read(ref collections); } }

            private void Rage()
            {
                List<byte[]> junk = new List<byte[]>();
                while (!over)
                {
                    for (int i = 0; i < 50; ++i) junk.Add(new byte[500 + 10 * i]);
                    if (junk.Count > 500) junk.RemoveRange(0, 400);
                    GC.Collect(collections % 3);
                    GC.WaitForPendingFinalizers();
                    Interlocked.Increment(ref collections);
                }
            }

            public void Dispose()
            {
                over = true;
                thread.Join();
            }
        }
    }
}
