// A program of a user of the package: install builds it with the packed files alone. It prints the
// path of libvae; with an argument it expects that libvae is missing.
using System;
using System.IO;
using Vae;

internal static class User
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length > 0) return Miss();
        VaeConfig config = new VaeConfig
        {
            Height = 8, Width = 8, Layers = new[] { 8, 8 }, Latent = 2, Threads = 1,
        };
        using (Trainer trainer = new Trainer(config))
        {
            Metrics metrics = trainer.TrainStep(new byte[4 * 64]);
            trainer.Save("model.safetensors", SaveKind.Model);
            Console.WriteLine("trained: " + metrics);
        }
        foreach (string line in File.ReadAllLines("/proc/self/maps"))
            if (line.Contains("libvae.so")) Console.WriteLine("map " + line);
        return 0;
    }

    private static int Miss()
    {
        try
        {
            Console.WriteLine("found, version " + Library.Version);
            return 1;
        }
        catch (VaeException missing)
        {
            Console.WriteLine(missing.Status + ": " + missing.Message);
            return missing.InnerException is DllNotFoundException ? 0 : 1;
        }
    }
}
