"""Errors: one line that names the bad value, and the exit code."""

import json
import os
import resource
import signal
import unittest

from support import (ModelTest, SMALL, VAE, main, png_bytes, read_bytes, run,
                     write_idx)

FAILURE, USAGE = 1, 2
COMMANDS = ("train", "eval", "sample", "reconstruct", "interpolate", "encode",
            "info", "diagnose")


class ErrorsTest(ModelTest):
    def refused(self, code, *arguments, says=(), **options):
        out, err = run(*arguments, code=code, **options)
        self.assertEqual(out, "")
        self.assertTrue(err.startswith("vae: "), err)
        self.assertEqual(err.count("\n"), 1, err)
        for text in says:
            self.assertIn(text, err)

    def refused_training(self, code, *arguments, says=(), **options):
        self.refused(code, "train", "--data", self.data, "--out",
                     self.path("refused"), *arguments, says=says, **options)

    def test_usage(self):
        self.refused(USAGE)
        self.refused(USAGE, "frobnicate", says=["frobnicate"])
        self.refused(USAGE, "--frobnicate", says=["--frobnicate"])
        self.refused(USAGE, "train", says=["--data"])
        self.refused_training(USAGE, "--frobnicate", says=["--frobnicate"])
        self.refused_training(USAGE, "--epochs", 0, says=["--epochs"])
        self.refused_training(USAGE, "--epochs", "many", says=["many"])
        self.refused_training(USAGE, "--device", "abacus", says=["abacus"])
        self.refused_training(USAGE, "--layers", "8,x", says=["x"])
        self.refused_training(USAGE, "--latent", 0, says=["latent", "0"])
        self.refused_training(USAGE, "--kl-weight", -1, says=["-1"])
        self.refused_training(USAGE, "--learning-rate", "nan",
                              says=["--learning-rate", "finite"])
        self.assertFalse(os.path.exists(self.path("refused")))

    def test_help(self):
        out, _ = run("--help")
        for command in COMMANDS:
            self.assertIn(command, out)
            text, _ = run(command, "--help")
            self.assertIn("Examples:\n  vae " + command, text)
        self.assertIn("130 interrupted", out)
        version, _ = run("--version")
        self.assertRegex(version, r"^\d+\.\d+\.\d+\n$")

    def test_missing_files(self):
        nowhere = self.path("nowhere")
        self.refused(FAILURE, "train", "--data", nowhere, "--out",
                     self.path("refused"), says=[nowhere])
        self.refused(FAILURE, "sample", "--model", nowhere, says=[nowhere])
        self.refused(FAILURE, "info", nowhere, says=[nowhere])
        self.refused(FAILURE, "eval", "--model", self.model, "--data", nowhere,
                     says=[nowhere])
        self.refused_training(FAILURE, "--resume", nowhere, says=[nowhere])
        self.refused(FAILURE, "sample", "--model", self.model, "--out",
                     os.path.join(nowhere, "x.png"), says=[nowhere])
        self.refused(FAILURE, "encode", "--model", self.model, "--data",
                     self.data, "--out", os.path.join(nowhere, "x.npy"),
                     says=[nowhere])

    def test_truncated_files(self):
        whole = read_bytes(self.model)
        broken = self.path("broken.safetensors")
        for size in (0, 7, 100, len(whole) - 1):
            with open(broken, "wb") as file:
                file.write(whole[:size])
            self.refused(FAILURE, "info", broken)
            self.refused(FAILURE, "sample", "--model", broken)
        data = self.path("short")
        os.mkdir(data)
        write_idx(os.path.join(data, "train-images-idx3-ubyte"), (9, 28, 28),
                  bytes(9 * 784 - 1))
        self.refused(FAILURE, "train", "--data", data, "--out",
                     self.path("refused"), says=["train-images-idx3-ubyte"])
        with open(os.path.join(data, "train-images-idx3-ubyte"), "wb") as file:
            file.write(b"no pictures")
        self.refused(FAILURE, "train", "--data", data, "--out",
                     self.path("refused"), says=["train-images-idx3-ubyte"])

    def test_broken_test_set_is_not_a_missing_one(self):
        data = self.path("half")
        os.mkdir(data)
        write_idx(os.path.join(data, "train-images-idx3-ubyte"), (9, 28, 28),
                  bytes(9 * 784))
        write_idx(os.path.join(data, "t10k-images-idx3-ubyte"), (9, 28, 28),
                  bytes(784))
        self.refused(FAILURE, "eval", "--model", self.model, "--data", data,
                     says=["t10k-images-idx3-ubyte"])

    def test_unreadable_test_set_is_not_a_missing_one(self):
        missing = self.path("missing")
        for name in ("test", "t10k-images-idx3-ubyte.gz"):
            data = self.path("link-" + name)
            os.mkdir(data)
            write_idx(os.path.join(data, "train-images-idx3-ubyte"),
                      (9, 28, 28), bytes(9 * 784))
            os.symlink(missing, os.path.join(data, name))
            says = [os.path.join(data, name), "No such file"]
            for command in ("eval", "reconstruct"):
                self.refused(FAILURE, command, "--model", self.model, "--data",
                             data, says=says)
            self.refused(FAILURE, "train", "--data", data, "--out",
                         self.path("refused"), *SMALL, says=says)
            run("eval", "--model", self.model, "--data", data, "--set", "train")
            os.remove(os.path.join(data, name))
            os.mkdir(os.path.join(data, name))
            self.refused(FAILURE, "eval", "--model", self.model, "--data", data,
                         says=[os.path.join(data, name)])

    def test_picture_of_the_test_set_is_a_dangling_link(self):
        data = self.path("link-picture")
        for part in ("train", "test"):
            os.makedirs(os.path.join(data, part))
            for i in range(3):
                with open(os.path.join(data, part, f"{i}.png"), "wb") as file:
                    file.write(png_bytes(28, 28, 1, bytes(784)))
        link = os.path.join(data, "test", "z.png")
        os.symlink(self.path("missing"), link)
        self.refused(FAILURE, "eval", "--model", self.model, "--data", data,
                     says=[link])

    def test_requested_test_set_is_missing(self):
        data = self.path("only-train")
        os.mkdir(data)
        write_idx(os.path.join(data, "train-images-idx3-ubyte"), (9, 28, 28),
                  bytes(9 * 784))
        self.refused(FAILURE, "eval", "--model", self.model, "--data", data,
                     "--set", "test", says=[data, "no test set"])
        for arguments, used in (((), "train"), (("--set", "train"), "train")):
            out, _ = run("eval", "--model", self.model, "--data", data,
                         "--json", *arguments)
            self.assertEqual(json.loads(out)["set"], used)

    @unittest.skipUnless(os.geteuid() == 0, "needs to become another user")
    def test_test_set_without_read_permission(self):
        data = self.path("private")
        os.mkdir(data)
        for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
            write_idx(os.path.join(data, name), (9, 28, 28), bytes(9 * 784))
        os.chmod(os.path.join(data, name), 0)
        os.chmod(self.folder, 0o755)
        self.refused(FAILURE, "eval", "--model", self.model, "--data", data,
                     says=[os.path.join(data, name), "Permission denied"],
                     preexec_fn=lambda: os.setuid(65534))

    @unittest.skipUnless(os.geteuid() == 0, "needs to become another user")
    def test_output_folder_without_read_permission(self):
        out = self.path("unreadable")
        os.mkdir(out)
        os.chmod(out, 0o333)
        os.chmod(self.folder, 0o755)
        self.refused(FAILURE, "train", "--data", self.data, "--out", out,
                     *SMALL, says=[out + " cannot be read: Permission denied"],
                     preexec_fn=lambda: os.setuid(65534))

    def test_images_of_another_shape(self):
        data = self.path("larger")
        os.mkdir(data)
        write_idx(os.path.join(data, "train-images-idx3-ubyte"), (9, 32, 30),
                  bytes(9 * 960))
        shapes = ["1x32x30", "1x28x28"]
        for command in ("eval", "reconstruct", "interpolate"):
            self.refused(FAILURE, command, "--model", self.model, "--data",
                         data, says=shapes)
        self.refused(FAILURE, "encode", "--model", self.model, "--data", data,
                     "--out", self.path("x.npy"), says=shapes)
        self.refused(FAILURE, "train", "--data", data, "--out",
                     self.path("refused"), "--resume",
                     os.path.join(self.out, "checkpoint.safetensors"),
                     says=shapes)

    def test_another_model(self):
        self.refused(FAILURE, "train", "--data", self.data, "--out", self.out,
                     "--latent", 9, "--resume",
                     os.path.join(self.out, "checkpoint.safetensors"),
                     says=["9", "4"])

    def test_more_images_than_there_are(self):
        self.refused(FAILURE, "reconstruct", "--model", self.model, "--data",
                     self.data, "--first", 90, "--count", 11, says=["100"])
        self.refused(FAILURE, "encode", "--model", self.model, "--data",
                     self.data, "--first", 2**63, "--out", self.path("x.npy"))

    def test_another_run_is_not_overwritten(self):
        checkpoint = os.path.join(self.out, "checkpoint.safetensors")
        before = read_bytes(checkpoint)
        self.refused(FAILURE, "train", "--data", self.data, "--out", self.out,
                     *SMALL, says=["--resume " + checkpoint, "--force"])
        self.assertEqual(read_bytes(checkpoint), before)
        forced = self.path("forced")
        self.train(forced, "--max-steps", 1)
        self.train(forced, "--max-steps", 2, "--force")

    def test_folder_cannot_be_created(self):
        file = self.path("file")
        open(file, "w").close()
        self.refused(FAILURE, "train", "--data", self.data, "--out", file,
                     *SMALL, says=[file])

    def test_cuda_without_a_device(self):
        out, _ = run("diagnose")
        if "usable: true" in out.split("cuda", 1)[-1]:
            self.skipTest("this machine has a GPU")
        self.refused(FAILURE, "sample", "--model", self.model, "--device",
                     "cuda")

    def test_full_disk(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
        folder = self.path("full")
        os.mkdir(folder)
        for command, name in (("sample", "x.png"), ("reconstruct", "x.png"),
                              ("encode", "x.npy")):
            target = os.path.join(folder, name)
            data = [] if command == "sample" else [
                "--data", self.data, "--set", "train"]
            self.refused(FAILURE, command, "--model", self.model, "--out",
                         target, *data, says=[target], preexec_fn=small_files)
            self.assertEqual(os.listdir(folder), [])
        out, err = run("train", "--data", self.data, "--out", folder, *SMALL,
                       "--max-steps", 1, code=FAILURE, preexec_fn=small_files)
        self.assertTrue(err.startswith("vae: "), err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    main()
