"""Times one way of training the network with PyTorch, or of using it; prints
one JSON object.

The network is the tests' reference module. The data lies on the device, the
host waits at the end of a round only, and nothing here knows libvae.
"""

import pathlib
import sys
import time

import common

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]
                       / "tests" / "reference"))

MODES = ["epoch", "encode", "decode"]
# The variants that compile, with the mode of torch.compile.
COMPILED = {"compile": "default", "compiled-graph": "default",
            "compile-reduce-overhead": "reduce-overhead",
            "compile-max-autotune": "max-autotune"}


def set_up(options):
    if options.device == "cpu" and options.variant in (
            "compiled-graph", "compile-reduce-overhead"):
        raise common.Skip("CUDA graphs need a GPU")
    if options.device == "cpu" and options.precision == "tf32":
        raise common.Skip("TF32 exists on GPUs only")
    torch = common.need_torch(options)
    common.allow_tf32(torch, options.precision == "tf32")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    return torch


def make_net(torch, options):
    """The reference module, in the layout that its convolutions prefer."""
    from pytorch_vae import Vae

    net = Vae(dict(zip(("channels", "height", "width"), options.shape)))
    net = net.to(options.device)
    if options.variant == "original":
        return net
    return net.to(memory_format=torch.channels_last)


def images(torch, options, rows):
    """uint8 [batch, pixels] -> [batch, channels, height, width] in [0, 1]."""
    channels, height, width = options.shape
    if channels == 1 and options.variant != "original":
        # PyTorch sees one channel as channels_last only after a permutation.
        x = rows.view(-1, height, width, 1).permute(0, 3, 1, 2)
    else:
        x = rows.view(-1, *options.shape)
        if options.variant != "original":
            x = x.contiguous(memory_format=torch.channels_last)
    return x.to(torch.float32) / 255


def autocast(torch, options):
    return torch.autocast(options.device, torch.bfloat16,
                          options.precision == "bf16")


def compiled(torch, options, call):
    if options.variant not in COMPILED:
        return call
    return torch.compile(call, mode=COMPILED[options.variant])


class Step:
    """One step on `rows`, uint8 [batch, pixels] on the device. Losses are
    summed there: reading one would make the host wait."""

    def __init__(self, torch, options):
        self.torch, self.options = torch, options
        original = options.variant == "original"
        self.net = make_net(torch, options)
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=common.LEARNING_RATE,
            betas=(common.BETA1, common.BETA2), eps=common.EPSILON,
            fused=None if original else True,
            capturable=options.variant == "compiled-graph")
        self.total = torch.zeros((), device=options.device)
        self.loss_of = compiled(
            torch, options, self.original_loss if original else self.loss)

    def kl(self, mean, logvar):
        return -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).sum()

    def code(self, mean, logvar):
        noise = self.torch.randn_like(mean)
        return mean + noise * self.torch.exp(logvar / 2)

    def loss(self, rows):
        """The encoder once, the loss on logits."""
        functional = self.torch.nn.functional
        x = images(self.torch, self.options, rows)
        with autocast(self.torch, self.options):
            mean, logvar = (h.float() for h in self.net.encode(x))
            logits = self.net.logits(self.code(mean, logvar)).float()
        recon = functional.binary_cross_entropy_with_logits(
            logits, x, reduction="sum")
        return recon + self.kl(mean, logvar)

    def original_loss(self, rows):
        """As the original program: the encoder twice, the loss on
        probabilities."""
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


class Training:
    """Steps over the resident data set. The variant compiled-graph records
    `--graph-steps` of them as one CUDA graph and replays it: a counter on the
    device selects the batch, so that a replay needs nothing from the host."""

    def __init__(self, torch, options, rows):
        self.torch, self.options = torch, options
        self.step, self.data = Step(torch, options), rows.to(options.device)
        self.next, self.graph, self.chunk = 0, None, 1
        if options.variant == "compiled-graph":
            self.chunk = options.graph_steps
            self.at = torch.zeros((1,), dtype=torch.int64,
                                  device=options.device)
            self.graph = common.record_graph(
                torch, self.device_step, self.chunk)

    def device_step(self):
        self.step(self.data.index_select(0, self.at)[0])
        self.at.add_(1).remainder_(len(self.data))

    def __call__(self, steps):
        if self.graph is not None:
            for _ in range(steps // self.chunk):
                self.graph.replay()
        else:
            for _ in range(steps):
                if self.options.variant in COMPILED:
                    self.torch.compiler.cudagraph_mark_step_begin()
                self.step(self.data[self.next % len(self.data)])
                self.next += 1
        if self.options.device == "cuda":
            self.torch.cuda.synchronize()

    def loss(self):
        """Per image, of the next chunk of steps."""
        self.step.total.zero_()
        self(self.chunk)
        return float(self.step.total) / (self.options.batch * self.chunk)


class Inference:
    """Calls of the encoder (mean and logvar) or of the decoder; results as
    float32 in host memory, as libvae's are."""

    chunk = 1

    def __init__(self, torch, options, rows):
        if options.variant in ("original", "compiled-graph"):
            raise common.Skip(f"{options.variant} is a way of training")
        self.torch, self.options, self.rows = torch, options, rows
        self.net = make_net(torch, options).eval()
        self.call = compiled(torch, options, self.encode if options.mode ==
                             "encode" else self.decode)

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


def run(options):
    torch = set_up(options)
    trains = options.mode == "epoch"
    rows = torch.from_numpy(common.batches(options) if trains
                            else common.rows_of_call(options))
    began = time.perf_counter()
    work = (Training if trains else Inference)(torch, options, rows)
    if trains and options.check:
        return common.check_falls(work.loss, work.chunk)
    work(work.chunk)
    first = time.perf_counter() - began
    result = common.measure(options, work, first, work.chunk)
    if trains:
        result["loss"] = work.loss()
    if options.device == "cuda":
        result["peak_bytes"] = torch.cuda.max_memory_allocated()
    return {**result, "device_name": torch.cuda.get_device_name()
            if options.device == "cuda" else "cpu",
            "build": {"torch": torch.__version__}}
