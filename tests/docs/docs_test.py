"""The documentation's examples, checked: code is compiled and run, commands are
run, links lead somewhere. Knows nothing of how the pages look.

    docs_test.py VAE DATA PROGRAM...

- A block of code is a file of docs/examples, examples, bindings or tests/hosts, or
  a run of its lines. The programs in docs/examples are PROGRAM...: each must
  succeed; the others are run by tests/hosts.
- docs/functions.md names every C function in every language.
- In a block of sh, the lines that begin with `vae ` are run, page by page, in a
  folder with data/mnist (real images, few) and photos (PNG files). `vae train`
  is ended after a few steps.
- A block of JSON is JSON.
"""

import gzip
import json
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cli"))
from support import png_bytes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
VAE, DATA, *PROGRAMS = (os.path.abspath(path) for path in sys.argv[1:])
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md",
                                  "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
EXAMPLES = sorted((ROOT / "docs" / "examples").iterdir())
# Code that may be shown, by the language of the block.
SHOWN = {"c": ".c", "cpp": ".cpp", "python": ".py", "rust": ".rs",
         "csharp": ".cs", "toml": ".toml"}
ELSEWHERE = ("examples", "bindings", "tests/hosts")
FEW = {"train": 128, "t10k": 32}
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(page, *languages):
    text = page.read_text(encoding="utf-8")
    return [body for language, body in BLOCK.findall(text)
            if language in languages]


def write_few_images(folder):
    folder.mkdir(parents=True)
    for name, count in FEW.items():
        images = f"{name}-images-idx3-ubyte"
        with gzip.open(os.path.join(DATA, images + ".gz")) as file:
            magic, _, rows, columns = struct.unpack(">IIII", file.read(16))
            pixels = file.read(count * rows * columns)
        head = struct.pack(">IIII", magic, count, rows, columns)
        (folder / images).write_bytes(head + pixels)
        labels = f"{name}-labels-idx1-ubyte"
        with gzip.open(os.path.join(DATA, labels + ".gz")) as file:
            magic, _ = struct.unpack(">II", file.read(8))
            (folder / labels).write_bytes(
                struct.pack(">II", magic, count) + file.read(count))


def write_photos(folder):
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        for i in range(40):
            rows = bytes((x * i + y + 50 * i) % 256
                         for y in range(20) for x in range(24 * 3))
            (folder / part / f"{i}.png").write_bytes(
                png_bytes(24, 20, 3, rows))


def commands(block):
    """The lines of a block that call vae, as arguments."""
    for line in block.replace("\\\n", " ").splitlines():
        if line.startswith("vae "):
            yield shlex.split(line, comments=True)[1:]


class DocsTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="vae-docs-")
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)

    def run_here(self, *arguments):
        # One thread: tests run in parallel, and the work is small.
        done = subprocess.run(arguments, cwd=self.folder, text=True,
                              timeout=200,
                              env={**os.environ, "OMP_NUM_THREADS": "1"},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0,
                         f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_code_blocks_are_the_example_files(self):
        files = EXAMPLES + [path for folder in ELSEWHERE
                            for path in (ROOT / folder).rglob("*.*")]
        for language, suffix in SHOWN.items():
            texts = [path.read_text(encoding="utf-8") for path in files
                     if path.suffix == suffix]
            count = 0
            for page in PAGES:
                for block in blocks(page, language):
                    count += 1
                    self.assertTrue(
                        any(("\n" + block) in ("\n" + text)
                            for text in texts),
                        f"{page.name}: in no example:\n{block}")
            self.assertGreater(count, 0, language)

    def test_functions_have_names_in_every_language(self):
        self.run_here(sys.executable, "-B",
                      str(ROOT / "tools" / "function-table"), "--check")

    def test_the_readme_shows_a_whole_program(self):
        program = (ROOT / "docs/examples/readme.c").read_text()
        self.assertIn(program, blocks(ROOT / "README.md", "c"))
        lines = [line for line in program.splitlines() if line]
        self.assertEqual(len(lines), 25)

    def test_programs_run(self):
        write_few_images(self.folder / "data" / "mnist")
        for program in PROGRAMS:
            self.assertNotEqual(self.run_here(program), "", program)
        for made in ("samples.png", "model.safetensors", "discs.safetensors",
                     "checkpoint.safetensors", "stripes.png"):
            self.assertGreater((self.folder / made).stat().st_size, 100)
        compiled = {pathlib.Path(path).name for path in PROGRAMS}
        for path in EXAMPLES:
            if path.suffix in (".c", ".cpp"):
                name = f"docs_{path.stem}" + ("_cpp" * (path.suffix == ".cpp"))
                self.assertIn(name, compiled, f"{path.name} is not run")

    def test_python_is_python(self):
        for path in EXAMPLES:
            if path.suffix == ".py":
                compile(path.read_text(encoding="utf-8"), path.name, "exec")

    def test_commands_run(self):
        write_few_images(self.folder / "data" / "mnist")
        write_photos(self.folder / "photos")
        count = 0
        for page in PAGES:
            for block in blocks(page, "sh"):
                for arguments in commands(block):
                    if arguments[0] == "train" and "--help" not in arguments:
                        arguments += ["--max-steps", "2"]
                        arguments += ["--force"] * ("--force" not in arguments)
                    self.run_here(VAE, *arguments)
                    count += 1
        self.assertGreater(count, 10)

    def test_json_is_json(self):
        for page in PAGES:
            for block in blocks(page, "json"):
                json.loads(block)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in LINK.findall(page.read_text(encoding="utf-8")):
                if ":" not in target:
                    self.assertTrue((page.parent / target).exists(),
                                    f"{page.name}: no {target}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
