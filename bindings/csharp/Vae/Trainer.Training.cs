// Training and evaluating: step by step, where the host owns the loop, and whole runs.
using System;
using System.Threading;

namespace Vae
{
    public sealed unsafe partial class Trainer
    {
        private int inRun;
        private readonly CancelLevel cancel = new CancelLevel();

        /// <summary>One step of gradient descent on -ELBO (Kingma and Welling 2014, eq. 10);
        /// waits for it.</summary>
        /// <param name="images">1..MaxBatch images; at least 2 if the convolutions leave one
        /// pixel, which BatchNorm cannot normalise by itself.</param>
        /// <returns>This step alone.</returns>
        /// <remarks>C: <c>vae_train_step</c>.</remarks>
        /// <exception cref="VaeException">Argument; Nonfinite if configured. Parameters,
        /// moments, counts and running statistics are as before then.</exception>
        public Metrics TrainStep(Batch images)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* pinned = &images.Pin())
            {
                vae_batch batch = images.Native(nameof(images), pinned, imageElements);
                vae_batch* native = &batch;
                IntPtr trainer = hold.Pointer;
                return Metrics.Of(latent, metrics =>
                    NativeMethods.vae_train_step(trainer, native, metrics));
            }
        }

        /// <summary>The same step without metrics: does not wait for a GPU (at most two steps run
        /// ahead).</summary>
        /// <param name="images">As in <see cref="TrainStep"/>; copied before the call
        /// returns.</param>
        /// <remarks>C: <c>vae_train_step</c>. Failures seen late come from the next call that
        /// waits, such as <see cref="ReadMetrics"/>.</remarks>
        /// <exception cref="VaeException">As <see cref="TrainStep"/>.</exception>
        public void IssueStep(Batch images)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* pinned = &images.Pin())
            {
                vae_batch batch = images.Native(nameof(images), pinned, imageElements);
                Status.Check(NativeMethods.vae_train_step(hold.Pointer, &batch, null));
            }
        }

        /// <summary>The same sums without learning: BatchNorm by its running statistics, z drawn
        /// by row index, so that a call is repeatable.</summary>
        /// <param name="images">Any count.</param>
        /// <returns>The metrics of these images.</returns>
        /// <remarks>C: <c>vae_eval_step</c>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public Metrics EvalStep(Batch images)
        {
            using (Hold hold = new Hold(handle))
            fixed (byte* pinned = &images.Pin())
            {
                vae_batch batch = images.Native(nameof(images), pinned, imageElements);
                vae_batch* native = &batch;
                IntPtr trainer = hold.Pointer;
                return Metrics.Of(latent, metrics =>
                    NativeMethods.vae_eval_step(trainer, native, metrics));
            }
        }

        /// <summary>Means over the training steps since the last read; waits for the
        /// device.</summary>
        /// <returns>The metrics; after a failure they can be read again.</returns>
        /// <remarks>C: <c>vae_read_metrics</c>.</remarks>
        /// <exception cref="VaeException">Late failures of steps that were issued.</exception>
        public Metrics ReadMetrics()
        {
            using (Hold hold = new Hold(handle))
            {
                IntPtr trainer = hold.Pointer;
                return Metrics.Of(latent, metrics =>
                    NativeMethods.vae_read_metrics(trainer, metrics));
            }
        }

        /// <summary>Waits until everything issued has happened.</summary>
        /// <remarks>C: <c>vae_synchronize</c>.</remarks>
        /// <exception cref="VaeException">Late failures of steps that were issued.</exception>
        public void Synchronize()
        {
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_synchronize(hold.Pointer));
        }

        /// <summary>Trains through a dataset once, in an order keyed by (seed, epoch).</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="options">How; null: the whole dataset.</param>
        /// <param name="progress">Told where the run stands, on this thread; null: nobody
        /// is. What it throws ends the run and comes out of this call.</param>
        /// <param name="cancellationToken">Ends the run at the next step (on a GPU, before the
        /// next graph of steps).</param>
        /// <returns>The means over this call's steps.</returns>
        /// <remarks>C: <c>vae_train_epoch</c>. The last batch may be smaller; a single last image
        /// that BatchNorm cannot take is left out. After a run that was stopped the next call
        /// continues where it stopped.</remarks>
        /// <exception cref="VaeException">Argument; Nonfinite; Cancelled by <see cref="Cancel"/>;
        /// Busy. Steps done before are kept.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled; steps done
        /// before are kept.</exception>
        public Metrics TrainEpoch(Dataset dataset, RunOptions options = null,
                                  IProgress<Progress> progress = null,
                                  CancellationToken cancellationToken = default(CancellationToken))
        {
            return Go(NativeMethods.vae_train_epoch, dataset, options, Told(progress),
                      cancellationToken);
        }

        /// <summary>The same with a callback that can end the run.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="callback">Told where the run stands, on this thread; false ends the run
        /// with <see cref="VaeStatus.Cancelled"/>. What it throws ends the run and comes out of
        /// this call.</param>
        /// <param name="options">How; null: the whole dataset.</param>
        /// <param name="cancellationToken">As in the other overload.</param>
        /// <returns>The means over this call's steps.</returns>
        /// <remarks>C: <c>vae_train_epoch</c>.</remarks>
        /// <exception cref="VaeException">As in the other overload; Cancelled by the
        /// callback.</exception>
        /// <exception cref="OperationCanceledException">As in the other overload.</exception>
        public Metrics TrainEpoch(Dataset dataset, Func<Progress, bool> callback,
                                  RunOptions options = null,
                                  CancellationToken cancellationToken = default(CancellationToken))
        {
            if (callback == null) throw new ArgumentNullException(nameof(callback));
            return Go(NativeMethods.vae_train_epoch, dataset, options, callback,
                      cancellationToken);
        }

        /// <summary>The metrics of a set without learning, z drawn by image index: repeatable,
        /// and not dependent on the batch size but by rounding.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="options">How; null: the whole dataset.</param>
        /// <param name="progress">As in
        /// <see cref="TrainEpoch(Dataset, RunOptions, IProgress{Progress}, CancellationToken)"/>.
        /// </param>
        /// <param name="cancellationToken">Ends the run at the next batch.</param>
        /// <returns>The means over the images.</returns>
        /// <remarks>C: <c>vae_evaluate</c>.</remarks>
        /// <exception cref="VaeException">Argument; Cancelled; Busy.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Metrics Evaluate(Dataset dataset, RunOptions options = null,
                                IProgress<Progress> progress = null,
                                CancellationToken cancellationToken = default(CancellationToken))
        {
            return Go(NativeMethods.vae_evaluate, dataset, options, Told(progress),
                      cancellationToken);
        }

        /// <summary>The same with a callback that can end the run.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="callback">As in
        /// <see cref="TrainEpoch(Dataset, Func{Progress, bool}, RunOptions, CancellationToken)"/>.
        /// </param>
        /// <param name="options">How; null: the whole dataset.</param>
        /// <param name="cancellationToken">Ends the run at the next batch.</param>
        /// <returns>The means over the images.</returns>
        /// <remarks>C: <c>vae_evaluate</c>.</remarks>
        /// <exception cref="VaeException">Argument; Cancelled; Busy.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Metrics Evaluate(Dataset dataset, Func<Progress, bool> callback,
                                RunOptions options = null,
                                CancellationToken cancellationToken = default(CancellationToken))
        {
            if (callback == null) throw new ArgumentNullException(nameof(callback));
            return Go(NativeMethods.vae_evaluate, dataset, options, callback, cancellationToken);
        }

        /// <summary>From any thread: while on, training epochs and evaluations stop at the next
        /// step with <see cref="VaeStatus.Cancelled"/>.</summary>
        /// <param name="on">A level and no pulse: the library never clears it.</param>
        /// <remarks>C: <c>vae_cancel</c>. A cancellation token is the simpler way for one
        /// run.</remarks>
        public void Cancel(bool on = true)
        {
            using (Hold hold = new Hold(handle)) cancel.SetByHost(hold.Pointer, on);
        }

        private static Func<Progress, bool> Told(IProgress<Progress> progress)
        {
            if (progress == null) return null;
            return now =>
            {
                progress.Report(now);
                return true;
            };
        }

        private Metrics Go(RunCall call, Dataset dataset, RunOptions options,
                           Func<Progress, bool> callback, CancellationToken token)
        {
            if (dataset == null) throw new ArgumentNullException(nameof(dataset));
            using (Hold trainer = new Hold(handle))
            using (Hold images = dataset.Hold())
            {
                token.ThrowIfCancellationRequested();
                // Or the token of a call that is refused could stop the run under way.
                if (Interlocked.CompareExchange(ref inRun, 1, 0) != 0)
                    throw new VaeException(VaeStatus.Busy, "the trainer is inside another run, " +
                                           "on another thread or around this callback");
                try
                {
                    Run run = new Run(call, callback, token, cancel);
                    return run.Go(trainer.Pointer, images.Pointer, RunOptions.Native(options),
                                  latent);
                }
                finally
                {
                    Volatile.Write(ref inRun, 0);
                }
            }
        }
    }
}
