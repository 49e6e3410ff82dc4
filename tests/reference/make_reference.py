#!/usr/bin/env python3
"""Makes values/: what reference_test.cpp holds libvae against.

    python3 -m venv env && env/bin/pip install torch==2.11.0 numpy safetensors
    env/bin/python tests/reference/make_reference.py
    env/bin/python tests/reference/make_reference.py --rounding

The first writes values/. Everything is computed by PyTorch in float64 and
stored as float32; running it twice gives the same bytes. `--rounding` writes
nothing: it repeats each case in float32 and prints how far PyTorch itself is
then off, the measure from which the test's tolerances are taken.

Each case stores its images, the initial values, the noise, what the first step
computes, the loss terms of ten Adam steps, and state and outputs afterwards.
Two rules differ from plain PyTorch:
  - a bias before BatchNorm has no influence on the loss. PyTorch's gradient
    there is rounding noise, which Adam turns into steps of full size; libvae's
    is 0 and only weight decay moves it. The gradient is set to 0 here too; no
    output depends on it, because the running mean follows the bias.
  - clipping scales by min(1, clip / norm); torch.nn.utils.clip_grad_norm_
    divides by norm + 1e-6.
"""

import argparse
import json
import pathlib

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

import philox
from pytorch_vae import Vae

VALUES = pathlib.Path(__file__).parent / "values"
STEPS = 10

CASES = {
    # Odd sides in both directions, two channels, a maximum batch not reached.
    "conv_small": dict(
        net="conv", channels=2, height=13, width=10, latent=5,
        layers=[6, 8, 10], likelihood="bernoulli", max_batch=10,
        seed=0x123456789ABCDEF, batch=7),
    "conv_gauss": dict(
        net="conv", channels=1, height=12, width=12, latent=3, layers=[4, 6],
        likelihood="gaussian", gaussian_sigma=0.7, kl_weight=0.5,
        weight_decay=0.01, clip_norm=1.0, max_batch=5, seed=3, batch=5),
    "dense": dict(
        net="dense", channels=1, height=1, width=20, latent=4, layers=[16, 12],
        likelihood="bernoulli", sum_gradient=False, max_batch=6, seed=11,
        batch=6),
    "original": dict(seed=7, max_batch=64, batch=16),
}  # fmt: skip


