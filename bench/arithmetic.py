"""What a training step of the convolutional network must compute: its products,
as counted from the layers. Measures nothing. Standard library only.
"""

LAYERS, LATENT = (64, 128, 128), 32


def taps(side, kernel, stride):
    """Pairs of an output row and an input row, padding (1) left out; and how
    many output rows there are."""
    out = (side + 2 - kernel) // stride + 1
    pairs = sum(0 <= o * stride - 1 + k < side
                for o in range(out) for k in range(kernel))
    return pairs, out


def products(shape):
    """(multiply-adds of one image, whether the input's gradient is wanted) of
    each layer, forward."""
    channels, height, width = shape
    before, found = channels, []
    sides, mirrored = (height, width), []
    for i, out in enumerate(LAYERS):
        kernel, stride = (3, 1) if i == len(LAYERS) - 1 else (4, 2)
        pairs = [taps(side, kernel, stride) for side in sides]
        amount = pairs[0][0] * pairs[1][0] * before * out
        found.append((amount, i > 0))
        if stride == 2:
            mirrored.append(amount)
        sides, before = (pairs[0][1], pairs[1][1]), out
    flat = before * sides[0] * sides[1]
    found += [(2 * flat * LATENT, True), (flat * LATENT, True)]
    # The decoder's layers mirror the encoder's: the same pairs, but the one of
    # 64 channels mirrors one of 64 -> 128.
    return found + [(amount, True) for amount in mirrored]


def flop_of_step(shape, batch):
    """Forward, gradient of the weights, gradient of the input."""
    return batch * sum(2 * amount * (3 if back else 2)
                       for amount, back in products(shape))


def flop_of(mode, shape, batch):
    """Of a step ("epoch", "step") or of a call ("encode", "decode")."""
    if mode in ("epoch", "step"):
        return flop_of_step(shape, batch)
    parts = [amount for amount, _ in products(shape)]
    half = len(LAYERS) + 1  # the encoder with both heads
    return 2 * batch * sum(parts[:half] if mode == "encode" else parts[half:])
