#!/usr/bin/env python3
"""Compiles every kernel as the library does and looks at what it takes of a
multiprocessor: registers, spills, stack, shared memory. Runs none of them.

Usage: resources_test.py NVCC FLAG... (the project's flags for CUDA files)
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src/engine/cuda").glob("*.cu"))
TARGETS = ["80", "90", "90a"]
# Files of instructions that only one target has.
ONLY = {"gemm_hopper.cu": ["90a"]}

# A multiprocessor has 65536 registers: with 64 for each thread, 1024 threads
# are resident, each with several loads in flight, which is what it takes to
# keep memory busy. A spill or a stack is memory that was not meant to be used.
MOST_REGISTERS = 64
# Products hold their result in registers. They wait for shared memory instead
# of memory, so two blocks of 256 threads are enough.
PRODUCTS = re.compile(r"(patch_|weight_)?(gemm|weights|products)_kernel")
MOST_OF_PRODUCTS = 128

ENTRY = re.compile(r"Compiling entry function '(.+)' for 'sm_(\w+)'")
STACKS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, "
                    r"(\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


def readable(signature):
    """What c++filt made of a kernel's name, without namespaces and arguments:
    column_pass_kernel<Apply<float>>."""
    text = re.sub(r"\w*_GLOBAL__N_\w*::|\(anonymous namespace\)::"
                  r"|vae::engine::cuda::|^void ", "", signature)
    text = text.replace("unsigned short", "bfloat16").replace("> >", ">>")
    return text.split("(")[0]


def kernels(text):
    """What ptxas -v said, as one dict for each kernel and target."""
    text = subprocess.run(["c++filt"], input=text, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    found = []
    for line in text.splitlines():
        if entry := ENTRY.search(line):
            found.append(dict(name=readable(entry.group(1)),
                              target=entry.group(2), shared=0))
        elif not found:
            continue
        elif stack := STACKS.search(line):
            # A kernel's own line comes first, its functions' follow.
            found[-1]["stack"] = max(found[-1].get("stack", 0),
                                     int(stack.group(1)))
            found[-1]["spills"] = (found[-1].get("spills", 0)
                                   + int(stack.group(2)) + int(stack.group(3)))
        elif used := USED.search(line):
            found[-1]["registers"] = int(used.group(1))
            if shared := SHARED.search(line):
                found[-1]["shared"] = int(shared.group(1))
    return found


def wrong_with(kernel):
    """The sentences that are to be said of a kernel."""
    wrong = []
    most = (MOST_OF_PRODUCTS if PRODUCTS.match(kernel["name"])
            else MOST_REGISTERS)
    if kernel["registers"] > most:
        wrong.append(f"{kernel['registers']} registers, at most {most}")
    if kernel["spills"] > 0:
        wrong.append(f"{kernel['spills']} bytes of spills")
    if kernel["stack"] > 0:
        wrong.append(f"{kernel['stack']} bytes of stack")
    return wrong


def compiled(nvcc, flags, source, folder):
    """The kernels of a file; ends the test if it does not compile."""
    targets = [f"-gencode=arch=compute_{t},code=sm_{t}"
               for t in ONLY.get(source.name, TARGETS)]
    ran = subprocess.run(
        [nvcc, *flags, *targets, "-Xptxas=-v", "-fatbin", source,
         "-o", pathlib.Path(folder) / source.stem],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        sys.exit(f"{source.name} does not compile:\n{ran.stdout}")
    return kernels(ran.stdout)


def main():
    nvcc, *flags = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        files = pool.map(lambda s: compiled(nvcc, flags, s, folder), SOURCES)
        found = [kernel for file in files for kernel in file]
    print(f"{'kernel':<44}{'target':>7}{'registers':>10}{'spills':>7}"
          f"{'stack':>6}{'shared':>7}")
    bad = 0
    for k in sorted(found, key=lambda k: (k["name"], k["target"])):
        wrong = wrong_with(k)
        bad += bool(wrong)
        print(f"{k['name']:<44}{k['target']:>7}{k['registers']:>10}"
              f"{k['spills']:>7}{k['stack']:>6}{k['shared']:>7}"
              + ("   <-- " + ", ".join(wrong) if wrong else ""))
    print(f"{len(found)} kernels compiled, {bad} take too much")
    return 1 if bad or not found else 0


if __name__ == "__main__":
    sys.exit(main())
