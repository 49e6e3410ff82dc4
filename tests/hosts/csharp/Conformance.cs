// The conformance program of tests/hosts/conformance.md in C#: the same text and the same files
// as the programs of the other languages, byte for byte.
using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Vae;

internal static class Conformance
{
    private const int Images = 96, Pixels = 144, Latent = 4;
    private static readonly ImageShape Shape = new ImageShape(1, 12, 12);
    private static readonly StringBuilder Text = new StringBuilder();

    private static int Main()
    {
        int result = 0;
        try
        {
            Run();
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            result = 1;
        }
        using (Stream output = Console.OpenStandardOutput())
        {
            byte[] bytes = new UTF8Encoding(false).GetBytes(Text.ToString());
            output.Write(bytes, 0, bytes.Length);
        }
        return result;
    }

    private static void Run()
    {
        byte[] bytes = Discs();
        float[] floats = Array.ConvertAll(bytes, pixel => pixel / 255f);
        VaeConfig config = Config();
        Line("config " + config.ToJson());
        using (Trainer a = new Trainer(config))
        {
            TrainSteps(a, bytes, floats);
            using (Dataset data = MakeDataset(bytes))
            {
                TrainEpoch(a, data);
                Evaluate(a, data, bytes, floats);
                byte[] drawn = Generate(a, bytes, floats);
                Parameters(a);
                Save(a, drawn);
                Reload(a, data);
                Errors(a, data, config, bytes);
                Line("after " + Words(a.TrainStep(Bytes(bytes, 16, 16))));
                a.Save("after.safetensors", SaveKind.Model);
            }
        }
    }

    private static VaeConfig Config()
    {
        return new VaeConfig
        {
            Height = 12, Width = 12, Latent = Latent, Layers = new[] { 8, 16, 16 }, Seed = 7,
            MaxBatch = 16, Threads = 1, Device = Device.Cpu,
        };
    }

