#!/usr/bin/env python3
"""Times every kernel of libvae's training step on a GPU, by name.

    bench/kernels.py --library build/cuda/lib/libvae.so --precision bf16

libvae.so is loaded into this process, through vae.h, beside PyTorch: PyTorch's
profiler sees every kernel of the process, those of CUDA graphs too. No network
of PyTorch runs, and nothing is compared. Needs PyTorch with CUDA and numpy.
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import re
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402
from common import Skip  # noqa: E402

BATCHES, ROUNDS = 64, 5  # batches of an epoch, which is a round
LONGEST_NAME, LEAST_US = 90, 1.0
# The categories of a trace's events that occupy the GPU.
ON_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
UINT8 = 1  # VAE_UINT8

# ---- Names and tables: no GPU is needed


def short(name):
    """A kernel's name without return type, namespaces and arguments."""
    name = re.sub(r"\(anonymous namespace\)(::)?", "", name)
    name = name.removeprefix("void ")
    depth = 0
    for place, letter in enumerate(name):
        # The first parenthesis outside of template arguments.
        if letter == "(" and depth == 0 and place > 0:
            name = name[:place]
            break
        depth += (letter == "<") - (letter == ">")
    name = re.sub(r"\b(?:[A-Za-z_]\w*::)+", "", name)
    name = re.sub(r"\s+>", ">", name).strip()
    return (name if len(name) <= LONGEST_NAME
            else name[: LONGEST_NAME - 1] + "…")


def kernels_of(events, steps):
    """Events of a trace as rows {us, starts, kernel}, each by one step; the
    longest first."""
    sums = {}
    for event in events:
        if event.get("ph") == "X" and event.get("cat") in ON_GPU:
            lasted, starts = sums.get(event["name"], (0, 0))
            sums[event["name"]] = (lasted + event["dur"], starts + 1)
    rows = [{"us": lasted / steps, "starts": starts / steps,
             "kernel": short(name)} for name, (lasted, starts) in sums.items()]
    return sorted(rows, key=lambda row: -row["us"])


def lines(kernels):
    """The table as Markdown; kernels shorter than LEAST_US share a row."""
    few = [row for row in kernels if row["us"] < LEAST_US]
    rows = [(row["us"], row["starts"], f"`{row['kernel']}`")
            for row in kernels if row["us"] >= LEAST_US]
    for group, what in ((few, f"{len(few)} more, each below {LEAST_US:g} us"),
                        (kernels, "sum")):
        if group:
            rows.append((sum(row["us"] for row in group),
                         sum(row["starts"] for row in group), what))
    return ["| us | starts | kernel |", "| ---: | ---: | --- |",
            *(f"| {us:.2f} | {starts:.1f} | {what} |"
              for us, starts, what in rows)]


def title(result):
    return (f"{result['engine']}, {result['precision']}, batch "
            f"{result['batch']}: {result['us_per_step']:.1f} us a step")


# ---- libvae through vae.h


