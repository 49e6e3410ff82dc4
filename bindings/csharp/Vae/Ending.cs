// The end of the process: native code may not run on while exit() destroys what it works with, as
// it would on a background thread (all of Task.Run's are). Runs are cancelled then, calls under
// way are waited for, and no new one begins.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Vae
{
    internal static class Ending
    {
        internal static readonly bool OnMono = Type.GetType("Mono.Runtime") != null;
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
        private static readonly List<Run> Runs = new List<Run>();
        private static int calls;
        private static volatile bool begun;
        [ThreadStatic] private static int own;     // calls of this thread
        [ThreadStatic] private static bool leads;  // this thread ends the process

        internal static void Watch() { AppDomain.CurrentDomain.ProcessExit += OnExit; }

        /// <summary>False when this thread is to do nothing any more.</summary>
        internal static bool TryEnter()
        {
            Interlocked.Increment(ref calls);
            if (begun && !leads && own == 0)
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

        /// <summary>While it is in a callback, a thread is not inside the library: nobody has to
        /// wait for it, but it may not go back.</summary>
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
            // Mono aborts its background threads and waits for them: they have to go back.
            if (!OnMono) Rest();
        }

        /// <summary>Where the process ends, this thread does so here, and not with an exception:
        /// one that nobody catches would be the last that is seen of the process. Not for
        /// `finally` blocks, in which Mono lets a thread go on until it is through.</summary>
        internal static void Rest()
        {
            if (!begun || leads) return;
            Interlocked.Add(ref calls, -own);
            own = 0;
            Thread.Sleep(Patience + Patience);
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
            leads = true;
            begun = true;
            lock (Runs)
                foreach (Run run in Runs) run.Cancel();
            Stopwatch waited = Stopwatch.StartNew();
            while (Volatile.Read(ref calls) > own && waited.Elapsed < Patience) Thread.Sleep(1);
        }
    }

    /// <summary>A call without a handle of its own, for `using`.</summary>
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