    private static byte[] Discs()
    {
        byte[] pixels = new byte[Images * Pixels];
        uint state = 12345;
        for (int n = 0, at = 0; n < Images; ++n)
        {
            int cx = 3 + n % 6, cy = 3 + n / 6 % 6, r2 = 4 + 5 * (n / 36);
            for (int y = 0; y < 12; ++y)
                for (int x = 0; x < 12; ++x)
                {
                    state = unchecked(state * 1664525 + 1013904223);
                    uint noise = state >> 24;
                    bool inside = (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r2;
                    pixels[at++] = (byte)(inside ? 255 - noise / 4 : noise / 8);
                }
        }
        return pixels;
    }

    private static ReadOnlySpan<byte> Bytes(byte[] images, int first, int count)
    {
        return new ReadOnlySpan<byte>(images, first * Pixels, count * Pixels);
    }

    private static ReadOnlySpan<float> Floats(float[] images, int first, int count)
    {
        return new ReadOnlySpan<float>(images, first * Pixels, count * Pixels);
    }

    private static void TrainSteps(Trainer a, byte[] bytes, float[] floats)
    {
        for (int s = 0; s < 8; ++s)
        {
            int first = 16 * (s % 6);
            Metrics step = s % 2 == 0 ? a.TrainStep(Bytes(bytes, first, 16))
                                      : a.TrainStep(Floats(floats, first, 16));
            Line("step " + s + " " + Words(step) + Dimensions(step));
        }
        a.IssueStep(Bytes(bytes, 0, 16));
        Line("sums " + Words(a.ReadMetrics()));
        a.LearningRate = 0.0005;
        a.KlWeight = 0.5;
        Line("settings " + Hex(a.LearningRate) + " " + Hex(a.KlWeight) + " " + Hex(a.StepCount) +
             " " + Hex(a.UpdateCount) + " " + Hex(a.Epoch));
    }

    private static Dataset MakeDataset(byte[] bytes)
    {
        int[] labels = new int[Images];
        for (int n = 0; n < Images; ++n) labels[n] = n % 3;
        Dataset data = Dataset.FromMemory(bytes, Shape, labels);
        ImageShape shape = data.ImageShape;
        Line("dataset " + data.Count + " " + shape.Channels + " " + shape.Height + " " +
             shape.Width + " " + data.Classes);
        float[] last = new float[2 * Pixels];
        int[] two = new int[2];
        data.Read(94, last);
        data.ReadLabels(94, two);
        Line("read " + Sum(last) + " " + two[0] + " " + two[1]);
        return data;
    }

    private static void TrainEpoch(Trainer a, Dataset data)
    {
        Metrics epoch = a.TrainEpoch(data, now =>
        {
            Tell(now);
            if (now.Step == 4) Line("inside " + Sum(a.SampleBytes(2, seed: 5)));
            return true;
        }, new RunOptions { EverySteps = 2 });
        Line("epoch " + Words(epoch));
    }

    private static void Tell(Progress now)
    {
        Line("progress " + (int)now.Phase + " " + now.Epoch + " " + now.Step + " " + now.Steps +
             " " + now.Images + " " + Hex(now.Loss) + " " + Hex(now.Reconstruction) + " " +
             Hex(now.Kl));
    }

    private static void Evaluate(Trainer a, Dataset data, byte[] bytes, float[] floats)
    {
        Metrics all = a.Evaluate(data, now =>
        {
            Tell(now);
            return true;
        }, new RunOptions { BatchSize = 10, EverySteps = 0 });
        Line("evaluate " + Words(all) + Dimensions(all));
        Line("eval_step " + Words(a.EvalStep(Floats(floats, 0, 10))));
        (float[] reconstruction, float[] kl) = a.Score(Bytes(bytes, 0, 3));
        Line("score" + Numbers(reconstruction) + Numbers(kl));
    }

    private static byte[] Generate(Trainer a, byte[] bytes, float[] floats)
    {
        (float[] mean, float[] logVariance) = a.Encode(Bytes(bytes, 0, 5));
        Line("mean" + Numbers(mean));
        Line("logvar" + Numbers(logVariance));
        Arrays.Write("codes.npy", mean, 5, Latent);
        Line("decode " + Sum(a.Decode(mean)));
        byte[] drawn = a.SampleBytes(9, seed: 3, first: 2, temperature: 0.8);
        Line("sample " + Sum(drawn));
        Line("reconstruct " + Sum(a.Reconstruct(Floats(floats, 0, 4))));
        return drawn;
    }

    private static void Parameters(Trainer a)
    {
        foreach (Parameter p in a.Parameters)
        {
            string sum = p.Type == ElementType.Int64
                             ? Sum(BitConverter.GetBytes(a.ReadCounter(p.Name)))
                             : Sum(a.ReadParameter(p.Name));
            Line("param " + p.Name + " " + (int)p.Type + " " + (p.IsTrainable ? 1 : 0) + " " +
                 p.Elements + " " + (p.Shape.Count == 0 ? "scalar" : string.Join("x", p.Shape)) +
                 " " + sum);
        }
        Line("moment " + Sum(a.ReadParameter("encoder.0.weight", ParameterPart.Moment1)));
        float[] bias = a.ReadParameter("fc11.bias");
        for (int i = 0; i < bias.Length; ++i) bias[i] = 0.125f;
        a.WriteParameter("fc11.bias", bias);
        Line("written " + Sum(a.ReadParameter("fc11.bias")));
    }

    private static void Save(Trainer a, byte[] drawn)
    {
        a.Save("model.safetensors", SaveKind.Model);
        a.Save("checkpoint.safetensors", SaveKind.Checkpoint);
        byte[] file = a.SaveBytes(SaveKind.Checkpoint);
        string sum = Sum(file);
        if (sum != Sum(File.ReadAllBytes("checkpoint.safetensors")))
            throw new InvalidDataException("the checkpoint in memory is not that of the file");
        Line("saved " + file.Length + " " + sum);
        Vae.Images.WriteGrid("grid.png", drawn, Shape, 3);
    }

    private static void Reload(Trainer a, Dataset data)
    {
        using (Trainer b = Trainer.Load("checkpoint.safetensors"))
        using (Trainer c = Trainer.Load(File.ReadAllBytes("model.safetensors")))
        {
            RunOptions three = new RunOptions { MaxSteps = 3 };
            Line("continued " + Words(a.TrainEpoch(data, three)));
            Line("continued " + Words(b.TrainEpoch(data, three)));
            Line("reloaded " + Sum(c.SampleBytes(4, seed: 1)));
        }
    }

    private static void Errors(Trainer a, Dataset data, VaeConfig config, byte[] bytes)
    {
        VaeConfig wrong = config.Clone();
        wrong.Latent = 0;
        Expect(() => new Trainer(wrong));
        Expect(() => a.Encode(Bytes(bytes, 0, 5), new float[4 * Latent]));
        Expect(() => a.ReadParameter("fc11.bias", ParameterPart.Gradient));
        Expect(() => Trainer.Load("missing.safetensors"));
        Expect(() => Trainer.Load("grid.png"));
        a.Cancel();
        Expect(() => a.TrainEpoch(data));
        a.Cancel(false);
    }

    private static void Expect(Action wrong)
    {
        try
        {
            wrong();
        }
        catch (VaeException error)
        {
            Line("error " + error.StatusName + ": " + error.Message);
            return;
        }
        throw new InvalidOperationException("no error where one is expected");
    }

    private static string Words(Metrics m)
    {
        return "loss " + Hex(m.Loss) + " reconstruction " + Hex(m.Reconstruction) + " kl " +
               Hex(m.Kl) + " mse " + Hex(m.Mse) + " norm " + Hex(m.GradientNorm) + " active " +
               m.ActiveUnits + " steps " + m.Steps + " images " + m.Images + " skipped " +
               m.SkippedSteps + " nonfinite " + m.NonfiniteSteps;
    }

    private static string Dimensions(Metrics m)
    {
        string text = " dims";
        foreach (double kl in m.KlPerDimension) text += " " + Hex(kl);
        return text;
    }

    private static string Numbers(float[] numbers)
    {
        string text = "";
        foreach (float number in numbers) text += " " + Hex(number);
        return text;
    }

    private static string Sum(float[] numbers)
    {
        return Sum(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(numbers)));
    }

    private static string Sum(byte[] bytes) { return Sum(new ReadOnlySpan<byte>(bytes)); }

    private static string Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 14695981039346656037;
        foreach (byte one in bytes) sum = unchecked((sum ^ one) * 1099511628211);
        return sum.ToString("x16", CultureInfo.InvariantCulture);
    }

    // C's %a of a finite double.
    private static string Hex(double number)
    {
        long bits = BitConverter.DoubleToInt64Bits(number);
        string sign = bits < 0 ? "-" : "";
        int exponent = (int)(bits >> 52 & 0x7ff);
        long fraction = bits & 0xfffffffffffff;
        if (exponent == 0 && fraction == 0) return sign + "0x0p+0";
        string digits = fraction.ToString("x13", CultureInfo.InvariantCulture).TrimEnd('0');
        int power = exponent == 0 ? -1022 : exponent - 1023;
        return sign + "0x" + (exponent == 0 ? "0" : "1") + (digits == "" ? "" : "." + digits) +
               "p" + (power < 0 ? "" : "+") + power.ToString(CultureInfo.InvariantCulture);
    }

    private static void Line(string text) { Text.Append(text).Append('\n'); }
}
