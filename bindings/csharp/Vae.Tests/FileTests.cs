// Saving, loading and resuming; datasets; paths; image files.
using System;
using System.IO;

namespace Vae.Tests
{
    internal static class FileTests
    {
        [Test]
        private static void ResumingInTheMiddleOfAnEpochIsBitForBit()
        {
            using (Folder folder = new Folder())
            using (Trainer whole = Small.Trainer())
            using (Trainer stopped = Small.Trainer())
            using (Dataset images = Small.Dataset())
            {
                whole.TrainEpoch(images);
                whole.TrainEpoch(images);
                stopped.TrainEpoch(images, new RunOptions { MaxSteps = 2 });
                string file = folder.File("checkpoint.safetensors");
                stopped.Save(file, SaveKind.Checkpoint);
                Check.Same(File.ReadAllBytes(file), stopped.SaveBytes(SaveKind.Checkpoint),
                           "checkpoint in memory");
                // With the file's own configuration, the device would be selected again.
                using (Trainer resumed = Trainer.Load(file, Small.Config()))
                {
                    resumed.TrainEpoch(images);
                    resumed.TrainEpoch(images);
                    Check.Same(whole.SaveBytes(SaveKind.Checkpoint),
                               resumed.SaveBytes(SaveKind.Checkpoint), "checkpoint");
                }
            }
        }

        [Test]
        private static void LoadsFromMemoryAndWithAnotherConfiguration()
        {
            using (Trainer trainer = Small.Trainer())
            {
                byte[] model = trainer.SaveBytes(SaveKind.Model);
                VaeConfig config = Small.Config();
                config.MaxBatch = 2;
                using (Trainer same = Trainer.Load(model))
                using (Trainer other = Trainer.Load(new ReadOnlySpan<byte>(model), config))
                {
                    Check.Same(trainer.Sample(2), same.Sample(2), "samples");
                    Check.Equal(2, other.Config.MaxBatch);
                }
                config.Latent = 3;
                Check.Throws<VaeException>(() => Trainer.Load(model, config));
            }
        }

        [Test]
        private static void WrongFilesAreRefused()
        {
            using (Folder folder = new Folder())
            using (Trainer trainer = Small.Trainer())
            {
                Check.Contains("none.safetensors", Check.Fails(
                    VaeStatus.File, () => Trainer.Load(folder.File("none.safetensors"))));
                Check.Fails(VaeStatus.File, () => trainer.Save(
                    folder.File("no/such/folder/file"), SaveKind.Model));
                Check.Fails(VaeStatus.Argument, () => trainer.Save(
                    folder.File("x"), default(SaveKind)));
                Check.Fails(VaeStatus.Format, () => Trainer.Load(new byte[100]));
                Check.Throws<VaeException>(() => Trainer.Load(new byte[0]));
                byte[] model = trainer.SaveBytes(SaveKind.Model);
                Check.Throws<VaeException>(() => Trainer.Load(
                    new ReadOnlySpan<byte>(model, 0, model.Length - 1)));
                Check.Throws<ArgumentNullException>(() => Trainer.Load((string)null));
                Check.Throws<ArgumentNullException>(() => Trainer.Load((byte[])null));
                Check.Throws<ArgumentNullException>(() => new Trainer(null));
                Check.Throws<ArgumentNullException>(() => trainer.Save(null, SaveKind.Model));
            }
        }

        [Test]
        private static void PathsAreUnicodeAndWithoutZeros()
        {
            using (Folder folder = new Folder())
            using (Trainer trainer = Small.Trainer())
            {
                string file = folder.File("Žluťoučký 模型 🦊.safetensors");
                trainer.Save(file, SaveKind.Model);
                Check.That(File.Exists(file), file + " is not there");
                Trainer.Load(file).Dispose();
                string text = Check.Fails(VaeStatus.Argument,
                                          () => trainer.Save("model\0.png", SaveKind.Model));
                Check.Contains("path has the character U+0000 at index 5", text);
                Check.Fails(VaeStatus.Argument, () => Trainer.Load("a\0b"));
                Check.Fails(VaeStatus.Argument, () => Dataset.Open("a\0b"));
                Check.Contains("labelsPath", Check.Fails(VaeStatus.Argument,
                                                         () => Dataset.Open("a", "\0")));
                Check.Contains("surrogate", Check.Fails(
                    VaeStatus.Argument, () => trainer.Save("half \ud83e", SaveKind.Model)));
            }
        }

