"""The parts of tools/gpu-suite. Each returns its data, of which "rows" is a
table; "wrong" is what makes it fail, "skipped", "cut" and "notes" what else is
to be said."""

import concurrent.futures
import gzip
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import suite as suites
from suite import ROOT, Log

# ---- build


def jobs():
    """A C++ file over LibTorch takes up to 2 GB of memory."""
    memory = suites.found(r"MemAvailable:\s+(\d+)",
                          suites.read("/proc/meminfo"))
    return max(1, min(len(os.sched_getaffinity(0)),
                      int(memory or 2**21) // 2**21))


def architectures(suite):
    """The GPU's own compute capability alone is quick to compile for."""
    number = suites.gpu().get("compute_capability", "").replace(".", "")
    if suite.device != "cuda" or not number.isdigit():
        return None
    # 9.0 has instructions that only the target 90a names.
    return "90a-real" if number == "90" else f"{number}-real"


def build(suite):
    libtorch, chosen = suites.libtorch(suite.device), architectures(suite)
    if libtorch is None:
        return {"wrong": ["there is no LibTorch: set LIBTORCH_DIR, or use a "
                          "python3 that has torch"]}
    data = {"libtorch": suites.libtorch_version(libtorch),
            "architectures": chosen, "jobs": jobs(), "wrong": [], "notes": []}
    command = ["cmake", "--preset", "release", "-B", suite.build,
               f"-DVAE_FLAVOUR={suite.device}", f"-DLIBTORCH_DIR={libtorch}",
               f"-DPython3_EXECUTABLE={sys.executable}", "-DVAE_CHECK_CUDA=OFF",
               "-DVAE_TESTS=ON", "-DVAE_EXAMPLES=ON", "-DVAE_BENCH=ON",
               "-DVAE_DOCS=OFF", "-DVAE_WERROR=OFF"]
    if suite.pack.is_dir():
        command.append(f"-DCMAKE_PREFIX_PATH={suite.pack}")
    else:
        suite.say("no folder of tools/pack-deps: using this system's packages")
    if chosen:
        command.append(f"-DCMAKE_CUDA_ARCHITECTURES={chosen}")
    configured = suite.run(command, suite.left("build"))
    data["configure_seconds"] = configured.seconds
    if configured.code != 0:
        data["wrong"].append("CMake could not configure, see suite.log")
        return data
    # A rehearsal has no GPU and runs other tests of engines.
    tests = "gpu_tests" if suite.device == "cuda" else "engine_tests"
    wanted = {"vae_command": "vae", "vae_bench": "vae_bench", tests: tests}
    # --quick does without the tests that need no GPU. -k 0: what does not
    # compile shall not stop the rest.
    built = suite.run(
        ["cmake", "--build", suite.build, "-j", jobs(),
         *(["--target", *wanted] if suite.quick else []), "--", "-k", "0"],
        suite.left("build"))
    data["build_seconds"] = built.seconds
    if built.cut:
        data["cut"] = "the build was ended at its time limit"
    elif built.code != 0:
        failed = re.findall(r"^FAILED: ", built.out, re.M)
        data["wrong"].append(f"{len(failed)} steps of the build failed: "
                             f"{built.last_line()}, see suite.log")
    data["wrong"] += [f"{target} was not built"
                      for target, program in wanted.items()
                      if not (suite.build / "bin" / program).exists()]
    return data


# ---- tests

REHEARSED = "^(adam|blocks|columns)_test$"  # some of engine_tests
# "12/34 Test  #5: blocks_test ......   Passed    0.52 sec"
ENTRY = re.compile(
    r"^\s*\d+/\d+ Test\s+#\d+: (\S+) \.*\s*(.*?)\s+([0-9.]+) sec\s*$", re.M)
CASES = re.compile(
    r"\[doctest\] test cases:\s*(\d+) \|\s*\d+ passed \|\s*(\d+) failed")


def read_ctest(text):
    """What ctest -V printed, as counts and a list of its entries."""
    entries = []
    for name, said, seconds in ENTRY.findall(text):
        said = said.strip("* ")  # as in ***Failed, ***Exception: SegFault
        outcome = (said.lower() if said in ("Passed", "Skipped")
                   else f"failed ({said})")
        entries.append(dict(test=name, outcome=outcome,
                            seconds=float(seconds)))
    counts = [tuple(map(int, found)) for found in CASES.findall(text)]
    return {"passed": sum(e["outcome"] == "passed" for e in entries),
            "doctest_cases": sum(cases for cases, _ in counts),
            "doctest_cases_failed": sum(failed for _, failed in counts),
            "rows": entries}


def tests(suite):
    if not (suite.build / "CTestTestfile.cmake").exists():
        return {"wrong": ["nothing is built, see part build"]}
    notes, choice, env = [], [], {}
    if suite.quick:
        choice = (["-L", "gpu"] if suite.device == "cuda" else
                  ["-R", REHEARSED])
    elif not shutil.which("pkg-config"):
        notes.append("no pkg-config: tests labelled install left out")
        choice = ["-LE", "install"]
    if suite.pack.is_dir():
        # Some tests call a compiler themselves.
        for name in ("CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH", "LIBRARY_PATH",
                     "LD_LIBRARY_PATH"):
            place = suite.pack / ("include" if "INCLUDE" in name else "lib")
            # An empty entry would mean the working directory.
            env[name] = ":".join(filter(None, (str(place),
                                               os.environ.get(name))))
    ended = suite.run(
        ["ctest", "--test-dir", suite.build, "-V", "--no-tests=error", *choice],
        suite.left("tests"), Log(suite.folder / "tests.log"), env)
    data = read_ctest(ended.out) | {"wrong": [], "notes": notes}
    for entry in data["rows"]:
        if entry["outcome"] != "passed":
            kind = notes if entry["outcome"] == "skipped" else data["wrong"]
            kind.append(f"{entry['test']}: {entry['outcome']}")
    if ended.cut:
        data["cut"] = "ctest was ended at its time limit"
    elif not data["rows"]:
        data["wrong"].append("ctest ran no test: " + ended.last_line())
    elif ended.code != 0 and not data["wrong"]:
        data["wrong"].append(f"ctest ended with {ended.code}")
    return data


# ---- sanitizer: compute-sanitizer over short trainings

TOOLS = ("memcheck", "racecheck", "initcheck")
OURS = re.compile(r"vae::engine::|3vae6engine")
AT_ONCE = 4  # trainings beside each other on one GPU
REPORTED = 86  # exit code of compute-sanitizer when it has something to report
# Invalid accesses count whoever's kernel makes them: libvae passed the address.
ACCESS = re.compile(r"Invalid __|Misaligned|out of bounds|out-of-bounds")


def reports(text):
    """The reports in a log, as lists of lines. The first line of a report is
    indented by one blank, the others by more."""
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
    """Is the report about a kernel of libvae? Host frames do not count."""
    device = itertools.takewhile(
        lambda line: "backtrace" not in line and "Host Frame" not in line,
        lines)
    return any(OURS.search(line) for line in device)


def judge(tool, text):
    """Counts, and the first lines of each report that is a failure."""
    found = reports(text)
    bad = [r for r in found if is_ours(r)
           or tool == "memcheck" and ACCESS.search(r[0])]
    summary = re.findall(r"=+ ([A-Z]+ SUMMARY: .*)", text)
    return {"reports_on_libvae": sum(map(is_ours, found)),
            "reports": len(found), "summary": summary[-1] if summary else None,
            "bad": [" ".join(line.strip() for line in r[:2]) for r in bad]}


def few_images(folder):
    """A small data set: two full batches and one that is not full."""
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 160), ("t10k", 40)):
        name = f"{part}-images-idx3-ubyte"
        with gzip.open(ROOT / f"tests/data/fashion-small/{name}.gz") as file:
            head, pixels = file.read(16), file.read(count * 28 * 28)
        (folder / name).write_bytes(
            head[:4] + count.to_bytes(4, "big") + head[8:] + pixels)


