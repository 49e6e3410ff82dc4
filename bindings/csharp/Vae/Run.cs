// One run over a dataset: its callback, its cancellation token, and their effects after the native
// call. No exception crosses native frames.
using System;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Vae
{
    internal unsafe delegate int RunCall(IntPtr trainer, IntPtr dataset, vae_run* run,
                                         vae_metrics* metrics);

    internal sealed unsafe class Run
    {
        // Static, because native code may call it as long as the process lives.
        private static readonly ProgressThunk Thunk = OnProgress;
        private static readonly IntPtr ThunkPointer = Marshal.GetFunctionPointerForDelegate(Thunk);

        private readonly RunCall call;
        private readonly Func<Progress, bool> callback;
        private readonly CancellationToken token;
        private readonly CancelLevel cancel;
        private ExceptionDispatchInfo thrown;
        private bool stopped;
        private IntPtr trainer;

        internal Run(RunCall call, Func<Progress, bool> callback, CancellationToken token,
                     CancelLevel cancel)
        {
            this.call = call;
            this.callback = callback;
            this.token = token;
            this.cancel = cancel;
        }

        internal void Cancel() { cancel.SetByToken(trainer, true); }

        internal Metrics Go(IntPtr trainer, IntPtr dataset, vae_run native, int latent)
        {
            this.trainer = trainer;
            GCHandle self = GCHandle.Alloc(this);
            CancellationTokenRegistration registration = default(CancellationTokenRegistration);
            try
            {
                if (callback != null) native.progress = ThunkPointer;
                native.user = GCHandle.ToIntPtr(self);
                Ending.Add(this);
                if (token.CanBeCanceled) registration = token.Register(Cancel);
                vae_run* run = &native;
                return Metrics.Of(latent,
                                  metrics => Result(call(trainer, dataset, run, metrics)));
            }
            finally
            {
                // Waits for a cancellation that is running on another thread.
                registration.Dispose();
                Ending.Remove(this);
                if (token.CanBeCanceled) cancel.SetByToken(trainer, false);
                self.Free();
            }
        }

        /// <summary>Throws if the host's callback or token ended the run; otherwise returns the
        /// library's status.</summary>
        private int Result(int status)
        {
            if (thrown != null) thrown.Throw();
            Ending.Rest();
            if (status == (int)VaeStatus.Cancelled && !stopped && token.IsCancellationRequested)
                throw new OperationCanceledException(Status.Failure(status).Message, token);
            return status;
        }

        [MonoPInvokeCallback(typeof(ProgressThunk))]
        private static int OnProgress(vae_progress* progress, IntPtr user)
        {
            Run run = (Run)GCHandle.FromIntPtr(user).Target;
            int around = Ending.LeaveForCallback();
            try
            {
                run.stopped = !run.callback(new Progress(progress));
            }
            catch (Exception failure)
            {
                run.thrown = ExceptionDispatchInfo.Capture(failure);
#if !NETCOREAPP
                // Otherwise it is rethrown at the end of this block and crosses native frames.
                if (failure is ThreadAbortException) Thread.ResetAbort();
#endif
            }
            Ending.ReturnFromCallback(around);
            return run.thrown != null || run.stopped ? 1 : 0;
        }
    }

    /// <summary>The trainer's cancel flag: set by the host, until it clears it, or by the token of
    /// the current run, until the run ends.</summary>
    internal sealed class CancelLevel
    {
        private readonly object gate = new object();
        private bool byHost;
        private bool byToken;

        internal void SetByHost(IntPtr trainer, bool on)
        {
            lock (gate)
            {
                byHost = on;
                Apply(trainer);
            }
        }

        internal void SetByToken(IntPtr trainer, bool on)
        {
            lock (gate)
            {
                byToken = on;
                Apply(trainer);
            }
        }

        private void Apply(IntPtr trainer)
        {
            Status.Check(NativeMethods.vae_cancel(trainer, byHost || byToken ? 1 : 0));
        }
    }
}
