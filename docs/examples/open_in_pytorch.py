"""The networks of libvae as a PyTorch module, and a model file opened in it.

    python open_in_pytorch.py model.safetensors
"""

import json
import math
import sys

import safetensors.torch
import torch
from torch import nn


def conv_net(c):
    """Encoder, shape of its last feature map, decoder."""
    layers, sides = c["layers"], [(c["height"], c["width"])]
    encoder, before = [], c["channels"]
    for i, out in enumerate(layers):
        last = i == len(layers) - 1
        kernel, stride = (3, 1) if last else (4, 2)
        encoder += [nn.Conv2d(before, out, kernel, stride, 1)]
        encoder += [nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
        if not last:
            sides.append(tuple(side // 2 for side in sides[-1]))
        before = out
    decoder = []
    for j in reversed(range(len(layers) - 1)):
        out = layers[j - 1] if j > 0 else c["channels"]
        odd = tuple(side % 2 for side in sides[j])
        decoder += [nn.ConvTranspose2d(before, out, 4, 2, 1, odd), nn.ReLU()]
        before = out
    hidden = (layers[-1], *sides[-1])
    return nn.Sequential(*encoder), hidden, nn.Sequential(*decoder[:-1])


def dense_net(c):
    sizes = [c["channels"] * c["height"] * c["width"], *c["layers"]]
    encoder, decoder = [], []
    for i, o in zip(sizes, sizes[1:]):
        encoder += [nn.Linear(i, o), nn.LeakyReLU(0.2)]
    for i, o in zip(sizes[:0:-1], sizes[-2::-1]):
        decoder += [nn.ReLU(), nn.Linear(i, o)]
    return nn.Sequential(*encoder), (sizes[-1],), nn.Sequential(*decoder)


class Vae(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = c = config
        make = conv_net if c["net"] == "conv" else dense_net
        self.encoder, self.hidden, self.decoder = make(c)
        features = math.prod(self.hidden)
        self.fc11 = nn.Linear(features, c["latent"])  # mean
        self.fc12 = nn.Linear(features, c["latent"])  # log-variance
        self.fc2 = nn.Linear(c["latent"], features)

    def encode(self, x):
        if self.config["net"] == "dense":
            x = x.flatten(1)
        h = self.encoder(x).flatten(1)
        return self.fc11(h), self.fc12(h)

    def decode(self, z):
        """Probabilities (Bernoulli) or means (Gaussian)."""
        c = self.config
        out = self.decoder(self.fc2(z).view(-1, *self.hidden))
        out = out.view(-1, c["channels"], c["height"], c["width"])
        bernoulli = c["likelihood"] == "bernoulli"
        return torch.sigmoid(out) if bernoulli else out


def open_model(path):
    with safetensors.safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["vae.config"])
    model = Vae(config)
    model.load_state_dict(safetensors.torch.load_file(path))
    return model.eval()


if __name__ == "__main__":
    model = open_model(sys.argv[1])
    with torch.no_grad():
        images = model.decode(torch.randn(64, model.config["latent"]))
    print(tuple(images.shape), float(images.mean()))
