// A model of a few thousand parameters for tests, and images of discs to train it on.
using System;
using System.IO;

namespace Vae.Tests
{
    internal static class Small
    {
        internal const int Side = 12, Pixels = Side * Side, Latent = 4, Batch = 8, Count = 48;
        internal static readonly ImageShape Shape = new ImageShape(1, Side, Side);

        internal static VaeConfig Config()
        {
            return new VaeConfig
            {
                Height = Side, Width = Side, Latent = Latent, Layers = new[] { 8, 16 },
                MaxBatch = Batch, Threads = 1, Seed = 3, Device = Device.Cpu,
            };
        }

        internal static Trainer Trainer() { return new Trainer(Config()); }

        internal static byte[] Discs(int count = Count)
        {
            byte[] pixels = new byte[count * Pixels];
            for (int i = 0; i < pixels.Length; ++i)
            {
                int n = i / Pixels, x = i % Side, y = i / Side % Side;
                int dx = x - 3 - n % 6, dy = y - 3 - n / 6 % 6;
                pixels[i] = (byte)(dx * dx + dy * dy <= 6 ? 240 : 12);
            }
            return pixels;
        }

        internal static float[] FloatDiscs(int count = Count)
        {
            return Array.ConvertAll(Discs(count), pixel => pixel / 255f);
        }

        internal static Dataset Dataset() { return Vae.Dataset.FromMemory(Discs(), Shape); }
    }

    /// <summary>A new directory, removed by Dispose().</summary>
    internal sealed class Folder : IDisposable
    {
        internal Folder()
        {
            Name = Path.Combine(Path.GetTempPath(), "vae-" + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(Name);
        }

        internal string Name { get; }

        internal string File(string name) { return Path.Combine(Name, name); }

        public void Dispose() { Directory.Delete(Name, true); }
    }
}