def sanitized(suite, log, tool, engine, graph):
    """One training under one tool."""
    case = {"tool": tool, "engine": engine, "graph": graph}
    left = suite.left("sanitizer")
    if left < 5:
        return case | {"outcome": "cut"}
    # Without LibTorch's cache, every buffer is an allocation with ends of its
    # own. Recording a graph cannot do without the cache.
    env = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"} if graph == "off" else {}
    told = io.StringIO()  # several run at once; the log has one after another
    with tempfile.TemporaryDirectory(dir=suite.work) as folder:
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps({"engine": engine, "graph": graph}))
        ended = suite.run(
            ["compute-sanitizer", "--tool", tool, "--error-exitcode", REPORTED,
             "--print-limit", "2000", "--show-backtrace", "device",
             # Races in the kernels of others only cost time.
             *(["--kernel-name", "kns=3vae6engine"]
               if tool == "racecheck" else []),
             suite.build / "bin/vae", "train", "--device", "cuda",
             "--data", suite.work / "few", "--epochs", 3 if suite.quick else 12,
             "--config", config, "--out", f"{folder}/out", "--json"],
            left, told, env)
    log.write(told.getvalue())
    found = judge(tool, ended.out)
    bad = found.pop("bad")
    # The exit code for reports also stands for those that do not count.
    if (ended.code not in (0, REPORTED) or '"event":"done"' not in ended.out):
        errors = re.findall(r"^(?:error|vae: ).*", ended.out, re.M)
        bad.append((errors or [ended.last_line()])[0])
    outcome = "cut" if ended.cut else "FAILED" if bad else "passed"
    return case | {"outcome": outcome, "seconds": ended.seconds, **found,
                   "first_failure": bad[0] if bad else None}


