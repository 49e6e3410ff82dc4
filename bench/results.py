"""From what bench/run's heats said to rows, verdicts and a table.

Runs nothing and invents nothing: what was not measured has a reason. Standard
library only.
"""

import statistics

import kernels as kernel_times
from contest import OURS, PRODUCT
from heats import median_of
from processes import OUT_OF_TIME

TITLES = ["row", "ours, ms", "best peer", "peer, ms", "ratio", "bar", "verdict",
          "floor, ms", "ours / floor", "other peers, ms"]
KEYS = {"memory": ("peak_rss_bytes", 2**-20, "MiB")}
TIME = ("us_per_step", 1e-3, "ms")


def failure(passes, label):
    """Why a contestant has no number; None if it has one."""
    reasons = [p[label]["skipped"] for p in passes
               if "skipped" in p.get(label, {})]
    return reasons[0] if reasons else None


def peak_mib(answer):
    """Of the GPU. libvae tells it in its diagnosis, a peer by itself."""
    found = answer.get("peak_bytes",
                       answer.get("diagnose", {}).get("peak_bytes"))
    return None if found is None else found / 2**20


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


def on_gpu(row, passes):
    """By label: what else is told of who has used memory of a GPU."""
    found = {}
    for label in (row.ours, *row.peers):
        answers = [p[label] for p in passes if label in p]
        peaks = [mib for a in answers if (mib := peak_mib(a)) is not None]
        if peaks:
            # The first pass finds nothing prepared in caches on the disk.
            found[label] = {"first_step_s": answers[0].get(
                                "seconds_to_first_step"),
                            "peak_mib": statistics.median(peaks),
                            "kernels_per_step": kernels_per_step(answers[0])}
    return found


def floor_ms(row, passes):
    """Arithmetic over the rate of the largest product, measured beside."""
    us = median_of(passes, PRODUCT, "us_per_step")
    if us is None or row.flop is None:
        return None
    flop = next(p[PRODUCT]["flop"] for p in passes
                if "flop" in p.get(PRODUCT, {}))
    return row.flop / flop * us / 1e3


def verdict_of(row, found, values):
    """"holds", "misses", or None where there is nothing to hold."""
    if row.bar_us is not None:
        held = found["ours"] * 1e3 <= row.bar_us
    elif row.bar is None or (row.against or found.get("peer")) not in values:
        return None
    else:
        held = found["ours"] / values[row.against or found["peer"]] <= row.bar
    if not held and row.stretch:
        return "misses (a stretch)"
    return "holds" if held else "misses"


def slowdowns(row, passes):
    """By label: the time beside a busy neighbour by the time alone."""
    found = {}
    for label in (row.ours, *row.peers):
        alone = median_of(passes, label, "us_alone")
        if alone is not None:
            busy = median_of(passes, label, "us_per_step")
            found[label] = {"alone_ms": alone / 1e3, "slowdown": busy / alone}
    return found


def judge_slowdown(row, found):
    """Ours against that of the peer which is the fastest alone."""
    told = found["slowdowns"]
    peers = [label for label in row.peers if label in told]
    if row.ours not in told or not peers:
        return None
    best = min(peers, key=lambda label: told[label]["alone_ms"])
    held = told[row.ours]["slowdown"] <= told[best]["slowdown"]
    return "holds" if held else "misses"


def result(heat, row, passes):
    key, factor, unit = KEYS.get(heat.kind, TIME)
    values = {label: median_of(passes, label, key)
              for label in (row.ours, *row.peers)}
    values = {k: v * factor for k, v in values.items() if v is not None}
    found = {"name": row.name, "group": heat.group, "unit": unit,
             "reasons": {label: why for label in (row.ours, *row.peers)
                         if (why := failure(passes, label))}}
    if row.ours not in values:
        failed = found["reasons"].get(row.ours)
        # A bar is missed by failing too, but not by what nobody has tried.
        barred = (row.bar, row.bar_us) != (None, None) and not row.stretch
        lost = barred and failed not in (None, OUT_OF_TIME)
        return {**found, "status": "not measured",
                "reason": heat.skipped or failed or "not run",
                **({"verdict": "misses"} if lost else {})}
    found.update(status="measured", ours=values.pop(row.ours), bar=row.bar,
                 bar_us=row.bar_us)
    if values:
        found["peer"] = min(values, key=values.get)
        found["peer_value"] = values[found["peer"]]
        found["ratio"] = found["ours"] / found["peer_value"]
        found["peers"] = values
    elif row.peers:
        found["reason"] = "no peer was measured"
    floor = floor_ms(row, passes) if unit == "ms" else None
    if floor is not None:
        found["floor_ms"] = floor
    if told := on_gpu(row, passes):
        found["on_gpu"] = told
    if heat.kind == "busy":
        found["slowdowns"] = slowdowns(row, passes)
        found["verdict"] = judge_slowdown(row, found)
    else:
        found["verdict"] = verdict_of(row, found, values)
    return found


