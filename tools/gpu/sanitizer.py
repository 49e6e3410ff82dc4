"""The part `sanitizer`: compute-sanitizer over short trainings. LibTorch and
cuDNN have reports of their own; which of them count is decided here."""

import concurrent.futures
import gzip
import io
import itertools
import json
import re
import shutil
import struct
import tempfile

from suite import ROOT, Log

TOOLS = ("memcheck", "racecheck", "initcheck")
OURS = re.compile(r"vae::engine::|3vae6engine")
AT_ONCE = 4  # trainings beside each other on one GPU
REPORTED = 86  # exit code of compute-sanitizer when it has something to report
# A report on reading or writing where a kernel must not, whoever's kernel it
# is: it was our code that gave it its addresses.
ACCESS = re.compile(r"Invalid __|Misaligned|out of bounds|out-of-bounds")


def reports(text):
    """The reports in a log: lists of lines without the prefix, the first not
    indented, the others indented."""
    found, current = [], None
    for line in text.splitlines():
        if not line.startswith("========="):
            continue
        line = line.removeprefix("=========").rstrip()
        if not line or re.match(r" (COMPUTE-SANITIZER|[A-Z]+ SUMMARY)", line):
            current = None
        elif current is None or re.match(r" \S", line):
            current = [line]
            found.append(current)
        else:
            current.append(line)
    return found


def is_ours(lines):
    """Is the kernel that a report is about one of ours?"""
    device = itertools.takewhile(
        lambda line: "backtrace" not in line and "Host Frame" not in line, lines
    )
    return any(OURS.search(line) for line in device)


def judge(tool, text):
    """Counts, and the first lines of each report that is a failure."""
    found = reports(text)
    ours = [lines for lines in found if is_ours(lines)]
    bad = ours
    if tool == "memcheck":
        bad = [r for r in found if r in ours or ACCESS.search(r[0])]
    summary = re.findall(r"=+ ([A-Z]+ SUMMARY: .*)", text)
    return {
        "all": len(found),
        "ours": len(ours),
        "bad": [" ".join(line.strip() for line in r[:2]) for r in bad],
        "summary": summary[-1] if summary else None,
    }


def few_images(folder):
    """A data set so small that whole epochs with their evaluation and pictures
    are short: two full batches and one that is not."""
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 160), ("t10k", 40)):
        name = f"{part}-images-idx3-ubyte"
        source = ROOT / "tests/data/fashion-small" / (name + ".gz")
        with gzip.open(source) as file:
            magic, _, rows, columns = struct.unpack(">IIII", file.read(16))
            pixels = file.read(count * rows * columns)
        head = struct.pack(">IIII", magic, count, rows, columns)
        (folder / name).write_bytes(head + pixels)
    return folder


def command(suite, tool, folder):
    return [
        "compute-sanitizer", "--tool", tool, "--error-exitcode", REPORTED,
        "--print-limit", "2000", "--show-backtrace", "device",
        # Races are a kernel's own affair: that of others costs time alone.
        *(["--kernel-name", "kns=3vae6engine"]
          if tool == "racecheck" else []),
        suite.build / "bin/vae", "train", "--device", "cuda",
        "--data", suite.work / "few", "--epochs", 3 if suite.quick else 12,
        "--config", f"{folder}/config.json", "--out", f"{folder}/out",
        "--json",
    ]  # fmt: skip


def check(suite, log, tool, engine, graph):
    """One training under one tool."""
    case = {"tool": tool, "engine": engine, "graph": graph}
    left = suite.left("sanitizer")
    if left < 5:
        return case | {"outcome": "cut", "seconds": 0}
    with tempfile.TemporaryDirectory(dir=suite.work) as folder:
        with open(f"{folder}/config.json", "w") as file:
            json.dump({"engine": engine, "graph": graph}, file)
        # Without LibTorch's cache, every buffer is an allocation with ends of
        # its own. Recording a graph cannot do without it.
        env = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"} if graph == "off" else {}
        told = io.StringIO()  # several run at once; the log has one by one
        ended = suite.run(command(suite, tool, folder), left, told, env=env)
        log.write(told.getvalue())
    found = judge(tool, ended.out)
    case |= {"seconds": ended.seconds, "exit": ended.code,
             **{key: found[key] for key in ("all", "ours", "summary")},
             "bad": found["bad"][:5]}  # fmt: skip
    if ended.cut:
        return case | {"outcome": "cut"}
    # The code for reports also stands for those that do not count.
    fine = ended.code in (0, REPORTED) and '"event":"done"' in ended.out
    case["outcome"] = "passed" if fine and not found["bad"] else "FAILED"
    if not fine:
        errors = [line for line in ended.out.splitlines()
                  if line.startswith(("error", "vae: "))]  # fmt: skip
        case["bad"].append((errors or [ended.last_line()])[0])
    return case


def skipped(suite):
    if suite.device != "cuda":
        return "there are no kernels on the CPU"
    if not shutil.which("compute-sanitizer"):
        return "there is no compute-sanitizer"
    return None


def run(suite):
    if skipped(suite):
        return {"skipped": skipped(suite)}
    if not (suite.build / "bin/vae").exists():
        return {"wrong": ["the vae command is not built, see part build"]}
    log = Log(suite.folder / "sanitizer.log", fresh=True)
    few_images(suite.work / "few")
    cases = [
        (tool, engine, graph)
        for engine, graph in (("fused", "on"), ("blocks", "off"),
                              ("fused", "off"), ("blocks", "on"))
        for tool in TOOLS
    ]  # fmt: skip
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda case: check(suite, log, *case), cases))
    data = {"runs": runs, "wrong": [], "notes": []}
    for case in runs:
        if case["outcome"] == "FAILED":
            data["wrong"].append(
                f"{case['tool']}, {case['engine']}, graph {case['graph']}: "
                + (case["bad"] or ["?"])[0]
            )
    cut = sum(case["outcome"] == "cut" for case in runs)
    if cut:
        data["cut"] = f"{cut} of {len(runs)} trainings were ended or not begun"
    return data
