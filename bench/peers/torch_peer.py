"""Times one way of training the network with PyTorch, or of using it; prints
one JSON object.

The network is the tests' reference module. The data lies on the device, the
host waits at the end of a round only, and nothing here knows libvae.
"""

import pathlib
import sys
import time

import common

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"
sys.path.insert(0, str(REFERENCE))

MODES = ["epoch", "encode", "decode"]
# Variants that compile, by the mode of torch.compile.
COMPILED = {"compile": "default", "compiled-graph": "default",
            "compile-reduce-overhead": "reduce-overhead",
            "compile-max-autotune": "max-autotune"}


def set_up(torch, options):
    cuda = options.device == "cuda"
    if cuda and not torch.cuda.is_available():
        raise common.Skip("PyTorch finds no usable GPU")
    if not cuda and options.variant in ("compiled-graph",
                                        "compile-reduce-overhead"):
        raise common.Skip("CUDA graphs need a GPU")
    if not cuda and options.precision == "tf32":
        raise common.Skip("TF32 exists on GPUs only")
    if options.threads:
        torch.set_num_threads(options.threads)
    tf32 = options.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)


def make_net(options):
    """The reference module, in the layout that its convolutions like best."""
    import torch
    from pytorch_vae import Vae

    net = Vae(dict(zip(("channels", "height", "width"), options.shape)))
    net = net.to(options.device)
    if options.variant == "original":
        return net
    return net.to(memory_format=torch.channels_last)


def images(torch, options, rows):
    """uint8 [batch, pixels] -> [batch, channels, height, width] in [0, 1]. With
    one channel the strides say nothing of the layout unless they are made to:
    permuted, they mean channels_last."""
    channels, height, width = options.shape
    if options.variant == "original":
        x = rows.view(-1, channels, height, width)
    elif channels == 1:
        x = rows.view(-1, height, width, 1).permute(0, 3, 1, 2)
    else:
        x = rows.view(-1, channels, height, width)
        x = x.contiguous(memory_format=torch.channels_last)
    return x.to(torch.float32) / 255


def autocast(torch, options):
    return torch.autocast(options.device, torch.bfloat16,
                          options.precision == "bf16")


class Step:
    """One step on `rows`, uint8 [batch, pixels] on the device. Losses are summed
    there: reading one would make the host wait."""

    def __init__(self, torch, options):
        self.torch, self.options = torch, options
        original = options.variant == "original"
        self.net = make_net(options)
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=common.LEARNING_RATE,
            betas=(common.BETA1, common.BETA2), eps=common.EPSILON,
            fused=None if original else True,
            capturable=options.variant == "compiled-graph")
        self.total = torch.zeros((), device=options.device)
        loss = self.original_loss if original else self.loss
        if options.variant in COMPILED:
            loss = torch.compile(loss, mode=COMPILED[options.variant])
        self.loss_of = loss

    def kl(self, mean, logvar):
        return -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).sum()

    def code(self, mean, logvar):
        noise = self.torch.randn_like(mean)
        return mean + noise * self.torch.exp(logvar / 2)

    def loss(self, rows):
        """Encoder once, loss on logits: the same function, done sensibly."""
        functional = self.torch.nn.functional
        x = images(self.torch, self.options, rows)
        with autocast(self.torch, self.options):
            mean, logvar = (h.float() for h in self.net.encode(x))
            logits = self.net.logits(self.code(mean, logvar)).float()
        recon = functional.binary_cross_entropy_with_logits(
            logits, x, reduction="sum")
        return recon + self.kl(mean, logvar)

    def original_loss(self, rows):
        """As the original program: encoder twice, loss on probabilities."""
        functional, net = self.torch.nn.functional, self.net
        x = images(self.torch, self.options, rows)
        with autocast(self.torch, self.options):
            mean = net.fc11(net.encoder(x).flatten(1)).float()
            logvar = net.fc12(net.encoder(x).flatten(1)).float()
            logits = net.logits(self.code(mean, logvar)).float()
        recon = functional.binary_cross_entropy(
            self.torch.sigmoid(logits), x, reduction="sum")
        return recon + self.kl(mean, logvar)

    def __call__(self, rows):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(rows)
        loss.backward()
        self.total += loss.detach()
        self.optimizer.step()


