// Creates, trains and releases many small trainers, and prints the process's resident memory, which
// must stay flat, whether trainers are disposed or left to their finalizers.
//
//   leaks [COUNT] [finalize]
using System;
using System.Globalization;
using System.IO;
using System.Runtime.CompilerServices;
using Vae;

internal static class Leaks
{
    private const int Batch = 8, Pixels = 144, Report = 20;

    private static int Main(string[] arguments)
    {
        int count = 200;
        bool dispose = true;
        foreach (string argument in arguments)
        {
            if (argument == "finalize") dispose = false;
            else count = int.Parse(argument, CultureInfo.InvariantCulture);
        }
        byte[] images = new byte[Batch * Pixels];
        for (int i = 0; i < images.Length; ++i) images[i] = (byte)(i * 37);
        for (int made = 1; made <= count; ++made)
        {
            Use(images, dispose);
            if (made % Report != 0) continue;
            if (dispose)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            Console.WriteLine("trainers " + made + " rss " + ResidentKiB());
        }
        return 0;
    }

    // A function of its own, so that no register or stack slot of the loop keeps a trainer alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(byte[] images, bool dispose)
    {
        Trainer trainer = new Trainer(new VaeConfig
        {
            Height = 12, Width = 12, Latent = 4, Layers = new[] { 8, 16, 16 },
            MaxBatch = Batch, Threads = 1, Device = Device.Cpu,
        });
        trainer.TrainStep(images);
        trainer.TrainStep(images);
        if (dispose) trainer.Dispose();
    }

    private static long ResidentKiB()
    {
        string[] pages = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(pages[1], CultureInfo.InvariantCulture) * 4;
    }
}
