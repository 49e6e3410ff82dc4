"""What every peer shares: the data, the clock, and the one JSON object printed.

Standard library and numpy only. It knows no network and no framework; its
rules for data and rounds are those of bench/workloads.cpp and vae_bench.cpp.
"""

import argparse
import contextlib
import functools
import json
import os
import resource
import statistics
import sys
import time

PIXELS, LATENT = 784, 32
SHAPE = (1, 28, 28)
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
MOST_STEPS = 1 << 22
CHECK_STEPS = 30


class Skip(Exception):
    """This variant cannot run here; the text says why."""


def noise(count, pixels):
    """uint8 [count, pixels], the bytes of libvae's benchmark."""
    import numpy as np

    x = np.arange(count * pixels, dtype=np.uint32) + np.uint32(0x9E3779B9)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return (x >> np.uint32(24)).astype(np.uint8).reshape(count, pixels)


def codes(count):
    """float32 [count, latent], those of libvae's benchmark."""
    return noise(count, LATENT).astype("float32") / 64 - 2


def blobs(count, shape):
    """Images with a structure to learn: one soft spot each, in all channels."""
    import numpy as np

    channels, height, width = shape
    random = np.random.default_rng(1)

    def along(side):
        centre = random.uniform(0.3 * side, 0.7 * side, (count, 1))
        spread = random.uniform(0.07 * side, 0.18 * side, (count, 1))
        return np.exp(-(((np.arange(side) - centre) / spread) ** 2))

    image = along(height)[:, :, None] * along(width)[:, None, :]
    image = np.repeat((255 * image).astype(np.uint8)[:, None], channels, 1)
    return image.reshape(count, -1)


def batches(options):
    """The resident set, uint8 [steps of an epoch, batch, pixels]."""
    if options.images < options.batch:
        raise SystemExit("--images is less than one batch")
    steps = options.images // options.batch
    count, pixels = steps * options.batch, pixels_of(options.shape)
    rows = (blobs(count, options.shape) if options.check
            else noise(count, pixels))
    return rows.reshape(steps, options.batch, pixels)


def pixels_of(shape):
    return shape[0] * shape[1] * shape[2]


def shape_of(text):
    """"1x28x28": channels, height, width."""
    shape = tuple(int(word) for word in text.split("x"))
    if len(shape) != 3 or min(shape) < 1:
        raise argparse.ArgumentTypeError("three numbers are wanted: 1x28x28")
    return shape


def read_options(words, description, modes, prog, **preset):
    """`preset`: what is no option, or has another default for this peer."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--mode", choices=modes, default=modes[0],
                        help="what is timed")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"],
                        default="fp32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0,
                        help="CPU threads; 0: the default")
    parser.add_argument("--shape", type=shape_of, default=SHAPE,
                        help="of an image: 1x28x28")
    parser.add_argument("--rounds", type=int, default=5,
                        help="0: the first step only")
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="about how long a round lasts")
    parser.add_argument("--images", type=int, default=65536,
                        help="images of the resident set")
    parser.add_argument("--graph-steps", type=int, default=1,
                        help="steps of one graph or scan")
    parser.add_argument("--gate", action="store_true",
                        help='before each round print "ready" and wait for a '
                        "line")
    parser.add_argument("--check", action="store_true",
                        help=f"about {CHECK_STEPS} steps on images with a "
                        "structure; fails if the loss does not fall")
    parser.set_defaults(**preset)
    return parser.parse_args(words)


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
    result = {"unit": "step" if options.mode == "epoch" else "call",
              "rounds": options.rounds, "seconds_to_first_step": first}
    if options.rounds > 0:
        result.update(times_of(options, work, chunk))
    # In kilobytes on Linux; the framework itself included.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak_rss_bytes": peak * 1024}


def times_of(options, work, chunk):
    steps = steps_of_round(work, options.seconds, chunk)
    rounds = []
    for _ in range(options.rounds):
        if options.gate:
            wait_at_gate()
            work(chunk)  # what others left in the caches is not ours to pay for
        rounds.append(seconds_of(work, steps) * 1e6 / steps)
    middle = statistics.median(rounds)
    return {"us_per_step": middle, "us_per_step_min": min(rounds),
            "us_per_step_max": max(rounds), "steps_per_round": steps,
            "images_per_s": options.batch * 1e6 / middle}


def wait_at_gate():
    """Says that the next round could begin and waits for a line that lets it.
    To the true standard output, see print_one_object()."""
    print("ready", file=true_output(), flush=True)
    if not sys.stdin.readline():
        raise SystemExit("nobody opens the gate any more")


@functools.cache
def true_output():
    """Standard output as it was at the first call; from then on what is written
    there goes to standard error: frameworks chatter."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return out


def chunks_of_check(chunk):
    """Two at least: one alone has nothing to fall below."""
    return max(2, -(-CHECK_STEPS // chunk))


def check_falls(losses):
    """Of per-image losses, one of each chunk of steps, in their order."""
    first, last = losses[0], statistics.mean(losses[1:][-3:])
    if not last < 0.8 * first:
        raise SystemExit(f"the loss does not fall: {losses}")
    return {"check": "the loss falls", "first_loss": first, "last_loss": last}


def head_of(options):
    return {
        "variant": options.variant, "mode": options.mode,
        "device": options.device, "precision": options.precision,
        "batch": options.batch, "threads": options.threads,
        "graph_steps": options.graph_steps,
    }


def print_one_object(head, options, run):
    """Prints `head` and what `run(options)` returns."""
    out = true_output()
    with contextlib.redirect_stdout(sys.stderr):
        try:
            result = {**head, **run(options)}
        except Skip as why:
            result = {**head, "skipped": str(why)}
    print(json.dumps(result), file=out, flush=True)
