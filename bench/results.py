"""From what bench/run's heats said to rows, verdicts and a table.

Runs nothing and invents nothing: what was not measured has a reason. Standard
library only.
"""

import heats
import suite
from report import about_lines, line

TITLES = ["row", "ours, ms", "best peer", "peer, ms", "ratio", "bar", "verdict",
          "floor, ms", "ours / floor", "other peers, ms"]
KEYS = {"memory": ("peak_rss_bytes", 2**-20, "MiB")}
TIME = ("us_per_step", 1e-3, "ms")


def failure(passes, label):
    """Why a contestant has no number; None if it has one."""
    reasons = [p[label]["skipped"] for p in passes
               if "skipped" in p.get(label, {})]
    return reasons[0] if reasons else None


def floor_ms(row, passes):
    """Arithmetic over the rate of the largest product, measured beside."""
    us = heats.median_of(passes, suite.PRODUCT, "us_per_step")
    if us is None or row.flop is None:
        return None
    flop = next(p[suite.PRODUCT]["flop"] for p in passes
                if "flop" in p.get(suite.PRODUCT, {}))
    return row.flop / flop * us / 1e3


def verdict_of(row, found, values):
    """"holds", "misses", or None where there is nothing to hold."""
    if row.bar is None:
        return None
    if not row.peers:
        held = found["ours"] * 1e3 <= row.bar
    elif row.against and row.against not in values:
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
        alone = heats.median_of(passes, label, "us_alone")
        if alone is not None:
            busy = heats.median_of(passes, label, "us_per_step")
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
    values = {label: heats.median_of(passes, label, key)
              for label in (row.ours, *row.peers)}
    values = {k: v * factor for k, v in values.items() if v is not None}
    found = {"name": row.name, "group": heat.group, "unit": unit,
             "reasons": {label: why for label in (row.ours, *row.peers)
                         if (why := failure(passes, label))}}
    if row.ours not in values:
        failed = found["reasons"].get(row.ours)
        # A bar is missed by failing too, but not by what nobody has tried.
        lost = failed and row.bar is not None and not row.stretch
        return {**found, "status": "not measured",
                "reason": heat.skipped or failed or "not run",
                **({"verdict": "misses"} if lost else {})}
    found.update(status="measured", ours=values.pop(row.ours), bar=row.bar)
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
    if heat.kind == "busy":
        found["slowdowns"] = slowdowns(row, passes)
        found["verdict"] = judge_slowdown(row, found)
    elif values or not row.peers:
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
            and not r["peer"].startswith(suite.OURS)]


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
        peerless_bar = r.get("bar") is not None and "peer" not in r
        bar = short(r.get("bar")) + (" us" if peerless_bar else "")
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


def size_lines(sizes):
    if not sizes:
        return []
    return ["", "What lies on the disk:", "", line(["what", "MiB"]),
            line(["---", "---:"]),
            *(line([what, f"{mib:.1f}"]) for what, mib in sizes.items())]


def not_measured(rows):
    lines = [f"- {r['name']}: {r['reason']}" for r in rows
             if r["status"] != "measured"]
    for r in rows:
        if r["status"] == "measured":
            lines += [f"- {r['name']}, {label}: {why}"
                      for label, why in r["reasons"].items()]
    return ["", "Not measured:", "", *lines] if lines else []


def markdown(whole):
    rows = whole["rows"]
    lines = ["# Measured", "", *about_lines(whole["about"]), ""]
    if rows:
        lines += table(rows)
    lines += [*slowdown_lines(rows), *size_lines(whole.get("sizes")),
              *not_measured(rows)]
    return "\n".join(lines) + "\n"
