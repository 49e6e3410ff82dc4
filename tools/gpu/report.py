"""What tools/gpu-suite leaves behind: results.json, results.md and logs that
stay below the sizes promised. Judges nothing and runs nothing."""

import json
import os
import pathlib
import re

import tables

# So that a machine which gives back few and small files gives back all of them.
MOST_FILES = 8
MOST_BYTES = 16 * 1024 * 1024
LOGS = ("suite.log", "tests.log", "sanitizer.log")
MOST_PICTURES = MOST_FILES - len(LOGS) - 2
PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")


def trim(path, most=MOST_BYTES):
    """Cuts a file that is too long in its middle; its ends tell most."""
    size = path.stat().st_size
    if size <= most:
        return
    head, tail = most // 2, most // 4
    with path.open("rb") as file:
        first = file.read(head)
        file.seek(size - tail)
        last = file.read()
    note = f"\n\n[… {size - head - tail} bytes left out …]\n\n".encode()
    with path.open("r+b") as file:
        file.write(first + note + last)
        file.truncate()


def replace(path, data):
    """Writes a file wholly or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def as_json(results, most):
    """The results as JSON; data of a part that makes them too long goes."""
    data = json.dumps(results, indent=1).encode() + b"\n"
    if len(data) <= most:
        return data
    parts = {
        name: {
            key: value
            for key, value in part.items()
            if key in tables.COMMON
        }
        | {"left_out": "the data of this part were too long"}
        for name, part in results["parts"].items()
    }
    return json.dumps({**results, "parts": parts}, indent=1).encode() + b"\n"


def write(folder, results, most=MOST_BYTES):
    """results.json and results.md anew; logs cut to their size."""
    folder = pathlib.Path(folder)
    for name in LOGS:
        if (folder / name).exists():
            trim(folder / name, most)
    replace(folder / "results.json", as_json(results, most))
    replace(folder / "results.md", tables.document(results).encode())
    trim(folder / "results.md", most)


def keep_picture(folder, source, name, most=MOST_BYTES):
    """Copies a picture; says why, if it does not."""
    folder = pathlib.Path(folder)
    if not PLAIN_NAME.match(name):
        return f"{name} is no plain name for a file"
    data = pathlib.Path(source).read_bytes()
    if len(data) > most:
        return f"{name} has {len(data)} bytes, too many to keep"
    others = [p for p in folder.glob("*.png") if p.name != name]
    if len(others) >= MOST_PICTURES:
        return f"{name} would be one picture more than {MOST_PICTURES}"
    replace(folder / name, data)
    return None


def earlier(folder):
    """The results that lie in the folder, to add to them; else None."""
    file = pathlib.Path(folder) / "results.json"
    try:
        results = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return results if isinstance(results.get("parts"), dict) else None
