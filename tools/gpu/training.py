"""The part `training`: tests/long/run on MNIST in fp32 and bf16. The bands and
their judgement are there; here are the number of runs and the pictures."""

import json

import report
import suite as suites
from suite import ROOT

PRECISIONS = ("fp32", "bf16")  # both are held to the same bands


def settings(suite):
    """Seeds and epochs; fewer of both in --quick, or as asked for."""
    seeds = suite.options.seeds or ("0" if suite.quick else "0,1,2")
    epochs = suite.options.epochs or (3 if suite.quick else 14)
    return seeds, epochs


def picture(suite, out, precision, data):
    """The samples of the first seed; of fp32 a reconstruction as well."""
    runs = sorted(out.glob("mnist-seed*"))
    if not runs:
        return
    names = ["samples"] + (["reconstruction"] if precision == "fp32" else [])
    for name in names:
        source = runs[0] / f"{name}.png"
        if source.exists():
            why = report.keep_picture(
                suite.folder, source, f"{name}-{precision}.png"
            )
            data["notes"] += [why] if why else []


def train(suite, folder, precision, limit, data):
    seeds, epochs = settings(suite)
    out = suite.work / f"training-{precision}"
    told = out / "results.json"
    if out.exists():
        for file in [*out.glob("mnist-seed*/*"), told]:
            file.unlink(missing_ok=True)
    ended = suite.run(
        ["python3", "-B", ROOT / "tests/long/run", "--only", "mnist",
         "--vae", suite.build / "bin/vae", "--out", out, "--json", told,
         "--device", suite.device, "--precision", precision,
         "--seeds", seeds, "--epochs", epochs],
        limit, env={"VAE_MNIST_DIR": str(folder)}, show=True,
    )  # fmt: skip
    runs = json.loads(told.read_text()) if told.exists() else []
    data["runs"] += runs
    wrong = [f"{precision}, seed {run['seed']}: {text}"
             for run in runs for text in run["wrong"]]  # fmt: skip
    data["wrong"] += wrong
    if ended.cut:
        data["cut"] = (
            f"{precision}: ended at its time limit, after {len(runs)} of "
            f"{len(seeds.split(','))} runs"
        )
    elif ended.code != 0 and not wrong:
        data["wrong"].append(f"{precision}: {ended.last_line()}")
    picture(suite, out, precision, data)


def run(suite):
    if not (suite.build / "bin/vae").exists():
        return {"wrong": ["the vae command is not built, see part build"]}
    folder = suites.mnist(suite)
    if folder is None:
        return {"wrong": ["there is no MNIST: set VAE_MNIST_DIR, or make the "
                          "folder of tools/pack-deps with it"]}  # fmt: skip
    data = {"runs": [], "wrong": [], "notes": []}
    for i, precision in enumerate(PRECISIONS):
        # What is left, shared by those that are still to come.
        limit = suite.left("training") / (len(PRECISIONS) - i)
        train(suite, folder, precision, limit, data)
    if not data["runs"]:
        del data["runs"]
    return data
