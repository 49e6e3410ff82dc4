#!/usr/bin/env python3
"""vae_bench and bench/compare from outside: what they print and refuse.

Says nothing about speed. Standard library only; no peer is needed.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH, COMPARE = sys.argv[1:3]
sys.path.insert(0, str(pathlib.Path(COMPARE).parent))
import matrix  # noqa: E402
import report  # noqa: E402

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


class Compare(unittest.TestCase):
    def compare(self, *words):
        """Its results by variant, and its table."""
        with tempfile.TemporaryDirectory() as out:
            done = run(sys.executable, "-B", COMPARE, "--bench", BENCH,
                       "--device", "cpu", "--out", out,
                       "--markdown", str(pathlib.Path(out, "table.md")),
                       "--precisions", "fp32",
                       "--batches", "2", "--images", "4", "--rounds", "1",
                       "--seconds", "0.01", "--threads", "1", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            folder = pathlib.Path(out)
            whole = json.loads((folder / "compare.json").read_text())
            self.assertEqual((folder / "table.md").read_text(), done.stdout)
        return {row["variant"]: row for row in whole["results"]}, done.stdout

    def test_a_refused_configuration_is_skipped(self):
        small = "small=" + json.dumps(SMALL)
        rows, table = self.compare(
            "--ours", "none", "--peers", "none", "--passes", "2",
            "--config", small, "--config", 'odd={"no_such_field":1}')
        self.assertEqual(rows["small"]["status"], "measured")
        self.assertEqual(len(rows["small"]["passes"]), 2)
        self.assertNotIn("times_eager", rows["small"])
        self.assertEqual(rows["odd"]["status"], "skipped")
        self.assertIn("no_such_field", rows["odd"]["reason"])
        self.assertIn("| **small** |", table)
        self.assertIn("- odd (2 fp32): skipped: ", table)

    def test_without_time_nothing_is_run(self):
        rows, table = self.compare(
            "--ours", "auto", "--peers", "none", "--budget", "0.000001")
        self.assertEqual(rows["auto"]["status"], "not run")
        self.assertIn("- auto (2 fp32): not run (out of time)", table)


def cell(variant, ours, batch, *times, **more):
    made = matrix.Cell(variant, ours, batch, "fp32")
    made.passes = [{"batch": batch, "us_per_step": t, "us_per_step_min": t,
                    "us_per_step_max": t, "seconds_to_first_step": 1, **more}
                   for t in times]
    return made


class Report(unittest.TestCase):
    def test_ratios_are_to_peers_of_the_same_batch_and_precision(self):
        rows = report.results([
            cell("auto", True, 64, 90, 10, 20), cell("jax-scan", False, 64, 30),
            cell("torch-eager", False, 64, 40), cell("auto", True, 512, 5),
            cell("torch-eager", False, 512)])
        self.assertEqual(rows[0]["us_per_step"], 20)
        self.assertEqual(rows[0]["times_eager"], 2)
        self.assertEqual(rows[0]["times_best_peer"], 1.5)
        self.assertEqual(rows[0]["best_peer"], "jax-scan")
        self.assertEqual(rows[2]["times_best_peer"], 0.75)
        self.assertNotIn("times_eager", rows[3])
        self.assertEqual(rows[4]["status"], "not run")

    def test_kernels_are_those_of_the_largest_graph_of_the_batch(self):
        def recording(images, steps, kernels):
            return {"what": "train", "images": images, "steps": steps,
                    "kernels": kernels}

        graph = {"training": {"used": True, "recordings": [
            recording(64, 1, 31), recording(64, 8, 240),
            recording(16, 16, 16)]}}
        rows = report.results([
            cell("auto", True, 64, 10, diagnose={
                "graph": graph, "peak_bytes": 3 << 20}),
            cell("torch-eager", False, 64, 10, peak_bytes=5 << 20),
            cell("auto", True, 512, 10, diagnose={"graph": graph})])
        self.assertEqual(rows[0]["kernels_per_step"], 30)
        self.assertEqual(rows[0]["peak_mib"], 3)
        self.assertEqual(rows[1]["peak_mib"], 5)
        self.assertNotIn("kernels_per_step", rows[1])
        self.assertNotIn("kernels_per_step", rows[2])
        self.assertIn("| 30.0 | 3 |", "\n".join(report.table(rows)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
