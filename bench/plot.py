#!/usr/bin/env python3
"""Draws what bench/run and vae_micro measured, as SVG files: the same file for
the same numbers. Measures nothing.

Needs matplotlib, which the Python of tools/setup --bench has.
"""

import argparse
import json
import pathlib
import re
import statistics
import sys

OURS = "libvae"
# Told apart by people of any colour vision (Okabe & Ito).
COLOURS = {OURS: "#0072b2", "torch-eager": "#e69f00",
           "torch-compile": "#d55e00", "torch-compiled-graph-16": "#f0e442",
           "torch-original": "#cc79a7", "jax-jit": "#009e73",
           "jax-scan": "#009e73", "onnxruntime": "#999999"}
STYLE = {"svg.hashsalt": "libvae", "svg.fonttype": "none", "font.size": 9,
         "axes.spines.top": False, "axes.spines.right": False,
         "legend.frameon": False, "axes.axisbelow": True}
INCH_OF_BAR = 0.17


class Nothing(Exception):
    """The file does not hold what is to be drawn; the text says why."""


# ---- Rows of bench/run


def short(milliseconds):
    return (f"{milliseconds:.0f} ms" if milliseconds >= 1000
            else f"{milliseconds:.3g} ms")


def where(about):
    return f"{about['processor']}, {about['date'][:10]}"


def measured(details, *groups):
    return [row for row in details["rows"] if row["group"] in groups
            and row["status"] == "measured" and row["unit"] == "ms"]


def draw_steps(plt, details):
    """Time of a step by batch size."""
    lines = {}
    for row in measured(details, "batches"):
        batch = int(re.search(r"_b(\d+)_", row["name"])[1])
        for label, value in {OURS: row["ours"], **row.get("peers", {})}.items():
            lines.setdefault(label, []).append((batch, value))
    if not lines:
        raise Nothing("no row of the group batches was measured")
    figure, axes = plt.subplots(figsize=(6, 4))
    for label, points in lines.items():
        batches, values = zip(*sorted(points))
        axes.loglog(batches, values, "o-", label=label, markersize=4,
                    color=COLOURS.get(label), zorder=3 if label == OURS else 2)
    batches = sorted({batch for points in lines.values()
                      for batch, _ in points})
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.set_xlabel("images of a batch")
    axes.set_ylabel("a training step, ms")
    axes.set_title(f"A step by batch size, fp32\n{where(details['about'])}",
                   fontsize=9)
    axes.legend()
    return figure


def bars_of(row):
    """[(label, milliseconds)]: ours, then peers from the fastest on."""
    peers = sorted(row.get("peers", {}).items(), key=lambda item: item[1])
    return [(OURS, row["ours"]), *peers]


