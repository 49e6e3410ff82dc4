"""What the tests of the `vae` command share: running it, and reading what it
writes with nothing but Python's standard library, so that no file is judged by
the code that wrote it. Holds no test."""

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

VAE, DATA = (os.path.abspath(path) for path in sys.argv[1:3])

# A network and a set so small that a step takes a few milliseconds.
SMALL = ["--layers", "8,8,8", "--latent", "4", "--batch-size", "32",
         "--device", "cpu"]
TRAINING_IMAGES, TEST_IMAGES = 320, 100
STEPS = TRAINING_IMAGES // 32  # of an epoch


def main():
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])


def start(*arguments, **options):
    return subprocess.Popen([VAE, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **options)


def run(*arguments, code=0, **options):
    """Runs the command; the exit code must be `code`."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=120)
    if process.returncode != code:
        raise AssertionError(f"vae {' '.join(map(str, arguments))}: exit code "
                             f"{process.returncode}, not {code}\n{out}\n{err}")
    return out, err


def events(text):
    """JSON lines as a list; nothing else may be there."""
    return [json.loads(line) for line in text.splitlines()]


def named(lines, name):
    return [line for line in lines if line["event"] == name]


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def read_idx(path):
    """(count, rows, columns), pixels."""
    with gzip.open(path) as file:
        content = file.read()
    magic, *shape = struct.unpack(">IIII", content[:16])
    assert magic == 0x00000803, hex(magic)
    return shape, content[16:]


def write_idx(path, shape, pixels):
    with open(path, "wb") as file:
        file.write(struct.pack(">IIII", 0x00000803, *shape) + pixels)


def png_bytes(width, height, channels, rows):
    """A PNG file of 8-bit `rows` without filters."""
    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))
    step = width * channels
    lines = b"".join(b"\0" + rows[y * step:(y + 1) * step]
                     for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8,
                         {1: 0, 3: 2}[channels], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


class Picture:
    """A decoded PNG file, 8 bits, grey or RGB."""

    def __init__(self, path):
        content = read_bytes(path)
        assert content[:8] == b"\x89PNG\r\n\x1a\n", path
        at, packed, kind = 8, b"", b""
        while kind != b"IEND":
            length, kind = struct.unpack(">I4s", content[at:at + 8])
            body = content[at + 8:at + 8 + length]
            crc, = struct.unpack(">I", content[at + 8 + length:][:4])
            assert zlib.crc32(kind + body) == crc, f"{path}: {kind}"
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack(
                    ">IIBB", body[:10])
                assert depth == 8 and colour in (0, 2), (depth, colour)
                self.channels = {0: 1, 2: 3}[colour]
            if kind == b"IDAT":
                packed += body
            at += 12 + length
        self.rows = self._unfilter(zlib.decompress(packed))

    def _unfilter(self, raw):
        step, size = self.channels, self.width * self.channels
        assert len(raw) == self.height * (size + 1)
        above, rows = bytes(size), []
        for y in range(self.height):
            kind, *line = raw[y * (size + 1):(y + 1) * (size + 1)]
            for x in range(size):
                left = line[x - step] if x >= step else 0
                corner = above[x - step] if x >= step else 0
                p = left + above[x] - corner
                paeth = min((left, above[x], corner), key=lambda v: abs(p - v))
                guess = (0, left, above[x], (left + above[x]) // 2, paeth)[kind]
                line[x] = (line[x] + guess) & 255
            above = bytes(line)
            rows.append(above)
        return rows

    @property
    def size(self):
        return self.width, self.height

    def tile(self, row, column, height=28, width=28):
        """The image at a place of a grid with 2 pixels of border; of a grey
        one (drawn in equal red, green and blue) only the shade."""
        top, left = 2 + row * (height + 2), 2 + column * (width + 2)
        step = self.channels
        image = b"".join(
            self.rows[y][left * step:(left + width) * step]
            for y in range(top, top + height))
        grey = all(image[c::step] == image[::step] for c in range(step))
        return image[::step] if grey else image


def grid_size(columns, rows, height=28, width=28):
    return columns * (width + 2) + 2, rows * (height + 2) + 2


def read_npy(path):
    """(rows, columns), numbers."""
    content = read_bytes(path)
    assert content[:8] == b"\x93NUMPY\x01\0", content[:8]
    length, = struct.unpack("<H", content[8:10])
    assert (10 + length) % 64 == 0 and content[9 + length:10 + length] == b"\n"
    header = eval(content[10:10 + length], {"__builtins__": {}})
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    rows, columns = header["shape"]
    numbers = struct.unpack(f"<{rows * columns}f", content[10 + length:])
    return (rows, columns), numbers


def read_header(path):
    """The JSON header of a safetensors file, whose size must fit."""
    content = read_bytes(path)
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    end = max(tensor["data_offsets"][1]
              for name, tensor in header.items() if name != "__metadata__")
    assert 8 + length + end == len(content), path
    return header


class CommandTest(unittest.TestCase):
    """A test with a folder of its own and a small MNIST-like set in it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vae-cli-")
        cls.data = os.path.join(cls.folder, "data")
        os.mkdir(cls.data)
        for name, count in (("train", TRAINING_IMAGES), ("t10k", TEST_IMAGES)):
            file = f"{name}-images-idx3-ubyte"
            shape, pixels = read_idx(os.path.join(DATA, file + ".gz"))
            shape[0], pixels = count, pixels[:count * shape[1] * shape[2]]
            write_idx(os.path.join(cls.data, file), shape, pixels)
            if name == "t10k":
                cls.test_pixels = pixels

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def train(self, out, *arguments, threads=1):
        """A small training run; its events."""
        text, _ = run("train", "--data", self.data, "--out", out, *SMALL,
                      "--threads", threads, "--json", *arguments)
        return events(text)

    def image(self, index):
        return self.test_pixels[index * 784:(index + 1) * 784]

    def assert_same_file(self, first, second):
        self.assertTrue(read_bytes(first) == read_bytes(second),
                        f"{first} and {second} differ")

    def assert_drawn(self, picture):
        """Pictures are not of one shade, and no two are the same."""
        tiles = {picture.tile(0, column)
                 for column in range((picture.width - 2) // 30)}
        self.assertGreater(len(tiles), 1)
        self.assertGreater(len(set(b"".join(tiles))), 16)


class ModelTest(CommandTest):
    """The same with a run of one step: its model and checkpoint."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.out = os.path.join(cls.folder, "run")
        cls.train(cls, cls.out, "--max-steps", 1)
        cls.model = os.path.join(cls.out, "model.safetensors")
        cls.checkpoint = os.path.join(cls.out, "checkpoint.safetensors")
