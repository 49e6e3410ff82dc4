#!/usr/bin/env python3
"""Draws what bench/run and vae_micro measured, as SVG files: the same file for
the same numbers. Measures nothing. Needs matplotlib, which the Python of
tools/setup --bench has."""

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


def colour_of(label):
    return COLOURS.get(label, "#555555")


def where(results):
    return "{processor}, {date:.10}".format(**results["about"])


def measured(results, group):
    """[(name, [(label, milliseconds)])]: ours, then peers from the fastest."""
    return [(row["name"], [(OURS, row["ours"]), *sorted(
                row.get("peers", {}).items(), key=lambda peer: peer[1])])
            for row in results["rows"]
            if (row["group"], row["status"]) == (group, "measured")]


def draw_steps(plt, results):
    """Time of a step by batch size."""
    lines = {}
    for name, times in measured(results, "batches"):
        for label, value in times:
            lines.setdefault(label, []).append(
                (int(re.search(r"_b(\d+)_", name)[1]), value))
    if not lines:
        raise Nothing("no row of the group batches was measured")
    figure, axes = plt.subplots(figsize=(6, 4))
    for label, points in lines.items():
        axes.loglog(*zip(*sorted(points)), "o-", label=label, markersize=4,
                    color=colour_of(label), zorder=3 if label == OURS else 2)
    batches = sorted(batch for batch, _ in lines[OURS])
    axes.set_xticks(batches, list(map(str, batches)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.set_xlabel("images of a batch")
    axes.set_ylabel("a training step, ms")
    axes.set_title(f"A step by batch size, fp32\n{where(results)}", fontsize=9)
    axes.legend()
    return figure


def draw_row_bars(axes, rows):
    """Bars in units of our own time, so that rows of any length can be read;
    the times themselves stand beside."""
    at, ticks = 0, []
    for _, times in rows:
        ticks.append(at + (len(times) - 1) / 2)
        for label, value in times:
            relative = value / times[0][1]
            axes.barh(at, relative, height=0.9, color=colour_of(label))
            axes.text(relative, at, " " + short(value), va="center", fontsize=7)
            at += 1
        at += 1
    axes.set_yticks(ticks, [name for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at - 1.2, -0.8)
    axes.axvline(1, color=COLOURS[OURS], linewidth=0.8, zorder=0)
    axes.set_xlabel(f"time, {OURS}'s being 1; shorter is faster")


def draw_rows(plt, results):
    """Ours and the peers as bars."""
    groups = {group: rows for group in ("train", "inference")
              if (rows := measured(results, group))}
    if not groups:
        raise Nothing("no row of the groups train and inference was measured")
    heights = [sum(len(times) + 1 for _, times in rows)
               for rows in groups.values()]
    figure, panels = plt.subplots(
        len(groups), squeeze=False, height_ratios=heights,
        figsize=(7, INCH_OF_BAR * sum(heights) + 0.8 * len(groups) + 0.4),
        layout="constrained")
    for axes, (group, rows) in zip(panels[:, 0], groups.items()):
        draw_row_bars(axes, rows)
        axes.set_title(group, loc="left", fontsize=9, fontweight="bold")
    labels = dict.fromkeys(label for rows in groups.values()
                           for _, times in rows for label, _ in times)
    figure.legend([plt.Rectangle((0, 0), 1, 1, color=colour_of(label))
                   for label in labels], labels, ncols=4,
                  loc="outside upper center", title=where(results))
    return figure


# ---- Phases of the tile engine's step

# The phases in the order of a step: a counter of vae_micro's case phases/…, and
# the layers and directions of the cases gemm/… that are its products.
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
CASE = "fp32/batch:64"
# Products alone are in the cache and take no longer than in a step. A larger
# ratio than this means that the machine was doing other work.
LARGEST_RATIO = 1.1
CAPTION = ("Each phase as it lasts within a step (vae_micro, phases/…); of it,"
           " the products are what\nthe same products last by themselves "
           "(gemm/…). The rest is the work between them:\nBatchNorm, "
           "activations, packing, sums, and waiting for memory.")


def medians(micro, key):
    """{case: the median of its repetitions}, without the clock's suffix."""
    found = {}
    for case in micro.get("benchmarks", []):
        if (key in case and case.get("run_type") != "aggregate"
                and not case.get("error_occurred")):
            name = case["run_name"].removesuffix("/real_time")
            found.setdefault(name, []).append(case[key])
    return {name: statistics.median(all) for name, all in found.items()}


def phases(micro):
    """[(phase, microseconds, those of its products)], in a step's order."""
    # With more threads than one the products would include waiting.
    step, found = f"phases/{CASE}/threads:1", []
    products = {tuple(name.split("/")[3:]): us
                for name, us in medians(micro, "real_time").items()
                if name.startswith(f"gemm/{CASE}/")}
    for phase, layers, whats in PHASES:
        lasted = medians(micro, phase).get(step)
        if lasted is None:
            raise Nothing(f"there is no case {step}")
        us = sum(us for (layer, what), us in products.items()
                 if layer.rstrip("0123456789") in layers and what in whats)
        if layers and us == 0:
            raise Nothing(f"there are no cases gemm/{CASE}/… of {phase}")
        if us > LARGEST_RATIO * lasted:
            raise Nothing(
                f"the products of {phase} by themselves took {us:.0f} us "
                f"and in a step {lasted:.0f}: measure on a machine at rest")
        found.append((phase, lasted, min(us, lasted)))
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
    for name, us, of in zip(names, rest, products):
        axes.text(us + of, name, f" {(us + of) / total:.1%}", va="center",
                  fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("ms")
    axes.set_title("A step of the engine tile, batch 64, fp32, one thread: "
                   f"{short(total)}", fontsize=9)
    axes.legend(loc="upper right")
    figure.text(0.0, -0.02, CAPTION, fontsize=7, va="top")
    return figure


PLOTS = [("steps.svg", "run", draw_steps), ("rows.svg", "run", draw_rows),
         ("phases.svg", "micro", draw_phases)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=pathlib.Path, metavar="FILE",
                        help="of bench/run --json: steps.svg, rows.svg")
    parser.add_argument("--micro", type=pathlib.Path, metavar="FILE",
                        help="of vae_micro --benchmark_out: phases.svg")
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="directory of the plots")
    options = parser.parse_args()
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
            file = getattr(options, source)
            if file is None:
                continue
            try:
                figure = draw(plt, json.loads(file.read_text()))
            except (OSError, ValueError, KeyError, Nothing) as why:
                print(f"no {name}: {file}: {why}", file=sys.stderr)
                continue
            figure.savefig(options.out / name, bbox_inches="tight",
                           metadata={"Date": None, "Creator": None})
            print(options.out / name)
            drawn += 1
    if drawn == 0:
        sys.exit("nothing was drawn")


if __name__ == "__main__":
    main()
