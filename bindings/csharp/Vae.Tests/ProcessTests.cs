// Tests that need a process of their own: its end, its first call, and a missing libvae. The child
// is this program on the same runtime.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Vae.Tests
{
    internal static class ProcessTests
    {
        [Test]
        private static void UndisposedObjectsDoNotHinderTheEnd()
        {
            Check.Equal("", Child.Start("leave"), "output");
        }

        [Test]
        private static void EndingWhileABackgroundThreadTrainsWorks()
        {
            for (int round = 0; round < 3; ++round)
            {
                Check.Equal("", Child.Start("train"), "output");
                Check.Equal("", Child.Start("steps"), "output");
            }
        }

        [Test]
        private static void ExitInsideACallbackWorks()
        {
            Check.Equal("", Child.Start("exit"), "output");
        }

        [Test]
        private static void EndingWhileACallbackWaitsForTheEndIsNoDeadlock()
        {
            Stopwatch took = Stopwatch.StartNew();
            Check.Equal("", Child.Start("wait"), "output");
            Check.That(took.Elapsed < TimeSpan.FromSeconds(5), "it took " + took.Elapsed);
        }

        [Test]
        private static void AnyCallMayBeTheFirst()
        {
            foreach (string first in Child.First.Keys)
                Check.Equal("", Child.Start("first " + first), "output after " + first);
        }

        [Test]
        private static void AMissingLibraryIsNamedWithThePathsTried()
        {
            string text = Child.Start("missing", "/no/such/libvae.so.0");
            Check.Contains("File: libvae was not found. VAE_LIBRARY", text);
            Check.Contains("/no/such/libvae.so.0: there is no such file", text);
        }

        [Test]
        private static void AFileThatIsNotALibraryIsNamedWithTheReason()
        {
            using (Folder folder = new Folder())
            {
                string file = folder.File("libvae.so.0");
                File.WriteAllText(file, "no library at all");
                string text = Child.Start("missing", file);
                Check.Contains(file + ": ", text);
                Check.That(!text.Contains("no such file"), text);
            }
        }
    }

    internal static class Child
    {
        internal const string Flag = "--child";

        internal static readonly Dictionary<string, Action> First =
            new Dictionary<string, Action>
            {
                { "config", () => new VaeConfig() },
                { "json", () => VaeConfig.FromJson("{}") },
                { "file", () => Check.Fails(VaeStatus.File, () => VaeConfig.FromFile("/none")) },
                { "options", () => new RunOptions() },
                { "load", () => Check.Fails(VaeStatus.File, () => Trainer.Load("/none")) },
                { "bytes", () => Check.Fails(VaeStatus.Format,
                                             () => Trainer.Load(new byte[64])) },
                { "open", () => Check.Fails(VaeStatus.File, () => Dataset.Open("/none")) },
                { "memory", () => Small.Dataset().Dispose() },
                { "grid", () => Check.Fails(VaeStatus.File, () => Images.WriteGrid(
                    "/none/grid.png", new byte[4], new ImageShape(1, 2, 2))) },
                { "array", () => Check.Fails(VaeStatus.File, () => Arrays.Write(
                    "/none/array.npy", new byte[4], 2, 2)) },
                { "version", () => Library.Version.ToString() },
                { "abi", () => Library.AbiVersion.ToString() },
                { "build", () => Library.BuildInfo.ToString() },
                { "diagnose", () => Library.Diagnose() },
                { "log", () => Library.SetLog(null) },
                { "path", () => Library.Path.ToString() },
                { "status", () => new VaeException(VaeStatus.Busy, "").StatusName.ToString() },
            };

        /// <summary>The output of the child; checks that it exits with 0.</summary>
        internal static string Start(string what, string library = null)
        {
            string program = File.Exists("/proc/self/exe")
                                 ? Process.GetCurrentProcess().MainModule.FileName : "mono";
            ProcessStartInfo start = new ProcessStartInfo(
                program, "\"" + typeof(Child).Assembly.Location + "\" " + Flag + " \"" + what +
                "\"")
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
                UseShellExecute = false,
            };
            start.Environment["VAE_LIBRARY"] = library ?? Library.Path;
            using (Process child = Process.Start(start))
            {
                string output = child.StandardOutput.ReadToEnd() +
                                child.StandardError.ReadToEnd();
                child.WaitForExit();
                Check.Equal(0, child.ExitCode, "'" + what + "' said " + output + "; its status");
                return output;
            }
        }

        internal static int Run(string what)
        {
            if (what == "leave") Leave();
            else if (what == "train") Train(() => { });
            else if (what == "steps") Steps();
            else if (what == "exit")
            {
                Train(() => Environment.Exit(0));
                Thread.Sleep(Timeout.Infinite);
            }
            else if (what == "wait") Train(() => Thread.Sleep(Timeout.Infinite));
            else if (what == "missing") Missing();
            else First[what.Substring("first ".Length)]();
            return 0;
        }

        // Trainers and datasets in all states, reachable and unreachable. Their finalizers run
        // at the end, if the runtime runs any.
        private static readonly List<object> Kept = new List<object>();

        private static void Leave()
        {
            for (int i = 0; i < 6; ++i)
            {
                Trainer trainer = Small.Trainer();
                Dataset images = Small.Dataset();
                trainer.TrainEpoch(images, new RunOptions { MaxSteps = i });
                if (i % 2 == 0) Kept.Add(trainer);
                if (i % 3 == 0) Kept.Add(images);
                if (i == 4) trainer.Dispose();
            }
            Library.SetLog((level, text) => { }, LogLevel.Detail);
        }

        private static void Train(Action inside)
        {
            ManualResetEventSlim begun = new ManualResetEventSlim();
            Thread thread = new Thread(() =>
            {
                Trainer trainer = Small.Trainer();
                Dataset images = Small.Dataset();
                while (true)
                    trainer.TrainEpoch(images, now =>
                    {
                        begun.Set();
                        inside();
                        return true;
                    });
            });
            thread.IsBackground = true;
            thread.Start();
            begun.Wait();
        }

        private static void Steps()
        {
            ManualResetEventSlim begun = new ManualResetEventSlim();
            Task.Run(() =>
            {
                Trainer trainer = Small.Trainer();
                while (true)
                {
                    trainer.IssueStep(Small.Discs(Small.Batch));
                    begun.Set();
                }
            });
            begun.Wait();
        }

        private static void Missing()
        {
            try
            {
                new VaeConfig();
            }
            catch (VaeException missing)
            {
                Console.WriteLine(missing.StatusName + ": " + missing.Message);
            }
        }
    }
}