class Eager:
    """Step after step over the resident set; also for the compiled ones."""

    chunk = 1

    def __init__(self, torch, step, data):
        self.torch, self.step, self.data, self.next = torch, step, data, 0
        self.cuda = step.options.device == "cuda"

    def wait(self):
        if self.cuda:
            self.torch.cuda.synchronize()

    def __call__(self, steps):
        for _ in range(steps):
            if self.step.options.variant in COMPILED:
                self.torch.compiler.cudagraph_mark_step_begin()
            self.step(self.data[self.next % len(self.data)])
            self.next += 1
        self.wait()


class Graph(Eager):
    """The compiled step, `--graph-steps` of them, in one CUDA graph that is
    replayed. The batch is looked up on the device by a counter that lies there,
    so that a replay needs nothing from the host."""

    def __init__(self, torch, step, data):
        super().__init__(torch, step, data)
        self.chunk = step.options.graph_steps
        self.at = torch.zeros((1,), dtype=torch.int64, device=data.device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # compiles; the optimizer makes its state
                self.one()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            for _ in range(self.chunk):
                self.one()

    def one(self):
        self.step(self.data.index_select(0, self.at)[0])
        self.at.add_(1).remainder_(len(self.data))

    def __call__(self, steps):
        for _ in range(steps // self.chunk):
            self.graph.replay()
        self.wait()


class Inference:
    """Calls of the encoder (mean and logvar) or of the decoder; results as
    float32 in host memory, as libvae's are."""

    chunk = 1

    def __init__(self, torch, options, rows):
        self.torch, self.options, self.rows = torch, options, rows
        self.net = make_net(options).eval()
        call = self.encode if options.mode == "encode" else self.decode
        if options.variant in COMPILED:
            call = torch.compile(call, mode=COMPILED[options.variant])
        self.call = call

    def encode(self, rows):
        with autocast(self.torch, self.options):
            return self.net.encode(images(self.torch, self.options, rows))

    def decode(self, rows):
        with autocast(self.torch, self.options):
            return [self.net.output(self.net.logits(rows))]

    def __call__(self, calls):
        with self.torch.inference_mode():
            for _ in range(calls):
                if self.options.variant in COMPILED:
                    self.torch.compiler.cudagraph_mark_step_begin()
                rows = self.rows.to(self.options.device)
                for result in self.call(rows):
                    result.float().cpu()


def about(torch, options):
    """Where it ran."""
    told = {"device_name": "cpu", "build": {"torch": torch.__version__}}
    if options.device == "cuda":
        told.update(device_name=torch.cuda.get_device_name(),
                    peak_bytes=torch.cuda.max_memory_allocated())
    return told


def run_inference(torch, options):
    if options.variant in ("original", "compiled-graph"):
        raise common.Skip(f"{options.variant} is a way of training")
    if options.mode == "encode":
        rows = common.noise(options.batch, common.pixels_of(options.shape))
    else:
        rows = common.codes(options.batch)
    rows = torch.from_numpy(rows)
    began = time.perf_counter()
    work = Inference(torch, options, rows)
    work(1)
    first = time.perf_counter() - began
    return {**common.measure(options, work, first), **about(torch, options)}


def losses_of(work, step, options):
    """Per-image losses, one of each chunk of steps."""
    losses = []
    for _ in range(common.chunks_of_check(work.chunk)):
        step.total.zero_()
        work(work.chunk)
        losses.append(float(step.total) / (options.batch * work.chunk))
    return losses


def run(options):
    try:
        import torch
    except ImportError as why:
        raise common.Skip(f"PyTorch is not installed ({why})") from why
    set_up(torch, options)
    if options.mode != "epoch":
        return run_inference(torch, options)
    rows = torch.from_numpy(common.batches(options))
    began = time.perf_counter()
    data = rows.to(options.device)
    step = Step(torch, options)
    graph = options.variant == "compiled-graph"
    work = (Graph if graph else Eager)(torch, step, data)
    if options.check:
        return common.check_falls(losses_of(work, step, options))
    work(work.chunk)
    first = time.perf_counter() - began
    result = common.measure(options, work, first, work.chunk)
    step.total.zero_()
    work(work.chunk)
    loss = float(step.total) / (options.batch * work.chunk)
    return {**result, "loss": loss, **about(torch, options)}
