// The library: comparison of its layout with this assembly's, its log, its errors.
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
        private static void TheLayoutIsThatOfTheLibrary()
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
                string[] parts = line.Split(' ');
                string field = parts[0];
                bool isStruct = field.IndexOf('.') < 0;
                // A struct may be larger in the library, and its alignment is not checked.
                string wrong = isStruct ? field + " 8 8"
                                        : field + " " + (int.Parse(parts[1]) + 4) + " " + parts[2];
                string other = isStruct ? "" : field + " " + parts[1] + " 2";
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
        private static void ALargerStructOfANewerLibraryIsAccepted()
        {
            NativeLayout.Check(RealLayout().Replace("vae_config 200 8",
                                                    "vae_config 208 8") +
                               "vae_config.new_field 200 8\nvae_new 8 8\n");
        }

        [Test]
        private static void VersionAndBuildInfo()
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
        private static void ASecondCopyIsNotLoaded()
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

        // Logs why there is no GPU; with a GPU it logs nothing.
        private static bool MakesOneOnTheCpu()
        {
            VaeConfig config = Small.Config();
            config.Device = Device.Auto;
            using (Trainer trainer = new Trainer(config))
                return trainer.Config.Device == Device.Cpu;
        }

        [Test]
        private static void TheLogReceivesMessagesAndItsExceptionsAreCaught()
        {
            List<string> messages = new List<string>();
            InvalidOperationException failure = new InvalidOperationException("log");
            try
            {
                Library.SetLog((level, text) => messages.Add(level + " " + text), LogLevel.Detail);
                if (MakesOneOnTheCpu()) Check.Contains("Info training on the CPU", messages[0]);
                Library.SetLog((level, text) => throw failure, LogLevel.Detail);
                if (MakesOneOnTheCpu()) Check.Equal<Exception>(failure, Library.LogFailure);
            }
            finally
            {
                Library.SetLog(null);
            }
            int before = messages.Count;
            MakesOneOnTheCpu();
            Check.Equal(before, messages.Count, "texts after the log was turned off");
            Check.Fails(VaeStatus.Argument, () => Library.SetLog((l, t) => { }, (LogLevel)9));
        }
    }
}
