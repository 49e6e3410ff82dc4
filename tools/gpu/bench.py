"""The part `bench`: bench/compare measures libvae and its peers in one run, and
bench/floors.py what the machine allows. Measures nothing itself."""

import json

from suite import ROOT


def floors(suite, limit, data):
    script = ROOT / "bench/floors.py"
    ended = suite.run(
        ["python3", "-B", script, "--device", suite.device], limit, apart=True
    )
    try:
        data["floors"] = json.loads(ended.out)
    except ValueError:
        what = "was ended at its time limit" if ended.cut else (
            f"gave no JSON (exit {ended.code}), see suite.log"
        )
        data["wrong"].append(f"bench/floors.py {what}")


def compare(suite, limit, data):
    script = ROOT / "bench/compare"
    program = suite.build / "bin/vae_bench"
    if not program.exists():
        data["wrong"].append("vae_bench is not built, see part build")
        return
    out = suite.work / "bench"
    told, shown = out / "compare.json", out / "compare.md"
    for file in (told, shown):
        file.unlink(missing_ok=True)
    # It keeps to its budget itself, and writes what it has as it goes.
    budget = max(10, int(limit - 15))
    ended = suite.run(
        [script, "--quick" if suite.quick else "--long", "--bench", program,
         "--device", suite.device, "--budget", budget, "--out", out],
        limit, show=True,
    )  # fmt: skip
    if ended.cut:
        data["cut"] = "bench/compare was ended at its time limit"
    elif ended.code != 0:
        data["wrong"].append(
            f"bench/compare ended with {ended.code}: {ended.last_line()}"
        )
    try:
        data["results"] = json.loads(told.read_text())
    except (OSError, ValueError):
        data["wrong"].append("bench/compare left no JSON")
    if shown.exists():
        data["markdown"] = shown.read_text()


def run(suite):
    data = {"wrong": [], "notes": []}
    floors(suite, min(60, suite.left("bench") / 3), data)
    compare(suite, suite.left("bench"), data)
    return data
