"""What bench/compare can run: our configurations, the peers, and the command
line of each. It runs nothing and knows no result. Standard library only.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PRECISIONS = {"cuda": ["fp32", "tf32", "bf16"], "cpu": ["fp32", "bf16"]}

# Name: mode of vae_bench, fields of vae_config.
OURS = {
    "auto": ("epoch", {}),
    "auto-step": ("step", {}),
    "blocks": ("epoch", {"engine": "blocks", "graph": "off"}),
    "blocks-graph": (
        "epoch", {"engine": "blocks", "graph": "on", "graph_steps": 1}),
    "blocks-graph-8": (
        "epoch", {"engine": "blocks", "graph": "on", "graph_steps": 8}),
    "fused-graph": (
        "epoch", {"engine": "fused", "graph": "on", "graph_steps": 1}),
    "fused-graph-8": (
        "epoch", {"engine": "fused", "graph": "on", "graph_steps": 8}),
}
# Name: script below peers/, its variant, steps of one graph or scan.
PEERS = {
    "torch-eager": ("torch_peer.py", "eager", 1),
    "torch-original": ("torch_peer.py", "original", 1),
    "torch-compile": ("torch_peer.py", "compile", 1),
    "torch-compile-reduce-overhead": (
        "torch_peer.py", "compile-reduce-overhead", 1),
    "torch-compile-max-autotune": ("torch_peer.py", "compile-max-autotune", 1),
    "torch-compiled-graph": ("torch_peer.py", "compiled-graph", 1),
    "torch-compiled-graph-16": ("torch_peer.py", "compiled-graph", 16),
    "jax-jit": ("jax_peer.py", "jit", 1),
    "jax-scan": ("jax_peer.py", "scan", 64),
}
EAGER = "torch-eager"
# A scan on the CPU is as slow as its steps: a short one shows the same.
CPU_SCAN = 4

# Precisions: vae_config's default and the fastest.
QUICK = {
    "batches": [64, 512, 4096], "passes": 2, "rounds": 3, "seconds": 0.3,
    "timeout": 180, "budget": 540, "precisions": ["fp32", "bf16"],
    "ours": [name for name in OURS if not name.startswith("auto")],
    "peers": [EAGER, "jax-scan", "torch-compiled-graph-16"],
}
LONG = {
    "batches": [16, 64, 256, 1024, 4096], "passes": 3, "rounds": 5,
    "seconds": 1.0, "timeout": 900, "budget": 0, "ours": list(OURS),
    "peers": list(PEERS),
}


class Cell:
    """One variant at one batch size and precision."""

    def __init__(self, variant, ours, batch, precision):
        self.variant, self.ours = variant, ours
        self.batch, self.precision = batch, precision
        self.passes = []  # the JSON object of each pass
        self.reason = None  # why there is none, or no more

    def __str__(self):
        return f"{self.variant} batch {self.batch} {self.precision}"


def cells(options):
    """Neighbours in this order are compared with each other, and run one after
    the other; the most wanted come first, in case time runs out."""
    variants = [(name, True) for name in [*options.ours, *options.configs]]
    variants += [(name, False) for name in options.peers]
    return [Cell(name, ours, batch, precision)
            for batch in options.batches for precision in options.precisions
            for name, ours in variants]


def common_words(cell, options):
    return ["--batch", str(cell.batch), "--threads", str(options.threads),
            "--rounds", str(options.rounds), "--seconds", str(options.seconds),
            "--images", str(max(options.images, cell.batch))]


def command(cell, options):
    if cell.ours:
        mode, fields = {**OURS, **options.configs}[cell.variant]
        fields = {"device": options.device, "precision": cell.precision,
                  **fields}
        return [options.bench, "--mode", mode, "--config", json.dumps(fields),
                *common_words(cell, options)]
    script, variant, steps = PEERS[cell.variant]
    if variant == "scan" and options.device == "cpu":
        steps = CPU_SCAN
    return [sys.executable, str(HERE / "peers" / script), variant,
            "--device", options.device, "--precision", cell.precision,
            "--graph-steps", str(steps), *common_words(cell, options)]


def floors_command(options):
    return [sys.executable, str(HERE / "floors.py"),
            "--device", options.device, "--threads", str(options.threads),
            "--batches", ",".join(map(str, options.batches))]
