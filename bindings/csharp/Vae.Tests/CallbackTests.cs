// Callbacks and cancellation: what callbacks receive and may call, and how exceptions and tokens
// end a run.
using System;
using System.Collections.Generic;
using System.Threading;

namespace Vae.Tests
{
    internal static class CallbackTests
    {
        private static readonly RunOptions Often = new RunOptions { EverySteps = 1 };

        private sealed class Collector : IProgress<Progress>
        {
            internal readonly List<Progress> Seen = new List<Progress>();

            public void Report(Progress now) { Seen.Add(now); }
        }

        private sealed class HostException : Exception
        {
        }

        [Test]
        private static void ProgressIsReported()
        {
            Collector collector = new Collector();
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                trainer.TrainEpoch(images, Often, collector);
                Check.Equal(6, collector.Seen.Count, "reports");
                Progress last = collector.Seen[5];
                Check.Equal(RunPhase.Train, last.Phase);
                Check.Equal(6L, last.Step, "step");
                Check.Equal(6L, last.Steps, "steps");
                Check.Equal((long)Small.Count, last.Images, "images");
                trainer.Evaluate(images, null, collector);
                Check.Equal(RunPhase.Evaluate, collector.Seen[6].Phase);
            }
        }

        [Test]
        private static void FalseEndsTheRunAndCompletedStepsCount()
        {
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                Check.Fails(VaeStatus.Cancelled,
                            () => trainer.TrainEpoch(images, now => now.Step < 2, Often));
                Check.Equal(2L, trainer.UpdateCount, "updates");
                Check.Equal(4L, trainer.TrainEpoch(images).Steps, "the other steps");
                Check.Fails(VaeStatus.Cancelled,
                            () => trainer.Evaluate(images, now => false, Often));
            }
        }

        private static bool Fail(Progress now) { throw new HostException(); }

        [Test]
        private static void AnExceptionIsRethrownUnchanged()
        {
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                HostException thrown = Check.Throws<HostException>(
                    () => trainer.TrainEpoch(images, Fail, Often));
                Check.Contains(nameof(Fail), thrown.StackTrace);
                Check.Equal(1L, trainer.UpdateCount, "updates");
                Check.Throws<HostException>(() => trainer.Evaluate(images, Fail, Often));
                // Also in the last report, after the last step.
                Check.Throws<HostException>(
                    () => trainer.TrainEpoch(images, Fail, new RunOptions { EverySteps = 0 }));
                trainer.TrainEpoch(images);
            }
        }

        [Test]
        private static void TheSameTrainerMayBeUsedInside()
        {
            byte[] batch = Small.Discs(Small.Batch);
            using (Folder folder = new Folder())
            using (Trainer trainer = Small.Trainer())
            using (Trainer other = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                trainer.TrainEpoch(images, now =>
                {
                    trainer.Decode(trainer.Encode(batch).Mean);
                    trainer.Sample(2);
                    trainer.Reconstruct(batch);
                    trainer.Score(batch);
                    trainer.Save(folder.File("inside"), SaveKind.Checkpoint);
                    trainer.LearningRate = trainer.LearningRate * 0.5;
                    trainer.WriteParameter("fc11.bias", trainer.ReadParameter("fc11.bias"));
                    trainer.Synchronize();
                    trainer.Diagnose();
                    Check.Fails(VaeStatus.Busy, () => trainer.TrainStep(batch));
                    Check.Fails(VaeStatus.Busy, () => trainer.EvalStep(batch));
                    Check.Fails(VaeStatus.Busy, () => trainer.ReadMetrics());
                    Check.Fails(VaeStatus.Busy, () => trainer.TrainEpoch(images));
                    Check.Fails(VaeStatus.Busy, () => trainer.Evaluate(images));
                    other.TrainStep(batch);
                    return true;
                }, Often);
                Check.Equal(6L, other.UpdateCount, "updates of another trainer");
            }
        }

        [Test]
        private static void ATokenCancelledBeforeDoesNothing()
        {
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                source.Cancel();
                OperationCanceledException thrown = Check.Throws<OperationCanceledException>(
                    () => trainer.TrainEpoch(images, cancellationToken: source.Token));
                Check.Equal(source.Token, thrown.CancellationToken);
                Check.Equal(0L, trainer.StepCount, "steps");
            }
        }

        [Test]
        private static void ATokenCancelledDuringARunEndsItAndOnlyIt()
        {
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                OperationCanceledException thrown = Check.Throws<OperationCanceledException>(
                    () => trainer.TrainEpoch(images, now =>
                    {
                        if (now.Step == 2) source.Cancel();
                        return true;
                    }, Often, source.Token));
                Check.Equal(source.Token, thrown.CancellationToken);
                Check.Equal(2L, trainer.UpdateCount, "updates");
                Check.Equal(4L, trainer.TrainEpoch(images).Steps, "the other steps");
            }
        }

        [Test]
        private static void ATokenCancelledByAnotherThreadEndsTheRun()
        {
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (ManualResetEventSlim begun = new ManualResetEventSlim())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                Thread canceller = new Thread(() =>
                {
                    begun.Wait();
                    source.Cancel();
                });
                canceller.Start();
                Check.Throws<OperationCanceledException>(() =>
                {
                    while (true)
                        trainer.TrainEpoch(images, now =>
                        {
                            begun.Set();
                            return true;
                        }, Often, source.Token);
                });
                canceller.Join();
                trainer.TrainEpoch(images);
            }
        }

        [Test]
        private static void ATokenCancelledAfterwardsChangesNothing()
        {
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                trainer.TrainEpoch(images, cancellationToken: source.Token);
                source.Cancel();
                trainer.TrainEpoch(images);
                Check.Equal(2L, trainer.Epoch, "epoch");
            }
        }

        [Test]
        private static void TheHostsOwnCancelStaysUntilItIsCleared()
        {
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                trainer.Cancel();
                Check.Fails(VaeStatus.Cancelled, () => trainer.TrainEpoch(images));
                // A token that was not cancelled neither clears it nor counts as the cause.
                Check.Fails(VaeStatus.Cancelled, () => trainer.TrainEpoch(
                    images, cancellationToken: source.Token));
                Check.Fails(VaeStatus.Cancelled, () => trainer.Evaluate(images));
                trainer.TrainStep(Small.Discs(Small.Batch));
                trainer.Cancel(false);
                trainer.TrainEpoch(images);
            }
        }

        [Test]
        private static void ASecondThreadGetsBusy()
        {
            using (ManualResetEventSlim inside = new ManualResetEventSlim())
            using (ManualResetEventSlim leave = new ManualResetEventSlim())
            using (CancellationTokenSource source = new CancellationTokenSource())
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                Thread training = new Thread(() => trainer.TrainEpoch(images, now =>
                {
                    inside.Set();
                    leave.Wait();
                    return true;
                }));
                training.Start();
                inside.Wait();
                try
                {
                    Check.Fails(VaeStatus.Busy, () => trainer.TrainStep(Small.Discs(2)));
                    Check.Fails(VaeStatus.Busy, () => trainer.Sample(1));
                    Check.Fails(VaeStatus.Busy, () => trainer.TrainEpoch(
                        images, cancellationToken: source.Token));
                    source.Cancel();  // of the rejected call, not of the current run
                    images.Read(0, new byte[Small.Pixels]);
                }
                finally
                {
                    leave.Set();
                    training.Join();
                }
                Check.Equal(1L, trainer.Epoch, "epoch");
            }
        }

#if !NETCOREAPP
        [Test]
        private static void AnAbortedThreadLeavesTheTrainerUsable()
        {
            bool aborted = false;
            using (Trainer trainer = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                Thread thread = new Thread(() =>
                {
                    try
                    {
                        trainer.TrainEpoch(images, now =>
                        {
                            Thread.CurrentThread.Abort();
                            return true;
                        }, Often);
                    }
                    catch (ThreadAbortException)
                    {
                        aborted = true;
                    }
                });
                thread.Start();
                thread.Join();
                Check.That(aborted, "the exception was not rethrown");
                Check.Equal(1L, trainer.UpdateCount, "updates");
                trainer.TrainEpoch(images);
            }
        }
#endif
    }
}
