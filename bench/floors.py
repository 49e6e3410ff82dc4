#!/usr/bin/env python3
"""Counts the arithmetic of a step, measures what a device can do at most, and
computes what a step must cost. Prints one JSON object.

Ceilings: a large copy, large matrix products, a step's convolutions alone.
Floors: arithmetic and bytes over these ceilings. Needs PyTorch. bench/peers.py
calls run() to time the product alone, round by round beside a row.
"""

import argparse
import math
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

# Channels out, kernel, stride.
ENCODER = [(64, 4, 2), (128, 4, 2), (128, 3, 1)]
DECODER = [(64, 4, 2), (1, 4, 2)]
# The parameters, and the elements of each layer's output for one 28 x 28 image
# (the last are the logits).
PARAMETERS = 1_021_121
ACTIVATIONS = 12544 + 6272 + 6272 + 6272 + 12544 + 784
# An activation is written and read forward, read again backward, and its
# gradient is written and read. Fusion over whole layers avoids none of these.
CROSSINGS = 5
# Adam reads and writes the parameter and both moments, and reads the gradient,
# which another kernel has written.
ADAM_CROSSINGS = 8
# Sides of a product that is large enough to fill the device.
SIDES = {"cpu": 1024, "cuda": 8192}

# ---- Arithmetic


def taps(side, kernel, stride):
    """The pairs of an output row and an input row, without those on the padding
    of 1; and the number of output rows."""
    out = (side + 2 - kernel) // stride + 1
    pairs = sum(0 <= o * stride - 1 + k < side
                for o in range(out) for k in range(kernel))
    return pairs, out


def flop_of(mode, shape, batch):
    """Operations of a step ("epoch", "step") or of a call ("encode", "decode")
    on images of `shape`."""
    before, *sides = shape
    encoder, mirrored = [], []  # multiply-adds of one image, by layer
    for out, kernel, stride in ENCODER:
        pairs, sides = zip(*(taps(side, kernel, stride) for side in sides))
        encoder.append(math.prod(pairs) * before * out)
        if stride == 2:  # the decoder has a layer with as many
            mirrored.append(encoder[-1])
        before = out
    head = before * math.prod(sides) * common.LATENT
    forward = {"encode": sum(encoder) + 2 * head,
               "decode": head + sum(mirrored)}
    if mode in forward:
        return 2 * batch * forward[mode]
    # Forward, weights' gradient, input's gradient; the images need no gradient.
    return 2 * batch * (3 * sum(forward.values()) - encoder[0])


# ---- The largest product


def torch_products(options):
    """{name: call}"""
    torch = common.need_torch(options.device, options.threads)
    side = SIDES[options.device]
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


def run(options):
    """Times the fastest product; the fastest library depends on the
    processor."""
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

    torch = sys.modules["torch"] if options.device == "cuda" else None
    works = {name: common.repeated(call, torch) for name, call in calls.items()}
    for work in works.values():
        work(3)
    best = min(works, key=lambda name: min(
        common.seconds_of(works[name], 3) for _ in range(5)))
    result = common.measure(options, works[best], began)
    flop = 2 * SIDES[options.device]**3
    if "us_per_step" in result:
        result["gflops"] = flop / result["us_per_step"] / 1e3
    return {**result, "flop": flop, "product": best}


# ---- Ceilings and floors


