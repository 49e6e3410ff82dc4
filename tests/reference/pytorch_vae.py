"""The networks that libvae trains, as PyTorch modules with the same names.

`Vae(config)` takes the fields of libvae's Config as a dict (absent fields have
its defaults). Its state_dict is what libvae reads and writes. Nothing here
knows libvae's own code.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

import philox

DEFAULTS = dict(
    net="conv", channels=1, height=28, width=28, latent=32,
    layers=[64, 128, 128], likelihood="bernoulli", sum_gradient=True,
    gaussian_sigma=1.0, kl_weight=1.0, learning_rate=1e-3, beta1=0.9,
    beta2=0.999, epsilon=1e-8, weight_decay=0.0, clip_norm=0.0, seed=0,
)  # fmt: skip


def conv_net(c):
    """Encoder, shape of its last feature map, decoder."""
    layers, sides = c["layers"], [(c["height"], c["width"])]
    encoder, before = [], c["channels"]
    for i, out in enumerate(layers):
        last = i == len(layers) - 1
        kernel, stride = (3, 1) if last else (4, 2)
        encoder += [nn.Conv2d(before, out, kernel, stride, 1),
                    nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]  # fmt: skip
        if not last:
            sides.append(tuple(side // 2 for side in sides[-1]))
        before = out
    decoder = []
    for j in reversed(range(len(layers) - 1)):
        out = layers[j - 1] if j > 0 else c["channels"]
        odd = tuple(side % 2 for side in sides[j])
        decoder += [nn.ConvTranspose2d(before, out, 4, 2, 1, odd), nn.ReLU()]
        before = layers[j - 1] if j > 0 else out
    return (
        nn.Sequential(*encoder),
        (layers[-1], *sides[-1]),
        nn.Sequential(*decoder[:-1]),
    )


def dense_net(c):
    pixels = c["channels"] * c["height"] * c["width"]
    sizes = [pixels, *c["layers"]]
    encoder, decoder = [], []
    for i, o in zip(sizes, sizes[1:]):
        encoder += [nn.Linear(i, o), nn.LeakyReLU(0.2)]
    for i, o in zip(sizes[:0:-1], sizes[-2::-1]):
        decoder += [nn.ReLU(), nn.Linear(i, o)]
    return nn.Sequential(*encoder), (sizes[-1],), nn.Sequential(*decoder)


class Vae(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = c = {**DEFAULTS, **config}
        make = conv_net if c["net"] == "conv" else dense_net
        encoder, self.hidden, decoder = make(c)
        self.encoder = encoder
        self.fc11 = nn.Linear(math.prod(self.hidden), c["latent"])
        self.fc12 = nn.Linear(math.prod(self.hidden), c["latent"])
        self.fc2 = nn.Linear(c["latent"], math.prod(self.hidden))
        self.decoder = decoder
        self.initialise(c["seed"])

    def initialise(self, seed):
        """libvae's initial values: PyTorch's distribution, our numbers."""
        owners = dict(self.named_modules())
        for index, (name, parameter) in enumerate(self.named_parameters()):
            owner = owners[name.rpartition(".")[0]]
            if isinstance(owner, nn.BatchNorm2d):
                continue  # weight 1, bias 0
            fan_in, _ = nn.init._calculate_fan_in_and_fan_out(owner.weight)
            value = philox.initial_value(seed, index, parameter.shape, fan_in)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(value))

    def biases_before_norm(self):
        """They cancel in training: their exact gradient is 0."""
        stages = list(self.encoder)
        return [a.bias for a, b in zip(stages, stages[1:])
                if isinstance(b, nn.BatchNorm2d)]  # fmt: skip

    def encode(self, x):
        flat = x if self.config["net"] == "conv" else x.flatten(1)
        h = self.encoder(flat).flatten(1)
        return self.fc11(h), self.fc12(h)

    def logits(self, z):
        """Logits (Bernoulli) or means (Gaussian), shaped as the images."""
        c = self.config
        out = self.decoder(self.fc2(z).view(-1, *self.hidden))
        return out.view(-1, c["channels"], c["height"], c["width"])

    def output(self, logits):
        bernoulli = self.config["likelihood"] == "bernoulli"
        return torch.sigmoid(logits) if bernoulli else logits

    def negative_log_likelihood(self, logits, x):
        """Summed over the pixels of each image, [images]."""
        if self.config["likelihood"] == "bernoulli":
            terms = F.binary_cross_entropy_with_logits(
                logits, x, reduction="none"
            )
        else:
            sigma = self.config["gaussian_sigma"]
            terms = (x - logits) ** 2 / (2 * sigma**2) + (
                math.log(sigma) + 0.5 * math.log(2 * math.pi))  # fmt: skip
        return terms.flatten(1).sum(1)

    def forward(self, x, noise):
        """Every quantity of one step, per image."""
        mean, logvar = self.encode(x)
        z = mean + noise * torch.exp(logvar.clamp(-30, 20) / 2)
        logits = self.logits(z)
        kl_terms = -0.5 * (1 + logvar - mean**2 - logvar.exp())
        recon = self.negative_log_likelihood(logits, x)
        mse = ((self.output(logits) - x) ** 2).flatten(1).mean(1)
        kl = kl_terms.sum(1)
        return dict(mean=mean, logvar=logvar, logits=logits, recon=recon, kl=kl,
                    kl_per_dim=kl_terms, mse=mse,
                    loss=recon + self.config["kl_weight"] * kl)  # fmt: skip