def sanitizer(suite):
    if suite.device != "cuda":
        return {"skipped": "there are no kernels on the CPU"}
    if not shutil.which("compute-sanitizer"):
        return {"skipped": "there is no compute-sanitizer"}
    if not (suite.build / "bin/vae").exists():
        return {"wrong": ["the vae command is not built, see part build"]}
    log = Log(suite.folder / "sanitizer.log")
    few_images(suite.work / "few")
    cases = [(tool, engine, graph)
             for engine, graph in (("fused", "on"), ("blocks", "off"),
                                   ("fused", "off"), ("blocks", "on"))
             for tool in TOOLS]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda c: sanitized(suite, log, *c), cases))
    data = {"rows": runs, "wrong": [
        f"{r['tool']}, {r['engine']}, graph {r['graph']}: {r['first_failure']}"
        for r in runs if r["outcome"] == "FAILED"]}
    cut = sum(run["outcome"] == "cut" for run in runs)
    if cut:
        data["cut"] = f"{cut} of {len(runs)} trainings were ended or not begun"
    return data


# ---- training: tests/long/run on MNIST, which judges by its bands


def train(suite, folder, precision, limit, data):
    seeds = "0" if suite.quick else "0,1,2"
    out = suite.work / f"training-{precision}"
    shutil.rmtree(out, ignore_errors=True)
    told = out / "results.json"
    ended = suite.run(
        ["python3", "-B", ROOT / "tests/long/run", "--only", "mnist",
         "--vae", suite.build / "bin/vae", "--out", out, "--json", told,
         "--device", suite.device, "--precision", precision, "--seeds", seeds,
         "--epochs", suite.options.epochs or (3 if suite.quick else 14)],
        limit, env={"VAE_MNIST_DIR": str(folder)}, show=True)
    runs = json.loads(told.read_text()) if told.exists() else []
    for run in runs:
        for epoch in run["epochs"]:
            loss, band = epoch["soft_loss"], epoch.get("band")
            data["rows"].append({
                "precision": precision, "seed": run["seed"],
                "epoch": epoch["epoch"], "test_soft_loss": loss,
                "band": band and f"{band[0]:.2f} to {band[1]:.2f}",
                "in_band": band and ("yes" if band[0] <= loss <= band[1]
                                     else "NO"),
                "seconds_of_training": epoch.get("seconds"),
                "images_per_second": epoch.get("images_per_second")})
    wrong = [f"{precision}, seed {run['seed']}: {text}"
             for run in runs for text in run["wrong"]]
    data["wrong"] += wrong
    if ended.cut:
        data["cut"] = (f"{precision}: ended at its time limit, after "
                       f"{len(runs)} of {len(seeds.split(','))} runs")
    elif ended.code != 0 and not wrong:
        data["wrong"].append(f"{precision}: {ended.last_line()}")
    # Pictures of the first seed.
    for first in sorted(out.glob("mnist-seed*"))[:1]:
        for name in ("samples", "reconstruction")[:1 + (precision == "fp32")]:
            if (first / f"{name}.png").exists():
                shutil.copyfile(first / f"{name}.png",
                                suite.folder / f"{name}-{precision}.png")


