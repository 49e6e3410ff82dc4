"""Where the time of the tile engine's step goes, read from the JSON of
vae_micro: each phase of a step, and how much of it are products. Runs nothing
and draws nothing. Standard library only.
"""

import statistics

# Phases in the order of a step: counter of vae_micro's phases/…, and the
# chain/… cases that are its products: layers, and what of each.
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
# Of one full tile and one thread: products that wait for each other's threads
# are no products.
CASE = "fp32/batch:64"
THREADS = "/threads:1"


# Products by themselves, in the cache, last no longer than in a step. Beyond
# this and the chance of a measurement, something else was running.
MOST = 1.1


class Missing(Exception):
    """The file does not hold what is wanted; the text says why."""


def cases_of(micro):
    """{name: its repetitions}, without the ending that the clock adds."""
    found = {}
    for case in micro.get("benchmarks", []):
        if case.get("run_type") == "aggregate":
            continue
        if case.get("error_occurred"):
            continue
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
        raise Missing(f"it has no case {name}")
    found = []
    for phase, layers, whats in PHASES:
        lasted = statistics.median(case[phase] for case in cases[name])
        products = products_of(cases, layers, whats)
        if layers and products == 0:
            raise Missing(f"it has no cases chain/{CASE}/… of {phase}")
        if products > MOST * lasted:
            raise Missing(
                f"the products of {phase} by themselves took {products:.0f} us "
                f"and in a step {lasted:.0f}: measure on a machine at rest")
        found.append((phase, lasted, min(products, lasted)))
    return found
