"""results.md: the results of tools/gpu-suite as tables for people. Everything
in it is in results.json too."""

ORDER = ("build", "tests", "sanitizer", "training", "bench")
# What a part holds beside its own data.
COMMON = ("outcome", "seconds", "ended", "mode", "wrong", "notes", "left_out")


def cell(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(cell, line)) + " |" for line in lines] + [""]


def machine(results):
    rows = [(key.replace("_", " "), value)
            for key, value in results["machine"].items()]  # fmt: skip
    return ["## Machine", "", *table(("", ""), rows)]


def parts(results):
    rows, told = [], []
    for name in ORDER:
        part = results["parts"].get(name)
        if part is None:
            rows.append((name, "not run", "", ""))
            continue
        wrong, notes = part.get("wrong", []), part.get("notes", [])
        about = (wrong + notes + [""])[0]
        rows.append((name, part["outcome"], part.get("seconds"), about))
        told += [f"- {name}: {text}" for text in (wrong + notes)[1:]]
    head = ("part", "outcome", "seconds", "")
    lines = ["## Parts", "", *table(head, rows)]
    return lines + (["Also:", "", *told, ""] if told else [])


def tests(part):
    rows = [(t["name"], t["outcome"], t["seconds"]) for t in part["tests"]]
    return [
        f"{part['passed']} of {len(rows)} entries of ctest passed; they hold "
        f"{part['cases']} cases of doctest, {part['cases_failed']} of which "
        "failed.",
        "",
        *table(("test", "outcome", "seconds"), rows),
    ]


def sanitizer(part):
    head = ("tool", "engine", "graph", "outcome", "seconds",
            "reports, ours", "reports, all", "tool's summary")  # fmt: skip
    rows = [
        (r["tool"], r["engine"], r["graph"], r["outcome"], r["seconds"],
         r.get("ours"), r.get("all"), r.get("summary"))
        for r in part["runs"]
    ]  # fmt: skip
    return table(head, rows)


def training(part):
    rows = []
    for run in part["runs"]:
        for epoch in run["epochs"]:
            band = epoch.get("band")
            rows.append((
                run["precision"], run["seed"], epoch["epoch"],
                f"{epoch['soft_loss']:.2f}",
                "" if band is None else f"{band[0]:.2f} to {band[1]:.2f}",
                None if band is None else
                "yes" if band[0] <= epoch["soft_loss"] <= band[1] else "NO",
                epoch.get("seconds"), epoch.get("images_per_second"),
            ))  # fmt: skip
    head = ("precision", "seed", "epoch", "test soft loss", "band", "in band",
            "seconds of training", "images per second")  # fmt: skip
    return [
        "MNIST, the original network and settings; soft loss in nats per "
        "image.",
        "",
        *table(head, rows),
    ]


def bench(part):
    # Its headings go below the heading of this part.
    return ["##" + line if line.startswith("#") else line
            for line in part.get("markdown", "").splitlines()] + [""]


DETAILS = dict(tests=tests, sanitizer=sanitizer, training=training, bench=bench)


def document(results):
    lines = [
        f"# GPU suite, {results['mode']}, device {results['device']}",
        "",
        "Made by `tools/gpu-suite`; the same and more is in results.json.",
        "",
        *machine(results),
        *parts(results),
    ]
    for name, details in DETAILS.items():
        part = results["parts"].get(name, {})
        # Parts that were skipped or broke off have nothing to show.
        if set(part) - set(COMMON):
            lines += [f"## {name.capitalize()}", "", *details(part)]
    return "\n".join(lines).rstrip("\n") + "\n"
