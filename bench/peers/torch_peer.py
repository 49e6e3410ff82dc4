"""Times one way of training the tests' reference module with PyTorch, or of
using it. The data lies on the device, the host waits at the end of a round
only, and nothing here knows libvae."""

import pathlib
import sys
import time

import common

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]
                       / "tests" / "reference"))


def set_up(options):
    if options.device == "cpu" and options.variant == "compiled-graph":
        raise common.Skip("CUDA graphs need a GPU")
    if options.device == "cpu" and options.precision == "tf32":
        raise common.Skip("TF32 exists on GPUs only")
    torch = common.need_torch(options.device, options.threads)
    common.allow_tf32(torch, options.precision == "tf32")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    return torch


class Network:
    """The reference module, and what training and inference do with it. The
    variant `original` keeps PyTorch's default memory layout; the others have
    the layout that its convolutions prefer."""

    def __init__(self, torch, options):
        from pytorch_vae import Vae

        self.torch, self.options = torch, options
        self.original = options.variant == "original"
        net = Vae(dict(zip(("channels", "height", "width"), options.shape)))
        self.net = net.to(options.device)
        if not self.original:
            self.net = self.net.to(memory_format=torch.channels_last)

    def images(self, rows):
        """uint8 [batch, pixels] -> [batch, channels, height, width] in
        [0, 1]."""
        x = rows.view(-1, *self.options.shape)
        if not self.original:
            # PyTorch takes one channel for channels_last only if permuted.
            x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        return x.to(self.torch.float32) / 255

    def autocast(self):
        return self.torch.autocast(self.options.device, self.torch.bfloat16,
                                   self.options.precision == "bf16")

    def compiled(self, call):
        if not self.options.variant.startswith("compile"):
            return call
        return self.torch.compile(call)


class Training(Network):
    """Steps over the resident data set. The variant compiled-graph records
    `--graph-steps` of them as one CUDA graph and replays it: a counter on the
    device selects the batch, so that a replay needs nothing from the host."""

    def __init__(self, torch, options, rows):
        super().__init__(torch, options)
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=common.LEARNING_RATE,
            betas=(common.BETA1, common.BETA2), eps=common.EPSILON,
            fused=None if self.original else True,
            capturable=options.variant == "compiled-graph")
        # Losses are summed on the device: reading one makes the host wait.
        self.total = torch.zeros((), device=options.device)
        self.loss_of = self.compiled(
            self.original_loss if self.original else self.loss)
        self.data = rows.to(options.device)
        self.next, self.graph, self.chunk = 0, None, 1
        if options.variant == "compiled-graph":
            self.chunk = options.graph_steps
            self.at = torch.zeros((1,), dtype=torch.int64,
                                  device=options.device)
            self.graph = common.record_graph(
                torch, self.device_step, self.chunk)

    def bound(self, mean, logvar, recon):
        kl = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).sum()
        return recon + kl

    def code(self, mean, logvar):
        noise = self.torch.randn_like(mean)
        return mean + noise * self.torch.exp(logvar / 2)

    def loss(self, rows):
        """The encoder once, the loss on logits."""
        x = self.images(rows)
        with self.autocast():
            mean, logvar = (h.float() for h in self.net.encode(x))
            logits = self.net.logits(self.code(mean, logvar)).float()
        return self.bound(
            mean, logvar,
            self.torch.nn.functional.binary_cross_entropy_with_logits(
                logits, x, reduction="sum"))

    def original_loss(self, rows):
        """As the original program: the encoder twice, the loss on
        probabilities."""
        x, net = self.images(rows), self.net
        with self.autocast():
            mean = net.fc11(net.encoder(x).flatten(1)).float()
            logvar = net.fc12(net.encoder(x).flatten(1)).float()
            logits = net.logits(self.code(mean, logvar)).float()
        return self.bound(
            mean, logvar, self.torch.nn.functional.binary_cross_entropy(
                self.torch.sigmoid(logits), x, reduction="sum"))

    def step(self, rows):
        """One step on `rows`, uint8 [batch, pixels] on the device."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(rows)
        loss.backward()
        self.total += loss.detach()
        self.optimizer.step()

    def device_step(self):
        self.step(self.data.index_select(0, self.at)[0])
        self.at.add_(1).remainder_(len(self.data))

    def __call__(self, steps):
        if self.graph is not None:
            for _ in range(steps // self.chunk):
                self.graph.replay()
        else:
            for _ in range(steps):
                self.step(self.data[self.next % len(self.data)])
                self.next += 1
        if self.options.device == "cuda":
            self.torch.cuda.synchronize()

    def mean_loss(self):
        """Per image, of the next chunk of steps."""
        self.total.zero_()
        self(self.chunk)
        return float(self.total) / (self.options.batch * self.chunk)


class Inference(Network):
    """Calls of the encoder (mean and logvar) or of the decoder; results as
    float32 in host memory, as libvae's are."""

    chunk = 1

    def __init__(self, torch, options, rows):
        if options.variant in ("original", "compiled-graph"):
            raise common.Skip(f"{options.variant} is a way of training")
        super().__init__(torch, options)
        self.net.eval()
        self.rows = rows
        self.call = self.compiled(getattr(self, options.mode))

    def encode(self, rows):
        with self.autocast():
            return self.net.encode(self.images(rows))

    def decode(self, rows):
        with self.autocast():
            return [self.net.output(self.net.logits(rows))]

    def __call__(self, calls):
        with self.torch.inference_mode():
            for _ in range(calls):
                for result in self.call(self.rows.to(self.options.device)):
                    result.float().cpu()


def run(options):
    torch = set_up(options)
    trains = options.mode == "epoch"
    rows = torch.from_numpy(common.batches(options) if trains
                            else common.rows_of_call(options))
    began = time.perf_counter()
    work = (Training if trains else Inference)(torch, options, rows)
    if trains and options.check:
        return common.check_falls(work.mean_loss, work.chunk)
    result = common.measure(options, work, began, work.chunk)
    if trains:
        result["loss"] = work.mean_loss()
    if options.device == "cuda":
        result["peak_bytes"] = torch.cuda.max_memory_allocated()
    return {**result, "device_name": torch.cuda.get_device_name()
            if options.device == "cuda" else "cpu",
            "build": {"torch": torch.__version__}}
