// Trains on MNIST, or on other images that libvae opens, and samples new images.
//
//   train FOLDER [EPOCHS]     writes pictures and model to the current directory
using System;
using System.Globalization;
using Vae;

internal static class Train
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length < 1 || arguments.Length > 2)
        {
            Console.Error.WriteLine("usage: train FOLDER [EPOCHS]");
            return 2;
        }
        int epochs = arguments.Length > 1
                         ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 3;
        try
        {
            Run(arguments[0], epochs);
            return 0;
        }
        catch (VaeException failure)
        {
            Console.Error.WriteLine("train: " + failure.Message);
            return 1;
        }
    }

    private static void Run(string folder, int epochs)
    {
        using (Dataset images = Dataset.Open(folder))
        {
            ImageShape shape = images.ImageShape;
            VaeConfig config = new VaeConfig
            {
                Channels = shape.Channels, Height = shape.Height, Width = shape.Width,
            };
            using (Trainer trainer = new Trainer(config))
            {
                Console.WriteLine(images.Count + " images of " + shape);
                for (int epoch = 1; epoch <= epochs; ++epoch)
                {
                    Metrics metrics = trainer.TrainEpoch(images, Show,
                                                         new RunOptions { EverySteps = 50 });
                    Console.WriteLine("epoch " + epoch + ": soft " + metrics);
                    Vae.Images.WriteGrid("samples-" + epoch + ".png",
                                         trainer.SampleBytes(64), shape, 8);
                }
                trainer.Save("model.safetensors", SaveKind.Model);
            }
        }
    }

    private static bool Show(Progress now)
    {
        Console.WriteLine(FormattableString.Invariant(
            $"  step {now.Step} of {now.Steps}: soft loss {now.Loss:0.0}"));
        return true;
    }
}
