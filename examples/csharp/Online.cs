// Trains on a stream: samples arrive one by one, and the host runs a step when a batch is full.
// Between steps the host does its other work.
//
//   online [SAMPLES]
using System;
using System.Globalization;
using System.Threading;
using Vae;

internal static class Online
{
    private const int Side = 16, Pixels = Side * Side, Batch = 32, Capacity = 256;

    private static int Main(string[] arguments)
    {
        int samples = arguments.Length > 0
                          ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 6400;
        Ring ring = new Ring(Capacity, Pixels);
        Thread producer = new Thread(() => Produce(ring, samples)) { IsBackground = true };
        VaeConfig config = new VaeConfig
        {
            Height = Side, Width = Side, Latent = 4, Layers = new[] { 8, 16, 16 },
            MaxBatch = Batch, Threads = 1,
        };
        using (Trainer trainer = new Trainer(config))
        {
            producer.Start();
            byte[] batch = new byte[Batch * Pixels];
            while (!ring.IsOver(Batch))
            {
                if (ring.TryTake(batch)) Learn(trainer, batch);
                else Thread.Sleep(1);  // the host's other work
            }
            Console.WriteLine(trainer.StepCount + " steps; the last batch: " +
                              trainer.EvalStep(batch));
            Print(trainer.Reconstruct(new ReadOnlySpan<byte>(batch, 0, Pixels)));
        }
        producer.Join();
        return 0;
    }

    // IssueStep copies the batch before it returns, so the array can be reused.
    private static void Learn(Trainer trainer, byte[] batch)
    {
        trainer.IssueStep(batch);
        if (trainer.StepCount % 50 == 0)
            Console.WriteLine("step " + trainer.StepCount + ": " + trainer.ReadMetrics());
    }

    private static void Produce(Ring ring, int samples)
    {
        Random random = new Random(1);
        byte[] disc = new byte[Pixels];
        for (int i = 0; i < samples; ++i)
        {
            Draw(disc, random);
            ring.Put(disc);
        }
        ring.End();
    }

    private static void Draw(byte[] disc, Random random)
    {
        int x = random.Next(5, 11), y = random.Next(5, 11), r = random.Next(2, 5);
        for (int i = 0; i < Pixels; ++i)
        {
            int dx = i % Side - x, dy = i / Side - y;
            disc[i] = (byte)(dx * dx + dy * dy <= r * r ? 255 : 0);
        }
    }

    private static void Print(float[] image)
    {
        for (int i = 0; i < Pixels; ++i)
            Console.Write((image[i] > 0.5f ? "##" : " .") + (i % Side == Side - 1 ? "\n" : ""));
    }

    /// <summary>A ring buffer for one producer and one consumer; the producer waits while it is
    /// full.</summary>
    private sealed class Ring
    {
        private readonly object gate = new object();
        private readonly byte[] rows;
        private readonly int row;
        private int first, count;
        private bool ended;

        internal Ring(int capacity, int row)
        {
            rows = new byte[capacity * row];
            this.row = row;
        }

        internal void Put(byte[] sample)
        {
            lock (gate)
            {
                while (count == rows.Length / row) Monitor.Wait(gate);
                int at = (first + count++) % (rows.Length / row);
                Buffer.BlockCopy(sample, 0, rows, at * row, row);
            }
        }

        internal void End()
        {
            lock (gate) ended = true;
        }

        internal bool IsOver(int wanted)
        {
            lock (gate) return ended && count < wanted;
        }

        /// <summary>Fills the batch if enough samples are there; never waits.</summary>
        internal bool TryTake(byte[] batch)
        {
            lock (gate)
            {
                if (count < batch.Length / row) return false;
                for (int to = 0; to < batch.Length; to += row)
                {
                    Buffer.BlockCopy(rows, first * row, batch, to, row);
                    first = (first + 1) % (rows.Length / row);
                    --count;
                }
                Monitor.Pulse(gate);
                return true;
            }
        }
    }
}