class Ceilings:
    """Measurements on one device. A ceiling is the best of some rounds."""

    def __init__(self, torch, options):
        self.torch, self.options = torch, options
        self.device, self.cuda = options.device, options.device == "cuda"
        # Name, element type, whether TF32 is allowed.
        self.precisions = [("fp32", torch.float32, False),
                           *[("tf32", torch.float32, True)] * self.cuda,
                           ("bf16", torch.bfloat16, False)]

    def best_seconds(self, call):
        work = common.repeated(call, self.torch if self.cuda else None)
        times = common.steps_of_round(work, self.options.seconds, 1)
        return min(common.seconds_of(work, times) / times
                   for _ in range(self.options.rounds))

    def copy_gb_per_s(self):
        """Bytes read and bytes written, both counted."""
        size = (1 << 30) if self.cuda else (1 << 28)
        source = self.torch.ones(size, dtype=self.torch.uint8,
                                 device=self.device)
        target = self.torch.empty_like(source)
        return 2e-9 * size / self.best_seconds(lambda: target.copy_(source))

    def product_tflops(self):
        result = {}
        for name, *_ in self.precisions:
            calls = torch_products(argparse.Namespace(
                **{**vars(self.options), "precision": name}))
            seconds = min(map(self.best_seconds, calls.values()))
            result[name] = 2e-12 * SIDES[self.device]**3 / seconds
        return result

    def convolutions(self, batch, kind):
        """A call that does all convolutions of a step, forward and backward."""
        torch, parts, (before, side, _) = self.torch, [], common.SHAPE
        where = {"device": self.device, "dtype": kind}
        for out, kernel, stride in ENCODER + DECODER:
            transposed = len(parts) >= len(ENCODER)
            shape = (before, out) if transposed else (out, before)
            weight = torch.randn(*shape, kernel, kernel, **where)
            weight = weight.to(memory_format=torch.channels_last)
            # Permuted, so that one channel is channels_last too.
            x = torch.randn(batch, side, side, before, **where)
            x = x.permute(0, 3, 1, 2).requires_grad_(bool(parts))
            apply = torch.conv_transpose2d if transposed else torch.conv2d
            wanted = [t for t in (x, weight.requires_grad_())
                      if t.requires_grad]
            with torch.no_grad():
                y = apply(x, weight, None, stride, 1)
            parts.append((apply, x, weight, stride, wanted,
                          torch.randn_like(y)))
            before, side = y.shape[1:3]

        def call():
            for apply, x, weight, stride, wanted, gradient in parts:
                y = apply(x, weight, None, stride, 1)
                torch.autograd.grad(y, wanted, gradient)

        return call

    def bare_convolutions_us(self, batch):
        result = {}
        for name, kind, tf32 in self.precisions:
            common.allow_tf32(self.torch, tf32)
            call = self.convolutions(batch, kind)
            if self.cuda:
                call = common.record_graph(self.torch, call).replay
            result[name] = 1e6 * self.best_seconds(call)
        return result


def floors(ceilings, batch, cache_bytes):
    """Microseconds that a step of `batch` images cannot beat."""
    result = {"batch": batch, "arithmetic_us": {}, "memory_us": {},
              "floor_us": {}}
    products = ceilings["product_tflops"]
    for name, tflops in products.items():
        # Where the shorter type is slower, a step can use fp32.
        tflops = max(tflops, products["fp32"])
        held = batch * ACTIVATIONS * (2 if name == "bf16" else 4)
        moved = (ADAM_CROSSINGS * PARAMETERS * 4
                 + batch * math.prod(common.SHAPE) + CROSSINGS * held)
        computing = 1e-6 / tflops * flop_of("step", common.SHAPE, batch)
        memory = 1e-3 * moved / ceilings["copy_gb_per_s"]
        # What never leaves the cache is not bound by memory.
        fits = 2 * held + 4 * 4 * PARAMETERS < cache_bytes
        result["arithmetic_us"][name] = computing
        result["memory_us"][name] = memory
        result["floor_us"][name] = (
            computing if fits else max(computing, memory))
    return result


def measure(options):
    torch = common.need_torch(options.device, options.threads)
    torch.backends.cudnn.benchmark = True
    device = Ceilings(torch, options)
    ceilings = {"copy_gb_per_s": device.copy_gb_per_s(),
                "product_tflops": device.product_tflops()}
    gpu = torch.cuda.get_device_properties(0) if device.cuda else None
    cache = gpu.L2_cache_size if gpu else 0
    return {"device": options.device, "device_name": gpu.name if gpu else "cpu",
            "cache_bytes": cache, "torch": torch.__version__,
            "ceilings": ceilings, "steps": [
                {**floors(ceilings, batch, cache),
                 "bare_convolutions_us": device.bare_convolutions_us(batch)}
                for batch in options.batches]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batches", default="16,64,256,1024,4096",
                        type=lambda text: [int(b) for b in text.split(",")])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    common.print_one_object({"program": "floors"}, lambda: measure(options))


if __name__ == "__main__":
    main()
