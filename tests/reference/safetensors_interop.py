#!/usr/bin/env python3
"""Our safetensors against the format's own implementation, both ways.

usage: safetensors_interop.py SAFETENSORS_COPY

Python writes a file, safetensors_copy reads it and writes another, Python reads
that. Needs the packages of requirements.txt; without them it ends with 77,
which ctest counts as skipped, or fails where VAE_REQUIRE_ALL is 1.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import safetensors
    import safetensors.numpy
except ImportError as missing:
    print(f"needs the packages of tests/reference/requirements.txt: {missing}")
    sys.exit(1 if os.environ.get("VAE_REQUIRE_ALL") == "1" else 77)

METADATA = {"format": "pt", "text": "\"quotes\", \\ and \n, ä, 中, 𝄞", "": "empty key"}


def tensors():
    """Every type numpy has, odd sizes, scalars, empty ones, names like ours."""
    numbers = np.random.default_rng(1)
    made = {
        "encoder.0.weight": numbers.normal(size=(8, 1, 4, 4)).astype(np.float32),
        "decoder.6.bias": np.array([0.5], np.float32),
        "encoder.1.num_batches_tracked": np.array(7, np.int64),
        "empty": np.zeros((0, 3), np.float32),
        "a name, \"quoted\" ä": np.float32([np.inf, -np.inf, np.nan, -0.0]),
    }
    for kind in (np.float64, np.float16, np.int8, np.uint8, np.int16, np.uint16,
                 np.int32, np.uint32, np.uint64, np.bool_):
        made[f"type.{np.dtype(kind).name}"] = (
            numbers.integers(0, 2, size=(3, 5)).astype(kind))
    return made


def check(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def same(found, wanted):
    check(set(found) == set(wanted), f"names {set(found) ^ set(wanted)}")
    for name, value in wanted.items():
        check(found[name].dtype == value.dtype, f"{name}: {found[name].dtype}")
        check(found[name].shape == value.shape, f"{name}: {found[name].shape}")
        check(found[name].tobytes() == value.tobytes(), f"{name}: bytes differ")


def check_layout(path):
    """Header padded to 8 bytes; each tensor aligned to its elements."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    check(length % 8 == 0, f"header of {length} bytes")
    sizes = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4,
             "F16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin = entry["data_offsets"][0]
            check(begin % sizes[entry["dtype"]] == 0, f"{name} begins at {begin}")


def round_trip(copy, folder, wanted, metadata):
    source, target = folder / "python.safetensors", folder / "ours.safetensors"
    safetensors.numpy.save_file(wanted, source, metadata=metadata)
    subprocess.run([copy, source, target], check=True)
    same(safetensors.numpy.load_file(target), wanted)
    with safetensors.safe_open(target, "np") as file:
        check((file.metadata() or {}) == (metadata or {}), "metadata differ")
    check_layout(target)
    again = folder / "again.safetensors"
    subprocess.run([copy, target, again], check=True)
    check(again.read_bytes() == target.read_bytes(), "a copy of ours differs")


def both_refuse(copy, folder):
    """Files that Python's reader rejects are rejected by ours too."""
    good = safetensors.numpy.save({"a": np.arange(4, dtype=np.float32)})
    length = int.from_bytes(good[:8], "little")

    def header(text):
        text = text.encode()
        return len(text).to_bytes(8, "little") + text + good[8 + length:]

    entry = '"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'
    cases = {
        "truncated": good[:-1],
        "trailing": good + b"x",
        "long header": (1 << 60).to_bytes(8, "little") + good[8:],
        "no json": header("hello"),
        "shape": header("{" + entry.replace("[4]", "[5]") + "}"),
        "dtype": header("{" + entry.replace("F32", "F33") + "}"),
        "hole": header("{" + entry.replace("[4]", "[3]").replace("[0,", "[4,")
                       + "}"),
        "metadata": header('{"__metadata__":{"a":1},' + entry + "}"),
    }
    path = folder / "bad.safetensors"
    for name, data in cases.items():
        path.write_bytes(data)
        try:
            safetensors.numpy.load_file(path)
            sys.exit(f"FAILED: Python reads '{name}'; the case tests nothing")
        except safetensors.SafetensorError:
            pass
        ours = subprocess.run([copy, path, folder / "never"],
                              capture_output=True, text=True)
        check(ours.returncode == 1 and str(path) in ours.stderr,
              f"'{name}': {ours.returncode} {ours.stderr}")
        check(not (folder / "never").exists(), f"'{name}' was written")


def main():
    copy = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        round_trip(copy, folder, tensors(), METADATA)
        round_trip(copy, folder, tensors(), None)
        round_trip(copy, folder, {}, {"only": "metadata"})
        both_refuse(copy, folder)
    print(f"safetensors {safetensors.__version__}: the same, both ways")


if __name__ == "__main__":
    main()
