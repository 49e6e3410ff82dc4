"""`vae train`: files, events, pictures, interrupting and resuming."""

import math
import os
import pty
import select
import shlex
import signal
import subprocess
import time

from support import (CommandTest, Picture, SMALL, STEPS, TEST_IMAGES,
                     TRAINING_IMAGES, VAE, events, grid_size, main, named,
                     png_bytes, run, start)


class TrainTest(CommandTest):
    def test_two_epochs(self):
        out = self.path("two")
        lines = self.train(out, "--epochs", 2)
        self.assertEqual(lines[0]["event"], "start")
        self.assertEqual(lines[0]["images"], TRAINING_IMAGES)
        self.assertEqual(lines[0]["test_images"], TEST_IMAGES)
        self.assertEqual(lines[0]["config"]["layers"], [8, 8, 8])
        self.assertEqual(lines[-1]["event"], "done")
        self.assertTrue(lines[-1]["complete"])
        self.assertEqual(lines[-1]["steps"], 2 * STEPS)

        first, second = named(lines, "epoch")
        self.assertEqual((first["epoch"], second["epoch"]), (1, 2))
        self.assertEqual(first["images"], TRAINING_IMAGES)
        self.assertLess(second["loss"], first["loss"])
        for step in named(lines, "step"):
            self.assertTrue(math.isfinite(step["loss"]))
        for line in named(lines, "eval"):
            self.assertAlmostEqual(line["soft_loss"],
                                   line["reconstruction"] + line["kl"], 6)
            self.assertEqual(line["images"], TEST_IMAGES)

        for name in ("sample_1.png", "sample_2.png", "reconstruction.png"):
            picture = Picture(os.path.join(out, name))
            self.assertEqual(picture.size, grid_size(8, 8))
            self.assertEqual(len(picture.tile(7, 7)), 784)  # grey
            self.assert_drawn(picture)
        files = {line["file"] for line in named(lines, "saved")}
        self.assertEqual(files, {os.path.join(out, name)
                                 for name in os.listdir(out)})

    def test_lines_for_people(self):
        out, err = run("train", "--data", self.data, "--out",
                       self.path("plain"), *SMALL, "--epochs", 1)
        self.assertIn("epoch 1/1: loss ", out)
        self.assertIn("epoch 1/1: test soft loss ", out)
        self.assertIn("sample_1.png", out)
        self.assertNotIn("\r", out + err)

    def test_progress_bar_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [VAE, "train", "--data", self.data, "--out", self.path("bar"),
             *SMALL, "--epochs", "2"], stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:
                    break
        process.communicate()
        os.close(ours)
        self.assertEqual(process.returncode, 0, shown)
        for text in (b"\r", b"epoch 1/2 [", b"images/s", b" left  loss "):
            self.assertIn(text, shown)

    def test_resume_equals_one_run(self):
        whole, parts = self.path("whole"), self.path("parts")
        checkpoint = os.path.join(parts, "checkpoint.safetensors")
        self.train(whole, "--epochs", 3, "--seed", 5, threads=2)
        lines = self.train(parts, "--epochs", 3, "--seed", 5,
                           "--max-steps", STEPS + 3, threads=2)
        self.assertEqual(lines[-1]["steps"], STEPS + 3)
        self.assertEqual(lines[-1]["epochs"], 1)
        self.assertFalse(lines[-1]["complete"])
        lines = self.train(parts, "--epochs", 2, "--resume", checkpoint,
                           threads=2)
        self.assertEqual(lines[0]["steps_done"], STEPS + 3)
        self.assertEqual([line["epoch"] for line in named(lines, "epoch")], [2])
        lines = self.train(parts, "--epochs", 3, "--resume", checkpoint,
                           threads=2)
        self.assertEqual([line["epoch"] for line in named(lines, "epoch")], [3])
        for name in ("model.safetensors", "checkpoint.safetensors",
                     "sample_3.png"):
            self.assert_same_file(os.path.join(whole, name),
                                  os.path.join(parts, name))

    def test_the_printed_command_resumes(self):
        out = self.path("it's a folder")
        text, _ = run("train", "--data", self.data, "--out", out, *SMALL,
                      "--epochs", 2, "--force", "--max-steps", 3)
        command = text.split("to resume: ")[1].strip()
        subprocess.run(shlex.split(command), check=True, capture_output=True)
        self.assertTrue(os.path.exists(os.path.join(out, "sample_2.png")))

    def test_speed_excludes_evaluation_and_pictures(self):
        lines = self.train(self.path("speed"), "--epochs", 4)
        for line in named(lines, "epoch"):
            own = line["images"] / line["seconds"]
            self.assertAlmostEqual(line["images_per_second"] / own, 1, places=6)

    def test_nothing_left_to_do(self):
        out = self.path("complete")
        self.train(out, "--epochs", 1)
        lines = self.train(out, "--epochs", 1, "--resume",
                           os.path.join(out, "checkpoint.safetensors"))
        self.assertEqual(named(lines, "step"), [])
        self.assertTrue(lines[-1]["complete"])

    def test_config_file(self):
        config = self.path("config.json")
        with open(config, "w") as file:
            file.write('{"latent": 3, "kl_weight": 0.5, "layers": [4, 4]}')
        out, _ = run("train", "--data", self.data, "--out",
                     self.path("config"), "--config", config, "--latent", 5,
                     "--max-steps", 1, "--json", "--device", "cpu")
        used = events(out)[0]["config"]
        self.assertEqual((used["latent"], used["kl_weight"], used["layers"]),
                         (5, 0.5, [4, 4]))

    def test_colour_pictures_and_dense_layers(self):
        data, out = self.path("colour"), self.path("colour-out")
        os.mkdir(data)
        for i in range(24):
            rows = bytes((i * 10 + x * 7 + y * 3 + c * 80) % 256
                         for y in range(9) for x in range(13)
                         for c in range(3))
            with open(os.path.join(data, f"{i:02}.png"), "wb") as file:
                file.write(png_bytes(13, 9, 3, rows))
        text, _ = run("train", "--data", data, "--out", out, "--net", "dense",
                      "--layers", "16", "--latent", 2, "--likelihood",
                      "gaussian", "--sigma", 0.3, "--batch-size", 8,
                      "--epochs", 1, "--device", "cpu", "--json")
        lines = events(text)
        self.assertEqual(named(lines, "eval"), [])  # there is no test set
        picture = Picture(os.path.join(out, "reconstruction.png"))
        self.assertEqual(len(picture.tile(0, 0, 9, 13)), 9 * 13 * 3)
        self.assertEqual(picture.size, grid_size(8, 6, 9, 13))
        text, _ = run("eval", "--model", os.path.join(out, "model.safetensors"),
                      "--data", data, "--json")
        self.assertIsNone(events(text)[-1]["soft_loss"])


