#!/usr/bin/env python3
"""bench/run from outside, with fakes for vae_bench and all peers: rows,
verdicts, reasons, and what a run leaves that is ended early.

Says nothing about speed. Standard library only; no peer is needed.
"""
import signal
import subprocess
import sys
import time
import unittest

from fakes import FakeRuns, Fakes

BENCH, RUN = sys.argv[1:3]

TRAIN = {"cpu_fp32_b64_t2", "cpu_bf16_b64_t2", "cpu_fp32_b64_t1",
         "cpu_bf16_b64_t1", "cpu_original_b64_t2", "cpu_blocks_fp32_b64_t2",
         "cpu_blocks_bf16_b64_t2"}
INFERENCE = {f"cpu_{mode}_fp32_b{batch}_t2"
             for mode in ("encode", "decode") for batch in (1, 64, 1000)}
PRODUCT = [["peers.py product"], 1000]
# 0.6 of the best peer's everywhere: every bar but the blocks engine's own.
GOOD = [PRODUCT, [["blocks"], 84e3], [["--mode", "--config"], 60e3],
        [["original"], 150e3], [["torch-eager"], 120e3],
        [["torch-compile"], 100e3], [["jax-jit"], 110e3],
        [["onnxruntime"], 105e3]]


class Run(FakeRuns):
    script = RUN

    def test_all_rows_are_there_when_everybody_answers(self):
        table, rows, brief = self.run_with(
            GOOD, "--only", "train,inference", "--check")
        self.assertEqual(set(brief), TRAIN | INFERENCE)
        self.assertEqual(set(rows), TRAIN | INFERENCE)
        for row in brief.values():
            self.assertEqual(set(row), {"name", "ours_ms", "peer", "peer_ms",
                                        "ratio"})
            self.assertAlmostEqual(row["ours_ms"] / row["peer_ms"],
                                   row["ratio"])
        self.assertEqual(brief["cpu_fp32_b64_t2"],
                         {"name": "cpu_fp32_b64_t2", "ours_ms": 60,
                          "peer": "torch-compile", "peer_ms": 100,
                          "ratio": 0.6})
        self.assertEqual(brief["cpu_original_b64_t2"]["peer"],
                         "torch-original")
        self.assertEqual(brief["cpu_original_b64_t2"]["ratio"], 0.4)
        self.assertEqual(brief["cpu_blocks_fp32_b64_t2"]["ours_ms"], 84)
        for name, row in rows.items():
            self.assertEqual(row["verdict"], "holds", name)
            self.assertEqual(row["reasons"], {})
        # 6.87 GFLOP for 64 images; the fake's product: 1 GFLOP in 1 ms.
        self.assertAlmostEqual(rows["cpu_fp32_b64_t2"]["floor_ms"], 6.87,
                               delta=0.01)
        self.assertIn("| cpu_fp32_b64_t2 | 60 | torch-compile | 100 | 0.6 | "
                      "0.65 | holds |", table)
        self.assertNotIn("Not measured", table)
        # Of both engines, libvae's version is told as libvae's.
        about = self.details["about"]
        self.assertEqual((about["libvae version"], about["torch"]), ("1", "2"))
        self.assertNotIn("version", about)

    def test_bars_that_are_missed_and_check_says_so(self):
        slow = [PRODUCT, [["\"precision\": \"bf16\"", "--threads 2"], 61e3],
                [["--config", "--threads 1"], 71e3], *GOOD]
        _, rows, _ = self.run_with(slow, "--only", "train", "--check",
                                   status=1)
        verdicts = {name: row["verdict"] for name, row in rows.items()}
        missed = {"cpu_bf16_b64_t2", "cpu_fp32_b64_t1", "cpu_bf16_b64_t1"}
        self.assertEqual({n for n, v in verdicts.items() if v == "misses"},
                         missed)
        self.assertEqual(set(verdicts.values()), {"holds", "misses"})
        said = self.stderr.splitlines()[-1]
        self.assertTrue(said.startswith("bars are missed: "), said)
        self.assertEqual(set(said.split(": ")[1].split(", ")), missed)

    def test_without_check_a_missed_bar_is_no_failure(self):
        _, rows, _ = self.run_with([[["--config"], 2]], "--only", "overhead")
        self.assertEqual(rows["cpu_call_get"]["verdict"], "misses")

    def test_inference_is_judged_against_onnx_runtime(self):
        rules = [PRODUCT, [["--config", "encode"], 110e3],
                 [["--config", "decode", "--batch 64"], 101e3],
                 [["--config", "decode"], 90e3], [["onnxruntime"], 100e3],
                 [["eager", "--batch 1000"], 20e3], [["torch-"], 200e3]]
        table, rows, _ = self.run_with(rules, "--only", "inference", "--check",
                                       status=1)
        verdicts = {name[4:-3]: row["verdict"] for name, row in rows.items()}
        self.assertEqual(verdicts, {
            "encode_fp32_b1": "misses (a stretch)", "encode_fp32_b64": "misses",
            "encode_fp32_b1000": "misses", "decode_fp32_b1": "holds",
            "decode_fp32_b64": "misses", "decode_fp32_b1000": "holds"})
        # The faster peer is told, though the bar is about the other.
        self.assertEqual(rows["cpu_decode_fp32_b1000_t2"]["peer"],
                         "torch-eager")
        self.assertNotIn("encode_fp32_b1_t2", self.stderr.splitlines()[-1])
        self.assertIn("misses (a stretch)", table)

    def test_medians_are_over_passes(self):
        rules = [[["--mode get"], [0.9, 0.1, 1.2]],
                 [["--mode sync"], [0.1, "fails", 0.5]], [["--config"], 5]]
        _, rows, _ = self.run_with(rules, "--only", "overhead", "--passes", "3")
        self.assertAlmostEqual(rows["cpu_call_get"]["ours"], 0.0009)
        # Of those that there are; that one is missing is told.
        self.assertAlmostEqual(rows["cpu_call_synchronize"]["ours"], 0.0003)
        self.assertEqual(rows["cpu_call_synchronize"]["reasons"],
                         {"libvae": "SomeError: broken"})

    def test_who_has_no_number_is_listed_with_the_reason(self):
        rules = [PRODUCT, [["--config"], 60e3],
                 [["eager", "1x28x28"], "missing"],
                 [["compile", "1x28x28"], "fails"],
                 [["jax", "1x28x28"], "rubbish"],
                 [["eager", "3x32x32"], "hangs"],
                 [["compile", "3x32x32"], "dies"],
                 [["jax", "3x32x32"], 80e3],
                 [["eager", "3x64x64"], "sticks"],
                 [["compile", "3x64x64"], 90e3], [["jax"], 95e3]]
        table, rows, brief = self.run_with(rules, "--only", "images",
                                           "--timeout", "1")
        first, second, third = (
            rows[f"cpu_fp32_b64_{shape}"]
            for shape in ("1x28x28", "3x32x32", "3x64x64"))
        self.assertEqual(first["reasons"], {
            "torch-eager": "it is not installed",
            "torch-compile": "SomeError: broken",
            "jax-jit": "printed no JSON: 'no JSON here'"})
        self.assertEqual((first["ours"], first["reason"]),
                         (60, "no peer was measured"))
        self.assertEqual(second["reasons"], {
            "torch-eager": "took longer than 1 s",
            "torch-compile": "SomeError: died in a round"})
        self.assertEqual((second["peer"], second["ratio"]), ("jax-jit", 0.75))
        self.assertEqual(third["reasons"],
                         {"torch-eager": "took longer than 1 s"})
        self.assertEqual(set(brief), {second["name"], third["name"]})
        for row in (first, second, third):
            for label, why in row["reasons"].items():
                self.assertIn(f"- {row['name']}, {label}: {why}\n", table)

    def test_ours_that_fails_has_no_row_and_check_sees_it(self):
        rules = [[["--config", "epoch"], "fails"], *GOOD]
        table, rows, brief = self.run_with(rules, "--only", "train", "--check",
                                           status=1)
        self.assertEqual(brief, {})
        self.assertEqual(rows["cpu_fp32_b64_t2"]["status"], "not measured")
        self.assertIn("- cpu_fp32_b64_t2: SomeError: broken\n", table)
        self.assertIn("cpu_fp32_b64_t2", self.stderr.splitlines()[-1])

    def test_without_time_nothing_is_run(self):
        table, rows, brief = self.run_with(
            GOOD, "--only", "overhead,train", "--budget", "0.000001",
            "--check")
        self.assertEqual(brief, {})
        self.assertEqual({row["reason"] for row in rows.values()},
                         {"out of time"})
        self.assertIn("- cpu_call_get: out of time\n", table)

    def test_a_quick_run_has_the_rows_that_have_bars(self):
        # All are told, though none is run.
        _, rows, _ = self.run_with(GOOD, "--quick", "--budget", "0.000001")
        calls = {f"cpu_call_{call}" for call in (
            "get", "synchronize", "step_smallest", "decode_smallest")}
        self.assertEqual(set(rows), TRAIN | INFERENCE | calls)

    def test_the_budget_ends_a_process_that_hangs(self):
        rules = [[["--mode get"], 0.5], [["--mode synchronize"], "sticks"],
                 [["--config"], 5]]
        began = time.monotonic()
        _, rows, _ = self.run_with(rules, "--only", "overhead",
                                    "--budget", "3", "--check")
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(rows["cpu_call_get"]["verdict"], "holds")
        # No bar is missed by that.
        self.assertEqual(rows["cpu_call_synchronize"]["reason"], "out of time")
        self.assertEqual(rows["cpu_call_step_smallest"]["reason"],
                         "out of time")

    def test_a_slow_down_is_held_against_the_fastest_peer_alone(self):
        # Alone and beside. The fastest alone suffers more than we do, and then
        # less.
        def neighbour(beside):
            rules = [PRODUCT, [["--config"], [60e3, 90e3]],
                     [["eager"], [100e3, 130e3]],
                     [["compile"], [80e3, beside]],
                     [["jax"], [120e3, 121e3]]]
            table, rows, _ = self.run_with(rules, "--rows",
                                           "cpu_neighbour_fp32*")
            return table, rows["cpu_neighbour_fp32_b64_t2"]

        table, row = neighbour(128e3)
        self.assertEqual(row["verdict"], "holds")
        self.assertEqual(row["slowdowns"]["libvae"],
                         {"alone_ms": 60, "slowdown": 1.5})
        self.assertEqual(row["peer"], "jax-jit")  # the fastest beside it
        self.assertIn("| cpu_neighbour_fp32_b64_t2 | libvae | 60 | 1.50 |",
                      table)
        _, row = neighbour(112e3)
        self.assertEqual(row["verdict"], "misses")

    def test_memory_is_no_time_and_a_start_is_the_whole_process(self):
        # The first process is not counted: it fills the disk's cache.
        rules = [[["--config", "encode"], ["late", 60e3]], *GOOD]
        table, rows, brief = self.run_with(
            rules, "--rows", "cpu_memory_fp32_b64,cpu_startup_*")
        self.assertEqual(rows["cpu_memory_fp32_b64"]["ours"], 3)
        self.assertEqual(rows["cpu_memory_fp32_b64"]["unit"], "MiB")
        self.assertIn("| cpu_memory_fp32_b64 | 3 MiB |", table)
        self.assertEqual(set(brief), {"cpu_startup_step_fp32_b64_t2",
                                      "cpu_startup_encode_fp32_b64_t2"})
        # The wall's time, not what the process says.
        for row in brief.values():
            self.assertTrue(1 < row["ours_ms"] < 1000, row)
            self.assertNotEqual(row["ours_ms"], 60)

    def test_of_two_copies_the_slower_one_counts(self):
        rules = [[["--config", "--trainers 2"], 70e3], [["--config"], 60e3],
                 [["eager", "--threads 1"], [80e3, 100e3]],
                 [["peers.py"], 200e3]]
        _, rows, brief = self.run_with(
            rules, "--rows", "cpu_two_*_t1", "--peers",
            "torch-eager,jax-jit")
        self.assertEqual(brief["cpu_two_trainers_fp32_b64_t1"]["peer_ms"], 100)
        # Against ourselves: a row, but none of --json.
        alone = rows["cpu_two_against_one_fp32_b64_t1"]
        self.assertAlmostEqual(alone["ratio"], 7 / 6)
        self.assertNotIn(alone["name"], brief)

    def end_early(self, number):
        """Ends a run whose second row never gets done."""
        rules = [[["--mode get"], 0.5], [["--mode synchronize"], "sticks"],
                 *GOOD]
        with Fakes(RUN, rules) as fakes:
            run = subprocess.Popen(
                fakes.command("--only", "overhead"), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                # In the background of a script it would be ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                 signal.SIG_DFL))
            self.wait_for((fakes.path / "stuck").exists)
            run.send_signal(number)
            _, said = run.communicate(timeout=20)
            self.assertEqual(run.returncode, 1)
            self.assertIn("ended early", said.splitlines()[-1])
            self.assertEqual(fakes.left_over(), [])
            return fakes.rows(), (fakes.path / "table.md").read_text()

    def test_a_run_that_is_ended_leaves_what_it_has(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            rows, table = self.end_early(number)
            self.assertEqual(rows["cpu_call_get"]["status"], "measured")
            self.assertEqual(rows["cpu_call_step_smallest"]["reason"],
                             "not run")
            self.assertIn("cpu_call_get", table)

    def wait_for(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end, "waited for too long")
            time.sleep(0.02)

    def test_wrong_words_are_refused(self):
        for words, text in ((["--only", "nothing"], "nothing is none of train"),
                            (["--peers", "numpy"], "numpy is none of"),
                            (["--config", "a=1"], "NAME=JSON of an object"),
                            (["--bench", "/nowhere/vae_bench"],
                             "there is no program /nowhere/vae_bench")):
            with Fakes(RUN, GOOD) as fakes:
                done = fakes.call(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)

    def test_rows_that_are_named(self):
        with Fakes(RUN, GOOD) as fakes:
            done = fakes.call("--quick", "--rows", "cpu_host_*", "--list")
            self.assertEqual(done.stdout,
                             "cpu_host_fp32_b64\ncpu_host_bf16_b64\n")
            self.assertEqual(list(fakes.path.glob("pid-*")), [])
            done = fakes.call("--rows", "nobody_*")
            self.assertEqual(done.returncode, 1)
            self.assertIn("there is no row like nobody_*", done.stderr)

    def test_vae_bench_itself(self):
        with Fakes(RUN, []) as fakes:
            done = fakes.call(
                "--rows", "cpu_call_*,cpu_engines_fp32_b64", "--peers", "none",
                "--config", 'odd={"no_such_field": 1}', "--images", "64",
                "--seconds", "0.01", "--bench", BENCH)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = fakes.rows()
        # What libvae refuses, in its own words, beside what it takes.
        self.assertIn("no_such_field",
                      rows["cpu_engines_fp32_b64"]["reasons"]["libvae, odd"])
        self.assertEqual(set(rows), {
            "cpu_call_get", "cpu_call_synchronize", "cpu_call_step_smallest",
            "cpu_call_decode_smallest", "cpu_engines_fp32_b64"})
        for row in rows.values():
            self.assertEqual(row["status"], "measured", row)
            self.assertGreater(row["ours"], 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
