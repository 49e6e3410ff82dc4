// The end of the process: native code must not run while exit() destroys the objects it uses. It
// would on a background thread, such as all of Task.Run's. So runs are cancelled, running calls
// are waited for, and new calls are blocked.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Vae
{
    internal static class Ending
    {
        internal static readonly bool OnMono = Type.GetType("Mono.Runtime") != null;
        private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
        private static readonly List<Run> Runs = new List<Run>();
        private static int calls;
        private static volatile bool begun;
        [ThreadStatic] private static int own;    // calls of this thread
        [ThreadStatic] private static bool ends;  // this thread ends the process

        internal static void Watch() { AppDomain.CurrentDomain.ProcessExit += OnExit; }

        /// <summary>False if the process ends and this thread must not call libvae.</summary>
        internal static bool TryEnter()
        {
            Interlocked.Increment(ref calls);
            if (begun && !ends && own == 0)
            {
                Interlocked.Decrement(ref calls);
                return false;
            }
            ++own;
            return true;
        }

        internal static void Enter()
        {
            if (!TryEnter()) Rest();
        }

        internal static void Leave()
        {
            if (own == 0) return;
            --own;
            Interlocked.Decrement(ref calls);
        }

        /// <summary>A thread in a callback is not inside the library: OnExit need not wait for
        /// it, but it must not return to native code.</summary>
        internal static int LeaveForCallback()
        {
            int around = own;
            own = 0;
            Interlocked.Add(ref calls, -around);
            return around;
        }

        internal static void ReturnFromCallback(int around)
        {
            Interlocked.Add(ref calls, around);
            own = around;
            // Mono aborts background threads and waits for them, so they must return.
            if (!OnMono) Rest();
        }

        /// <summary>If the process ends, blocks this thread until then. An exception instead
        /// might not be caught and would be reported as a crash. Not for `finally` blocks, which
        /// Mono runs to their end.</summary>
        internal static void Rest()
        {
            if (!begun || ends) return;
            Interlocked.Add(ref calls, -own);
            own = 0;
            Thread.Sleep(LongestWait + LongestWait);
        }

        internal static void Add(Run run)
        {
            lock (Runs) Runs.Add(run);
        }

        internal static void Remove(Run run)
        {
            lock (Runs) Runs.Remove(run);
        }

        private static void OnExit(object sender, EventArgs none)
        {
            ends = true;
            begun = true;
            lock (Runs)
                foreach (Run run in Runs) run.Cancel();
            Stopwatch waited = Stopwatch.StartNew();
            while (Volatile.Read(ref calls) > own && waited.Elapsed < LongestWait) Thread.Sleep(1);
        }
    }

    /// <summary>A call that uses no handle, for `using`.</summary>
    internal struct NativeCall : IDisposable
    {
        internal static NativeCall Begin()
        {
            Ending.Enter();
            return default(NativeCall);
        }

        public void Dispose() { Ending.Leave(); }
    }
}