def make_images(count, config):
    """Grey patterns from integers alone: [count, C, H, W] uint8."""
    shape = [count, config.get("channels", 1), config.get("height", 28),
             config.get("width", 28)]  # fmt: skip
    i, c, y, x = np.indices(shape)
    wave = ((3 + i) * x + (5 + 2 * i) * y + 40 * c + i * x * y) % 256
    return np.clip((wave - 96) * 255 // 128, 0, 255).astype(np.uint8)


def make_codes(count, latent):
    """Codes between -2 and 2 for the decoder."""
    i, k = np.indices([count, latent])
    return (((7 * i + 5 * k + i * k) % 17) / 4.0 - 2.0).astype(np.float32)


def libvae_config(config):
    """The configuration as libvae's JSON."""
    fields = {k: v for k, v in config.items() if k != "batch"}
    fields |= dict(device="cpu", precision="fp32", keep_gradients=True)
    return json.dumps(fields, sort_keys=True)


class Run:
    """One case, computed in `dtype`; `values` is what is stored."""

    def __init__(self, config, dtype):
        self.dtype, self.batch = dtype, config["batch"]
        self.model = Vae(config).to(dtype)
        self.c = self.model.config
        self.pixels = make_images(self.batch, config)
        self.x = torch.from_numpy(self.pixels).to(dtype) / 255
        self.values = {"images": self.pixels}

    def keep(self, prefix, tensors):
        for name, tensor in tensors.items():
            self.values[prefix + name] = (
                tensor.detach().to(torch.float64).numpy().copy()
            )

    def noise(self, stream, step):
        values = philox.noise(
            self.c["seed"], stream, step, self.batch, self.c["latent"]
        )
        return torch.from_numpy(values).to(self.dtype)

    def gradients(self, terms):
        """The optimizer's gradient, and its norm before clipping."""
        scale = 1.0 if self.c["sum_gradient"] else 1.0 / self.batch
        (terms["loss"].sum() * scale).backward()
        for bias in self.model.biases_before_norm():
            bias.grad.zero_()
        grads = [p.grad for p in self.model.parameters()]
        return torch.sqrt(sum((g.double() ** 2).sum() for g in grads))

    @staticmethod
    def means(terms):
        return [
            terms[k].detach().double().mean()
            for k in ("loss", "recon", "kl", "mse")
        ]

    def train(self):
        c, model = self.c, self.model
        adam = torch.optim.Adam(
            model.parameters(), c["learning_rate"], (c["beta1"], c["beta2"]),
            c["epsilon"], c["weight_decay"])  # fmt: skip
        noises, metrics = [], []
        model.train()
        for step in range(STEPS):
            noises.append(self.noise(philox.STREAM_TRAIN, step))
            adam.zero_grad()
            terms = model(self.x, noises[-1])
            norm = self.gradients(terms)
            if step == 0:
                self.keep(
                    "step0/",
                    {k: terms[k] for k in ("mean", "logvar", "logits")},
                )
                self.keep(
                    "gradient/",
                    {n: p.grad for n, p in model.named_parameters()},
                )
            if c["clip_norm"] > 0:
                factor = torch.clamp(c["clip_norm"] / norm, max=1.0)
                for p in model.parameters():
                    p.grad *= factor
            adam.step()
            metrics.append(torch.stack([*self.means(terms), norm]))
        self.keep(
            "", {"noise": torch.stack(noises), "metrics": torch.stack(metrics)}
        )
        state = {n: adam.state[p] for n, p in model.named_parameters()}
        self.keep("moment1/", {n: s["exp_avg"] for n, s in state.items()})
        self.keep("moment2/", {n: s["exp_avg_sq"] for n, s in state.items()})

    @torch.no_grad()
    def evaluate(self, prefix):
        """Outputs with running statistics."""
        model = self.model.eval()
        terms = model(self.x, self.noise(philox.STREAM_EVAL, 0))
        codes = torch.from_numpy(make_codes(4, self.c["latent"]))
        mean = terms["mean"]
        self.keep(prefix, {
            "mean": mean, "logvar": terms["logvar"],
            "reconstruction": model.output(model.logits(mean)),
            "score_recon": terms["recon"], "score_kl": terms["kl"],
            "kl_per_dim": terms["kl_per_dim"].mean(0),
            "metrics": torch.stack(self.means(terms)),
            "codes": codes,
            "decoded": model.output(model.logits(codes.to(self.dtype))),
        })  # fmt: skip

    def whole(self):
        self.keep("initial/", self.tensors())
        self.evaluate("before/")
        self.train()
        self.keep("trained/", self.tensors())
        self.evaluate("after/")
        return self.values

    def tensors(self):
        state = self.model.state_dict()
        return {n: t for n, t in state.items() if t.is_floating_point()}


def as_float32(values):
    return {n: v.astype(np.float32) if v.dtype == np.float64 else v
            for n, v in values.items()}  # fmt: skip


STATE = ("initial/", "gradient/", "moment1/", "moment2/", "trained/")


def digest(values):
    """Large tensors as [sum, sum of squares] and eight of their elements."""
    small = {}
    for name, value in values.items():
        if not name.startswith(STATE):
            small[name] = value
            continue
        flat = value.reshape(-1)
        at = np.linspace(0, flat.size - 1, 8).astype(np.int64)
        small[name + "/sums"] = np.array([flat.sum(), (flat**2).sum()])
        small[name + "/at"], small[name + "/elements"] = at, flat[at]
    for name in (
        "noise",
        "step0/logits",
        "before/decoded",
        "before/reconstruction",
    ):
        del small[name]
    return small


def write(name, values, config):
    # One metadata key only: safetensors orders several at random.
    data = safetensors.numpy.save(
        as_float32(values), {"config": libvae_config(config)}
    )
    (VALUES / f"{name}.safetensors").write_bytes(data)


def check_philox():
    """The published known answer (Random123, kat_vectors)."""
    ones = np.full((1, 4), 0xFFFFFFFF)
    words = philox.philox(0xFFFFFFFFFFFFFFFF, ones)[0]
    assert [f"{w:08x}" for w in words] == [
        "408f276d",
        "41c83b0e",
        "a20bc7c6",
        "6d5451fd",
    ]


def write_pytorch_model():
    """A file as PyTorch users save it, and its model's outputs."""
    config = dict(net="conv", channels=1, height=10, width=14, latent=3,
                  layers=[5, 7, 4], likelihood="bernoulli", max_batch=8,
                  seed=1, batch=3)  # fmt: skip
    torch.manual_seed(20)
    run = Run(config, torch.float32)
    state = run.model.state_dict()
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(1234)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        else:
            tensor.normal_(0.0, 0.3)
    data = safetensors.torch.save(state)
    (VALUES / "pytorch_model.safetensors").write_bytes(data)
    run.dtype, run.x = torch.float64, run.x.double()
    run.model.double()
    run.evaluate("after/")
    write("pytorch_model_outputs", run.values, config)


def print_rounding(name, exact, config):
    """Error of PyTorch's own float32 against float64, per kind of value."""
    single = Run(config, torch.float32).whole()
    worst = {}
    for key, value in exact.items():
        kind = (
            key
            if key.startswith(("before/", "after/", "step0/"))
            else key.split("/")[0]
        )
        error = np.abs(single[key].astype(np.float64) - value)
        worst.setdefault(kind, []).append(
            (error.max(), (error / (np.abs(value).max() + 1e-30)).max())
        )
    for kind, errors in worst.items():
        absolute, relative = np.max(errors, axis=0)
        print(
            f"{name:12} {kind:22} absolute {absolute:.1e}  "
            f"of largest {relative:.1e}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounding", action="store_true")
    rounding = parser.parse_args().rounding
    torch.set_num_threads(1)
    check_philox()
    torch.use_deterministic_algorithms(True)
    VALUES.mkdir(exist_ok=True)
    for name, config in CASES.items():
        values = Run(config, torch.float64).whole()
        if rounding:
            print_rounding(name, values, config)
        else:
            write(
                name, digest(values) if name == "original" else values, config
            )
    if not rounding:
        write_pytorch_model()


if __name__ == "__main__":
    main()
