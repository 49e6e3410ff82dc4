"""The part `bench`: bench/run measures libvae, its peers and what the machine
allows. Measures nothing itself."""

import json

from suite import ROOT

SCRIPT = ROOT / "bench/run"
# A rehearsal shows that all of it works, in little time.
REHEARSAL = ["--only", "train,inference,floors",
             "--rows", "cpu_fp32_b64_t2,cpu_encode_fp32_b64_t2"]
OURS, OUT_OF_TIME = "libvae", "out of time"


def command(suite, program, limit, details, markdown):
    """It keeps to its budget itself, and writes what it has as it goes."""
    words = [SCRIPT, "--device", suite.device, "--bench", program,
             "--budget", max(10, int(limit - 15)),
             "--details", details, "--markdown", markdown]
    if suite.quick:
        words += ["--quick", "--timeout", 90]
    return words + (REHEARSAL if suite.device == "cpu" else [])


def failures(rows):
    """One line for each way in which libvae itself failed. Peers may, and so
    may what the group engines asks for without knowing whether it is there."""
    found = {}
    for row in rows:
        for label, why in row["reasons"].items():
            ours = label.startswith(OURS) and row["group"] != "engines"
            if ours and why != OUT_OF_TIME:
                found.setdefault(why, []).append(row["name"])
    return [f"libvae in {', '.join(names)}: {why}"
            for why, names in found.items()]


def run(suite):
    data = {"wrong": [], "notes": []}
    program = suite.build / "bin/vae_bench"
    if not program.exists():
        data["wrong"].append("vae_bench is not built, see part build")
        return data
    told, shown = (suite.work / f"bench.{kind}" for kind in ("json", "md"))
    for file in (told, shown):
        file.unlink(missing_ok=True)
    limit = suite.left("bench")
    ended = suite.run(command(suite, program, limit, told, shown), limit,
                      show=True)
    if ended.cut:
        data["cut"] = "bench/run was ended at its time limit"
    elif ended.code != 0:
        data["wrong"].append(
            f"bench/run ended with {ended.code}: {ended.last_line()}"
        )
    try:
        data["results"] = json.loads(told.read_text())
        data["markdown"] = shown.read_text()
    except (OSError, ValueError):
        data["wrong"].append("bench/run left no results")
        return data
    rows = data["results"]["rows"]
    data["wrong"] += failures(rows)
    if not any(row["status"] == "measured" for row in rows):
        data["wrong"].append("no row was measured: " + rows[0]["reason"])
    return data
