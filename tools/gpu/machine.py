"""What a result has to name: the machine, versions, the date and the commit.
Says nothing that only the owner of the machine should know."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

from suite import ROOT


def output(*command):
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def gpu():
    """Name, driver and so on of the first GPU; empty without one."""
    fields = ("name", "driver_version", "memory.total", "compute_cap",
              "clocks.max.sm", "clocks.max.memory", "power.limit")  # fmt: skip
    text = output("nvidia-smi", "--query-gpu=" + ",".join(fields),
                  "--format=csv,noheader")  # fmt: skip
    if not text:
        return {}
    lines = text.splitlines()
    values = [value.strip() for value in lines[0].split(",")]
    return {"gpus": len(lines), **dict(zip(fields, values))}


def found(pattern, text):
    match = re.search(pattern, text or "")
    return match.group(1) if match else None


def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def libtorch_version(folder):
    if folder is None:
        return None
    for name in ("headeronly/version.h", "csrc/api/include/torch/version.h"):
        text = read(folder / "include/torch" / name)
        number = found(r'#define TORCH_VERSION "?([0-9][^"\s]*)', text)
        if number:
            return number
        three = [found(rf"#define TORCH_VERSION_{part} (\d+)", text)
                 for part in ("MAJOR", "MINOR", "PATCH")]  # fmt: skip
        if all(three):
            return ".".join(three)
    return None


def nvcc_release():
    release = None
    for nvcc in (os.environ.get("CUDACXX"), "nvcc", "/usr/local/cuda/bin/nvcc"):
        release = release or found(
            r"release ([0-9.]+)", nvcc and output(nvcc, "--version")
        )
    return release


def commit():
    """The commit, and whether the files differ from it; None if unknown."""
    given = os.environ.get("VAE_COMMIT")
    if given:
        return given
    name = output("git", "rev-parse", "HEAD")
    if name is None:
        return None
    return name + (" and changes" if output("git", "status", "-s") else "")


def facts(libtorch):
    graphics = gpu()
    memory = found(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))
    now = datetime.datetime.now(datetime.timezone.utc)
    compiler = output("c++", "--version")
    return {
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "libvae": found(r"VERSION ([0-9.]+) LANGUAGES",
                        read(ROOT / "CMakeLists.txt")),
        "commit": commit(),
        "gpu": graphics.get("name", "none"),
        "gpus": graphics.get("gpus", 0),
        "gpu_memory": graphics.get("memory.total"),
        "compute_capability": graphics.get("compute_cap"),
        "gpu_clock_at_most": graphics.get("clocks.max.sm"),
        "gpu_memory_clock_at_most": graphics.get("clocks.max.memory"),
        "gpu_power_limit": graphics.get("power.limit"),
        "driver": graphics.get("driver_version"),
        "nvcc": nvcc_release(),
        "libtorch": libtorch_version(libtorch),
        "cpu": found(r"model name\s*: (.*)", read("/proc/cpuinfo")),
        "cpu_cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory) / 2**20) if memory else None,
        "system": found(r'PRETTY_NAME="(.*)"', read("/etc/os-release")),
        "kernel": platform.release(),
        "compiler": compiler.splitlines()[0] if compiler else None,
        "python": platform.python_version(),
    }  # fmt: skip
