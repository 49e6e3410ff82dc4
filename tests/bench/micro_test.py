#!/usr/bin/env python3
"""vae_micro from outside: which cases there are, that one of each kind runs,
and that its counters count what they say. Says nothing about speed."""
import json
import subprocess
import sys
import unittest

MICRO = sys.argv[1]
END = "/real_time"


def run(*options):
    done = subprocess.run([MICRO, *options], capture_output=True, text=True,
                          timeout=100)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def measured(*names):
    """The results of these cases by name, one short repetition each."""
    text = run("--benchmark_min_time=0.001", "--benchmark_format=json",
               f"--benchmark_filter=^({'|'.join(names)}){END}$")
    return {case["name"].removesuffix(END): case
            for case in json.loads(text)["benchmarks"]}


def total(case, rate):
    """Operations or bytes of one iteration."""
    unit = {"ns": 1e-9, "us": 1e-6}[case["time_unit"]]
    return case[rate] * case["real_time"] * unit


class Micro(unittest.TestCase):
    def test_one_of_each_kind_runs_and_rates_are_of_the_work(self):
        # Of encoder1: 7 pixels times 4 taps along a side, of which 2 are on
        # the padding.
        gemm = 2 * 26 * 26 * 64 * 128
        wanted = {
            **{f"gemm/fp32/batch:1/encoder1/{what}": ("FLOP/s", gemm)
               for what in ("forward", "dx", "dw")},
            "product/fp32/m:8/n:32/k:64": ("FLOP/s", 2 * 8 * 32 * 64),
            "tile/apply/bf16": ("B/s", 64 * 64 * 6),
            "order/transpose/fp32": ("B/s", 64 * 64 * 8),
            "order/pair_rows/bf16": ("B/s", 64 * 64 * 4),
            "commit/adam/threads:1": ("B/s", None)}
        names = run("--benchmark_list_tests").split()
        self.assertEqual(len(names), len(set(names)))
        cases = measured(*wanted)
        self.assertEqual(set(cases), set(wanted))
        for name, (rate, work) in wanted.items():
            done = total(cases[name], rate)
            self.assertAlmostEqual(done / (work or done), 1, msg=name)

    def test_the_phases_are_the_step(self):
        name = "phases/fp32/batch:1/threads:1"
        case = measured(name)[name]
        phases = [value for key, value in case.items()
                  if key.endswith(("_forward", "_backward"))
                  or key in ("weights", "patches", "draw", "losses", "adam")]
        self.assertEqual(len(phases), 13)
        self.assertGreater(min(phases), 0)
        # Between two phases there is nothing but the clock.
        self.assertTrue(0.7 < sum(phases) / case["real_time"] <= 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