class Library:
    """libvae.so; a call that fails raises Skip with the library's text."""

    def __init__(self, path):
        try:
            self._functions = ctypes.CDLL(os.fspath(path))
        except OSError as why:
            raise Skip(f"{path} cannot be loaded: {why}") from why
        self._functions.vae_last_error.restype = ctypes.c_char_p
        self._functions.vae_abi_version.restype = ctypes.c_uint32
        self._layout = {}  # {"struct.field": (offset, size)}
        for line in self.text("vae_layout").splitlines():
            name, first, size = line.split()
            self._layout[name] = (int(first), int(size))

    def call(self, name, *arguments):
        if getattr(self._functions, name)(*arguments) != 0:
            raise Skip(self._functions.vae_last_error().decode())

    def text(self, name, *arguments):
        """Both calls of the pattern (text, capacity, needed)."""
        needed = ctypes.c_uint64()
        getattr(self._functions, name)(
            *arguments, None, ctypes.c_uint64(0), ctypes.byref(needed))
        text = ctypes.create_string_buffer(needed.value + 1)
        self.call(name, *arguments, text, ctypes.c_uint64(len(text)),
                  ctypes.byref(needed))
        return text.value.decode()

    def struct(self, name, *arguments, **fields):
        """A struct with its defaults but for `fields`."""
        size, _ = self._layout[name]  # and its alignment
        made = (ctypes.c_uint64 * (size // 8))()
        self.call(name + "_init", made, ctypes.c_uint32(size), *arguments)
        for field, value in fields.items():
            first, size = self._layout[f"{name}.{field}"]
            ctypes.memmove(ctypes.addressof(made) + first,
                           value.to_bytes(size, sys.byteorder), size)
        return made

    def trainer(self, fields):
        abi = ctypes.c_uint32(self._functions.vae_abi_version())
        config = self.struct("vae_config", abi)
        self.call("vae_config_from_json", config, json.dumps(fields).encode())
        made = ctypes.c_void_p()
        self.call("vae_create", config, ctypes.byref(made))
        return made

    def dataset(self, pixels):
        """`pixels`: the bytes of whole images, which are copied."""
        data = (ctypes.c_uint8 * len(pixels)).from_buffer_copy(pixels)
        rows = self.struct(
            "vae_batch", dtype=UINT8, data=ctypes.addressof(data),
            bytes=len(pixels), count=len(pixels) // math.prod(common.SHAPE))
        made = ctypes.c_void_p()
        self.call("vae_dataset_from_memory", rows,
                  (ctypes.c_uint32 * 3)(*common.SHAPE), ctypes.byref(made))
        return made

    def train_epoch(self, trainer, dataset):
        """Steps done; they are over when it returns."""
        metrics = self.struct("vae_metrics")
        self.call("vae_train_epoch", trainer, dataset, self.struct("vae_run"),
                  metrics)
        first, size = self._layout["vae_metrics.steps"]
        return int.from_bytes(bytes(metrics)[first:first + size],
                              sys.byteorder)

    def destroy(self, trainer, dataset):
        self._functions.vae_destroy(trainer)
        self._functions.vae_dataset_destroy(dataset)


# ---- Measuring


def traced(torch, work):
    """The events of a trace of `work`."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "trace.json")
        with torch.profiler.profile(
                activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            work()
            torch.cuda.synchronize()
        profile.export_chrome_trace(str(file))
        return json.loads(file.read_text(errors="replace"))["traceEvents"]


def measure(options):
    common.need("numpy", "numpy")  # makes the images
    torch = common.need_torch("cuda")
    library = Library(options.library)
    ours = json.loads(library.text("vae_build_info"))["libtorch"]
    number = torch.__version__.partition("+")[0]
    if ours["built_against"] != number:  # two cannot share a process
        raise Skip(f"libvae is built against LibTorch {ours['built_against']}, "
                   f"and this Python has PyTorch {number}; both must be the "
                   "same")
    trainer = library.trainer({
        "device": "cuda", "precision": options.precision,
        "engine": options.engine, "max_batch": options.batch})
    dataset = library.dataset(
        common.noise(options.batch * BATCHES,
                     math.prod(common.SHAPE)).tobytes())

    def epoch(_=BATCHES):
        steps = library.train_epoch(trainer, dataset)
        if steps != BATCHES:
            raise Skip(f"an epoch of {BATCHES} batches had {steps} steps")

    for _ in range(2):
        epoch()  # kernels are chosen and graphs recorded
    lasted = [common.seconds_of(epoch, BATCHES) for _ in range(ROUNDS)]
    kernels = kernels_of(traced(torch, epoch), BATCHES)
    if not kernels:
        raise Skip("PyTorch's profiler saw no kernel")
    diagnosis = json.loads(library.text("vae_diagnose", trainer))
    library.destroy(trainer, dataset)
    return {"program": "kernels", "device_name": torch.cuda.get_device_name(),
            "torch": torch.__version__, "precision": options.precision,
            "batch": options.batch, "engine": diagnosis["engine"],
            "graph": diagnosis.get("graph", {}).get("training", {}).get("used"),
            "us_per_step": 1e6 * statistics.median(lasted) / BATCHES,
            "kernels": kernels}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=pathlib.Path, required=True,
                        help="libvae.so of the flavour cuda")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"],
                        default="bf16")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--engine", choices=["auto", "blocks", "fused"],
                        default="auto")
    parser.add_argument("--json", action="store_true",
                        help="print JSON on one line instead of the table")
    options = parser.parse_args()
    try:
        result = measure(options)
    except Skip as why:
        sys.exit(f"kernels.py: {why}")
    print(json.dumps(result) if options.json else
          "\n".join([title(result), "", *lines(result["kernels"])]))


if __name__ == "__main__":
    main()
