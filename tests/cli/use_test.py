"""The commands that use a trained model: their output, pictures and files."""

import json
import math
import os

from support import (CommandTest, Picture, STEPS, TEST_IMAGES,
                     TRAINING_IMAGES, grid_size, main, named, read_bytes,
                     read_header, read_npy, run)

LATENT = 4


class UseTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        out = os.path.join(cls.folder, "run")
        # With so few steps, a large learning rate for pictures that differ.
        cls.events = cls.train(cls, out, "--epochs", 4, "--learning-rate", 0.01)
        cls.model = os.path.join(out, "model.safetensors")
        cls.checkpoint = os.path.join(out, "checkpoint.safetensors")

    def use(self, command, *arguments, model=None):
        out, err = run(command, "--model", model or self.model, "--device",
                       "cpu", "--threads", 2, *arguments)
        self.assertEqual(err, "")
        return out

    def evaluate(self, *arguments, model=None):
        out = self.use("eval", "--data", self.data, "--json", *arguments,
                       model=model)
        return json.loads(out.splitlines()[-1])

    def draw(self, command, name, *arguments):
        path = self.path(name)
        self.assertEqual(self.use(command, "--out", path, *arguments),
                         path + "\n")
        return Picture(path)

    def test_eval(self):
        found = self.evaluate()
        after_training = named(self.events, "eval")[-1]
        for name in ("soft_loss", "reconstruction", "kl", "mse",
                     "active_units", "images"):
            # Equal but for the size of the batches.
            self.assertAlmostEqual(found[name], after_training[name],
                                   delta=1e-3 * abs(after_training[name]),
                                   msg=name)
        self.assertEqual(found["images"], TEST_IMAGES)
        # Between the best possible and the mean image of Fashion-MNIST.
        self.assertTrue(150 < found["soft_loss"] < 600, found)
        self.assertTrue(0 < found["mse"] < 0.2, found)
        self.assertLessEqual(found["active_units"], LATENT)
        again = self.evaluate(model=self.checkpoint)
        self.assertEqual(again["soft_loss"], found["soft_loss"])
        self.assertEqual(found["set"], "test")
        train = self.evaluate("--set", "train")
        self.assertEqual((train["images"], train["set"], train["data"]),
                         (TRAINING_IMAGES, "train", self.data))
        text = self.use("eval", "--data", self.data)
        self.assertIn("soft loss", text)
        self.assertRegex(text, r"set +test\n")
        part = os.path.join(self.data, "test")
        out = self.use("eval", "--data", part, "--json")
        self.assertEqual(json.loads(out)["set"], "all")

    def test_sample(self):
        ten = self.draw("sample", "ten.png", "--count", 10, "--columns", 5)
        self.assertEqual(ten.size, grid_size(5, 2))
        self.assert_drawn(ten)
        self.draw("sample", "again.png", "--count", 10, "--columns", 5)
        self.assert_same_file(self.path("ten.png"), self.path("again.png"))
        five = self.draw("sample", "five.png", "--count", 5, "--first", 5)
        for column in range(5):
            self.assertEqual(five.tile(0, column), ten.tile(1, column))
        other = self.draw("sample", "other.png", "--count", 10, "--columns", 5,
                          "--seed", 1)
        self.assertNotEqual(other.tile(0, 0), ten.tile(0, 0))
        cold = self.draw("sample", "cold.png", "--count", 4, "--temperature", 0)
        self.assertEqual({cold.tile(0, column) for column in range(4)},
                         {cold.tile(0, 0)})

    def test_reconstruct(self):
        pairs = self.draw("reconstruct", "pairs.png", "--data", self.data,
                          "--count", 6, "--first", 2, "--columns", 3)
        self.assertEqual(pairs.size, grid_size(6, 2))
        for i in range(6):
            image = self.image(2 + i)
            copy = pairs.tile(i // 3, i % 3 * 2 + 1)
            self.assertEqual(pairs.tile(i // 3, i % 3 * 2), image)
            self.assertNotEqual(copy, image)
        self.assert_drawn(pairs)

    def test_interpolate(self):
        ways = self.draw("interpolate", "ways.png", "--data", self.data,
                         "--rows", 2, "--steps", 7)
        self.assertEqual(ways.size, grid_size(7, 2))
        self.assert_drawn(ways)
        pairs = self.draw("reconstruct", "ends.png", "--data", self.data,
                          "--count", 4, "--columns", 1)
        for row in range(2):
            for end, column in ((0, 0), (1, 6)):
                copy = pairs.tile(2 * row + end, 1)
                ours = ways.tile(row, column)
                # Codes that were stored and read again are rounded once more.
                self.assertLessEqual(
                    max(abs(a - b) for a, b in zip(copy, ours)), 1)

    def test_encode(self):
        mean, logvar = self.path("mean.npy"), self.path("logvar.npy")
        self.use("encode", "--data", self.data, "--out", mean, "--logvar",
                 logvar)
        shape, means = read_npy(mean)
        self.assertEqual(shape, (TEST_IMAGES, LATENT))
        shape, logvars = read_npy(logvar)
        self.assertEqual(shape, (TEST_IMAGES, LATENT))
        # The divergence by its formula is the one that eval reports.
        kl = sum(m * m + math.exp(v) - 1 - v
                 for m, v in zip(means, logvars)) / 2 / TEST_IMAGES
        reported = self.evaluate()["kl"]
        self.assertAlmostEqual(kl, reported, delta=1e-3 * reported)

        part = self.path("part.npy")
        self.use("encode", "--data", self.data, "--out", part, "--first", 90,
                 "--count", 3)
        shape, three = read_npy(part)
        self.assertEqual(shape, (3, LATENT))
        for a, b in zip(three, means[90 * LATENT:]):
            self.assertAlmostEqual(a, b, delta=1e-4 * (1 + abs(b)))

    def test_info(self):
        for path, kind in ((self.model, "model"),
                           (self.checkpoint, "checkpoint")):
            out, _ = run("info", path, "--json")
            found = json.loads(out)
            self.assertEqual(found["kind"], kind)
            self.assertEqual(found["config"]["latent"], LATENT)
            stored = read_header(path)
            for tensor in found["tensors"]:
                self.assertEqual(tensor["shape"],
                                 stored[tensor["name"]]["shape"])
            self.assertIn("encoder.0.weight", stored)
            self.assertEqual(
                found["parameters"],
                sum(t["elements"] for t in found["tensors"] if t["trainable"]))
        self.assertEqual(found["steps"], 4 * STEPS)
        self.assertEqual(found["epochs"], 4)
        out, _ = run("info", "--model", self.model)
        self.assertIn("fc11.weight", out)
        self.assertIn("[8,1,4,4]", out)

    def test_diagnose(self):
        out, _ = run("diagnose", "--json")
        self.assertGreater(len(json.loads(out)), 0)
        out, _ = run("diagnose")
        self.assertIn("cuda", out.lower())

    def test_diagnose_tells_memory(self):
        out, _ = run("diagnose", "--json", "--config", self.model)
        self.assertGreater(
            json.loads(out)["training_memory"]["host_bytes"], 0)
        out, _ = run("diagnose", "--config", self.model)
        self.assertIn("host_bytes", out)

    def test_model_bytes_do_not_depend_on_the_folder(self):
        other = self.path("elsewhere")
        self.train(other, "--epochs", 4, "--learning-rate", 0.01)
        self.assertEqual(
            read_bytes(os.path.join(other, "checkpoint.safetensors")),
            read_bytes(self.checkpoint))


if __name__ == "__main__":
    main()
