"""Times the fastest large matrix product at hand; prints one JSON object. It is
a processor's rate for the floors and trains nothing.

Which library multiplies fastest depends on the processor, so each is tried:
PyTorch's own product, oneDNN's, numpy's.
"""

import os
import sys
import time

import common

MODES = ["epoch"]
# Large enough to fill the device.
SIDES = {"cpu": 1024, "cuda": 8192}


def torch_products(options):
    """{name: call}"""
    torch, side = common.need_torch(options), SIDES[options.device]
    common.allow_tf32(torch, options.precision == "tf32")
    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    a, b = (torch.rand(side, side, device=options.device).to(kind)
            for _ in range(2))
    out = torch.empty_like(a)
    found = {"torch.mm": lambda: torch.mm(a, b, out=out)}
    if (options.device == "cpu" and options.precision == "fp32"
            and torch.backends.mkldnn.is_available()):
        packed, weight = a.to_mkldnn(), b.to_mkldnn()
        found["oneDNN"] = lambda: torch.ops.aten.mkldnn_linear(packed, weight)
    return found


def numpy_products(options):
    if options.device != "cpu" or options.precision != "fp32":
        return {}
    np, side = common.need("numpy", "numpy"), SIDES["cpu"]
    a, b = (np.random.default_rng(i).random((side, side), np.float32)
            for i in range(2))
    out = np.empty_like(a)
    return {"numpy": lambda: np.matmul(a, b, out=out)}


def work_of(call, options):
    def work(times):
        for _ in range(times):
            call()
        if options.device == "cuda":
            sys.modules["torch"].cuda.synchronize()
    return work


def run(options):
    # numpy's library reads this once, when it is imported.
    if options.threads:
        os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    began = time.perf_counter()
    calls, reasons = {}, []
    for products in (numpy_products, torch_products):
        try:
            calls.update(products(options))
        except common.Skip as why:
            reasons.append(str(why))
    if not calls:
        raise common.Skip("; ".join(reasons))

    works = {name: work_of(call, options) for name, call in calls.items()}
    for work in works.values():
        work(3)
    best = min(works, key=lambda name: min(
        common.seconds_of(works[name], 3) for _ in range(5)))
    result = common.measure(options, works[best], time.perf_counter() - began)
    flop = 2 * SIDES[options.device]**3
    if "us_per_step" in result:
        result["gflops"] = flop / result["us_per_step"] / 1e3
    return {**result, "flop": flop, "product": best}
