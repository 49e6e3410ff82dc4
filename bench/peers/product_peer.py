"""Times the fastest large matrix product that is at hand; prints one JSON
object. A processor's rate for the floors; it trains nothing.

Which library multiplies fastest depends on the processor, so each is tried:
PyTorch's own product, oneDNN's, numpy's.
"""

import os
import time

import common

MODES = ["epoch"]
# What fills the device; a GPU has more to fill.
SIDES = {"cpu": 1024, "cuda": 8192}


def torch_products(options):
    try:
        import torch
    except ImportError:
        return {}
    if options.device == "cuda" and not torch.cuda.is_available():
        raise common.Skip("PyTorch finds no usable GPU")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    side = SIDES[options.device]
    a, b = (torch.rand(side, side, device=options.device).to(kind)
            for _ in range(2))
    out = torch.empty_like(a)
    found = {"torch.mm": lambda: torch.mm(a, b, out=out)}
    if options.device == "cpu" and torch.backends.mkldnn.is_available():
        ours, weight = a.to_mkldnn(), b.to_mkldnn()
        if options.precision == "fp32":
            found["oneDNN"] = lambda: torch.ops.aten.mkldnn_linear(ours, weight)
    return found


def numpy_products(options):
    if options.device != "cpu" or options.precision != "fp32":
        return {}
    try:
        import numpy as np
    except ImportError:
        return {}

    side = SIDES["cpu"]
    a, b = (np.random.default_rng(i).random((side, side), np.float32)
            for i in range(2))
    out = np.empty_like(a)
    return {"numpy": lambda: np.matmul(a, b, out=out)}


def work_of(call, cuda):
    def work(times):
        for _ in range(times):
            call()
        if cuda:
            import torch

            torch.cuda.synchronize()
    return work


def run(options):
    if options.threads:
        # Before numpy is there: its library reads this once.
        os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    began = time.perf_counter()
    calls = {**numpy_products(options), **torch_products(options)}
    if not calls:
        raise common.Skip("neither PyTorch nor numpy multiplies this type")
    cuda = options.device == "cuda"
    works = {name: work_of(call, cuda) for name, call in calls.items()}
    for work in works.values():
        work(3)
    seconds = {name: min(common.seconds_of(work, 3) for _ in range(5))
               for name, work in works.items()}
    best = min(seconds, key=seconds.get)
    first = time.perf_counter() - began
    result = common.measure(options, works[best], first)
    flop = 2 * SIDES[options.device]**3
    if "us_per_step" in result:
        result["gflops"] = flop / result["us_per_step"] / 1e3
    return {**result, "flop": flop, "product": best}
