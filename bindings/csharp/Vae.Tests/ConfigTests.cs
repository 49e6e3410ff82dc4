// VaeConfig: defaults, round trips of every field, and wrong values.
using System;
using System.IO;

namespace Vae.Tests
{
    internal static class ConfigTests
    {
        [Test]
        private static void DefaultsAreTheOriginals()
        {
            VaeConfig config = new VaeConfig();
            Check.Equal(ModelKind.Vae, config.Model);
            Check.Equal(NetKind.Conv, config.Net);
            Check.Equal("1x28x28", new ImageShape(config.Channels, config.Height,
                                                  config.Width).ToString());
            Check.Equal(32, config.Latent);
            Check.Same(new[] { 64, 128, 128 }, config.Layers, "Layers");
            Check.Equal(Likelihood.Bernoulli, config.Likelihood);
            Check.That(config.SumGradient, "SumGradient");
            Check.Equal(0.001, config.LearningRate);
            Check.Equal(64, config.MaxBatch);
            Check.Equal(Device.Auto, config.Device);
            config.Validate();
        }

        [Test]
        private static void EveryValueSurvivesJson()
        {
            VaeConfig config = new VaeConfig
            {
                Net = NetKind.Dense, Channels = 3, Height = 5, Width = 7, Latent = 6,
                Layers = new[] { 40, 30, 20, 10 }, Likelihood = Likelihood.Gaussian,
                SumGradient = false, GaussianSigma = 0.5, KlWeight = 2, LearningRate = 0.25,
                Beta1 = 0.5, Beta2 = 0.75, Epsilon = 0.125, WeightDecay = 0.0625, ClipNorm = 8,
                Seed = 18446744073709551615, MaxBatch = 9, Threads = 2, KeepGradients = true,
                Device = Device.Cpu, DeviceIndex = 3, Precision = Precision.Fp32,
                Engine = Engine.Blocks, Nonfinite = NonfiniteAction.Skip, Deterministic = true,
                Graph = GraphMode.Off, GraphSteps = 4, Optimizer = Optimizer.Sgd,
                Schedule = Schedule.Cosine, ScheduleFloor = 0.5, ScheduleUpdates = 23,
                WarmupUpdates = 19, KlWarmupUpdates = 5, KlCycleUpdates = 9,
            };
            VaeConfig read = VaeConfig.FromJson(config.ToJson());
            foreach (System.Reflection.PropertyInfo value in typeof(VaeConfig).GetProperties())
                if (value.Name != "Layers")
                    Check.Equal(value.GetValue(config), value.GetValue(read), value.Name);
            Check.Same(config.Layers, read.Layers, "Layers");
        }

        [Test]
        private static void MemoryIsToldBeforeCreation()
        {
            VaeConfig config = new VaeConfig { Device = Device.Cpu };
            TrainingMemory memory = config.Memory();
            Check.That(memory.HostBytes > 0, "HostBytes");
            Check.Equal(0UL, memory.DeviceBytes);
            config.MaxBatch = 1024;
            Check.That(config.Memory().HostBytes > memory.HostBytes, "a larger batch");
            Check.Fails(VaeStatus.Argument, () => new VaeConfig { Latent = 0 }.Memory());
        }

        [Test]
        private static void AFieldAbsentFromJsonHasItsDefault()
        {
            VaeConfig config = VaeConfig.FromJson("{\"latent\": 5}");
            Check.Equal(5, config.Latent);
            Check.Equal(64, config.MaxBatch);
        }

        [Test]
        private static void WrongValuesAreNamedWithWhatIsAllowed()
        {
            string text = Check.Fails(VaeStatus.Argument,
                                      () => new VaeConfig { Latent = 0 }.Validate());
            Check.Contains("latent is 0; allowed are 1 to 4096", text);
            text = Check.Fails(VaeStatus.Argument, () => new VaeConfig { Width = -3 }.Validate());
            Check.Contains("width is -3", text);
            text = Check.Fails(VaeStatus.Argument,
                               () => new VaeConfig { Device = (Device)77 }.Validate());
            Check.Contains("77", text);
            text = Check.Fails(VaeStatus.Argument,
                               () => new VaeConfig { LearningRate = double.NaN }.Validate());
            Check.Contains("learning_rate", text);
            text = Check.Fails(VaeStatus.Argument,
                               () => new VaeConfig { Layers = new int[9] }.Validate());
            Check.Contains("9", text);
            Check.Fails(VaeStatus.Argument, () => new VaeConfig { Layers = null }.Validate());
            Check.Contains("layers[1]", Check.Fails(
                VaeStatus.Argument,
                () => new VaeConfig { Layers = new[] { 4, -1 } }.Validate()));
        }

        [Test]
        private static void WrongJsonIsRefused()
        {
            Check.Fails(VaeStatus.Format, () => VaeConfig.FromJson("{"));
            Check.Contains("latend", Check.Throws<VaeException>(
                () => VaeConfig.FromJson("{\"latend\": 5}")).Message);
            Check.Throws<ArgumentNullException>(() => VaeConfig.FromJson(null));
            Check.Contains("U+0000 at index 1",
                           Check.Fails(VaeStatus.Argument, () => VaeConfig.FromJson("{\0}")));
        }

        [Test]
        private static void ReadsFilesOfJsonAndOfModels()
        {
            using (Folder folder = new Folder())
            using (Trainer trainer = Small.Trainer())
            {
                File.WriteAllText(folder.File("config.json"), "{\"latent\": 9}");
                Check.Equal(9, VaeConfig.FromFile(folder.File("config.json")).Latent);
                trainer.Save(folder.File("model.safetensors"), SaveKind.Model);
                VaeConfig read = VaeConfig.FromFile(folder.File("model.safetensors"));
                Check.Equal(Small.Latent, read.Latent);
                Check.Fails(VaeStatus.File, () => VaeConfig.FromFile(folder.File("none.json")));
            }
        }

        [Test]
        private static void ACloneAndATrainerKeepTheirOwn()
        {
            VaeConfig config = Small.Config();
            VaeConfig clone = config.Clone();
            using (Trainer trainer = new Trainer(config))
            {
                config.Layers[0] = 1;
                config.Latent = 1;
                Check.Equal(8, clone.Layers[0]);
                Check.Equal(Small.Latent, trainer.Config.Latent);
                Check.Equal(8, trainer.Config.Layers[0]);
            }
        }
    }
}
