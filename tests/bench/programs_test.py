#!/usr/bin/env python3
"""vae_bench and vae_micro from outside: what they print and refuse, and that
the counters of vae_micro count what they say. Says nothing about speed."""
import json
import subprocess
import sys
import unittest

BENCH, MICRO = (sys.argv[1:] + [None])[:2]
# One thread: several wait for each other on a busy machine.
SHORT = ["--batch", "4", "--images", "10", "--rounds", "2",
         "--seconds", "0.01", "--threads", "1"]
SMALL = {"device": "cpu", "layers": [8, 8, 8]}


def bench(*options, **fields):
    return subprocess.run(
        [BENCH, "--config", json.dumps({**SMALL, **fields}), *options],
        capture_output=True, text=True, timeout=100)


class VaeBench(unittest.TestCase):
    def result(self, mode):
        done = bench("--mode", mode, *SHORT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        result = json.loads(done.stdout)
        self.assertLessEqual({"diagnose", "build", "peak_rss_bytes"},
                             result.keys())
        self.assertEqual((result["mode"], result["batch"]), (mode, 4))
        self.assertTrue(0 < result["us_per_step_min"] <= result["us_per_step"]
                        <= result["us_per_step_max"])
        # images/s is computed from the median: equal but for rounding.
        self.assertAlmostEqual(
            result["images_per_s"] * result["us_per_step"] / 4e6, 1, places=9)
        self.assertGreater(result["seconds_to_first_step"], 0)
        self.assertEqual(result["config"]["max_batch"], 4)
        self.assertEqual(result["config"]["layers"], [8, 8, 8])
        return result

    def test_training(self):
        for mode in ("step", "epoch"):
            with self.subTest(mode):
                result = self.result(mode)
                self.assertEqual(result["unit"], "step")
                # Beside the rounds there are at least the first step and two
                # trials.
                rounds = result["rounds"] * result["steps_per_round"]
                self.assertGreaterEqual(result["steps"], rounds + 3)
                # Noise costs an untrained network about 784 ln 2 = 543 nats.
                self.assertTrue(400 < result["loss"] < 700)

    def test_calls(self):
        for mode in ("encode", "decode", "get", "synchronize"):
            self.assertEqual(self.result(mode)["unit"], "call")

    def test_refusals(self):
        for options, fields, text in (
                (SHORT, {"no_such_field": 1}, "no_such_field"),
                (["--mode", "epoch", "--batch", "11", "--images", "10"], {},
                 "--images is 10")):
            done = bench(*options, **fields)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(text, done.stderr)


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


@unittest.skipUnless(MICRO, "vae_micro is not built")
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
