"""The arithmetic of a training step or call of the convolutional network,
counted from its layers. Measures nothing.
"""

LAYERS, LATENT = (64, 128, 128), 32


def taps(side, kernel, stride):
    """The pairs of an output row and an input row, without those on the padding
    of 1; and the number of output rows."""
    out = (side + 2 - kernel) // stride + 1
    pairs = sum(0 <= o * stride - 1 + k < side
                for o in range(out) for k in range(kernel))
    return pairs, out


def products(shape):
    """The multiply-adds of one image, layer by layer, of the encoder with both
    heads and of the decoder."""
    before, *sides = shape
    encoder, mirrored = [], []
    for i, out in enumerate(LAYERS):
        kernel, stride = (3, 1) if i == len(LAYERS) - 1 else (4, 2)
        pairs, sides = zip(*(taps(side, kernel, stride) for side in sides))
        encoder.append(pairs[0] * pairs[1] * before * out)
        if stride == 2:
            mirrored.append(encoder[-1])
        before = out
    head = before * sides[0] * sides[1] * LATENT
    # A layer of the decoder has as many as the one of the encoder it mirrors.
    return [*encoder, 2 * head], [head, *mirrored]


def flop_of(mode, shape, batch):
    """Operations of a step ("epoch", "step") or of a call ("encode", "decode")
    on images of `shape`."""
    encoder, decoder = products(shape)
    if mode in ("encode", "decode"):
        return 2 * batch * sum(encoder if mode == "encode" else decoder)
    # Forward, weights' gradient, input's gradient; the images need no gradient.
    return 2 * batch * (3 * sum(encoder + decoder) - encoder[0])
