"""Turns the answers of bench/run's processes into rows, verdicts and tables.
Runs nothing. What was not measured is listed with its reason."""

import statistics

import kernels
from rounds import OUT_OF_TIME
from rows import OURS, PRODUCT

# ---- Rows


def median_of(passes, label, key):
    """The median over the passes that have a value; None without any."""
    found = [p[label][key] for p in passes if key in p.get(label, {})]
    return statistics.median(found) if found else None


def floor_ms(row, passes):
    """The row's arithmetic at the rate of the product measured beside it."""
    us = median_of(passes, PRODUCT, "us_per_step")
    flop = median_of(passes, PRODUCT, "flop")
    return row.flop / flop * us / 1e3 if us and row.flop else None


def slowdowns(row, passes):
    """{label: the time alone, and how much longer it is beside a neighbour};
    and whether ours is at most that of the peer which is the fastest alone."""
    found = {}
    for label in (row.ours, *row.peers):
        alone = median_of(passes, label, "us_alone")
        if alone is not None:
            beside = median_of(passes, label, "us_per_step")
            found[label] = {"alone_ms": alone / 1e3, "slowdown": beside / alone}
    peers = [found[label] for label in row.peers if label in found]
    if row.ours not in found or not peers:
        return found, None
    best = min(peers, key=lambda told: told["alone_ms"])
    held = found[row.ours]["slowdown"] <= best["slowdown"]
    return found, "holds" if held else "misses"


def verdict_of(row, ours, peers):
    """"holds", "misses" or None without a bar. Times in milliseconds."""
    against = row.against or min(peers, key=peers.get, default=None)
    if row.bar_us is not None:
        held = ours * 1e3 <= row.bar_us
    elif row.bar is None or against not in peers:
        return None
    else:
        held = ours / peers[against] <= row.bar
    if not held and row.stretch:
        return "misses (a stretch)"
    return "holds" if held else "misses"


def result(comparison, row, passes):
    """One row of --json."""
    labels = (row.ours, *row.peers)
    key, factor, unit = (("peak_rss_bytes", 2**-20, "MiB")
                         if comparison.kind == "memory"
                         else ("us_per_step", 1e-3, "ms"))
    values = {label: value * factor for label in labels
              if (value := median_of(passes, label, key)) is not None}
    reasons = {label: p[label]["skipped"] for p in passes[::-1]
               for label in labels if "skipped" in p.get(label, {})}
    found = {"name": row.name, "group": comparison.group, "unit": unit,
             "reasons": reasons}
    if row.ours not in values:
        failed = reasons.get(row.ours)
        missed = OUT_OF_TIME if comparison.out_of_time else "not run"
        found.update(status="not measured", reason=failed or missed)
        # A failure of libvae misses the bar; running out of time does not.
        barred = (row.bar, row.bar_us) != (None, None) and not row.stretch
        if barred and failed not in (None, OUT_OF_TIME):
            found["verdict"] = "misses"
        return found
    ours = values.pop(row.ours)
    found.update(status="measured", ours=ours, bar=row.bar, bar_us=row.bar_us)
    if values:
        best = min(values, key=values.get)
        found.update(peer=best, peer_value=values[best],
                     ratio=ours / values[best], peers=values)
    elif row.peers:
        found["reason"] = "no peer was measured"
    if unit == "ms" and (floor := floor_ms(row, passes)) is not None:
        found["floor_ms"] = floor
    found["verdict"] = verdict_of(row, ours, values)
    if comparison.kind == "busy":
        found["slowdowns"], found["verdict"] = slowdowns(row, passes)
    return found


# ---- Tables


def short(value):
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.5f}" if value < 0.01 else f"{value:.4g}"


def table(title, heads, rows, left=1):
    """Lines of Markdown, none without rows; the first `left` columns are
    aligned to the left."""
    rule = ["---" if i < left else "---:" for i in range(len(heads))]
    lines = ["| " + " | ".join(map(short, cells)) + " |"
             for cells in (heads, rule, *rows)]
    return ["", *([title + ":", ""] if title else []), *lines] if rows else []


def row_cells(r):
    floor, best = r.get("floor_ms"), r.get("peer", "-")
    others = [f"{label} {short(value)}"
              for label, value in r.get("peers", {}).items() if label != best]
    unit = "" if r["unit"] == "ms" else f" {r['unit']}"
    bar = short(r["bar"]) if r["bar_us"] is None else f"{short(r['bar_us'])} us"
    return [r["name"], short(r["ours"]) + unit, best,
            short(r.get("peer_value")) + (unit if "peer" in r else ""),
            r.get("ratio"), bar, r.get("verdict"), floor,
            floor and r["ours"] / floor, ", ".join(others) or "-"]


def not_measured(whole):
    lines = []
    for r in whole["rows"]:
        if r["status"] == "measured":
            lines += [f"- {r['name']}, {label}: {why}"
                      for label, why in r["reasons"].items()]
        else:
            lines.append(f"- {r['name']}: {r['reason']}")
    lines += [f"- kernels {told['engine']} {told['precision']} "
              f"{told['batch']}: {told['skipped']}"
              for told in whole["kernels"] if "skipped" in told]
    return ["", "Not measured:", "", *lines] if lines else []


def markdown(whole):
    rows = whole["rows"]
    lines = ["# Measured", "",
             *(f"- {key}: {value}" for key, value in whole["about"].items())]
    lines += table(
        "", ["row", "ours, ms", "best peer", "peer, ms", "ratio", "bar",
             "verdict", "floor, ms", "ours / floor", "other peers, ms"],
        [row_cells(r) for r in rows if r["status"] == "measured"])
    lines += table(
        "With one core busy", ["row", "who", "alone, ms", "slow-down"],
        [[r["name"], label, told["alone_ms"], told["slowdown"]]
         for r in rows for label, told in r.get("slowdowns", {}).items()], 2)
    lines += table("Size on the disk", ["what", "MiB"],
                   whole["sizes"].items())
    for told in whole["kernels"]:
        if "kernels" in told:
            lines += ["", f"Kernels of a step, {kernels.title(told)}", "",
                      *kernels.lines(told["kernels"])]
    return "\n".join([*lines, *not_measured(whole)]) + "\n"
