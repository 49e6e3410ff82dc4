"""What the tests of bench/run share: a folder with a program that stands for
vae_bench and all peers, and what a run leaves there. Judges no row. Standard
library only.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ANSWER = {"peak_rss_bytes": 3 << 20, "flop": 1e9}


def told(what):
    """As fake.py wants it: a number is the time of a step in microseconds, a
    dict more of the answer, a text a behaviour, a list one for each process."""
    if isinstance(what, list):
        return [told(one) for one in what]
    if isinstance(what, str):
        return what
    more = what if isinstance(what, dict) else {"us_per_step": what}
    return json.dumps({**ANSWER, **more})


class Fakes:
    def __init__(self, run, rules):
        self.run, self.folder = run, tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.program = self.path / "fake"
        rules = [[words, told(what)] for words, what in rules]
        text = (HERE / "fake.py").read_text().replace(
            "RULES = None", f"RULES = {rules!r}")
        # -S: it starts in half the time.
        self.program.write_text(f"#!{sys.executable} -IS\n{text}")
        self.program.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def command(self, *words):
        # -S: nothing but the standard library is there.
        return [sys.executable, "-BS", self.run, "--bench", str(self.program),
                "--python", str(self.program), "--passes", "1",
                "--rounds", "1", "--rest", "0", "--timeout", "20",
                "--json", str(self.path / "brief.json"),
                "--details", str(self.path / "details.json"),
                "--markdown", str(self.path / "table.md"), *words]

    def call(self, *words):
        return subprocess.run(self.command(*words), capture_output=True,
                              text=True, timeout=100)

    def brief(self):
        found = json.loads((self.path / "brief.json").read_text())
        return {row["name"]: row for row in found}

    def details(self):
        return json.loads((self.path / "details.json").read_text())

    def rows(self):
        return {row["name"]: row for row in self.details()["rows"]}

    def left_over(self):
        """Processes of it that are still there."""
        numbers = [p.name[4:] for p in self.path.glob("pid-*")]
        return [n for n in numbers if b"fake" in command_of(n)]


def command_of(process):
    try:
        return pathlib.Path("/proc", process, "cmdline").read_bytes()
    except OSError:
        return b""  # it has ended


class FakeRuns(unittest.TestCase):
    """Tests that run bench/run, `script`, with fakes."""

    script = None

    def run_with(self, rules, *words, status=0):
        """(what it printed, rows by name, those of --json by name)"""
        with Fakes(self.script, rules) as fakes:
            done = fakes.call(*words)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertEqual((fakes.path / "table.md").read_text(),
                             done.stdout)
            self.assertEqual(fakes.left_over(), [])
            self.stderr, self.details = done.stderr, fakes.details()
            return done.stdout, fakes.rows(), fakes.brief()