        [Test]
        private static void DatasetsReturnTheirImagesAndLabels()
        {
            int[] labels = new int[Small.Count];
            for (int i = 0; i < labels.Length; ++i) labels[i] = i % 5;
            byte[] pixels = Small.Discs();
            using (Dataset images = Dataset.FromMemory(pixels, Small.Shape, labels))
            using (Dataset floats = Dataset.FromMemory(Small.FloatDiscs(), Small.Shape))
            {
                Array.Clear(pixels, 0, pixels.Length);
                Check.Equal((long)Small.Count, images.Count, "count");
                Check.Equal("1x12x12", images.ImageShape.ToString());
                Check.Equal(5, images.Classes, "classes");
                Check.Equal(0, floats.Classes, "classes of a set without labels");
                byte[] two = new byte[2 * Small.Pixels];
                images.Read(46, two);
                Check.Same(new ReadOnlySpan<byte>(Small.Discs(), 46 * Small.Pixels,
                                                  two.Length).ToArray(), two, "images");
                int[] three = new int[3];
                images.ReadLabels(4, three);
                Check.Same(new[] { 4, 0, 1 }, three, "labels");
                Check.Fails(VaeStatus.Argument, () => images.Read(47, two));
                Check.Fails(VaeStatus.Argument, () => images.Read(-1, two));
                Check.Fails(VaeStatus.Argument, () => floats.ReadLabels(0, three));
            }
        }

        [Test]
        private static void WrongDatasetsAreRefused()
        {
            byte[] pixels = Small.Discs(4);
            Check.Contains("3 labels and 4 images", Check.Fails(
                VaeStatus.Argument,
                () => Dataset.FromMemory(pixels, Small.Shape, new[] { 1, 2, 3 })));
            Check.Fails(VaeStatus.Argument,
                        () => Dataset.FromMemory(pixels, Small.Shape, new[] { 1, 2, 3, -1 }));
            Check.Fails(VaeStatus.Argument,
                        () => Dataset.FromMemory(pixels, new ImageShape(1, 12, 13)));
            Check.Fails(VaeStatus.Argument,
                        () => Dataset.FromMemory(pixels, new ImageShape(1, 0, 12)));
            Check.Fails(VaeStatus.Argument,
                        () => Dataset.FromMemory(pixels, new ImageShape(-1, 12, 12)));
            Check.Fails(VaeStatus.Argument, () => Dataset.FromMemory(pixels, default(ImageShape)));
            Check.Fails(VaeStatus.File, () => Dataset.Open("/no/such/place"));
            Check.Throws<ArgumentNullException>(() => Dataset.Open(null));
            using (Dataset other = Dataset.FromMemory(new byte[50], new ImageShape(1, 5, 5)))
            using (Trainer trainer = Small.Trainer())
                Check.Fails(VaeStatus.Argument, () => trainer.TrainEpoch(other));
        }

        [Test]
        private static void GridsAreWritten()
        {
            using (Folder folder = new Folder())
            {
                string file = folder.File("grid.png");
                Images.WriteGrid(file, Small.Discs(4), Small.Shape, 2);
                byte[] png = File.ReadAllBytes(file);
                Check.Equal((byte)'P', png[1], "second byte of a PNG file");
                Images.WriteGrid(file, Small.FloatDiscs(4), Small.Shape, 2);
                Check.Same(png, File.ReadAllBytes(file), "the picture of floats");
                Check.Fails(VaeStatus.File, () => Images.WriteGrid(
                    folder.File("no/grid.png"), Small.Discs(1), Small.Shape));
                Check.Contains("columns is -1", Check.Fails(
                    VaeStatus.Argument,
                    () => Images.WriteGrid(file, Small.Discs(1), Small.Shape, -1)));
            }
        }

        [Test]
        private static void ArraysAreWritten()
        {
            using (Folder folder = new Folder())
            {
                string file = folder.File("codes.npy");
                Arrays.Write(file, new float[] { 1, 2, 3, 4, 5, 6 }, 2, 3);
                byte[] npy = File.ReadAllBytes(file);
                Check.Equal((byte)'N', npy[1], "second byte of a NumPy file");
                Check.Equal(128 + 24, npy.Length, "bytes of a NumPy file");
                Check.Equal(6f, BitConverter.ToSingle(npy, 148), "the last number");
                Arrays.Write(file, new byte[] { 7 }, 1);
                Arrays.Write(file, new long[] { 7 }, 1);
                Check.Equal(128 + 8, File.ReadAllBytes(file).Length, "bytes of one integer");
                Check.Fails(VaeStatus.File, () => Arrays.Write(
                    folder.File("no/codes.npy"), new float[1], 1));
                Check.Contains("bytes is 4", Check.Fails(
                    VaeStatus.Argument, () => Arrays.Write(file, new float[1], 2)));
                Check.Contains("shape[1] is -1", Check.Fails(
                    VaeStatus.Argument, () => Arrays.Write(file, new float[1], 1, -1)));
                Check.Contains("0 dimensions", Check.Fails(
                    VaeStatus.Argument, () => Arrays.Write(file, new float[1])));
            }
        }
    }
}
