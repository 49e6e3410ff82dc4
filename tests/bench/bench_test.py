#!/usr/bin/env python3
"""vae_bench from outside: what it prints and refuses. Says nothing about speed.
"""
import json
import subprocess
import sys
import unittest

BENCH = sys.argv[1]
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
