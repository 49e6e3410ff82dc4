"""What a step must cost at least: its arithmetic, counted; and two things that
are timed like a peer, `product`, the fastest large matrix product at hand, and
`convolutions`, PyTorch's convolutions of a step and nothing else."""

import math
import os
import sys
import time

import common

# Channels out, kernel, stride.
ENCODER = [(64, 4, 2), (128, 4, 2), (128, 3, 1)]
DECODER = [(64, 4, 2), (1, 4, 2)]
# Sides of a product that is large enough to fill the device.
SIDES = {"cpu": 1024, "cuda": 8192}


def taps(side, kernel, stride):
    """The pairs of an output row and an input row, without those on the padding
    of 1; and the number of output rows."""
    out = (side + 2 - kernel) // stride + 1
    pairs = sum(0 <= o * stride - 1 + k < side
                for o in range(out) for k in range(kernel))
    return pairs, out


def flop_of(mode, shape, batch):
    """Operations of a step ("epoch") or of a call ("encode", "decode") on
    images of `shape`."""
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


def torch_for(options):
    """PyTorch and the element type for a precision."""
    torch = common.need_torch(options.device, options.threads)
    common.allow_tf32(torch, options.precision == "tf32")
    half = options.precision == "bf16"
    return torch, torch.bfloat16 if half else torch.float32


def torch_products(options):
    """{name: call}"""
    (torch, kind), side = torch_for(options), SIDES[options.device]
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


def products(options):
    """Which library is the fastest depends on the processor."""
    calls, reasons = {}, []
    for made in (numpy_products, torch_products):
        try:
            calls.update(made(options))
        except common.Skip as why:
            reasons.append(str(why))
    if not calls:
        raise common.Skip("; ".join(reasons))
    return calls


def convolutions(options):
    """Of a step, forward and backward."""
    torch, kind = torch_for(options)
    torch.backends.cudnn.benchmark = True
    parts, (before, side, _) = [], common.SHAPE
    where = {"device": options.device, "dtype": kind}
    for out, kernel, stride in ENCODER + DECODER:
        transposed = len(parts) >= len(ENCODER)
        shape = (before, out) if transposed else (out, before)
        weight = torch.randn(*shape, kernel, kernel, **where)
        weight = weight.to(memory_format=torch.channels_last)
        # Permuted, so that one channel is channels_last too.
        x = torch.randn(options.batch, side, side, before, **where)
        x = x.permute(0, 3, 1, 2).requires_grad_(bool(parts))
        apply = torch.conv_transpose2d if transposed else torch.conv2d
        wanted = [t for t in (x, weight.requires_grad_()) if t.requires_grad]
        with torch.no_grad():
            y = apply(x, weight, None, stride, 1)
        parts.append((apply, x, weight, stride, wanted, torch.randn_like(y)))
        before, side = y.shape[1:3]

    def call():
        for apply, x, weight, stride, wanted, gradient in parts:
            y = apply(x, weight, None, stride, 1)
            torch.autograd.grad(y, wanted, gradient)

    return {"torch": common.record_graph(torch, call).replay
            if options.device == "cuda" else call}


def run(options):
    # numpy's library reads this once, when it is imported.
    if options.threads:
        os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    began = time.perf_counter()
    product = options.variant == "product"
    calls = products(options) if product else convolutions(options)

    def work_of(call):
        def work(times):
            for _ in range(times):
                call()
            if options.device == "cuda":
                sys.modules["torch"].cuda.synchronize()
        return work

    works = {name: work_of(call) for name, call in calls.items()}
    for work in works.values():
        work(3)
    best = min(works, key=lambda name: min(
        common.seconds_of(works[name], 3) for _ in range(5)))
    result = common.measure(options, works[best], began)
    return {**result, "library": best,
            **({"flop": 2 * SIDES[options.device]**3} if product else {})}
