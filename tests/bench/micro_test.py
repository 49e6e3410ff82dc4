#!/usr/bin/env python3
"""vae_micro from outside: which cases there are, that one of each kind runs,
and that its counters count what they say.

Says nothing about speed. Standard library only.
"""
import json
import subprocess
import sys
import unittest

MICRO = sys.argv[1]
KINDS = {"step/tile", "step/blocks", "encode/fp32", "decode/fp32",
         "sample/fp32", "phases/fp32", "chain/fp32", "product/fp32",
         "tile/apply", "order/transpose", "order/pack", "layer/fp32",
         "commit/adam", "commit/weights"}
END = "/real_time"


def run(*words):
    done = subprocess.run([MICRO, *words], capture_output=True, text=True,
                          timeout=100)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def measured(names):
    """The results of these cases by name, one short repetition each."""
    pattern = "^(" + "|".join(names) + ")" + END + "$"
    text = run("--benchmark_min_time=0.001", "--benchmark_format=json",
               "--benchmark_filter=" + pattern)
    found = json.loads(text)["benchmarks"]
    return {case["name"].removesuffix(END): case for case in found}


class Micro(unittest.TestCase):
    def works(self, *names):
        cases = measured(names)
        self.assertEqual(set(cases), set(names))
        for name, case in cases.items():
            self.assertNotIn("error_message", case, name)
            self.assertGreater(case["real_time"], 0)
        return cases

    def total(self, case, rate):
        """Operations or bytes of one iteration."""
        unit = {"ns": 1e-9, "us": 1e-6}[case["time_unit"]]
        return case[rate] * case["real_time"] * unit

    def test_every_kind_has_cases_and_no_name_is_there_twice(self):
        names = run("--benchmark_list_tests").split()
        kinds = {"/".join(name.split("/")[:2]) for name in names}
        self.assertLessEqual(KINDS, kinds)
        self.assertEqual(len(names), len(set(names)))
        for batch in (1, 16, 64):
            for threads in (1, 2):
                for way in ("tile/fp32", "tile/bf16", "blocks/fp32"):
                    self.assertIn(
                        f"step/{way}/batch:{batch}/threads:{threads}{END}",
                        names)

    def test_steps_and_calls(self):
        cases = self.works(*(f"{what}/batch:1/threads:1" for what in (
            "step/tile/fp32", "step/blocks/fp32", "encode/fp32", "decode/fp32",
            "sample/fp32")))
        for case in cases.values():
            self.assertAlmostEqual(self.total(case, "images/s"), 1)

    def test_rates_are_of_the_work_there_is(self):
        product = "product/fp32/m:8/n:32/k:64"
        chain = "chain/fp32/batch:1/encoder1/"
        layer = "layer/fp32/batch:64/encoder1/forward/threads:1"
        cases = self.works(product, chain + "forward", chain + "dx",
                           chain + "dw", layer)
        self.assertAlmostEqual(
            self.total(cases[product], "FLOP/s") / (2 * 8 * 32 * 64), 1)
        # 7 pixels times 4 taps along a side, of which 2 are on the padding.
        for what in ("forward", "dx", "dw"):
            self.assertAlmostEqual(
                self.total(cases[chain + what], "FLOP/s")
                / (2 * 26 * 26 * 64 * 128), 1)
        self.assertAlmostEqual(
            self.total(cases[layer], "FLOP/s")
            / (2 * 64 * 28 * 28 * 64 * 128), 1)

    def test_the_phases_are_the_step(self):
        name = "phases/fp32/batch:1/threads:1"
        case = self.works(name)[name]
        phases = {key: value for key, value in case.items()
                  if key.endswith(("_forward", "_backward"))
                  or key in ("weights", "patches", "draw", "losses", "adam")}
        self.assertEqual(len(phases), 13)
        self.assertGreater(min(phases.values()), 0)
        self.assertLessEqual(sum(phases.values()), case["real_time"])
        # Between two phases there is nothing but the clock.
        self.assertGreater(sum(phases.values()), 0.7 * case["real_time"])

    def test_parts_of_a_tile_and_the_commit(self):
        self.works("tile/apply/bf16", "order/transpose/fp32",
                   "order/pair_rows/bf16", "commit/adam/threads:1")

    def test_what_the_processor_cannot_do_is_said_and_ends_nothing(self):
        name = "product/bf16/m:8/n:32/k:64"
        case = measured([name])[name]
        if case.get("error_occurred"):
            self.assertIn("brgemm", case["error_message"])
        else:
            self.assertAlmostEqual(
                self.total(case, "FLOP/s") / (2 * 8 * 32 * 64), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
