"""Runs the conformance program of every language and compares what they say and
leave behind, byte for byte; and looks that it is what conformance.md asks for,
since programs that are wrong alike agree too.

    conformance.py NAME=PROGRAM NAME=PROGRAM...
"""

import difflib
import pathlib
import subprocess
import sys
import tempfile

STATUSES = ["VAE_E_ARGUMENT", "VAE_E_TOO_SMALL", "VAE_E_UNSUPPORTED",
            "VAE_E_FILE", "VAE_E_FORMAT", "VAE_E_CANCELLED"]  # fmt: skip
FILES = ["after.safetensors", "checkpoint.safetensors", "codes.npy", "grid.png",
         "model.safetensors"]  # fmt: skip
# Lines by their first word. Progress: after steps 2, 4, 6 of an epoch of 6, and
# at the end of the evaluation; tensors of three convolutions each way.
COUNTS = {"config": 1, "step": 8, "sums": 1, "settings": 1, "dataset": 1,
          "read": 1, "progress": 4, "inside": 1, "epoch": 1, "evaluate": 1,
          "eval_step": 1, "score": 1, "mean": 1, "logvar": 1, "decode": 1,
          "sample": 1, "reconstruct": 1, "moment": 1, "written": 1, "saved": 1,
          "continued": 2, "reloaded": 1, "error": 6, "after": 1}  # fmt: skip


def run(name, program, folder):
    """What a program printed, and the files it left, by name."""
    done = subprocess.run([program], cwd=folder, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{name}: exit code {done.returncode}\n"
                 + (done.stdout + done.stderr).decode(errors="replace"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return done.stdout.decode(), files


def loss_of(line):
    words = line.split()
    return float.fromhex(words[words.index("loss") + 1])


def mistakes(text, files):
    """What one program's output is not, as sentences."""
    lines = text.splitlines()
    first = [line.split(" ", 1)[0] for line in lines]
    for word, count in COUNTS.items():
        if first.count(word) != count:
            yield f"{first.count(word)} lines '{word}', expected {count}"
    unknown = set(first) - set(COUNTS) - {"param"}
    if unknown:
        yield f"unknown lines: {', '.join(sorted(unknown))}"
    if first.count("param") < 20:
        yield f"only {first.count('param')} parameters"
    names = [line.split()[1].rstrip(":") for line in lines
             if line.startswith("error ")]
    if names != STATUSES:
        yield f"errors {names}, expected {STATUSES}"
    steps = [line for line in lines if line.startswith("step ")]
    if steps and not loss_of(steps[-1]) < loss_of(steps[0]):
        yield "the loss did not fall"
    continued = {line for line in lines if line.startswith("continued ")}
    if len(continued) != 1:
        yield "a reloaded checkpoint went on differently"
    if sorted(files) != FILES:
        yield f"files {sorted(files)}, expected {FILES}"


def differences(one, other):
    """Where two programs' outputs differ, as lines."""
    (name, text, files), (name2, text2, files2) = one, other
    yield from difflib.unified_diff(text.splitlines(), text2.splitlines(),
                                    name, name2, lineterm="", n=0)
    for file in FILES:
        if files.get(file) != files2.get(file):
            yield f"{file} of {name} and of {name2} differ"


def main():
    programs = [word.partition("=")[::2] for word in sys.argv[1:]]
    if len(programs) < 2:
        sys.exit(__doc__)
    results = []
    for name, program in programs:
        with tempfile.TemporaryDirectory(prefix="vae-host-") as folder:
            results.append((name, *run(name, program, pathlib.Path(folder))))
    wrong = []
    for name, text, files in results:
        wrong += [f"{name}: {mistake}" for mistake in mistakes(text, files)]
    for other in results[1:]:
        wrong += differences(results[0], other)
    if wrong:
        sys.exit("\n".join(wrong[:60]))
    name, text, files = results[0]
    print(f"{', '.join(name for name, _ in programs)}: the same "
          f"{len(text.splitlines())} lines and {len(files)} files "
          f"({sum(map(len, files.values()))} bytes)")


if __name__ == "__main__":
    main()
