#!/usr/bin/env python3
"""Runs one of the peers that libvae is held against, or lists them.

    bench/peers.py --list
    bench/peers.py torch-eager --batch 64 --precision bf16

Prints one JSON object. Only the peer that runs is imported, so that none needs
what another one needs. Their options are those of peers/common.py.
"""

import argparse
import dataclasses
import importlib
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "peers"


@dataclasses.dataclass(frozen=True)
class Peer:
    """`graph_steps` is the default; None where there is no graph or scan."""

    module: str
    variant: str
    about: str
    graph_steps: int = None


PEERS = {
    "torch-eager": Peer("torch_peer", "eager", "PyTorch in its best habits"),
    "torch-original": Peer("torch_peer", "original",
                           "PyTorch as in the original program"),
    "torch-compile": Peer("torch_peer", "compile", "torch.compile"),
    "torch-compile-reduce-overhead": Peer(
        "torch_peer", "compile-reduce-overhead",
        "torch.compile with its own CUDA graphs"),
    "torch-compile-max-autotune": Peer(
        "torch_peer", "compile-max-autotune",
        "torch.compile that tries kernels"),
    "torch-compiled-graph": Peer(
        "torch_peer", "compiled-graph",
        "a compiled step in a CUDA graph made by hand", 1),
    "torch-compiled-graph-16": Peer(
        "torch_peer", "compiled-graph", "16 compiled steps in one", 16),
    "jax-jit": Peer("jax_peer", "jit", "JAX, a step in a call"),
    "jax-scan": Peer("jax_peer", "scan", "JAX, 64 steps in a call", 64),
    "onnxruntime": Peer("onnx_peer", "session", "ONNX Runtime, inference"),
    "product": Peer("product_peer", "largest",
                    "no peer: the fastest product, for the floors"),
}
# The product neither trains nor infers.
NAMES = [name for name in PEERS if name != "product"]


def run(name, words):
    sys.path[0] = str(FOLDER)  # in place of bench/
    import common

    peer = PEERS[name]
    module = importlib.import_module(peer.module)
    options = common.read_options(
        words, module.__doc__, module.MODES, f"peers.py {name}",
        peer.graph_steps or 1)
    options.variant = peer.variant
    if peer.graph_steps is None:
        options.graph_steps = 1
    head = {"program": name, **{key: getattr(options, key) for key in (
        "variant", "mode", "device", "precision", "batch", "threads",
        "graph_steps")}}
    common.print_one_object(head, options, module.run)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="all names")
    parser.add_argument("peer", nargs="?", choices=PEERS, metavar="PEER",
                        help="its options follow; see PEER --help")
    # The peer reads what follows its name.
    options = parser.parse_args(sys.argv[1:2])
    if options.list:
        width = max(map(len, PEERS))
        for name, peer in PEERS.items():
            print(f"{name:{width}}  {peer.about}")
    elif options.peer is None:
        parser.error("a peer's name or --list is wanted")
    else:
        run(options.peer, sys.argv[2:])


if __name__ == "__main__":
    main()