def training(suite):
    if not (suite.build / "bin/vae").exists():
        return {"wrong": ["the vae command is not built, see part build"]}
    folder = suites.mnist(suite)
    if folder is None:
        return {"wrong": ["there is no MNIST: set VAE_MNIST_DIR, or make the "
                          "folder of tools/pack-deps with it"]}
    data = {"rows": [], "wrong": []}
    # Each precision gets an equal share of the time that is left.
    train(suite, folder, "fp32", suite.left("training") / 2, data)
    train(suite, folder, "bf16", suite.left("training"), data)
    return data


# ---- bench: bench/run, which keeps its budget and writes as it goes

# A rehearsal shows that all of it works, in little time.
REHEARSAL = ["--only", "train,inference", "--rows",
             "cpu_fp32_b64_t2,cpu_encode_fp32_b64_t2"]


def bench_failures(rows):
    """One line for each way in which libvae itself failed. Peers may fail, and
    so may the variants of the group engines."""
    found = {}
    for row in rows:
        for label, why in row["reasons"].items():
            ours = label.startswith("libvae") and row["group"] != "engines"
            if ours and why != "out of time":
                found.setdefault(why, []).append(row["name"])
    return [f"libvae in {', '.join(names)}: {why}"
            for why, names in found.items()]


def bench(suite):
    program = suite.build / "bin/vae_bench"
    if not program.exists():
        return {"wrong": ["vae_bench is not built, see part build"]}
    told, shown = (suite.work / f"bench.{kind}" for kind in ("json", "md"))
    for file in (told, shown):
        file.unlink(missing_ok=True)
    limit = suite.left("bench")
    ended = suite.run(
        [ROOT / "bench/run", "--device", suite.device, "--bench", program,
         "--budget", max(10, int(limit - 15)),
         "--json", told, "--markdown", shown,
         *(["--quick", "--timeout", 90] if suite.quick else []),
         *(REHEARSAL if suite.device == "cpu" else [])], limit, show=True)
    data = {"wrong": []}
    if ended.cut:
        data["cut"] = "bench/run was ended at its time limit"
    elif ended.code != 0:
        data["wrong"].append(
            f"bench/run ended with {ended.code}: {ended.last_line()}")
    try:
        data["results"] = json.loads(told.read_text())
        data["markdown"] = shown.read_text()
    except (OSError, ValueError):
        data["wrong"].append("bench/run left no results")
        return data
    rows = data["results"]["rows"]
    data["wrong"] += bench_failures(rows)
    if not any(row["status"] == "measured" for row in rows):
        data["wrong"].append("no row was measured: " + rows[0]["reason"])
    return data
