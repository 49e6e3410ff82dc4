#!/usr/bin/env python3
"""Holds vae_config_memory() against the memory that training takes.

For each configuration a process trains a few steps on `max_batch` images. The
peak of its resident memory, less that of a process with a small trainer of the
same engine and kind, is what the estimate is held against. The small one stands
for what the libraries take for themselves.

    training_peak_test.py PROGRAM [--long] [--table]
"""
import argparse
import functools
import json
import subprocess
import sys

TOLERANCE = 0.20
MIB = 1 << 20


def conv(size, layers, batch, **more):
    return {"height": size, "width": size, "layers": layers, "max_batch": batch, **more}


def dense(size, layers, batch, **more):
    return {"net": "dense", **conv(size, layers, batch, **more)}


GAUSSIAN = {"likelihood": "gaussian"}
COLOUR = {"channels": 3, **GAUSSIAN}
KEPT = {"keep_gradients": True}
BF16 = {"precision": "bf16"}
FIRST = [64, 128, 128]  # the default's layers
DEEP = [32, 64, 128, 128]
TILE = {"engine": "tile"}
BLOCKS = {"engine": "blocks"}
# Sizes from 28 to 256, batches from 1 to 1024.
CASES = [
    {**TILE, **conv(28, FIRST, 1)},
    {**TILE, **conv(28, FIRST, 64)},
    {**TILE, **conv(28, FIRST, 1024, **BF16)},
    {**TILE, **conv(64, FIRST, 64, **COLOUR)},
    {**TILE, **conv(128, DEEP, 16, **COLOUR, **BF16)},
    {**TILE, **conv(256, [16, 32, 64], 1, **KEPT)},
    {**BLOCKS, **conv(28, FIRST, 1)},
    {**BLOCKS, **conv(28, FIRST, 64)},
    {**BLOCKS, **conv(28, FIRST, 64, **BF16)},
    {**BLOCKS, **conv(28, FIRST, 256, **KEPT)},
    {**BLOCKS, **conv(64, FIRST, 64, **COLOUR, **BF16)},
    {**BLOCKS, **conv(256, [16, 32, 64], 1)},
    {**BLOCKS, **dense(28, [512, 256], 1)},
    {**BLOCKS, **dense(28, [512, 256], 1024, **BF16)},
    {**BLOCKS, **dense(64, [1024, 512], 512, **GAUSSIAN)},
]
LONG = [
    {**TILE, **conv(28, FIRST, 1024)},
    {**TILE, **conv(64, FIRST, 64, **COLOUR, **BF16)},
    {**TILE, **conv(256, DEEP, 4, **COLOUR)},
    {**TILE, **conv(256, DEEP, 32, **BF16)},
    {**BLOCKS, **conv(28, FIRST, 256, **BF16)},
    {**BLOCKS, **conv(28, FIRST, 1024)},
    {**BLOCKS, **conv(28, FIRST, 1024, **BF16)},
    {**BLOCKS, **conv(64, FIRST, 64, **COLOUR)},
    {**BLOCKS, **conv(64, [32, 64, 64], 256)},
    {**BLOCKS, **conv(128, DEEP, 16, **COLOUR)},
    {**BLOCKS, **conv(128, DEEP, 16, **COLOUR, **BF16)},
    {**BLOCKS, **conv(256, DEEP, 4, **COLOUR)},
    {**BLOCKS, **conv(256, DEEP, 32, **BF16)},
    {**BLOCKS, **dense(28, [512, 256], 1024)},
    {**BLOCKS, **dense(256, [512], 64, **GAUSSIAN)},
    {**BLOCKS, **dense(64, [1024, 512], 512, **BF16)},
]
SMALL = {"conv": conv(16, [16, 16, 16], 16, latent=16),
         "dense": dense(8, [64], 16, latent=16)}


def train(program, config):
    config = {"device": "cpu", "threads": 2, **config}
    done = subprocess.run([program, json.dumps(config), "4"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{config}: {done.stderr.strip()}")
    return json.loads(done.stdout)


@functools.cache
def library_bytes(program, net, engine, precision):
    """What the libraries take: all of a small process but its trainer."""
    found = train(program, {**SMALL[net], "engine": engine, "precision": precision})
    return found["trained"] - SMALL_BYTES


# The small trainers' own parameters and workspace, about.
SMALL_BYTES = 1 * MIB


def measure(program, config):
    """Estimate and what training took, in bytes."""
    found = train(program, config)
    taken = found["trained"] - library_bytes(
        program, config.get("net", "conv"), config["engine"],
        config.get("precision", "fp32"))
    return found["estimate"], taken


def row(config, estimate, taken):
    return (f"| {config['engine']} | {config.get('precision', 'fp32')} "
            f"| {config.get('net', 'conv')} {config['layers']} "
            f"| {config.get('channels', 1)} x {config['height']} x {config['width']} "
            f"| {config['max_batch']} | {estimate / MIB:.0f} | {taken / MIB:.0f} "
            f"| {estimate / taken:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--long", action="store_true", help="more configurations")
    parser.add_argument("--table", action="store_true", help="print docs/memory.md's table")
    options = parser.parse_args()
    wrong = []
    for config in CASES + (LONG if options.long else []):
        estimate, taken = measure(options.program, config)
        if options.table:
            print(row(config, estimate, taken), flush=True)
        if not 1 - TOLERANCE <= estimate / taken <= 1 + TOLERANCE:
            wrong.append(row(config, estimate, taken))
    for line in wrong:
        print("more than 20 % off:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
