#!/usr/bin/env python3
"""vae_bench from outside: what it prints and refuses.

Says nothing about speed. Standard library only; no peer is needed.
"""
import json
import subprocess
import sys
import unittest

BENCH = sys.argv[1]
KEYS = {"program", "mode", "unit", "batch", "us_per_step", "us_per_step_min",
        "us_per_step_max", "images_per_s", "rounds", "steps_per_round",
        "seconds_to_first_step", "config", "diagnose", "build"}
# One thread: several wait for each other on a busy machine.
SHORT = ["--batch", "4", "--images", "10", "--rounds", "2",
         "--seconds", "0.01", "--threads", "1"]
SMALL = {"device": "cpu", "layers": [8, 8, 8]}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=100)


def bench(*words, **fields):
    config = json.dumps({**SMALL, **fields})
    return run(BENCH, *SHORT, "--config", config, *words)


class VaeBench(unittest.TestCase):
    def result(self, mode):
        done = bench("--mode", mode)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        result = json.loads(done.stdout)
        self.assertLessEqual(KEYS, result.keys())
        self.assertEqual(result["mode"], mode)
        self.assertGreater(result["us_per_step_min"], 0)
        self.assertLessEqual(result["us_per_step_min"], result["us_per_step"])
        self.assertLessEqual(result["us_per_step"], result["us_per_step_max"])
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
                self.assertGreater(result["loss"], 400)
                self.assertLess(result["loss"], 700)

    def test_inference(self):
        self.assertEqual(self.result("sample")["unit"], "call")

    def test_a_refused_field_fails_with_the_library_s_text(self):
        done = bench(no_such_field=1)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no_such_field", done.stderr)

    def test_too_few_images_for_a_batch(self):
        done = run(BENCH, "--mode", "epoch", "--batch", "11", "--images", "10",
                   "--config", json.dumps(SMALL))
        self.assertEqual(done.returncode, 1)
        self.assertIn("--images is 10", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
