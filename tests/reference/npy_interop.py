#!/usr/bin/env python3
"""Arrays that libvae writes, read by NumPy.

usage: npy_interop.py LIBVAE_SO

Without NumPy it ends with 77, which ctest counts as skipped, or fails where
VAE_REQUIRE_ALL is 1.
"""
import ctypes
import os
import pathlib
import sys
import tempfile

try:
    import numpy as np
except ImportError as missing:
    print(f"needs the packages of tests/reference/requirements.txt: {missing}")
    sys.exit(1 if os.environ.get("VAE_REQUIRE_ALL") == "1" else 77)

TYPES = {np.uint8: 1, np.float32: 2, np.int64: 3}
SHAPES = [(1,), (7,), (3, 5), (2, 3, 4), (1, 2, 1, 3, 1, 2, 1, 2),
          (1000000, 1)]  # fmt: skip


def write(library, path, array):
    shape = (ctypes.c_uint64 * array.ndim)(*array.shape)
    status = library.vae_write_array(
        os.fsencode(path), array.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_uint64(array.nbytes), ctypes.c_int32(TYPES[array.dtype.type]),
        shape, ctypes.c_uint32(array.ndim))  # fmt: skip
    if status != 0:
        library.vae_last_error.restype = ctypes.c_char_p
        sys.exit(f"FAILED: {library.vae_last_error().decode()}")


def main():
    library = ctypes.CDLL(sys.argv[1])
    numbers = np.random.default_rng(1)
    cases = [numbers.integers(0, 256, size=shape).astype(kind)
             for kind in TYPES for shape in SHAPES]  # fmt: skip
    cases.append(np.float32([np.inf, -np.inf, np.nan, -0.0]))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "array.npy"
        for array in cases:
            write(library, path, array)
            with open(path, "rb") as file:
                if np.lib.format.read_magic(file) != (1, 0):
                    sys.exit("FAILED: not format 1.0")
                np.lib.format.read_array_header_1_0(file)
                if file.tell() % 64 != 0:
                    sys.exit(f"FAILED: numbers begin at byte {file.tell()}")
            found = np.load(path)
            if (found.dtype, found.shape, found.tobytes()) != (
                    array.dtype, array.shape, array.tobytes()):
                sys.exit(f"FAILED: {array.dtype} {array.shape} came back as "
                         f"{found.dtype} {found.shape}")
    print(f"numpy {np.__version__}: {len(cases)} arrays are the same")


if __name__ == "__main__":
    main()
