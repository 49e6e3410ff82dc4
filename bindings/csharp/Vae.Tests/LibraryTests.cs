// libvae itself: how its declarations are held against this assembly's, its log, its errors.
using System;
using System.Collections.Generic;

namespace Vae.Tests
{
    internal static unsafe class LibraryTests
    {
        private static string RealLayout()
        {
            return Loader.Call(() => Utf8.Ask(NativeMethods.vae_layout));
        }

        [Test]
        private static void TheLibrarysLayoutIsOurs()
        {
            string text = RealLayout();
            Check.Contains("vae_param.name 88 64\n", text);
            NativeLayout.Check(text);
        }

        [Test]
        private static void AnyOffsetOrSizeThatDiffersIsNamed()
        {
            string text = RealLayout();
            foreach (string line in text.TrimEnd('\n').Split('\n'))
            {
                string[] words = line.Split(' ');
                string field = words[0];
                bool isStruct = field.IndexOf('.') < 0;
                // A struct's size may be larger than ours, and its alignment is not looked at.
                string wrong = isStruct ? field + " 8 8"
                                        : field + " " + (int.Parse(words[1]) + 4) + " " + words[2];
                string other = isStruct ? "" : field + " " + words[1] + " 2";
                Refused(text.Replace(line + "\n", wrong + "\n"), field);
                Refused(text.Replace(line + "\n", other + "\n"), field);
            }
            Refused("", "vae_config");
            Refused(text.Replace("vae_batch.count 24 8", "vae_batch.count x y"),
                    "vae_batch.count");
        }

        private static void Refused(string text, string field)
        {
            string message = Check.Fails(VaeStatus.Version, () => NativeLayout.Check(text));
            Check.Contains("in this libvae " + field + " is", message);
        }

        [Test]
        private static void ALargerStructOfANewerLibraryIsTaken()
        {
            NativeLayout.Check(RealLayout().Replace("vae_config 200 8",
                                                    "vae_config 208 8") +
                               "vae_config.new_field 200 8\nvae_new 8 8\n");
        }

        [Test]
        private static void TellsAboutItself()
        {
            Check.Equal(3, Library.Version.Split('.').Length, "numbers of a version");
            Check.Equal(1, Library.AbiVersion);
            Check.Contains("\"libtorch\"", Library.BuildInfo);
            Check.Contains("\"cuda\"", Library.Diagnose());
            Check.Contains("libvae.so.0", Library.Path);
            using (Trainer trainer = Small.Trainer())
                Check.Contains("\"cpu\"", trainer.Diagnose());
        }

        [Test]
        private static void AnotherCopyIsNotLoadedBeside()
        {
            string path = Library.Path;
            Check.Contains(path, Check.Fails(VaeStatus.Busy,
                                             () => Library.Load("/elsewhere/libvae.so.0")));
            if (path.StartsWith("/", StringComparison.Ordinal)) Library.Load(path);
        }

        [Test]
        private static void StatusesHaveTheNamesOfC()
        {
            using (Trainer trainer = Small.Trainer())
            {
                VaeException error = Check.Throws<VaeException>(() => trainer.KlWeight = -2);
                Check.Equal("VAE_E_ARGUMENT", error.StatusName);
                Check.Contains("-2", error.Message);
            }
            foreach (VaeStatus status in Enum.GetValues(typeof(VaeStatus)))
                Check.Equal(status == VaeStatus.Ok ? "VAE_OK"
                            : status == VaeStatus.TooSmall ? "VAE_E_TOO_SMALL"
                            : "VAE_E_" + status.ToString().ToUpperInvariant(),
                            new VaeException(status, "").StatusName);
            Check.Equal("unknown status", new VaeException((VaeStatus)5, "").StatusName);
        }

        // Which tells why it was not the GPU; with a GPU there is nothing to tell.
        private static bool MakesOneOnTheCpu()
        {
            VaeConfig config = Small.Config();
            config.Device = Device.Auto;
            using (Trainer trainer = new Trainer(config))
                return trainer.Config.Device == Device.Cpu;
        }

        [Test]
        private static void TheLogTellsAndItsExceptionsStayOut()
        {
            List<string> told = new List<string>();
            InvalidOperationException failure = new InvalidOperationException("log");
            try
            {
                Library.SetLog((level, text) => told.Add(level + " " + text), LogLevel.Detail);
                if (MakesOneOnTheCpu()) Check.Contains("Info training on the CPU", told[0]);
                Library.SetLog((level, text) => throw failure, LogLevel.Detail);
                if (MakesOneOnTheCpu()) Check.Equal<Exception>(failure, Library.LogFailure);
            }
            finally
            {
                Library.SetLog(null);
            }
            int before = told.Count;
            MakesOneOnTheCpu();
            Check.Equal(before, told.Count, "texts after the log was turned off");
            Check.Fails(VaeStatus.Argument, () => Library.SetLog((l, t) => { }, (LogLevel)9));
        }
    }
}
