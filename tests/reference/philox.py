"""libvae's random numbers and initial values, written a second time in numpy.

Independent of the C++ code on purpose: it follows the paper and the
specification below, so that a mistake on either side shows. It does not try to
be fast.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) with
    key     = (seed low, seed high)
    counter = (element // 4 + (sample << 20), row, step low,
               stream << 24 | (step >> 32) & 0xffffff)
Word element % 4 of the output belongs to the element.
"""

import numpy as np

STREAM_INIT, STREAM_TRAIN, STREAM_EVAL, STREAM_SAMPLE, STREAM_ORDER = range(
    1, 6
)

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(seed, counter):
    """Output words [n, 4] of the counters [n, 4], as uint64 below 2^32."""
    c0, c1, c2, c3 = (counter[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c0
        p1 = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def _words(seed, stream, row, step, elements, sample=0):
    """One word per element, [elements rounded up to 4]."""
    blocks = -(-elements // 4)
    counter = np.empty((blocks, 4), dtype=np.uint64)
    counter[:, 0] = np.arange(blocks, dtype=np.uint64) + np.uint64(sample << 20)
    counter[:, 1] = row
    counter[:, 2] = step & 0xFFFFFFFF
    counter[:, 3] = stream << 24 | (step >> 32) & 0xFFFFFF
    return philox(seed, counter)


def uniform(seed, stream, row, step, elements):
    """Float32 in [0, 1): the upper 24 bits of each word."""
    words = _words(seed, stream, row, step, elements).reshape(-1)[:elements]
    return ((words >> np.uint64(8)) * 2.0**-24).astype(np.float32)


def normal(seed, stream, row, step, elements):
    """Float64 normals by Box and Muller, words in pairs (0, 1) and (2, 3)."""
    words = _words(seed, stream, row, step, elements).reshape(-1, 2)
    u = (words[:, 0].astype(np.float64) + 0.5) * 2.0**-32
    radius = np.sqrt(-2.0 * np.log(u))
    angle = 2.0 * np.pi * (words[:, 1].astype(np.float64) * 2.0**-32)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return pairs.reshape(-1)[:elements]


def noise(seed, stream, step, rows, latent):
    """[rows, latent]: row i is keyed by i, so any split of a batch agrees."""
    return np.stack(
        [normal(seed, stream, r, step, latent) for r in range(rows)]
    )


def initial_value(seed, index, shape, fan_in):
    """PyTorch's default for weights and biases, U(-b, b), b = 1/sqrt(fan_in).

    `index` counts the trainable tensors in state_dict order.
    """
    u = uniform(seed, STREAM_INIT, index, 0, int(np.prod(shape)))
    bound = np.float32(1.0 / np.sqrt(np.float64(fan_in)))
    return ((np.float32(2) * u - np.float32(1)) * bound).reshape(shape)
