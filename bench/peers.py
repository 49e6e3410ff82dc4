#!/usr/bin/env python3
"""Runs one of the peers that libvae is compared with; prints one JSON object.

    bench/peers.py torch-eager --batch 64 --precision bf16

Only the peer that runs is imported, so that none needs what another one needs.
`product` and `convolutions` are no peers: see peers/floors.py.
"""

import argparse
import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

# Module, variant, and the steps of one CUDA graph or scan, if it has them.
PEERS = {
    # In its best habits; as in the original program.
    "torch-eager": ("torch_peer", "eager", None),
    "torch-original": ("torch_peer", "original", None),
    "torch-compile": ("torch_peer", "compile", None),
    # Compiled steps in a CUDA graph made by hand: faster on a GPU than the
    # modes of torch.compile that make graphs or try kernels.
    "torch-compiled-graph-16": ("torch_peer", "compiled-graph", 16),
    "jax-jit": ("jax_peer", "jit", None),
    "jax-scan": ("jax_peer", "scan", 64),
    "onnxruntime": ("onnx_peer", "session", None),
    "product": ("floors", "product", None),
    "convolutions": ("floors", "convolutions", None),
}
NAMES = [name for name, (module, *_) in PEERS.items() if module != "floors"]
MODES = {"torch_peer": ["epoch", "encode", "decode"],
         "onnx_peer": ["encode", "decode"]}


def shape_of(text):
    """"1x28x28": channels, height, width."""
    shape = tuple(int(side) for side in text.split("x"))
    if len(shape) != 3 or min(shape) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not three numbers like 1x28x28")
    return shape


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("peer", choices=PEERS, metavar="PEER", help=", ".join(PEERS))
    add("--mode", choices=["epoch", "encode", "decode"],
        help="what is timed (default: epoch, where the peer trains)")
    add("--device", choices=["cuda", "cpu"], default="cuda")
    add("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    add("--batch", type=int, default=64)
    add("--threads", type=int, default=0, help="CPU threads; 0: the default")
    add("--shape", type=shape_of, default=common.SHAPE, help="as in 1x28x28")
    add("--rounds", type=int, default=5, help="0: the first step only")
    add("--seconds", type=float, default=1.0, help="of a round, about")
    add("--images", type=int, default=65536, help="of the resident data set")
    add("--graph-steps", type=int, help="steps of one graph or scan")
    add("--gate", action="store_true",
        help='before each round print "ready" and wait for a line')
    add("--check", action="store_true",
        help="instead: fail if the loss of a training does not fall")
    options = parser.parse_args()
    module, options.variant, steps = PEERS[options.peer]
    modes = MODES.get(module, ["epoch"])
    options.mode = options.mode or modes[0]
    if options.mode not in modes:
        parser.error(f"--mode {options.mode}: {options.peer} has "
                     + ", ".join(modes))
    options.graph_steps = (options.graph_steps or steps) if steps else 1
    return module, options


def main():
    module, options = read_options()
    head = {"program": options.peer, **{key: getattr(options, key) for key in (
        "variant", "mode", "device", "precision", "batch", "threads",
        "graph_steps")}}
    common.print_one_object(
        head, lambda: importlib.import_module(module).run(options))


if __name__ == "__main__":
    main()
