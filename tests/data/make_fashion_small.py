#!/usr/bin/env python3
"""Makes fashion-small: the first images of Fashion-MNIST, in its own format.

usage: make_fashion_small.py SOURCE TARGET

SOURCE is a folder with Fashion-MNIST's four gzipped files (Debian installs them
as /usr/share/datasets/fashion-mnist). The same source gives the same bytes with
the same zlib.
"""
import gzip
import pathlib
import struct
import sys

COUNTS = {"train": 2000, "t10k": 500}


def take(source: pathlib.Path, target: pathlib.Path, count: int) -> None:
    """Copies the first `count` entries of an IDX file."""
    data = gzip.decompress(source.read_bytes())
    rank = data[3]
    sizes = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
    entry = 1
    for size in sizes[1:]:
        entry *= size
    start = 4 + 4 * rank
    part = (data[:4] + struct.pack(f">{rank}I", count, *sizes[1:])
            + data[start:start + count * entry])
    # GzipFile rather than gzip.compress: neither name nor time in the file.
    with open(target, "wb") as out:
        with gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
            packed.write(part)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    for prefix, count in COUNTS.items():
        for kind in ("images-idx3", "labels-idx1"):
            name = f"{prefix}-{kind}-ubyte.gz"
            take(source / name, target / name, count)


if __name__ == "__main__":
    main()
