"""From what the processes said to medians, ratios and a table.

It runs nothing and invents nothing: what was not measured is a dash with a
reason. Standard library only.
"""

import statistics

import matrix

NOT_RUN = "not run (out of time)"
TITLES = ["batch", "precision", "variant", "us per step", "min", "max",
          "images/s", "first step, s", "kernels per step", "peak MiB",
          "x eager", "x best peer", "passes"]


def kernels_per_step(answer):
    """Of the CUDA graph that most steps of the batch came from; None where
    nothing was recorded."""
    graph = answer.get("diagnose", {}).get("graph", {}).get("training", {})
    fitting = [r for r in graph.get("recordings", [])
               if r["images"] == answer["batch"]]
    if not graph.get("used") or not fitting:
        return None
    largest = max(fitting, key=lambda r: r["steps"])
    return largest["kernels"] / largest["steps"]


def peak_mib(answer):
    """libvae tells it in its diagnosis, a peer by itself; on a GPU only."""
    found = answer.get("peak_bytes",
                       answer.get("diagnose", {}).get("peak_bytes"))
    return None if found is None else found / 2**20


def summary(cell):
    """A cell without its ratios."""
    result = {"variant": cell.variant, "ours": cell.ours, "batch": cell.batch,
              "precision": cell.precision, "passes": cell.passes}
    if cell.reason:
        result["reason"] = cell.reason
    if not cell.passes:
        not_run = cell.reason in (None, NOT_RUN)
        result["status"] = "not run" if not_run else "skipped"
        result.setdefault("reason", NOT_RUN)
        return result
    middle = statistics.median(p["us_per_step"] for p in cell.passes)
    first = cell.passes[0]
    told = {"kernels_per_step": kernels_per_step(first),
            "peak_mib": peak_mib(first)}
    result.update((k, v) for k, v in told.items() if v is not None)
    return {**result, "status": "measured", "us_per_step": middle,
            "us_per_step_min": min(p["us_per_step_min"] for p in cell.passes),
            "us_per_step_max": max(p["us_per_step_max"] for p in cell.passes),
            "images_per_s": cell.batch * 1e6 / middle,
            # The first pass finds nothing prepared in caches on the disk.
            "seconds_to_first_step": first["seconds_to_first_step"]}


def with_ratios(rows):
    """How many times as long the peer takes: above 1 the row is faster."""
    times = {}
    for row in rows:
        if row["status"] == "measured" and not row["ours"]:
            key = row["batch"], row["precision"]
            times.setdefault(key, {})[row["variant"]] = row["us_per_step"]
    for row in rows:
        peers = times.get((row["batch"], row["precision"]), {})
        if row["status"] != "measured" or not peers:
            continue
        best = min(peers, key=peers.get)
        row["best_peer"] = best
        row["times_best_peer"] = peers[best] / row["us_per_step"]
        if matrix.EAGER in peers:
            row["times_eager"] = peers[matrix.EAGER] / row["us_per_step"]
    return rows


def results(cells):
    return with_ratios([summary(cell) for cell in cells])


def number(row, key, form):
    return format(row[key], form) if key in row else "-"


def line(words):
    return "| " + " | ".join(str(w) for w in words) + " |"


def table(rows):
    lines = [line(TITLES), line(["---"] * 3 + ["---:"] * (len(TITLES) - 3))]
    for row in rows:
        if row["status"] != "measured":
            continue
        name = f"**{row['variant']}**" if row["ours"] else row["variant"]
        if row.get("best_peer") == row["variant"]:
            name += " (best peer)"
        lines.append(line([
            row["batch"], row["precision"], name,
            number(row, "us_per_step", ".1f"),
            number(row, "us_per_step_min", ".1f"),
            number(row, "us_per_step_max", ".1f"),
            number(row, "images_per_s", ".0f"),
            number(row, "seconds_to_first_step", ".2f"),
            number(row, "kernels_per_step", ".1f"),
            number(row, "peak_mib", ".0f"),
            number(row, "times_eager", ".2f"),
            number(row, "times_best_peer", ".2f"), len(row["passes"])]))
    return lines


def not_measured(rows):
    """One line for each variant and reason, with the cells it holds for."""
    groups = {}
    for row in rows:
        if "reason" in row:
            what = row["reason"]
            if row["status"] == "measured":
                what = f"ended after {len(row['passes'])} passes: {what}"
            elif row["status"] == "skipped":
                what = f"skipped: {what}"
            key = row["variant"], what
            groups.setdefault(key, []).append(
                f"{row['batch']} {row['precision']}")
    return [f"- {variant} ({', '.join(where)}): {what}"
            for (variant, what), where in groups.items()]


def about_lines(about):
    return [f"- {key}: {value}" for key, value in about.items()]


def floor_lines(floors):
    if "ceilings" not in floors:
        return ["", "Floors: " + floors.get("skipped", "not measured")]
    lines = ["", "Floors in us per step (see bench/README.md):", "",
             line(["batch", "precision", "arithmetic", "memory", "floor",
                   "bare convolutions"]),
             line(["---"] * 2 + ["---:"] * 4)]
    for step in floors["steps"]:
        for name in step["arithmetic_us"]:
            lines.append(line([
                step["batch"], name,
                *(format(step[key][name], ".1f") for key in (
                    "arithmetic_us", "memory_us", "floor_us",
                    "bare_convolutions_us"))]))
    return lines


def markdown(report):
    rows = report["results"]
    lines = ["# Comparison", "", *about_lines(report["about"]), "",
             *table(rows)]
    missing = not_measured(rows)
    if missing:
        lines += ["", "Not measured:", "", *missing]
    if "floors" in report:
        lines += floor_lines(report["floors"])
    return "\n".join(lines) + "\n"