class InterruptTest(CommandTest):
    def interrupt(self, out, kind):
        """Interrupts a long run in its second epoch; its events."""
        process = start("train", "--data", self.data, "--out", out, *SMALL,
                        "--threads", 1, "--json", "--epochs", 100000, "--log-every",
                        1)
        lines = []
        for line in process.stdout:
            lines += events(line)
            if lines[-1].get("epoch") == 2 and lines[-1].get("step") == 3:
                break
        process.send_signal(kind)
        before = time.monotonic()
        rest, err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - before, 10)
        self.assertEqual(process.returncode, 130, err)
        return lines + events(rest)

    def check_going_on(self, kind):
        out, whole = self.path(f"stopped-{kind}"), self.path(f"whole-{kind}")
        checkpoint = os.path.join(out, "checkpoint.safetensors")
        done = self.interrupt(out, kind)[-1]
        self.assertEqual(done["event"], "done")
        self.assertTrue(done["interrupted"])
        self.assertEqual(done["checkpoint"], checkpoint)
        self.assertIn(f"--resume {checkpoint}", done["resume"])

        epochs = done["epochs"] + 1
        lines = self.train(out, "--resume", checkpoint, "--epochs", epochs)
        self.assertEqual(lines[0]["steps_done"], done["steps"])
        self.assertEqual(lines[0]["epochs_done"], done["epochs"])
        steps = named(lines, "step")
        self.assertEqual({step["epoch"] for step in steps}, {epochs})
        self.assertEqual(lines[-1]["steps"], epochs * STEPS)
        self.train(whole, "--epochs", epochs)
        self.assert_same_file(os.path.join(out, "model.safetensors"),
                              os.path.join(whole, "model.safetensors"))

    def test_ctrl_c(self):
        self.check_going_on(signal.SIGINT)

    def test_termination(self):
        self.check_going_on(signal.SIGTERM)


if __name__ == "__main__":
    main()