def results(measured):
    """Of [(heat, passes)]."""
    return [result(heat, row, passes)
            for heat, passes in measured for row in heat.rows]


def brief(rows):
    """What is held against bars elsewhere: times against true peers only."""
    return [{"name": r["name"], "ours_ms": r["ours"], "peer": r["peer"],
             "peer_ms": r["peer_value"], "ratio": r["ratio"]}
            for r in rows if r.get("ratio") is not None and r["unit"] == "ms"
            and not r["peer"].startswith(OURS)]


def line(words):
    return "| " + " | ".join(str(w) for w in words) + " |"


def short(value):
    if value is None:
        return "-"
    return f"{value:.5f}" if value < 0.01 else f"{value:.4g}"


def table(rows):
    lines = [line(TITLES), line(["---", "---:", "---", *["---:"] * 3, "---",
                                 *["---:"] * 2, "---"])]
    for r in rows:
        if r["status"] != "measured":
            continue
        floor = r.get("floor_ms")
        others = [f"{label} {short(value)}"
                  for label, value in r.get("peers", {}).items()
                  if label != r["peer"]]
        unit = "" if r["unit"] == "ms" else f" {r['unit']}"
        bar = (short(r["bar"]) if r["bar_us"] is None
               else f"{short(r['bar_us'])} us")
        lines.append(line([
            r["name"], short(r["ours"]) + unit, r.get("peer", "-"),
            short(r.get("peer_value")) + (unit if "peer" in r else ""),
            short(r.get("ratio")), bar, r.get("verdict") or "-", short(floor),
            short(floor and r["ours"] / floor), ", ".join(others) or "-"]))
    return lines


def slowdown_lines(rows):
    lines = []
    for r in rows:
        for label, told in r.get("slowdowns", {}).items():
            lines.append(line([r["name"], label, short(told["alone_ms"]),
                               f"{told['slowdown']:.2f}"]))
    if not lines:
        return []
    return ["", "With one core busy:", "",
            line(["row", "who", "alone, ms", "slow-down"]),
            line(["---", "---", "---:", "---:"]), *lines]


def gpu_lines(rows):
    lines = [line([r["name"], label, short(told["first_step_s"]),
                   f"{told['peak_mib']:.0f}", short(told["kernels_per_step"])])
             for r in rows for label, told in r.get("on_gpu", {}).items()]
    if not lines:
        return []
    return ["", "On the GPU:", "",
            line(["row", "who", "first step, s", "peak MiB",
                  "kernels per step"]),
            line(["---", "---", *["---:"] * 3]), *lines]


def floor_lines(floors):
    if "steps" not in floors:
        return []
    lines = ["", "Floors of a step, us:", "",
             line(["batch", "precision", "arithmetic", "memory", "floor",
                   "bare convolutions"]),
             line(["---"] * 2 + ["---:"] * 4)]
    keys = ["arithmetic_us", "memory_us", "floor_us", "bare_convolutions_us"]
    for step in floors["steps"]:
        lines += [line([step["batch"], name,
                        *(short(step[key][name]) for key in keys)])
                  for name in step["arithmetic_us"]]
    return lines


def size_lines(sizes):
    if not sizes:
        return []
    return ["", "What lies on the disk:", "", line(["what", "MiB"]),
            line(["---", "---:"]),
            *(line([what, f"{mib:.1f}"]) for what, mib in sizes.items())]


def kernel_lines(kernels):
    """A table for each step that was taken apart."""
    lines = []
    for told in kernels:
        if "kernels" in told:
            lines += ["", f"Kernels of a step, {kernel_times.title(told)}", "",
                      *kernel_times.lines(told)]
    return lines


def not_measured(rows, kernels, floors):
    lines = [f"- {r['name']}: {r['reason']}" for r in rows
             if r["status"] != "measured"]
    for r in rows:
        if r["status"] == "measured":
            lines += [f"- {r['name']}, {label}: {why}"
                      for label, why in r["reasons"].items()]
    for told in kernels:
        if "skipped" in told:
            step = " ".join(str(told[key]) for key in (
                "engine", "precision", "batch") if key in told)
            lines.append(f"- kernels {step}".rstrip() + f": {told['skipped']}")
    if "skipped" in floors:
        lines.append(f"- floors: {floors['skipped']}")
    return ["", "Not measured:", "", *lines] if lines else []


def markdown(whole):
    rows = whole["rows"]
    lines = ["# Measured", "",
             *(f"- {key}: {value}" for key, value in whole["about"].items()),
             ""]
    if rows:
        lines += table(rows)
    lines += [*slowdown_lines(rows), *gpu_lines(rows),
              *size_lines(whole["sizes"]), *floor_lines(whole["floors"]),
              *kernel_lines(whole["kernels"]),
              *not_measured(rows, whole["kernels"], whole["floors"])]
    return "\n".join(lines) + "\n"
