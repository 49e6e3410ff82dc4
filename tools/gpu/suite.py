"""One run of tools/gpu-suite: where things lie, how long each part may take,
and running a program with a log and a time limit."""

import os
import pathlib
import signal
import subprocess
import threading
import time
from typing import NamedTuple

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("build", "tests", "sanitizer", "training", "bench")

# Seconds. What a part leaves over goes to those behind it. Without the build,
# --quick takes eight minutes.
QUICK = dict(build=200, tests=60, sanitizer=40, training=30, bench=350)
LONG = dict(build=1800, tests=3600, sanitizer=1800, training=7200, bench=3600)


class Ended(NamedTuple):
    code: int
    out: str  # standard output; with the errors in it, unless kept apart
    seconds: float
    cut: bool  # it was ended at its time limit

    def last_line(self):
        lines = [line for line in self.out.splitlines() if line.strip()]
        return lines[-1].strip() if lines else "no output"


class Log:
    """A file that several programs write to, kept below its size."""

    def __init__(self, path, fresh):
        self._path, self._lock = path, threading.Lock()
        with path.open("w" if fresh else "a"):
            pass

    def write(self, text):
        with self._lock, self._path.open("a", errors="replace") as file:
            file.write(text)
            size = file.tell()
        if size > report.MOST_BYTES:
            with self._lock:
                report.trim(self._path)


class Suite:
    def __init__(self, options, parts):
        self.options, self.parts = options, parts
        self.device, self.quick = options.device, options.mode == "quick"
        self.folder = pathlib.Path(options.folder).resolve()
        self.build = pathlib.Path(options.build).resolve()
        self.pack = pathlib.Path(options.pack).resolve()
        self.work = self.build / "gpu-suite"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)
        fresh = set(parts) == set(PARTS)
        self.log = Log(self.folder / "suite.log", fresh)
        self._running, self._lock = set(), threading.RLock()
        self._stopped = False
        self._began = time.monotonic()
        shares = QUICK if self.quick else LONG
        total = options.limit or sum(shares[part] for part in parts)
        scale = total / sum(shares[part] for part in parts)
        self._shares = {part: shares[part] * scale for part in parts}
        self._total = total

    def left(self, part):
        """Seconds that a part may still take: all but the others' shares."""
        behind = self.parts[self.parts.index(part) + 1 :]
        kept = sum(self._shares[name] for name in behind)
        return max(1.0, self._total - kept - (time.monotonic() - self._began))

    def say(self, text):
        print(text, flush=True)
        self.log.write(text + "\n")

    def run(self, command, limit, log=None, env=None, apart=False, show=False):
        """Runs a program to its end or its limit. With `apart`, standard error
        goes into the log alone; with `show`, lines are printed as well."""
        log, began = log or self.log, time.monotonic()
        if self._stopped:
            return Ended(130, "", 0.0, True)
        command = [str(word) for word in command]
        log.write(f"\n$ {' '.join(command)}\n")
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if apart else subprocess.STDOUT,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            log.write(f"{error}\n")
            return Ended(127, str(error), 0.0, False)
        with self._lock:
            self._running.add(process)
        lines = []

        def follow(stream, kept):
            with stream:
                for line in stream:
                    log.write(line)
                    if kept is not None:
                        kept.append(line)
                    if show:
                        print("   ", line, end="", flush=True)

        streams = [(process.stdout, lines)]
        if apart:
            streams.append((process.stderr, None))
        readers = [threading.Thread(target=follow, args=s) for s in streams]
        for reader in readers:
            reader.start()
        cut = False
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            cut = True
        finally:
            end(process)
            with self._lock:
                self._running.discard(process)
        for reader in readers:
            reader.join(10)
        seconds = round(time.monotonic() - began, 1)
        what = "cut at its time limit" if cut else f"exit {process.returncode}"
        log.write(f"[{what}, {seconds} s]\n")
        return Ended(process.returncode, "".join(lines), seconds, cut)

    def stop(self):
        """Ends every program that still runs; no other begins."""
        self._stopped = True
        with self._lock:
            running = list(self._running)
        for process in running:
            end(process)


def end(process):
    """Ends a program and all that it has started."""
    for number, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 30)):
        if process.poll() is not None and number == signal.SIGTERM:
            # It ended by itself; what it left behind goes as well.
            seconds = 0
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
        try:
            process.wait(seconds or 1)
        except subprocess.TimeoutExpired:
            continue


def libtorch(options):
    """The folder of the LibTorch to build with, or None."""
    if options.libtorch:
        return pathlib.Path(options.libtorch).resolve()
    if os.environ.get("LIBTORCH_DIR"):
        return pathlib.Path(os.environ["LIBTORCH_DIR"]).resolve()
    # Where Python would import it from; it is not imported.
    find = (
        "import importlib.util as u; s = u.find_spec('torch'); "
        "print(s.submodule_search_locations[0] if s else '')"
    )
    for python in ("python3", "/usr/bin/python3"):
        try:
            found = subprocess.run(
                [python, "-c", find], capture_output=True, text=True, timeout=60
            ).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found and (pathlib.Path(found) / "lib/libtorch_cpu.so").exists():
            return pathlib.Path(found)
    flavours = ("cuda",) if options.device == "cuda" else ("cpu", "cuda")
    for flavour in flavours:
        folder = ROOT / f"build/deps/libtorch-2.11.0-{flavour}/torch"
        if (folder / "lib/libtorch_cpu.so").exists():
            return folder
    return None


def mnist(suite):
    """The folder of MNIST's files, or None."""
    places = (os.environ.get("VAE_MNIST_DIR"), suite.pack / "data/mnist",
              ROOT / "data/mnist")  # fmt: skip
    for place in places:
        name = "train-images-idx3-ubyte"
        for file in (name, name + ".gz"):
            if place and (pathlib.Path(place) / file).exists():
                return pathlib.Path(place)
    return None
