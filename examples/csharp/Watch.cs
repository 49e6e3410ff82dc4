// Trains on a worker task while the main thread watches the metrics and stops the training with a
// cancellation token, as a "stop" button would; then continues from a checkpoint.
//
//   watch [SECONDS]
using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Vae;

internal static class Watch
{
    private const int Side = 16, Pixels = Side * Side, Count = 1024;

    private static int Main(string[] arguments)
    {
        double seconds = arguments.Length > 0
                             ? double.Parse(arguments[0], CultureInfo.InvariantCulture) : 2;
        VaeConfig config = new VaeConfig
        {
            Height = Side, Width = Side, Latent = 4, Layers = new[] { 8, 16, 16 },
            MaxBatch = 16, Threads = 1,
        };
        Latest latest = new Latest();
        byte[] checkpoint;
        using (Dataset images = Dataset.FromMemory(Rings(), new ImageShape(1, Side, Side)))
        using (Trainer trainer = new Trainer(config))
        using (CancellationTokenSource stop = new CancellationTokenSource())
        {
            Task training = Task.Run(() => TrainUntilStopped(trainer, images, latest, stop.Token));
            stop.CancelAfter(TimeSpan.FromSeconds(seconds));
            while (!training.Wait(250)) Show(latest.Value);
            checkpoint = trainer.SaveBytes(SaveKind.Checkpoint);  // the place in the epoch too
        }
        using (Dataset images = Dataset.FromMemory(Rings(), new ImageShape(1, Side, Side)))
        using (Trainer resumed = Trainer.Load(checkpoint, config))
        {
            long epoch = resumed.Epoch;
            Metrics rest = resumed.TrainEpoch(images);
            Console.WriteLine("the other " + rest.Steps + " steps of epoch " + epoch + ": " + rest);
            return resumed.Epoch == epoch + 1 ? 0 : 1;
        }
    }

    private static void TrainUntilStopped(Trainer trainer, Dataset images, Latest latest,
                                          CancellationToken stop)
    {
        try
        {
            while (true) trainer.TrainEpoch(images, null, latest, stop);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("stopped after " + trainer.UpdateCount + " steps, which are kept");
        }
    }

    private static void Show(Progress now)
    {
        if (now == null) return;
        Console.WriteLine(FormattableString.Invariant(
            $"epoch {now.Epoch}, step {now.Step} of {now.Steps}: loss {now.Loss:0.0}"));
    }

    /// <summary>Keeps the newest report for other threads. System.Progress would post each report
    /// to the thread that created it, such as a window's.</summary>
    private sealed class Latest : IProgress<Progress>
    {
        private volatile Progress value;

        internal Progress Value { get { return value; } }

        public void Report(Progress now) { value = now; }
    }

    private static byte[] Rings()
    {
        byte[] pixels = new byte[Count * Pixels];
        for (int i = 0; i < pixels.Length; ++i)
        {
            int n = i / Pixels, x = i % Side, y = i / Side % Side;
            int dx = x - 5 - n % 6, dy = y - 5 - n / 6 % 6, r2 = dx * dx + dy * dy;
            pixels[i] = (byte)(r2 >= 4 && r2 <= 9 + n / 36 % 8 ? 255 : 0);
        }
        return pixels;
    }
}
