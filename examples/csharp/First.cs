// Trains on images of discs in the host's own loop.
using System;
using Vae;

internal static class First
{
    private const int Side = 16, Pixels = Side * Side, Batch = 32, Steps = 90;

    private static void Main()
    {
        VaeConfig config = new VaeConfig
        {
            Height = Side, Width = Side, Latent = 4, Layers = new[] { 8, 16, 16 },
        };
        using (Trainer trainer = new Trainer(config))
        {
            Random random = new Random(1);
            byte[] discs = new byte[Batch * Pixels];
            for (int step = 1; step <= Steps; ++step)
            {
                for (int i = 0; i < Batch; ++i)
                    DrawDisc(new Span<byte>(discs, i * Pixels, Pixels), random);
                trainer.IssueStep(discs);
                if (step % 30 == 0)  // the means of the last 30 steps
                    Console.WriteLine("step " + step + ": " + trainer.ReadMetrics());
            }

            float[] code = trainer.Encode(new ReadOnlySpan<byte>(discs, 0, Pixels)).Mean;
            float[] drawn = trainer.Decode(code);
            for (int i = 0; i < Pixels; ++i)
                Console.Write((drawn[i] > 0.5f ? "##" : " .") +
                              (i % Side == Side - 1 ? "\n" : ""));
            trainer.Save("discs.safetensors", SaveKind.Model);
        }
    }

    private static void DrawDisc(Span<byte> pixels, Random random)
    {
        int x = random.Next(5, 11), y = random.Next(5, 11), r = random.Next(2, 5);
        for (int i = 0; i < Pixels; ++i)
        {
            int dx = i % Side - x, dy = i / Side - y;
            pixels[i] = (byte)(dx * dx + dy * dy <= r * r ? 255 : 0);
        }
    }
}