def draw_row_bars(axes, rows):
    """Bars in units of our own time, so that rows of any length can be read;
    the times themselves stand beside."""
    at, ticks = 0, []
    for row in rows:
        bars = bars_of(row)
        for i, (label, value) in enumerate(bars):
            axes.barh(at + i, value / row["ours"], height=0.9,
                      color=COLOURS.get(label, "#555555"))
            axes.text(value / row["ours"], at + i, " " + short(value),
                      va="center", fontsize=7)
        ticks.append(at + (len(bars) - 1) / 2)
        at += len(bars) + 1
    axes.set_yticks(ticks, [row["name"] for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at - 1.2, -0.8)
    axes.axvline(1, color=COLOURS[OURS], linewidth=0.8, zorder=0)
    axes.set_xlabel(f"time, {OURS}'s being 1; shorter is faster")


def draw_rows(plt, details):
    """Ours and the peers as bars."""
    groups = [(group, measured(details, group))
              for group in ("train", "inference")]
    groups = [(group, rows) for group, rows in groups if rows]
    if not groups:
        raise Nothing("no row of the groups train and inference was measured")
    heights = [sum(len(bars_of(row)) + 1 for row in rows)
               for _, rows in groups]
    figure, panels = plt.subplots(
        len(groups), squeeze=False, height_ratios=heights,
        figsize=(7, INCH_OF_BAR * sum(heights) + 0.8 * len(groups) + 0.4),
        layout="constrained")
    for axes, (group, rows) in zip(panels[:, 0], groups):
        draw_row_bars(axes, rows)
        axes.set_title(group, loc="left", fontsize=9, fontweight="bold")
    labels = dict.fromkeys(label for _, rows in groups for row in rows
                           for label, _ in bars_of(row))
    figure.legend(
        [plt.Rectangle((0, 0), 1, 1, color=COLOURS.get(label, "#555555"))
         for label in labels], labels, ncols=4, loc="outside upper center",
        title=where(details["about"]))
    return figure


# ---- Phases of the tile engine's step

# The phases in the order of a step: a counter of vae_micro's case phases/…, and
# the layers and directions of the cases chain/… that are its products.
PHASES = [
    ("weights", [], []),
    ("patches", [], []),
    ("encoder_forward", ["encoder"], ["forward"]),
    ("heads_forward", ["mean_head", "logvar_head"], ["forward"]),
    ("draw", [], []),
    ("expand_forward", ["expand"], ["forward"]),
    ("decoder_forward", ["decoder"], ["forward"]),
    ("losses", [], []),
    ("decoder_backward", ["decoder"], ["dx", "dw"]),
    ("expand_backward", ["expand"], ["dx", "dw"]),
    ("heads_backward", ["mean_head", "logvar_head"], ["dx", "dw"]),
    ("encoder_backward", ["encoder"], ["dx", "dw"]),
    ("adam", [], []),
]
UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
CASE = "fp32/batch:64"
# One thread, since with more the products would include waiting.
THREADS = "/threads:1"
# Products alone are in the cache and take no longer than in a step. A larger
# ratio than this means that the machine was doing other work.
LARGEST_RATIO = 1.1
CAPTION = ("Each phase as it lasts within a step (vae_micro, phases/…); of it,"
           " the products are what\nthe same products last by themselves "
           "(chain/…). The rest is the work between them:\nBatchNorm, "
           "activations, other orders of memory, sums, and memory that is "
           "waited for.")


def cases_of(micro):
    """{name: its repetitions}, without the ending that the clock adds."""
    found = {}
    for case in micro.get("benchmarks", []):
        if (case.get("run_type") != "aggregate"
                and not case.get("error_occurred")):
            name = case["run_name"].removesuffix("/real_time")
            found.setdefault(name, []).append(case)
    return found


def products_of(cases, layers, whats):
    """Microseconds of the chains of some layers."""
    total = 0.0
    for name, repetitions in cases.items():
        if not name.startswith(f"chain/{CASE}/"):
            continue
        layer, what = name.split("/")[3:]
        if layer.rstrip("0123456789") in layers and what in whats:
            total += statistics.median(
                case["real_time"] * UNITS[case["time_unit"]]
                for case in repetitions)
    return total


def phases(micro):
    """[(phase, microseconds, those of its products)], in a step's order."""
    cases = cases_of(micro)
    name = f"phases/{CASE}{THREADS}"
    if name not in cases:
        raise Nothing(f"it has no case {name}")
    found = []
    for phase, layers, whats in PHASES:
        lasted = statistics.median(case[phase] for case in cases[name])
        products = products_of(cases, layers, whats)
        if layers and products == 0:
            raise Nothing(f"it has no cases chain/{CASE}/… of {phase}")
        if products > LARGEST_RATIO * lasted:
            raise Nothing(
                f"the products of {phase} by themselves took {products:.0f} us "
                f"and in a step {lasted:.0f}: measure on a machine at rest")
        found.append((phase, lasted, min(products, lasted)))
    return found


def draw_phases(plt, micro):
    """Where the time of the tile engine's step goes."""
    found = phases(micro)
    names = [name.replace("_", " ") for name, _, _ in found]
    products = [us / 1e3 for _, _, us in found]
    rest = [(us - of) / 1e3 for _, us, of in found]
    total, share = sum(products) + sum(rest), sum(products)
    figure, axes = plt.subplots(figsize=(7, 4))
    axes.barh(names, products, color=COLOURS[OURS],
              label=f"products, {share / total:.0%} of the step")
    axes.barh(names, rest, left=products, color=COLOURS["torch-eager"],
              label=f"between them, {1 - share / total:.0%}")
    for name, one, other in zip(names, products, rest):
        axes.text(one + other, name, f" {(one + other) / total:.1%}",
                  va="center", fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("ms")
    axes.set_title("A step of the engine tile, batch 64, fp32, one thread: "
                   f"{short(total)}", fontsize=9)
    axes.legend(loc="upper right")
    figure.text(0.0, -0.02, CAPTION, fontsize=7, va="top")
    return figure


PLOTS = [("steps.svg", "details", draw_steps),
         ("rows.svg", "details", draw_rows),
         ("phases.svg", "micro", draw_phases)]


def json_of(text):
    try:
        return json.loads(pathlib.Path(text).read_text())
    except (OSError, ValueError) as why:
        raise argparse.ArgumentTypeError(f"{text}: {why}") from why


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--details", type=json_of, metavar="FILE",
                        help="of bench/run --details: steps.svg, rows.svg")
    parser.add_argument("--micro", type=json_of, metavar="FILE",
                        help="of vae_micro --benchmark_out: phases.svg")
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="folder of the plots")
    options = parser.parse_args()
    if options.details is None and options.micro is None:
        parser.error("--details or --micro is wanted")
    if options.details is not None and "rows" not in options.details:
        parser.error("--details: this is not a file of bench/run --details")
    return options


def main():
    options = read_options()
    try:
        import matplotlib
    except ImportError as why:
        sys.exit(f"there is no matplotlib ({why}): tools/setup --bench brings "
                 "it into build/deps/bench-python")
    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    options.out.mkdir(parents=True, exist_ok=True)
    drawn = 0
    with plt.rc_context(STYLE):
        for name, source, draw in PLOTS:
            content = getattr(options, source)
            if content is None:
                continue
            try:
                figure = draw(plt, content)
            except Nothing as why:
                print(f"no {name}: {why}", file=sys.stderr)
                continue
            figure.savefig(options.out / name, bbox_inches="tight",
                           metadata={"Date": None, "Creator": None})
            print(options.out / name)
            drawn += 1
    if drawn == 0:
        sys.exit("nothing was drawn")


if __name__ == "__main__":
    main()
