#!/usr/bin/env python3
"""Measures what a device can do at most, and computes what a step must cost.

Ceilings: a large copy, large matrix products, empty CUDA graphs, the bare
convolutions. Floors: arithmetic and bytes over these ceilings. It times no
training, neither libvae's nor a peer's. Prints one JSON object; needs PyTorch.
"""

import argparse
import pathlib
import sys

import arithmetic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

# The original network: parameters, and what each layer leaves behind for one
# image (the last are the logits).
PARAMETERS = 1_021_121
ACTIVATIONS = 12544 + 6272 + 6272 + 6272 + 12544 + 784
# An activation is written and read forward, read again backward, and its
# gradient is written and read: no fusion over whole layers avoids these.
CROSSINGS = 5
# Adam reads and writes parameter and both moments, and reads the gradient,
# which something has written.
ADAM_CROSSINGS = 8
# in, out, side before, kernel, stride, transposed
LAYERS = [(1, 64, 28, 4, 2, False), (64, 128, 14, 4, 2, False),
          (128, 128, 7, 3, 1, False), (128, 64, 7, 4, 2, True),
          (64, 1, 14, 4, 2, True)]
GRAPH_SIZES = (1, 20, 45)


class Device:
    """Where to measure, and how: the best of some rounds, as for a ceiling."""

    def __init__(self, torch, options):
        self.torch, self.options = torch, options
        self.cuda = options.device == "cuda"

    def wait(self):
        if self.cuda:
            self.torch.cuda.synchronize()

    def best_seconds(self, call):
        def work(times):
            for _ in range(times):
                call()
            self.wait()

        times = common.steps_of_round(work, self.options.seconds, 1)
        return min(common.seconds_of(work, times) / times
                   for _ in range(self.options.rounds))

    def allow_tf32(self, allow):
        self.torch.backends.cuda.matmul.allow_tf32 = allow
        self.torch.backends.cudnn.allow_tf32 = allow

    def graph(self, call):
        """`call` recorded once; returns what replays it."""
        torch, stream = self.torch, self.torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
        return graph.replay


def precisions(device):
    """Name, element type, whether TF32 is allowed."""
    torch = device.torch
    tf32 = [("tf32", torch.float32, True)] if device.cuda else []
    return [("fp32", torch.float32, False), *tf32,
            ("bf16", torch.bfloat16, False)]


def copy_gb_per_s(device):
    """Bytes read and bytes written, both counted."""
    size = (1 << 30) if device.cuda else (1 << 28)
    source = device.torch.ones(size, dtype=device.torch.uint8,
                               device=device.options.device)
    target = device.torch.empty_like(source)
    return 2e-9 * size / device.best_seconds(lambda: target.copy_(source))


def product_tflops(device):
    torch, side = device.torch, 8192 if device.cuda else 1024
    result = {}
    for name, kind, tf32 in precisions(device):
        device.allow_tf32(tf32)
        a, b = (torch.randn(side, side, device=device.options.device).to(kind)
                for _ in range(2))
        out = torch.empty_like(a)
        seconds = device.best_seconds(lambda: torch.mm(a, b, out=out))
        result[name] = 2e-12 * side**3 / seconds
    return result


def empty_graphs(device):
    """Graphs of so many kernels that each add 1 to one number."""
    one = device.torch.zeros(1, device="cuda")
    result = {}
    for size in GRAPH_SIZES:
        replay = device.graph(lambda: [one.add_(1) for _ in range(size)])
        us = 1e6 * device.best_seconds(replay)
        result[str(size)] = {"us": us, "us_per_kernel": us / size}
    return result


def convolutions(device, batch, kind):
    """A call that does all convolutions of a step, forward and backward."""
    torch = device.torch
    where = {"device": device.options.device, "dtype": kind}
    parts = []
    for first, (before, out, side, kernel, stride, back) in enumerate(LAYERS):
        shape = (before, out) if back else (out, before)
        weight = torch.randn(*shape, kernel, kernel, **where)
        weight = weight.to(memory_format=torch.channels_last)
        # Permuted, so that one channel is channels_last too.
        x = torch.randn(batch, side, side, before, **where)
        x = x.permute(0, 3, 1, 2).requires_grad_(first > 0)
        apply = (torch.conv_transpose2d if back else torch.conv2d)
        wanted = [t for t in (x, weight.requires_grad_()) if t.requires_grad]
        with torch.no_grad():
            y = apply(x, weight, None, stride, 1)
        parts.append((apply, x, weight, stride, wanted, torch.randn_like(y)))

    def call():
        for apply, x, weight, stride, wanted, gradient in parts:
            y = apply(x, weight, None, stride, 1)
            torch.autograd.grad(y, wanted, gradient)

    return call


def bare_convolutions(device, batch):
    result = {}
    for name, kind, tf32 in precisions(device):
        device.allow_tf32(tf32)
        call = convolutions(device, batch, kind)
        run = device.graph(call) if device.cuda else call
        result[name] = 1e6 * device.best_seconds(run)
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
        # Where the shorter type is the slower one, fp32 is there to be used.
        tflops = max(tflops, products["fp32"])
        size = 2 if name == "bf16" else 4
        held = batch * ACTIVATIONS * size
        moved = adam + batch * common.PIXELS + CROSSINGS * held
        fits = 2 * held + 4 * 4 * PARAMETERS < cache_bytes
        computing = arithmetic.flop_of_step(common.SHAPE, batch) / tflops * 1e-6
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
    try:
        import torch
    except ImportError as why:
        raise common.Skip(f"PyTorch is not installed ({why})") from why
    device = Device(torch, options)
    if device.cuda and not torch.cuda.is_available():
        raise common.Skip("PyTorch finds no usable GPU")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    ceilings = {"copy_gb_per_s": copy_gb_per_s(device),
                "product_tflops": product_tflops(device)}
    name, cache = "cpu", 0
    if device.cuda:
        ceilings["empty_graph"] = empty_graphs(device)
        found = torch.cuda.get_device_properties(0)
        name, cache = found.name, found.L2_cache_size
    steps = [{**floors(ceilings, batch, cache),
              "bare_convolutions_us": bare_convolutions(device, batch)}
             for batch in options.batches]
    return {"program": "floors", "device": options.device,
            "device_name": name, "cache_bytes": cache,
            "torch": torch.__version__, "ceilings": ceilings, "steps": steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batches", default="16,64,256,1024,4096",
                        type=lambda text: [int(b) for b in text.split(",")])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    common.print_one_object({"program": "floors"}, options, measure)


if __name__ == "__main__":
    main()
