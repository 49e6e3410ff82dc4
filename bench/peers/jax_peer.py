"""Times one way of training the network with JAX. The network is written out in
jnp, Adam is JAX's. State is donated and stays on the device with the data; the
host waits at the end of a round only. Nothing here knows libvae."""

import os
import time

import common

MOMENTUM = 0.1
# What JAX may do with single precision; in bf16 no product is of that type.
MATMUL = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "default"}
CONV = ("NHWC", "HWIO", "NHWC")


def set_up(options):
    """Imports JAX for the device and precision that are wanted."""
    if options.threads and options.device == "cpu":
        # XLA has as many threads as it sees cores.
        cores = sorted(os.sched_getaffinity(0))[: options.threads]
        os.sched_setaffinity(0, cores)
    # Other processes hold memory of the same GPU at the same time.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    jax = common.need("jax", "JAX")
    if options.device == "cpu" and options.precision == "tf32":
        raise common.Skip("TF32 exists on GPUs only")
    if options.shape[1] % 4 or options.shape[2] % 4:
        raise common.Skip("written for sides that can be halved twice")
    jax.config.update("jax_platforms", options.device)
    jax.config.update("jax_default_matmul_precision",
                      MATMUL[options.precision])
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as why:
        text = " ".join(str(why).split()) or "its plugin is not installed"
        raise common.Skip(f"JAX has no {options.device}: {text}") from why
    return jax


