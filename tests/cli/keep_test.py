"""Interruptions and failures of `vae train`: no completed step is lost."""

import os
import resource
import shutil
import signal
import struct
import time

from support import (CommandTest, Picture, SMALL, STEPS, events, main, named,
                     png_bytes, read_header, run, start)


class KeepTest(CommandTest):
    def begin(self, out, *arguments, step=3, **options):
        """A long run that has completed `step` steps of its second epoch."""
        process = start("train", "--data", self.data, "--out", out, *SMALL,
                        "--threads", 1, "--json", "--epochs", 100000,
                        "--log-every", 1, *arguments, **options)
        for line in process.stdout:
            (event,) = events(line)
            if event.get("epoch") == 2 and event.get("step") == step:
                return process
        raise AssertionError(process.communicate())

    def ends(self, process, out, code=130):
        """The run ends, and its checkpoint is of the second epoch."""
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, err)
        progress = self.progress(out)
        self.assertGreaterEqual(progress["steps"], STEPS + 3)
        return err

    def progress(self, out):
        text, _ = run("info", "--json",
                      os.path.join(out, "checkpoint.safetensors"))
        (found,) = events(text)
        read_header(os.path.join(out, "model.safetensors"))
        return found

    def pause(self, process, checkpoint, model):
        """Stops the process where it is not about to write these two files,
        the one after the other."""
        for _ in range(1000):
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            times = [os.stat(path).st_mtime_ns for path in (checkpoint, model)]
            if times[0] <= times[1] and not any(
                    name.startswith(".vae-")
                    for name in os.listdir(os.path.dirname(model))):
                return
            process.send_signal(signal.SIGCONT)
            time.sleep(0.002)
        raise AssertionError("always in the middle of writing")

    def test_signals(self):
        for kind in (signal.SIGHUP, signal.SIGXCPU, signal.SIGPIPE):
            out = self.path(kind.name)
            process = self.begin(out)
            process.send_signal(kind)
            process.send_signal(kind)  # a closing terminal sends two
            self.ends(process, out)

    def test_reader_of_the_output_exits(self):
        for name, ignored in (("closed", False), ("closed-ignored", True)):
            out = self.path(name)
            # Python ignores SIGPIPE, and so do its children unless restored.
            process = self.begin(out, restore_signals=not ignored)
            process.stdout.close()
            process.stdout = None
            self.ends(process, out)

    def test_ignored_interrupt_stays_ignored(self):
        out = self.path("nohup")
        process = self.begin(
            out, preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                  signal.SIG_IGN))
        process.send_signal(signal.SIGINT)
        for line in process.stdout:
            if events(line)[0].get("epoch") == 4:
                break
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.ends(process, out)

    def test_pictures_that_cannot_be_written(self):
        out = self.path("in-the-way")
        for name in ("sample_1.png", "reconstruction.png"):
            os.makedirs(os.path.join(out, name))
        lines = self.train(out, "--epochs", 2)
        self.assertTrue(lines[-1]["complete"])
        for name, line in zip(("sample_1.png", "reconstruction.png"),
                              named(lines, "warning")):
            self.assertIn(os.path.join(out, name), line["text"])
            self.assertIn("directory", line["text"])
        self.assertEqual(len(named(lines, "warning")), 2)
        Picture(os.path.join(out, "sample_2.png"))
        out = self.path("in-the-way-text")
        os.makedirs(os.path.join(out, "sample_1.png"))
        _, err = run("train", "--data", self.data, "--out", out, *SMALL,
                     "--epochs", 1)
        self.assertIn("vae: warning: " + os.path.join(out, "sample_1.png"), err)

    def test_pictures_that_are_too_large(self):
        data, out = self.path("large"), self.path("large-out")
        os.mkdir(data)
        for i in range(2):
            with open(os.path.join(data, f"{i}.png"), "wb") as file:
                file.write(png_bytes(2048, 2048, 1, bytes([i]) * 2048 ** 2))
        text, _ = run("train", "--data", data, "--out", out, "--layers",
                      "1,1,1,1,1,1,1,1", "--latent", 1, "--batch-size", 2,
                      "--device", "cpu", "--epochs", 1, "--json")
        lines = events(text)
        (warning,) = named(lines, "warning")
        self.assertIn("16402x16402", warning["text"])
        self.assertTrue(lines[-1]["complete"])
        self.assertEqual(self.progress(out)["steps"], 1)

    def test_images_that_cannot_be_drawn(self):
        data, out = self.path("pairs"), self.path("pairs-out")
        with open(data, "wb") as file:
            file.write(struct.pack(">5I", 0x00000804, 8, 2, 8, 8)
                       + bytes(8 * 2 * 64))
        text, _ = run("train", "--data", data, "--out", out, "--layers", "4,4",
                      "--latent", 2, "--batch-size", 8, "--device", "cpu",
                      "--epochs", 2, "--json")
        lines = events(text)
        (warning,) = named(lines, "warning")
        self.assertTrue(warning["text"].startswith(data + ": no pictures"))
        self.assertEqual([line["event"] for line in lines[:2]],
                         ["start", "warning"])
        self.assertTrue(lines[-1]["complete"])
        self.assertEqual(sorted(os.listdir(out)),
                         ["checkpoint.safetensors", "model.safetensors"])
        model = os.path.join(out, "model.safetensors")
        _, err = run("sample", "--model", model, "--out", self.path("x.png"),
                     code=1)
        self.assertIn("x.png: images of 2 channels cannot be drawn", err)

    def test_data_deleted_during_training(self):
        data = self.path("going")
        shutil.copytree(self.data, data)
        process = start("train", "--data", data, "--out", self.path("stays"),
                        *SMALL, "--json", "--epochs", 20)
        for line in process.stdout:
            if events(line)[0]["event"] == "start":
                break
        shutil.rmtree(data)
        text, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, err), (0, ""))
        lines = events(text)
        self.assertEqual(named(lines, "eval")[-1]["epoch"], 20)
        self.assertTrue(lines[-1]["complete"])

    def test_later_checkpoint_cannot_be_written(self):
        def directory_in_the_way(_, checkpoint):
            os.rename(checkpoint, checkpoint + ".before")
            os.mkdir(checkpoint)

        def full_disk(process, _):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2048, 2048))

        for name, happens, why in (
                ("in-the-way", directory_in_the_way, "Is a directory"),
                ("disk", full_disk, "File too large")):
            out = self.path("later-" + name)
            process = self.begin(out, step=1)
            # This is in the second epoch: the first one is saved.
            checkpoint = os.path.join(out, "checkpoint.safetensors")
            model = os.path.join(out, "model.safetensors")
            self.pause(process, checkpoint, model)
            happens(process, checkpoint)
            process.send_signal(signal.SIGCONT)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1, err)
            self.assertEqual(err.count("\n"), 1, err)
            said = f"vae: {checkpoint} cannot be written: {why}; saved is step "
            self.assertTrue(err.startswith(said), err)
            saved = int(err[len(said):].split(",")[0])
            whole = (checkpoint + ".before" if name == "in-the-way"
                     else checkpoint)
            text, _ = run("info", "--json", whole)
            self.assertEqual(events(text)[0]["steps"], saved)
            read_header(model)
            self.assertEqual([file for file in os.listdir(out)
                              if file.startswith(".vae-")], [])

    def test_files_are_written_before_evaluation_and_pictures(self):
        lines = self.train(self.path("order"), "--epochs", 1)
        self.assertEqual(
            [(line["event"], line.get("what")) for line in lines
             if line["event"] not in ("start", "step")],
            [("epoch", None), ("saved", "checkpoint"), ("saved", "model"),
             ("eval", None), ("saved", "samples"), ("saved", "reconstruction"),
             ("done", None)])

    def test_a_step_that_fails(self):
        out = self.path("diverged")
        _, err = run("train", "--data", self.data, "--out", out, *SMALL,
                     "--learning-rate", 1e29, "--epochs", 2, code=1)
        self.assertEqual(err.count("\n"), 1, err)
        steps = self.progress(out)["steps"]
        self.assertGreaterEqual(steps, 1)
        self.assertIn(f"all until step {steps} is saved, to resume: ", err)
        self.assertIn("--resume " + os.path.join(out, "checkpoint.safetensors"),
                      err)


if __name__ == "__main__":
    main()
