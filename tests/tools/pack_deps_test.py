"""tools/pack-deps: what a build needs is there, without links and without this
system's paths; a folder of something else is left alone."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pack(folder):
    return subprocess.run([ROOT / "tools/pack-deps", folder], text=True,
                          env={**os.environ, "VAE_MNIST_DIR": "/nowhere"},
                          capture_output=True)


class PackTest(unittest.TestCase):
    def setUp(self):
        self.made = tempfile.TemporaryDirectory()
        self.addCleanup(self.made.cleanup)
        self.folder = pathlib.Path(self.made.name) / "pack"

    def test_packs_twice_the_same(self):
        contents = []
        for _ in range(2):
            done = pack(self.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            contents.append((self.folder / "contents.txt").read_text())
        self.assertEqual(*contents)
        for name in ("include/doctest/doctest.h", "include/CLI/CLI.hpp",
                     "include/gsl/gsl", "include/nlohmann/json.hpp",
                     "include/png.h", "include/zlib.h", "include/zconf.h",
                     "lib/libpng.so", "lib/libz.so", "lib/libz.so.1",
                     "licences/doctest-dev.txt"):  # fmt: skip
            self.assertTrue((self.folder / name).is_file(), name)
            self.assertIn(" " + name + "\n", contents[0])
        for name in ("doctest", "Microsoft.GSL", "nlohmann_json", "CLI11"):
            config = self.folder / f"lib/cmake/{name}/{name}Config.cmake"
            self.assertNotIn("/usr", config.read_text())
        self.assertFalse([p for p in self.folder.rglob("*") if p.is_symlink()])
        self.assertFalse(self.folder.with_name("pack.partial").exists())

    def test_leaves_other_folders_alone(self):
        self.folder.mkdir()
        (self.folder / "mine").write_text("mine")
        done = pack(self.folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("holds something else", done.stderr)
        self.assertEqual((self.folder / "mine").read_text(), "mine")


if __name__ == "__main__":
    if not shutil.which("dpkg-query"):
        print("skipped: no dpkg, from whose packages it copies")
        sys.exit(77)
    unittest.main()
