"""What every peer shares: the data and the clock, by the rules of
bench/vae_bench.cpp. Knows no network and imports no framework
by itself."""

import contextlib
import functools
import importlib
import json
import math
import os
import resource
import statistics
import sys
import time

LATENT, SHAPE = 32, (1, 28, 28)
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
MOST_STEPS = 1 << 22


class Skip(Exception):
    """This variant cannot run here; the text says why."""


def need(module, name):
    """The imported module; Skip if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as why:
        raise Skip(f"{name} is not installed ({why})") from why


def need_torch(device, threads=0):
    """PyTorch, set up for the device and the threads."""
    torch = need("torch", "PyTorch")
    if device == "cuda" and not torch.cuda.is_available():
        raise Skip("PyTorch finds no usable GPU")
    if threads:
        torch.set_num_threads(threads)
    return torch


def allow_tf32(torch, allow):
    torch.backends.cuda.matmul.allow_tf32 = allow
    torch.backends.cudnn.allow_tf32 = allow


def record_graph(torch, call, times=1):
    """Records `times` calls as a CUDA graph, after three calls that are not
    recorded: they compile, choose kernels and make the optimizer's state."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            call()
    return graph


# ---- Data


def noise(count, pixels):
    """uint8 [count, pixels], the bytes of libvae's benchmark."""
    import numpy as np

    x = np.arange(count * pixels, dtype=np.uint32) + np.uint32(0x9E3779B9)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return (x >> np.uint32(24)).astype(np.uint8).reshape(count, pixels)


def batches(options):
    """The resident data set, uint8 [steps of an epoch, batch, pixels]. For
    --check, half of each image is white: something to learn."""
    if options.images < options.batch:
        raise SystemExit("--images is less than one batch")
    steps, pixels = options.images // options.batch, math.prod(options.shape)
    rows = noise(steps * options.batch, pixels)
    if options.check:
        rows[:, : pixels // 2], rows[:, pixels // 2:] = 255, 0
    return rows.reshape(steps, options.batch, pixels)


def rows_of_call(options):
    """The input of a call of inference, the same as in libvae's benchmark:
    images as uint8 [batch, pixels], or codes as float32 [batch, latent]."""
    if options.mode == "encode":
        return noise(options.batch, math.prod(options.shape))
    return noise(options.batch, LATENT).astype("float32") / 64 - 2


# ---- Measuring


def seconds_of(work, steps):
    began = time.perf_counter()
    work(steps)
    return time.perf_counter() - began


def steps_of_round(work, seconds, chunk):
    """As in vae_bench.cpp: double until two calls in a row last half a round,
    so that whatever is set up late is over when the rounds begin."""
    best, steps, long_enough = float("inf"), chunk, 0
    while long_enough < 2 and steps < MOST_STEPS:
        lasted = seconds_of(work, steps)
        best = min(best, lasted / steps)
        long_enough = 0 if lasted < seconds / 2 else long_enough + 1
        if long_enough == 0:
            steps *= 2
    wanted = max(1, int(min(seconds / best, MOST_STEPS)))
    wanted = wanted if wanted < 16 else wanted // 16 * 16
    return math.ceil(wanted / chunk) * chunk


def measure(options, work, began, chunk=1):
    """The keys that vae_bench prints too. `work(n)` does n steps, n a multiple
    of `chunk`, and waits for them; it was prepared since `began`."""
    work(chunk)
    result = {"unit": "step" if options.mode == "epoch" else "call",
              "rounds": options.rounds,
              "seconds_to_first_step": time.perf_counter() - began}
    if options.rounds > 0:
        steps = steps_of_round(work, options.seconds, chunk)
        rounds = []
        for _ in range(options.rounds):
            if options.gate:
                wait_at_gate()
                work(chunk)  # fills the caches again after the others' rounds
            rounds.append(seconds_of(work, steps) * 1e6 / steps)
        middle = statistics.median(rounds)
        result.update(us_per_step=middle, us_per_step_min=min(rounds),
                      us_per_step_max=max(rounds), steps_per_round=steps,
                      images_per_s=options.batch * 1e6 / middle)
    # ru_maxrss is in kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak_rss_bytes": peak * 1024}


def wait_at_gate():
    """Says that the next round can begin and waits for a line."""
    print("ready", file=true_output(), flush=True)
    if not sys.stdin.readline():
        raise SystemExit("nobody opens the gate any more")


def check_falls(loss_of_chunk, chunk):
    """`loss_of_chunk()` does `chunk` steps and returns their mean loss."""
    losses = [loss_of_chunk() for _ in range(1 + math.ceil(30 / chunk))]
    if not losses[-1] < 0.8 * losses[0]:
        raise SystemExit(f"the loss does not fall: {losses}")
    return {"first_loss": losses[0], "last_loss": losses[-1]}


@functools.cache
def true_output():
    """Standard output as it was at the first call. From then on, what
    frameworks print there goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return out


def print_one_object(head, run):
    """Prints `head` and what `run()` returns."""
    out = true_output()
    with contextlib.redirect_stdout(sys.stderr):
        try:
            result = {**head, **run()}
        except Skip as why:
            result = {**head, "skipped": str(why)}
    print(json.dumps(result), file=out, flush=True)
