#!/usr/bin/env python3
"""Measures what a device can do at most, and computes what a step must cost.

Ceilings: a large copy, large matrix products, empty CUDA graphs, the bare
convolutions. Floors: arithmetic and bytes over these ceilings. It times no
training, neither libvae's nor a peer's. Prints one JSON object; needs PyTorch.
"""

import argparse
import math
import pathlib
import sys

import arithmetic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

# The original network: parameters, and the elements of each layer's output for
# one image (the last are the logits).
PARAMETERS = 1_021_121
ACTIVATIONS = 12544 + 6272 + 6272 + 6272 + 12544 + 784
# An activation is written and read forward, read again backward, and its
# gradient is written and read. Fusion over whole layers avoids none of these.
CROSSINGS = 5
# Adam reads and writes the parameter and both moments, and reads the gradient,
# which another kernel has written.
ADAM_CROSSINGS = 8
# Channels in and out, side before, kernel, stride, transposed.
LAYERS = [(1, 64, 28, 4, 2, False), (64, 128, 14, 4, 2, False),
          (128, 128, 7, 3, 1, False), (128, 64, 7, 4, 2, True),
          (64, 1, 14, 4, 2, True)]
GRAPH_SIZES = (1, 20, 45)


class Ceilings:
    """Measurements on one device. A ceiling is the best of some rounds."""

    def __init__(self, torch, options):
        self.torch, self.options = torch, options
        self.device, self.cuda = options.device, options.device == "cuda"
        # Name, element type, whether TF32 is allowed.
        self.precisions = [("fp32", torch.float32, False),
                           *([("tf32", torch.float32, True)]
                             if self.cuda else []),
                           ("bf16", torch.bfloat16, False)]

    def best_seconds(self, call):
        def work(times):
            for _ in range(times):
                call()
            if self.cuda:
                self.torch.cuda.synchronize()

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
        torch, side = self.torch, 8192 if self.cuda else 1024
        result = {}
        for name, kind, tf32 in self.precisions:
            common.allow_tf32(torch, tf32)
            a, b = (torch.randn(side, side, device=self.device).to(kind)
                    for _ in range(2))
            out = torch.empty_like(a)
            seconds = self.best_seconds(lambda: torch.mm(a, b, out=out))
            result[name] = 2e-12 * side**3 / seconds
        return result

    def empty_graphs(self):
        """Graphs of so many kernels that each add 1 to one number."""
        one = self.torch.zeros(1, device="cuda")
        result = {}
        for size in GRAPH_SIZES:
            graph = common.record_graph(self.torch, lambda: one.add_(1), size)
            us = 1e6 * self.best_seconds(graph.replay)
            result[str(size)] = {"us": us, "us_per_kernel": us / size}
        return result

    def convolutions(self, batch, kind):
        """A call that does all convolutions of a step, forward and backward."""
        torch = self.torch
        where = {"device": self.device, "dtype": kind}
        parts = []
        for first, (before, out, side, kernel, stride, back) in enumerate(
                LAYERS):
            shape = (before, out) if back else (out, before)
            weight = torch.randn(*shape, kernel, kernel, **where)
            weight = weight.to(memory_format=torch.channels_last)
            # Permuted, so that one channel is channels_last too.
            x = torch.randn(batch, side, side, before, **where)
            x = x.permute(0, 3, 1, 2).requires_grad_(first > 0)
            apply = torch.conv_transpose2d if back else torch.conv2d
            wanted = [t for t in (x, weight.requires_grad_())
                      if t.requires_grad]
            with torch.no_grad():
                y = apply(x, weight, None, stride, 1)
            parts.append((apply, x, weight, stride, wanted,
                          torch.randn_like(y)))

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
              "floor_us": {}, "fits_in_cache": {}}
    bandwidth = 1e9 * ceilings["copy_gb_per_s"]
    adam = ADAM_CROSSINGS * PARAMETERS * 4
    result["adam_from_memory_us"] = 1e6 * adam / bandwidth
    products = ceilings["product_tflops"]
    for name, tflops in products.items():
        # Where the shorter type is slower, a step can use fp32.
        tflops = max(tflops, products["fp32"])
        size = 2 if name == "bf16" else 4
        held = batch * ACTIVATIONS * size
        moved = adam + batch * math.prod(common.SHAPE) + CROSSINGS * held
        fits = 2 * held + 4 * 4 * PARAMETERS < cache_bytes
        computing = 1e-6 / tflops * arithmetic.flop_of(
            "step", common.SHAPE, batch)
        memory = 1e6 * moved / bandwidth
        result["arithmetic_us"][name] = computing
        result["memory_us"][name] = memory
        result["fits_in_cache"][name] = fits
        # What never leaves the cache is not bound by memory.
        result["floor_us"][name] = (
            computing if fits else max(computing, memory))
    for size, graph in ceilings.get("empty_graph", {}).items():
        result[f"graph_of_{size}_us"] = graph["us"]
    return result


def measure(options):
    torch = common.need_torch(options)
    torch.backends.cudnn.benchmark = True
    device = Ceilings(torch, options)
    ceilings = {"copy_gb_per_s": device.copy_gb_per_s(),
                "product_tflops": device.product_tflops()}
    name, cache = "cpu", 0
    if device.cuda:
        ceilings["empty_graph"] = device.empty_graphs()
        found = torch.cuda.get_device_properties(0)
        name, cache = found.name, found.L2_cache_size
    steps = [{**floors(ceilings, batch, cache),
              "bare_convolutions_us": device.bare_convolutions_us(batch)}
             for batch in options.batches]
    return {"device": options.device, "device_name": name, "cache_bytes": cache,
            "torch": torch.__version__, "ceilings": ceilings, "steps": steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batches", default="16,64,256,1024,4096",
                        type=lambda text: [int(b) for b in text.split(",")])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    common.print_one_object({"program": "floors"}, parser.parse_args(), measure)


if __name__ == "__main__":
    main()