class Network:
    """Pure functions over dicts of arrays."""

    def __init__(self, jax, options):
        self.jax, self.jnp = jax, jax.numpy
        half = options.precision == "bf16"
        self.type = self.jnp.bfloat16 if half else self.jnp.float32
        self.shape = channels, height, width = options.shape
        self.hidden = (height // 4, width // 4, 128)
        flat = height // 4 * (width // 4) * 128
        # Height, width, channels in, channels out; in a step's order.
        self.encoder = [(4, 4, channels, 64), (4, 4, 64, 128),
                        (3, 3, 128, 128)]
        self.decoder = [(4, 4, 128, 64), (4, 4, 64, channels)]
        self.linears = {"mean": (flat, common.LATENT),
                        "logvar": (flat, common.LATENT),
                        "back": (common.LATENT, flat)}
        from jax.example_libraries import optimizers

        self.begin, self.update, self.params_of = optimizers.adam(
            common.LEARNING_RATE, common.BETA1, common.BETA2, common.EPSILON)

    def initial_state(self):
        jnp, params, running = self.jnp, {}, {}
        keys = iter(self.jax.random.split(self.jax.random.key(0), 16))

        def layer(shape, fan_in):
            """PyTorch's default: uniform in +-1/sqrt(fan in)."""
            bound, uniform = fan_in**-0.5, self.jax.random.uniform
            return {"w": uniform(next(keys), shape, minval=-bound,
                                 maxval=bound),
                    "b": uniform(next(keys), shape[-1:], minval=-bound,
                                 maxval=bound)}

        for i, (h, w, before, out) in enumerate(self.encoder):
            params[f"conv{i}"] = layer((h, w, before, out), h * w * before)
            params[f"norm{i}"] = {"w": jnp.ones(out), "b": jnp.zeros(out)}
            running[f"norm{i}"] = {"mean": jnp.zeros(out), "var": jnp.ones(out)}
        for name, (before, out) in self.linears.items():
            params[name] = layer((before, out), before)
        for i, (h, w, before, out) in enumerate(self.decoder):
            params[f"deconv{i}"] = layer((h, w, before, out), h * w * out)
        return {"adam": self.begin(params), "running": running,
                "t": jnp.int32(0), "loss": jnp.float32(0)}

    def conv(self, p, x, stride, padding, dilation=1):
        product = self.jax.lax.conv_general_dilated(
            x.astype(self.type), p["w"].astype(self.type), (stride, stride),
            ((padding, padding),) * 2, lhs_dilation=(dilation, dilation),
            dimension_numbers=CONV)
        return product.astype(self.jnp.float32) + p["b"]

    def linear(self, p, x):
        product = x.astype(self.type) @ p["w"].astype(self.type)
        return product.astype(self.jnp.float32) + p["b"]

    def norm(self, p, x, before):
        """Batch statistics for the step, running ones for later use."""
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        count = x.size // x.shape[-1]
        now = {"mean": mean, "var": var * count / (count - 1)}
        running = self.jax.tree.map(
            lambda old, new: (1 - MOMENTUM) * old + MOMENTUM * new,
            before, now)
        scale = p["w"] * self.jax.lax.rsqrt(var + 1e-5)
        return (x - mean) * scale + p["b"], running

    def loss(self, params, running, rows, key):
        """Summed over the images, and the new running statistics."""
        jax, jnp, after = self.jax, self.jnp, {}
        x = rows.reshape(-1, *self.shape).transpose(0, 2, 3, 1)
        h = x = x / jnp.float32(255)
        for i, (size, *_) in enumerate(self.encoder):
            h = self.conv(params[f"conv{i}"], h, 2 if size == 4 else 1, 1)
            name = f"norm{i}"
            h, after[name] = self.norm(params[name], h, running[name])
            h = jnp.where(h > 0, h, 0.2 * h)
        h = h.reshape(h.shape[0], -1)
        mean, logvar = (self.linear(params[p], h) for p in ("mean", "logvar"))
        z = mean + jnp.exp(logvar / 2) * jax.random.normal(key, mean.shape)
        h = self.linear(params["back"], z).reshape(-1, *self.hidden)
        # A transposed convolution of kernel 4, stride 2, padding 1.
        h = jnp.maximum(self.conv(params["deconv0"], h, 1, 2, dilation=2), 0)
        logits = self.conv(params["deconv1"], h, 1, 2, dilation=2)
        recon = jnp.maximum(logits, 0) - logits * x
        recon += jnp.log1p(jnp.exp(-jnp.abs(logits)))
        kl = -0.5 * (1 + logvar - mean**2 - jnp.exp(logvar))
        return recon.sum() + kl.sum(), after

    def step(self, state, data):
        """One step on the batch that the state's count points at."""
        jax, t = self.jax, state["t"]
        rows = jax.lax.dynamic_index_in_dim(
            data, t % data.shape[0], keepdims=False)
        (loss, running), gradient = jax.value_and_grad(
            self.loss, has_aux=True)(
                self.params_of(state["adam"]), state["running"], rows,
                jax.random.fold_in(jax.random.key(1), t))
        return {"adam": self.update(t, gradient, state["adam"]),
                "running": running, "t": t + 1, "loss": state["loss"] + loss}


class Work:
    """Steps over the resident set, `chunk` of them in one call of JAX."""

    def __init__(self, jax, options, rows):
        network = Network(jax, options)
        scan = options.variant == "scan"
        self.jax, self.batch = jax, options.batch
        self.chunk = options.graph_steps if scan else 1
        self.data = jax.device_put(rows)

        def many(state, data):
            return jax.lax.scan(
                lambda carry, _: (network.step(carry, data), None), state,
                length=self.chunk)[0]

        self.advance = jax.jit(many if scan else network.step,
                               donate_argnums=0)
        self.state = jax.jit(network.initial_state)()

    def __call__(self, steps):
        for _ in range(steps // self.chunk):
            self.state = self.advance(self.state, self.data)
        self.jax.block_until_ready(self.state)

    def mean_loss(self):
        """Per image, of the next chunk."""
        self.state["loss"] = self.jax.numpy.float32(0)
        self(self.chunk)
        return float(self.state["loss"]) / (self.batch * self.chunk)


def run(options):
    jax = set_up(options)
    rows = common.batches(options)
    began = time.perf_counter()
    work = Work(jax, options, rows)
    if options.check:
        return common.check_falls(work.mean_loss, work.chunk)
    result = common.measure(options, work, began, work.chunk)
    device = jax.devices()[0]
    memory = device.memory_stats() or {}  # the CPU keeps none
    if "peak_bytes_in_use" in memory:
        result["peak_bytes"] = memory["peak_bytes_in_use"]
    return {**result, "loss": work.mean_loss(),
            "device_name": device.device_kind,
            "build": {"jax": jax.__version__}}
