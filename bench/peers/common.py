"""What every peer shares: the data, the clock, and the one JSON object printed.

Standard library and numpy only. It knows no network and no framework; its
rules for data and rounds are those of bench/workloads.cpp and vae_bench.cpp.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time

PIXELS, SIDE, LATENT = 784, 28, 32
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
MOST_STEPS = 1 << 22
CHECK_STEPS = 30


class Skip(Exception):
    """This variant cannot run here; the text says why."""


def noise(count):
    """`count` images of noise, uint8 [count, 784], as libvae's benchmark."""
    import numpy as np

    x = np.arange(count * PIXELS, dtype=np.uint32) + np.uint32(0x9E3779B9)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return (x >> np.uint32(24)).astype(np.uint8).reshape(count, PIXELS)


def blobs(count):
    """`count` images with a structure to learn: one soft spot each."""
    import numpy as np

    random = np.random.default_rng(1)
    centre = random.uniform(8, 20, (count, 2, 1))
    width = random.uniform(2, 5, (count, 1))
    along = np.exp(-(((np.arange(SIDE) - centre) / width[:, None]) ** 2))
    image = along[:, 0, :, None] * along[:, 1, None, :]
    return (255 * image).astype(np.uint8).reshape(count, PIXELS)


def batches(options):
    """The resident set, uint8 [steps of an epoch, batch, 784]."""
    if options.images < options.batch:
        raise SystemExit("--images is less than one batch")
    steps = options.images // options.batch
    make = blobs if options.check else noise
    return make(steps * options.batch).reshape(steps, options.batch, PIXELS)


def options_of(description, variants):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("variant", choices=variants)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"],
                        default="fp32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0,
                        help="CPU threads; 0: the default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="about how long a round lasts")
    parser.add_argument("--images", type=int, default=65536,
                        help="images of the resident set")
    parser.add_argument("--graph-steps", type=int, default=1,
                        help="steps of one graph or scan")
    parser.add_argument("--check", action="store_true",
                        help=f"about {CHECK_STEPS} steps on images with a "
                        "structure; fails if the loss does not fall")
    return parser


def seconds_of(work, steps):
    began = time.perf_counter()
    work(steps)
    return time.perf_counter() - began


def round_up(steps, chunk):
    return -(-steps // chunk) * chunk


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
    return round_up(wanted if wanted < 16 else wanted // 16 * 16, chunk)


def measure(options, work, first, chunk=1):
    """The keys that vae_bench prints too. `work(n)` does n steps, n a multiple
    of `chunk`, and waits for them; `first` is the seconds up to the end of the
    first step."""
    steps = steps_of_round(work, options.seconds, chunk)
    rounds = [seconds_of(work, steps) * 1e6 / steps
              for _ in range(options.rounds)]
    middle = statistics.median(rounds)
    return {
        "unit": "step", "us_per_step": middle, "us_per_step_min": min(rounds),
        "us_per_step_max": max(rounds),
        "images_per_s": options.batch * 1e6 / middle,
        "rounds": options.rounds, "steps_per_round": steps,
        "seconds_to_first_step": first,
    }


def chunks_of_check(chunk):
    """Two at least: one alone has nothing to fall below."""
    return max(2, -(-CHECK_STEPS // chunk))


def check_falls(losses):
    """Of per-image losses, one of each chunk of steps, in their order."""
    first, last = losses[0], statistics.mean(losses[1:][-3:])
    if not last < 0.8 * first:
        raise SystemExit(f"the loss does not fall: {losses}")
    return {"check": "the loss falls", "first_loss": first, "last_loss": last}


def head_of(program, options):
    return {
        "program": program, "variant": options.variant, "mode": "epoch",
        "device": options.device, "precision": options.precision,
        "batch": options.batch, "threads": options.threads,
        "graph_steps": options.graph_steps,
    }


def print_one_object(head, options, run):
    """Prints `head` and what `run(options)` returns. Frameworks chatter: their
    standard output becomes standard error, so that ours holds one object."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            result = {**head, **run(options)}
        except Skip as why:
            result = {**head, "skipped": str(why)}
    print(json.dumps(result), file=out, flush=True)
