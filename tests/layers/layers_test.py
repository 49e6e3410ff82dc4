#!/usr/bin/env python3
"""Checks the #include lines of every source file against the rules of
docs/ARCHITECTURE.md, and finds calls that would end the host's process.

Reads lines with a regular expression and does not run the preprocessor, because
the rules hold for lines inside #if as well.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SUFFIXES = {".h", ".hpp", ".c", ".cpp", ".cu", ".cuh"}

# A file belongs to the directory with the longest matching prefix.
DIRECTORIES = [
    "include/vae", "capi", "src/base", "src/model", "src/engine/math",
    "src/engine/cpu", "src/engine/blocks", "src/engine/tile",
    "src/engine/cuda", "src/engine/factory", "src/engine", "src/data", "src/io", "src/dist",
    "src/train", "examples", "examples/cpp", "bench", "bench/micro", "tests",
]
# They may include any part, to test it or to time it alone.
MAY_ANYTHING = {"bench/micro", "tests"}
# What each directory may include besides itself. Engines do not include each
# other, only the contract (src/engine) and the formulas; the formulas include the
# plain data of the contract.
BELOW_ENGINE = {"include/vae", "src/base", "src/model", "src/engine",
                "src/engine/math"}
MAY = {
    "include/vae": set(),
    "capi": {"include/vae"},
    "src/base": {"include/vae"},
    "src/model": {"include/vae", "src/base"},
    "src/engine/math": {"src/base", "src/engine"},
    "src/engine/cpu": BELOW_ENGINE,
    "src/engine/blocks": BELOW_ENGINE,
    "src/engine/tile": BELOW_ENGINE | {"src/engine/cpu"},
    "src/engine/cuda": BELOW_ENGINE,
    # The only directory that includes every engine.
    "src/engine/factory": BELOW_ENGINE | {"src/engine/blocks",
                                          "src/engine/tile"},
    "src/engine": {"include/vae", "src/base", "src/model", "src/engine/math"},
    "src/data": {"include/vae", "src/base", "src/io"},
    "src/io": {"include/vae", "src/base"},
    "src/dist": {"include/vae", "src/base"},
    "src/train": {"include/vae", "src/base", "src/model", "src/engine",
                  "src/engine/math", "src/data", "src/io", "src/dist"},
    "examples": {"capi"},
    "examples/cpp": {"include/vae"},
    "bench": {"capi"},
}
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
CUDA = re.compile(r"^(cuda|cublas|cudnn|cusparse|cusolver|nccl|nvtx|cub/"
                  r"|thrust/|mma\.h|cooperative_groups"
                  r"|ATen/cuda/|c10/cuda/)")


# Calls that end a process; the library returns a status instead. GSL's checks
# are among them.
ENDS = re.compile(r"\b(abort|_?exit|quick_exit|_Exit|terminate|assert|raise|Expects"
                  r"|Ensures|at_quick_exit|gsl::(at|span|not_null))\s*[(<{]"
                  r"|\bset_terminate\b|\bTORCH_CHECK_ABORT\b")
# (file, call): the reason why it is allowed.
MAY_END = {}


def end_of_process(path, line):
    """What in a line of the library's sources ends a process, or None."""
    if not path.as_posix().startswith(("src/", "capi/", "include/")):
        return None
    code = line.split("//")[0]
    if line.lstrip().startswith("*"):
        return None
    found = ENDS.search(code)
    if found is None or (path.as_posix(), found.group(1)) in MAY_END:
        return None
    return f"{found.group(0)} ends the host's process"


def directory_of(path):
    """The directory of a path relative to the root, or None."""
    text = path.as_posix()
    fitting = [d for d in DIRECTORIES if text.startswith(d + "/")]
    return max(fitting, key=len) if fitting else None


def target_of(file, name, quoted):
    """The file of ours that an include means, relative to the root, or None."""
    places = [ROOT / "src", ROOT / "include", ROOT / "capi"]
    if quoted:
        places.insert(0, file.parent)
    for place in places:
        found = place / name
        if found.is_file():
            return found.resolve().relative_to(ROOT)
    return None


def may_torch(path):
    text = path.as_posix()
    return (text.startswith(("src/engine/blocks/", "src/engine/cuda/",
                             "src/engine/torch", "src/engine/tile/products.",
                             "bench/micro/", "tests/"))
            or text == "include/vae/torch.hpp")


def may_cuda(path):
    text = path.as_posix()
    return text.startswith(("src/engine/cuda/", "src/dist/cuda", "tests/"))


def mistake(path, name, quoted):
    """What is wrong with one include of the file at path, or None."""
    target = target_of(ROOT / path, name, quoted)
    directory = directory_of(path)
    if target is None:
        if CUDA.match(name) and not may_cuda(path):
            return "names CUDA, which only src/engine/cuda may"
        if TORCH.match(name) and not may_torch(path):
            return "names LibTorch outside the files that may"
        if quoted and directory not in MAY_ANYTHING:
            return "no such file below src/, include/ or capi/"
        return None
    if directory is None or directory in MAY_ANYTHING:
        return None
    other = directory_of(target)
    if other == directory:
        return None
    if other not in MAY[directory]:
        return f"{directory} may not know {other}"
    return None


def files():
    for top in ("include", "capi", "src", "examples", "bench", "tests"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in SUFFIXES:
                yield path.relative_to(ROOT)


def main():
    wrong = checked = 0
    for path in files():
        text = (ROOT / path).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            ends = end_of_process(path, line)
            if ends:
                wrong += 1
                print(f"{path}:{number}: {line.strip()}: {ends}")
            found = INCLUDE.match(line)
            if not found:
                continue
            checked += 1
            why = mistake(path, found.group(2), found.group(1) == '"')
            if why:
                wrong += 1
                print(f"{path}:{number}: {line.strip()}: {why}")
    print(f"{checked} includes checked, {wrong} wrong")
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
