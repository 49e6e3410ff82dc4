#!/usr/bin/env python3
"""Opens a model that libvae trained in PyTorch and compares what both answer.

    env/bin/python tests/reference/check_saved_model.py build/release/bin/vae

By hand, because it needs PyTorch (as make_reference.py does); the tests compare
names, shapes and values with a stored PyTorch file instead. Trains a small
model on a small dataset with the `vae` command, loads the file's tensors into
the module of pytorch_vae.py, and compares codes and losses of the test images.
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors
import safetensors.torch
import torch

import philox
from pytorch_vae import Vae

DATA = pathlib.Path(__file__).parents[1] / "data" / "fashion-small"


def test_images():
    raw = (DATA / "t10k-images-idx3-ubyte.gz").read_bytes()
    pixels = np.frombuffer(gzip.decompress(raw), np.uint8, offset=16)
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28).copy()).float() / 255


def load_in_pytorch(path):
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    # The configuration is the metadata object with "layers", under any key.
    config = next(
        value
        for text in metadata.values()
        if text.startswith("{") and "layers" in (value := json.loads(text))
    )
    model = Vae(config)
    model.load_state_dict(safetensors.torch.load_file(path), strict=True)
    return model.eval()


def main():
    vae = sys.argv[1]

    def run(*arguments):
        command = [vae, *map(str, arguments)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        return done.stdout.decode().splitlines()

    with tempfile.TemporaryDirectory() as name:
        made = pathlib.Path(name)
        run("train", "--data", DATA, "--out", made, "--epochs", 2, "--layers",
            "16,32,32", "--latent", 8, "--seed", 5,
            "--device", "cpu")  # fmt: skip
        file = made / "model.safetensors"
        mean, logvar = made / "mean.npy", made / "logvar.npy"
        run("encode", "--model", file, "--data", DATA, "--out", mean,
            "--logvar", logvar)  # fmt: skip
        losses = run("eval", "--model", file, "--data", DATA, "--json")[-1]
        ours = dict(mean=np.load(mean), logvar=np.load(logvar))
        ours |= json.loads(losses)
        model = load_in_pytorch(file)

    images = test_images()
    noise = philox.noise(
        model.config["seed"], philox.STREAM_EVAL, 0, len(images), 8
    )
    with torch.no_grad():
        theirs = model(images, torch.from_numpy(noise).float())
    worst = 0.0
    for ours_name, name in (
        ("mean", "mean"),
        ("logvar", "logvar"),
        ("reconstruction", "recon"),
        ("kl", "kl"),
        ("mse", "mse"),
    ):
        expected = theirs[name].double().numpy()
        got = np.asarray(ours[ours_name])
        if got.ndim == 0:
            expected = expected.mean()
        error = np.abs(got - expected).max() / np.abs(expected).max()
        print(f"{ours_name:15} off by {error:.1e} of the largest")
        worst = max(worst, error)
    # Both compute in float32: some 1e-7 per operation.
    sys.exit(0 if worst < 1e-5 else "too far apart")


if __name__ == "__main__":
    main()
