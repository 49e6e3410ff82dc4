"""Existing files, and two commands that write at the same time."""

import errno
import os
import shutil
import subprocess
import unittest

from support import (ModelTest, SMALL, VAE, events, main, named, read_bytes,
                     read_npy, run, start)

NO_LOCKS = os.environ.get("VAE_NO_LOCKS")


class FilesTest(ModelTest):
    def encode(self, out, *arguments, code=0):
        return run("encode", "--model", self.model, "--data", self.data,
                   "--out", out, *arguments, code=code)

    def test_any_file_of_a_run_is_kept(self):
        for name in ("model.safetensors", "sample_3.png", "reconstruction.png"):
            folder = self.path("of-" + name)
            os.mkdir(folder)
            with open(os.path.join(folder, name), "w") as file:
                file.write("mine")
            _, err = run("train", "--data", self.data, "--out", folder, *SMALL,
                         code=1)
            self.assertIn(os.path.join(folder, name), err)
            self.assertIn("--force", err)
            self.assertEqual(os.listdir(folder), [name])
            self.train(folder, "--max-steps", 1, "--force")

    def test_two_runs_into_one_folder(self):
        out = self.path("two")
        first = start("train", "--data", self.data, "--out", out, *SMALL,
                      "--epochs", 100000, "--json")
        for line in first.stdout:
            if events(line)[0]["event"] == "step":
                break
        _, err = run("train", "--data", self.data, "--out", out, *SMALL,
                     "--force", code=1)
        self.assertIn(out + ": another run is writing into it", err)
        first.kill()  # releases the lock
        first.communicate()
        self.train(out, "--max-steps", 1, "--force")

    @unittest.skipUnless(NO_LOCKS, "needs the library that refuses locks")
    def test_file_system_without_locks(self):
        for error in (errno.ENOLCK, errno.EOPNOTSUPP):
            out = self.path(f"no-locks-{error}")
            text, _ = run("train", "--data", self.data, "--out", out, *SMALL,
                          "--max-steps", 1, "--json",
                          env={**os.environ, "LD_PRELOAD": NO_LOCKS,
                               "NO_LOCKS": str(error)})
            (warning,) = named(events(text), "warning")
            self.assertEqual(
                warning["text"], f"{out} cannot be locked against other runs: "
                + os.strerror(error))
            read_bytes(os.path.join(out, "model.safetensors"))

    def run_with_mount(self, target, *arguments):
        """Runs the command with `target` as a mount point; its error."""
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c",
             'mount --bind "$1" "$1" || exit 99; shift; exec "$@"', "sh",
             target, VAE, *map(str, arguments)],
            capture_output=True, text=True, timeout=120)
        if done.returncode == 99 or done.stderr.startswith("unshare:"):
            self.skipTest("may not mount: " + done.stderr)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    @unittest.skipUnless(shutil.which("unshare"), "needs unshare")
    def test_file_that_is_mounted_by_itself(self):
        mounted = self.path("mounted.npy")
        with open(mounted, "w") as file:
            file.write("mine")
        said = " cannot be written: it is a mount point; mount its folder"
        nowhere = self.path("nowhere")  # the error comes before data are read
        self.assertIn(mounted + said, self.run_with_mount(
            mounted, "encode", "--model", nowhere, "--data", nowhere, "--out",
            mounted))
        self.assertIn(mounted + said, self.run_with_mount(
            mounted, "sample", "--model", nowhere, "--out", mounted))
        self.assertEqual(read_bytes(mounted), b"mine")
        checkpoint = os.path.join(self.out, "checkpoint.safetensors")
        self.assertIn(checkpoint + said, self.run_with_mount(
            checkpoint, "train", "--data", self.data, "--out", self.out,
            *SMALL, "--force"))

    def test_encode_keeps_the_files_of_others(self):
        out = self.path("codes.npy")
        with open(out + ".part", "w") as file:
            file.write("mine")
        self.encode(out)
        self.assertEqual(read_bytes(out + ".part"), b"mine")

    def test_two_encodes_into_one_file(self):
        out = self.path("both.npy")
        both = [start("encode", "--model", self.model, "--data", self.data,
                      "--out", out, "--set", name)
                for name in ("train", "test")]
        for process in both:
            _, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        alone = [self.path("train.npy"), self.path("test.npy")]
        for path in alone:
            self.encode(path, "--set", os.path.basename(path)[:-4])
        self.assertIn(read_bytes(out), [read_bytes(path) for path in alone])

    def test_encode_follows_links_and_refuses_the_rest(self):
        real, link = self.path("real.npy"), self.path("link.npy")
        os.symlink("real.npy", link)
        self.encode(link)
        self.assertTrue(os.path.islink(link))
        read_npy(real)
        os.chmod(real, 0o640)
        self.encode(link)
        self.assertEqual(os.stat(real).st_mode & 0o777, 0o640)
        fifo = self.path("fifo.npy")
        os.mkfifo(fifo)
        for target, kind in ((fifo, "pipe"), ("/dev/null", "device")):
            _, err = self.encode(target, code=1)
            self.assertIn(f"{target} cannot be written: it is a {kind}", err)
        _, err = self.encode(real, "--logvar", link, code=1)
        self.assertIn("both --out and --logvar", err)
        self.assertEqual([name for name in os.listdir(self.folder)
                          if name.startswith(".vae-")], [])


if __name__ == "__main__":
    main()
