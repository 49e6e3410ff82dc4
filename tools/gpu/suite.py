"""One run of tools/gpu-suite: where things lie, how long each part may take,
and how a program runs with a log and a time limit. Also what the machine is."""

import os
import pathlib
import platform
import re
import subprocess
import threading
import time
from typing import NamedTuple

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Seconds. A part leaves its unused time to those behind it. Without the build,
# --quick takes eight minutes.
QUICK = dict(build=200, tests=60, sanitizer=40, training=30, bench=350)
LONG = dict(build=1800, tests=3600, sanitizer=1800, training=7200, bench=3600)
PARTS = tuple(QUICK)


class Ended(NamedTuple):
    code: int
    out: str  # standard output and errors
    seconds: float
    cut: bool  # it was ended at its time limit

    def last_line(self):
        return (self.out.strip().splitlines() or ["no output"])[-1].strip()


class Log:
    """A file that several programs write to, kept below its size."""

    def __init__(self, path, fresh=True):
        self._path, self._lock = path, threading.Lock()
        path.open("w" if fresh else "a").close()

    def write(self, text):
        with self._lock:
            with self._path.open("a", errors="replace") as file:
                file.write(text)
            report.trim(self._path)


class Suite:
    def __init__(self, options, parts):
        self.options, self.parts = options, parts
        self.device, self.quick = options.device, options.mode == "quick"
        self.folder = pathlib.Path(options.folder).resolve()
        self.pack = ROOT / "build/pack"  # of tools/pack-deps
        self.build = ROOT / ("build/gpu" if self.device == "cuda"
                             else "build/gpu-cpu")
        self.work = self.build / "gpu-suite"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = Log(self.folder / "suite.log", set(parts) == set(PARTS))
        self._running, self._stopped = set(), False
        self._began = time.monotonic()
        shares = QUICK if self.quick else LONG
        planned = sum(shares[part] for part in parts)
        self._total = options.limit or planned
        self._shares = {part: shares[part] * self._total / planned
                        for part in parts}

    def left(self, part):
        """Seconds that a part may still take: all but the others' shares."""
        behind = self.parts[self.parts.index(part) + 1:]
        kept = sum(self._shares[name] for name in behind)
        return max(1.0, self._total - kept - (time.monotonic() - self._began))

    def say(self, text):
        print(text, flush=True)
        self.log.write(text + "\n")

    def run(self, command, limit, log=None, env=None, show=False):
        """Runs a program to its end or its limit; with `show`, also prints its
        lines."""
        log, began, lines = log or self.log, time.monotonic(), []
        if self._stopped:
            return Ended(130, "", 0.0, True)
        # timeout ends the program and all that it has started.
        command = ["timeout", "--kill-after=5", limit, *command]
        log.write(f"\n$ {' '.join(map(str, command[3:]))}\n")
        with subprocess.Popen(
                list(map(str, command)), cwd=ROOT, start_new_session=True,
                env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace") as process:
            self._running.add(process)
            for line in process.stdout:
                log.write(line)
                lines.append(line)
                if show:
                    print("   ", line, end="", flush=True)
        self._running.discard(process)
        seconds = round(time.monotonic() - began, 1)
        cut = process.returncode in (124, 137) and seconds >= int(limit)
        what = "cut at its time limit" if cut else f"exit {process.returncode}"
        log.write(f"[{what}, {seconds} s]\n")
        return Ended(process.returncode, "".join(lines), seconds, cut)

    def stop(self):
        """Ends every program that still runs; no other begins."""
        self._stopped = True
        for process in list(self._running):
            process.terminate()


def first_existing(folders, name):
    """The first of the folders that holds a file of this name, or None."""
    return next((pathlib.Path(folder) for folder in folders
                 if folder and (pathlib.Path(folder) / name).exists()), None)


def libtorch(device):
    """The folder of the LibTorch to build with, or None."""
    if os.environ.get("LIBTORCH_DIR"):
        return pathlib.Path(os.environ["LIBTORCH_DIR"]).resolve()
    # Where Python would import it from; it is not imported.
    find = ("import importlib.util as u; s = u.find_spec('torch'); "
            "print(s.submodule_search_locations[0] if s else '')")
    flavours = ("cuda",) if device == "cuda" else ("cpu", "cuda")
    return first_existing(
        [*(output(python, "-c", find)
           for python in ("python3", "/usr/bin/python3")),
         *(ROOT / f"build/deps/libtorch-2.11.0-{flavour}/torch"
           for flavour in flavours)], "lib/libtorch_cpu.so")


def mnist(suite):
    """The folder of MNIST's files, or None."""
    places = (os.environ.get("VAE_MNIST_DIR"), suite.pack / "data/mnist",
              ROOT / "data/mnist")
    name = "train-images-idx3-ubyte"
    return first_existing(places, name) or first_existing(places, name + ".gz")


# ---- The machine: nothing that only its owner should know


def output(*command):
    """What a program prints; None if it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True,
                              text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def found(pattern, text):
    match = re.search(pattern, text or "")
    return match and match[1]


def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def gpu():
    """What the driver says of the first GPU; empty without one."""
    fields = {"gpu": "name", "gpu_memory": "memory.total",
              "compute_capability": "compute_cap",
              "gpu_clock_at_most": "clocks.max.sm",
              "gpu_memory_clock_at_most": "clocks.max.memory",
              "gpu_power_limit": "power.limit", "driver": "driver_version"}
    text = output("nvidia-smi", "--query-gpu=" + ",".join(fields.values()),
                  "--format=csv,noheader")
    lines = (text or "").splitlines()
    return {"gpus": len(lines), **dict(zip(fields, map(
        str.strip, lines[0].split(","))))} if lines else {}


def libtorch_version(folder):
    text = read(folder / "include/torch/headeronly/version.h") if folder else ""
    return ".".join(re.findall(
        r"#define TORCH_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text)) or None


def commit():
    """The commit, and whether the files differ from it; None if unknown."""
    if os.environ.get("VAE_COMMIT"):
        return os.environ["VAE_COMMIT"]
    name = output("git", "rev-parse", "HEAD")
    return name and name + (
        " and changes" if output("git", "status", "-s") else "")


def facts(device):
    memory = found(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))
    nvccs = (os.environ.get("CUDACXX"), "nvcc", "/usr/local/cuda/bin/nvcc")
    releases = (found(r"release ([0-9.]+)", output(nvcc, "--version"))
                for nvcc in nvccs if nvcc)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "libvae": found(r"VERSION ([0-9.]+) LANGUAGES",
                        read(ROOT / "CMakeLists.txt")),
        "commit": commit(), "gpu": "none", **gpu(),
        "nvcc": next(filter(None, releases), None),
        "libtorch": libtorch_version(libtorch(device)),
        "cpu": found(r"model name\s*: (.*)", read("/proc/cpuinfo")),
        "cpu_cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory) / 2**20) if memory else None,
        "system": found(r'PRETTY_NAME="(.*)"', read("/etc/os-release")),
        "kernel": platform.release(),
        "compiler": found(r"(.*)", output("c++", "--version")),
        "python": platform.python_version(),
    }
