// Training and evaluation: single steps in the host's loop, and runs over a dataset.
using System;
using System.Threading;

namespace Vae
{
    public sealed unsafe partial class Trainer
    {
        private int inRun;
        private readonly CancelLevel cancel = new CancelLevel();

        /// <summary>One training step on -ELBO (Kingma and Welling 2014, eq. 10). Waits for
        /// it.</summary>
        /// <param name="images">1..MaxBatch images; at least 2 if BatchNorm sees a single
        /// pixel.</param>
        /// <returns>The metrics of this step.</returns>
        /// <remarks>C: <c>vae_train_step</c>.</remarks>
        /// <exception cref="VaeException">Argument; Nonfinite if configured. Parameters,
        /// moments, counts and running statistics are then unchanged.</exception>
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

        /// <summary>The same step without metrics and without waiting for a GPU; at most two steps
        /// are queued.</summary>
        /// <param name="images">As in <see cref="TrainStep"/>; copied before the call
        /// returns.</param>
        /// <remarks>C: <c>vae_train_step</c>. A late failure is thrown by the next call that
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

        /// <summary>The metrics of images without training: BatchNorm uses its running statistics.
        /// The noise depends on the row index alone, so a call is repeatable.</summary>
        /// <param name="images">Any number of images.</param>
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
        /// <exception cref="VaeException">Late failures of issued steps.</exception>
        public Metrics ReadMetrics()
        {
            using (Hold hold = new Hold(handle))
            {
                IntPtr trainer = hold.Pointer;
                return Metrics.Of(latent, metrics =>
                    NativeMethods.vae_read_metrics(trainer, metrics));
            }
        }

        /// <summary>Waits until all issued work is done.</summary>
        /// <remarks>C: <c>vae_synchronize</c>.</remarks>
        /// <exception cref="VaeException">Late failures of issued steps.</exception>
        public void Synchronize()
        {
            using (Hold hold = new Hold(handle))
                Status.Check(NativeMethods.vae_synchronize(hold.Pointer));
        }

        /// <summary>Trains one epoch, in a random order given by seed and epoch.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="options">Null: the whole dataset.</param>
        /// <param name="progress">Called on this thread; may be null. An exception ends the run
        /// and is rethrown by this call.</param>
        /// <param name="cancellationToken">Ends the run at the next step (on a GPU, before the
        /// next graph of steps).</param>
        /// <returns>The means over the steps of this call.</returns>
        /// <remarks>C: <c>vae_train_epoch</c>. The last batch may be smaller; a last batch of one
        /// image is left out if BatchNorm cannot use it. The next call continues a stopped run.
        /// </remarks>
        /// <exception cref="VaeException">Argument; Nonfinite; Cancelled by <see cref="Cancel"/>;
        /// Busy. Completed steps count.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled; completed steps
        /// count.</exception>
        public Metrics TrainEpoch(Dataset dataset, RunOptions options = null,
                                  IProgress<Progress> progress = null,
                                  CancellationToken cancellationToken = default(CancellationToken))
        {
            return Go(NativeMethods.vae_train_epoch, dataset, options, AsCallback(progress),
                      cancellationToken);
        }

        /// <summary>The same with a callback that can end the run.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="callback">Called on this thread; false ends the run with
        /// <see cref="VaeStatus.Cancelled"/>. An exception ends the run and is rethrown by this
        /// call.</param>
        /// <param name="options">Null: the whole dataset.</param>
        /// <param name="cancellationToken">As in the other overload.</param>
        /// <returns>The means over the steps of this call.</returns>
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

        /// <summary>The metrics of a dataset without training. The noise depends on the image
        /// index alone: a call is repeatable, and the batch size changes only
        /// rounding.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="options">Null: the whole dataset.</param>
        /// <param name="progress">As in
        /// <see cref="TrainEpoch(Dataset, RunOptions, IProgress{Progress}, CancellationToken)"/>.
        /// </param>
        /// <param name="cancellationToken">Ends the run before the next batch.</param>
        /// <returns>The means over the images.</returns>
        /// <remarks>C: <c>vae_evaluate</c>.</remarks>
        /// <exception cref="VaeException">Argument; Cancelled; Busy.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Metrics Evaluate(Dataset dataset, RunOptions options = null,
                                IProgress<Progress> progress = null,
                                CancellationToken cancellationToken = default(CancellationToken))
        {
            return Go(NativeMethods.vae_evaluate, dataset, options, AsCallback(progress),
                      cancellationToken);
        }

        /// <summary>The same with a callback that can end the run.</summary>
        /// <param name="dataset">Images of the model's shape.</param>
        /// <param name="callback">As in
        /// <see cref="TrainEpoch(Dataset, Func{Progress, bool}, RunOptions, CancellationToken)"/>.
        /// </param>
        /// <param name="options">Null: the whole dataset.</param>
        /// <param name="cancellationToken">Ends the run before the next batch.</param>
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

        /// <summary>Sets or clears a request to stop; may be called on any thread. While it is set,
        /// epochs and evaluations stop before the next step with
        /// <see cref="VaeStatus.Cancelled"/>.</summary>
        /// <param name="on">Level-triggered: stays set until the host clears it.</param>
        /// <remarks>C: <c>vae_cancel</c>. To stop a single run, a cancellation token is
        /// simpler.</remarks>
        public void Cancel(bool on = true)
        {
            using (Hold hold = new Hold(handle)) cancel.SetByHost(hold.Pointer, on);
        }

        private static Func<Progress, bool> AsCallback(IProgress<Progress> progress)
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
                // Otherwise the token of a rejected call could stop the current run.
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
