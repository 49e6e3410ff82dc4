"""What tools/gpu-suite leaves behind: results.json, results.md with the same as
tables, and logs that stay below their size. Runs nothing."""

import json
import os

# A machine that gives back only small files gives back all of these.
MOST_BYTES = 16 * 1024 * 1024
# What every part has; the rest is its own data.
COMMON = {"outcome", "seconds", "ended", "mode", "wrong", "notes"}


def trim(path, most=MOST_BYTES):
    """Cuts the middle out of a file that is too long."""
    size = path.stat().st_size
    if size <= most:
        return
    head, tail = most // 2, most // 4
    with path.open("r+b") as file:
        file.seek(size - tail)
        last = file.read()
        file.seek(head)
        file.write(f"\n\n[… {size - head - tail} bytes left out …]\n\n"
                   .encode() + last)
        file.truncate()


def write(folder, results):
    """results.json and results.md anew, each wholly or not at all."""
    for name, text in (("results.json", json.dumps(results, indent=1) + "\n"),
                       ("results.md", document(results))):
        partial = folder / (name + ".partial")
        partial.write_text(text)
        os.replace(partial, folder / name)


def earlier(folder):
    """The results that lie in the folder, to add to them; else None."""
    try:
        return json.loads((folder / "results.json").read_text())
    except (OSError, ValueError):
        return None


# ---- results.md


def cell(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(cell, line)) + " |" for line in lines] + [""]


def parts(results):
    rows, told = [], []
    for name, part in results["parts"].items():
        said = part.get("wrong", []) + part.get("notes", [])
        rows.append((name, part["outcome"], part.get("seconds"),
                     said[0] if said else ""))
        told += [f"- {name}: {text}" for text in said[1:]]
    lines = table(("part", "outcome", "seconds", ""), rows)
    return lines + (["Also:", "", *told, ""] if told else [])


def tests(part):
    return [f"{part['passed']} of {len(part['tests'])} entries of ctest "
            f"passed; they hold {part['cases']} cases of doctest, "
            f"{part['cases_failed']} of which failed.", "",
            *table(("test", "outcome", "seconds"),
                   [(t["name"], t["outcome"], t["seconds"])
                    for t in part["tests"]])]


def sanitizer(part):
    keys = {"tool": "tool", "engine": "engine", "graph": "graph",
            "outcome": "outcome", "seconds": "seconds", "ours": "reports, ours",
            "all": "reports, all", "summary": "tool's summary"}
    return table(keys.values(), [[run.get(key) for key in keys]
                                 for run in part["runs"]])


def training(part):
    rows = []
    for run in part["runs"]:
        for epoch in run["epochs"]:
            loss, band = epoch["soft_loss"], epoch.get("band")
            told = (f"{band[0]:.2f} to {band[1]:.2f}",
                    "yes" if band[0] <= loss <= band[1] else "NO"
                    ) if band else ("", None)
            rows.append((run["precision"], run["seed"], epoch["epoch"],
                         f"{loss:.2f}", *told, epoch.get("seconds"),
                         epoch.get("images_per_second")))
    return ["MNIST, the original network and settings; soft loss in nats per "
            "image.", "",
            *table(("precision", "seed", "epoch", "test soft loss", "band",
                    "in band", "seconds of training", "images per second"),
                   rows)]


def bench(part):
    # Its headings go below the heading of this part.
    return ["##" + line if line.startswith("#") else line
            for line in part.get("markdown", "").splitlines()] + [""]


def document(results):
    lines = [f"# GPU suite, {results['mode']}, device {results['device']}", "",
             "Made by `tools/gpu-suite`; the same and more is in results.json.",
             "", "## Machine", "",
             *table(("", ""), [(key.replace("_", " "), value) for key, value
                               in results["machine"].items()]),
             "## Parts", "", *parts(results)]
    for tell in (tests, sanitizer, training, bench):
        part = results["parts"].get(tell.__name__, {})
        # A part that was skipped or broke off has nothing to show.
        if set(part) - COMMON:
            lines += [f"## {tell.__name__.capitalize()}", "", *tell(part)]
    return "\n".join(lines).rstrip("\n") + "\n"
