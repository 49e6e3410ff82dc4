// Metrics of a step or a run, progress of a run, and the options of a run.
using System;
using System.Collections.Generic;

namespace Vae
{
    /// <summary>Metrics of training: means per image, in nats.</summary>
    /// <remarks>With grey pixels as Bernoulli targets the losses are "soft losses": they compare
    /// models, but are no bound of a likelihood. C: <c>vae_metrics_init</c>.</remarks>
    public sealed unsafe class Metrics
    {
        internal Metrics(vae_metrics* native, double[] klPerDimension)
        {
            Loss = native->loss;
            Reconstruction = native->reconstruction;
            Kl = native->kl;
            Mse = native->mse;
            GradientNorm = native->gradient_norm;
            ActiveUnits = (int)native->active_units;
            Steps = (long)native->steps;
            Images = (long)native->images;
            SkippedSteps = (long)native->skipped_steps;
            NonfiniteSteps = (long)native->nonfinite_steps;
            Seconds = native->seconds;
            KlPerDimension = klPerDimension;
        }

        /// <summary>Reconstruction + KL weight * KL.</summary>
        public double Loss { get; }

        /// <summary>-log p(x|z), summed over pixels.</summary>
        public double Reconstruction { get; }

        /// <summary>KL(q(z|x) || N(0, I)), unweighted (Kingma and Welling 2014,
        /// appendix B).</summary>
        public double Kl { get; }

        /// <summary>KL of each latent dimension.</summary>
        public IReadOnlyList<double> KlPerDimension { get; }

        /// <summary>Squared error per pixel of the reconstruction.</summary>
        public double Mse { get; }

        /// <summary>Norm of the gradient before clipping, root mean square over steps; 0 in
        /// evaluation.</summary>
        public double GradientNorm { get; }

        /// <summary>Latent dimensions whose mean has a variance above 0.01 over the images
        /// (Burda et al. 2016).</summary>
        public int ActiveUnits { get; }

        /// <summary>Training steps or evaluated batches.</summary>
        public long Steps { get; }

        /// <summary>Images of committed steps.</summary>
        public long Images { get; }

        /// <summary>Steps that were not committed.</summary>
        public long SkippedSteps { get; }

        /// <summary>Those of them that had NaN or infinity.</summary>
        public long NonfiniteSteps { get; }

        /// <summary>Wall time inside the library.</summary>
        public double Seconds { get; }

        /// <summary>The losses as text.</summary>
        /// <returns>Such as "loss 104.2 = reconstruction 99.1 + KL 5.1".</returns>
        public override string ToString()
        {
            return FormattableString.Invariant(
                $"loss {Loss:0.0##} = reconstruction {Reconstruction:0.0##} + KL {Kl:0.0##}");
        }

        /// <summary>A call of vae.h that sets metrics.</summary>
        internal delegate int Call(vae_metrics* metrics);

        internal static Metrics Of(int latent, Call call)
        {
            vae_metrics native;
            Status.Check(NativeMethods.vae_metrics_init(&native, (uint)sizeof(vae_metrics)));
            double[] dimensions = new double[latent];
            fixed (double* pinned = dimensions)
            {
                native.kl_per_dim = pinned;
                native.kl_bytes = sizeof(double) * (ulong)latent;
                Status.Check(call(&native));
            }
            return new Metrics(&native, dimensions);
        }
    }

    /// <summary>State of a run over a dataset. Losses are means since the run began.</summary>
    public sealed unsafe class Progress
    {
        internal Progress(vae_progress* native)
        {
            Phase = (RunPhase)native->phase;
            Epoch = (long)native->epoch;
            Step = (long)native->step;
            Steps = (long)native->steps;
            Images = (long)native->images;
            Loss = native->loss;
            Reconstruction = native->reconstruction;
            Kl = native->kl;
            Seconds = native->seconds;
        }

        /// <summary>Training or evaluation.</summary>
        public RunPhase Phase { get; }

        /// <summary>Index of the current epoch.</summary>
        public long Epoch { get; }

        /// <summary>Completed steps of this epoch or evaluation.</summary>
        public long Step { get; }

        /// <summary>Total steps of this epoch or evaluation.</summary>
        public long Steps { get; }

        /// <summary>Images processed in this run.</summary>
        public long Images { get; }

        /// <summary>As in <see cref="Metrics"/>.</summary>
        public double Loss { get; }

        /// <summary>As in <see cref="Metrics"/>.</summary>
        public double Reconstruction { get; }

        /// <summary>As in <see cref="Metrics"/>.</summary>
        public double Kl { get; }

        /// <summary>Wall time since the run began.</summary>
        public double Seconds { get; }
    }

    /// <summary>Options of a run over a dataset.</summary>
    public sealed unsafe class RunOptions
    {
        /// <summary>The whole dataset.</summary>
        /// <remarks>C: <c>vae_run_init</c>.</remarks>
        public RunOptions()
        {
            vae_run native = Defaults();
            EverySteps = (int)native.every_steps;
            BatchSize = (int)native.batch_size;
            MaxSteps = (long)native.max_steps;
        }

        /// <summary>Progress is reported after every so many steps and at the end; 0: only at
        /// the end; default 10.</summary>
        public int EverySteps { get; set; }

        /// <summary>Images per step, 1..MaxBatch; 0 (default): MaxBatch.</summary>
        public int BatchSize { get; set; }

        /// <summary>Maximum number of steps; 0 (default): no limit.</summary>
        public long MaxSteps { get; set; }

        internal static vae_run Native(RunOptions options)
        {
            vae_run native = Defaults();
            if (options == null) return native;
            native.every_steps = Whole.Small("EverySteps", options.EverySteps);
            native.batch_size = Whole.Small("BatchSize", options.BatchSize);
            native.max_steps = Whole.Number("MaxSteps", options.MaxSteps);
            return native;
        }

        private static vae_run Defaults()
        {
            return Loader.Call(() =>
            {
                vae_run native;
                Status.Check(NativeMethods.vae_run_init(&native, (uint)sizeof(vae_run)));
                return native;
            });
        }
    }
}
