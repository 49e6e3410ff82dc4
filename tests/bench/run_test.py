#!/usr/bin/env python3
"""bench/run from outside, with fakes for vae_bench and all peers: rows,
verdicts, reasons, and what a stopped run leaves. Says nothing about speed."""
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

BENCH, HERE = sys.argv[1], pathlib.Path(__file__).resolve().parent
RUN = HERE.parents[1] / "bench" / "run"


def told(what):
    """As fake.py wants it: a number is the microseconds of a step, a dict is an
    answer, a text is a behaviour, a list has one for each process."""
    if isinstance(what, list):
        return [told(one) for one in what]
    if isinstance(what, str):
        return what
    more = what if isinstance(what, dict) else {"us_per_step": what}
    return json.dumps({"peak_rss_bytes": 3 << 20, "flop": 1e9, **more})


class WithFakes(unittest.TestCase):
    def command(self, rules, *options):
        """bench/run with a fake for every program, in a new folder."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        program = self.folder / "fake"
        rules = [[texts, told(what)] for texts, what in rules]
        # -S starts in half the time.
        program.write_text(
            f"#!{sys.executable} -IS\n" + (HERE / "fake.py").read_text()
            .replace("RULES = None", f"RULES = {rules!r}"))
        program.chmod(0o755)
        return [sys.executable, "-BS", RUN, "--bench", program,
                "--python", program, "--passes", "1", "--rounds", "1",
                "--timeout", "20", "--json", self.folder / "all.json",
                "--markdown", self.folder / "table.md", *options]

    def call(self, rules, *options):
        return subprocess.run(self.command(rules, *options), text=True,
                              capture_output=True, timeout=100)

    def results(self):
        """Those of --json; none of the processes may still run."""
        for file in self.folder.glob("pid-*"):
            with contextlib.suppress(OSError):  # it has ended
                command = pathlib.Path("/proc", file.name[4:], "cmdline")
                self.assertNotIn(b"fake", command.read_bytes())
        return json.loads((self.folder / "all.json").read_text())

    def run_with(self, rules, *options, status=0):
        """What it printed, and the rows by name."""
        done = self.call(rules, *options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual((self.folder / "table.md").read_text(), done.stdout)
        self.stderr, self.about = done.stderr, self.results()["about"]
        return done.stdout, {r["name"]: r for r in self.results()["rows"]}


TRAIN = {f"cpu_{step}_b64_t2" for step in (
    "fp32", "bf16", "original", "blocks_fp32", "blocks_bf16")}
TRAIN |= {"cpu_fp32_b64_t1", "cpu_bf16_b64_t1"}
INFERENCE = {f"cpu_{mode}_fp32_b{batch}_t2"
             for mode in ("encode", "decode") for batch in (1, 64, 1000)}
CALLS = {f"cpu_call_{call}" for call in (
    "get", "synchronize", "step_smallest", "decode_smallest")}
PRODUCT = [["peers.py product"], 1000]
# 0.6 of the best peer's time everywhere: all bars hold.
GOOD = [PRODUCT, [["--mode get"], 0.5], [["--mode synchronize"], 0.5],
        [["blocks"], 84e3], [["--mode", "--config"], 60e3],
        [["original"], 150e3], [["torch-eager"], 120e3],
        [["torch-compile"], 100e3], [["jax-jit"], 110e3],
        [["onnxruntime"], 105e3]]


class OnCpu(WithFakes):
    def test_all_rows_are_there_when_everybody_answers(self):
        table, rows = self.run_with(GOOD, "--quick", "--check")
        self.assertEqual(set(rows), TRAIN | INFERENCE | CALLS)
        first = rows["cpu_fp32_b64_t2"]
        self.assertEqual((first["ours"], first["peer"], first["peer_value"],
                          first["ratio"]), (60, "torch-compile", 100, 0.6))
        self.assertEqual(rows["cpu_original_b64_t2"]["ratio"], 0.4)
        for name, row in rows.items():
            barred = not name.endswith("smallest")
            self.assertEqual((row["verdict"], row["reasons"]),
                             ("holds" if barred else None, {}), name)
        # 6.87 GFLOP for 64 images; the fake's product: 1 GFLOP in 1 ms.
        self.assertAlmostEqual(first["floor_ms"], 6.87, delta=0.01)
        self.assertIn("| cpu_fp32_b64_t2 | 60 | torch-compile | 100 | 0.6 | "
                      "0.65 | holds |", table)
        self.assertNotIn("Not measured", table)
        self.assertEqual((self.about["libvae version"], self.about["torch"]),
                         ("1", "2"))

    def test_a_missed_bar_is_a_failure_with_check_only(self):
        rules = [[["get"], 2], [["--config"], "fails"]]
        for check, status in (([], 0), (["--check"], 1)):
            _, rows = self.run_with(rules, "--only", "overhead", *check,
                                    status=status)
            self.assertEqual([row.get("verdict") for row in rows.values()],
                             ["misses", "misses", None, None])
        self.assertEqual(self.stderr.splitlines()[-1], "bars are missed: "
                         "cpu_call_get, cpu_call_synchronize")

    def test_inference_is_judged_against_onnx_runtime(self):
        rules = [PRODUCT, [["--config", "--batch 1000"], 90e3],
                 [["--config"], 110e3], [["onnxruntime"], 100e3],
                 [["eager"], 20e3], [["torch-"], 200e3]]
        _, rows = self.run_with(rules, "--rows", "cpu_encode_*", "--check",
                                status=1)
        self.assertEqual([row["verdict"] for row in rows.values()],
                         ["misses (a stretch)", "misses", "holds"])
        # The table names the fastest peer, though the bar is about another.
        self.assertEqual(rows["cpu_encode_fp32_b1000_t2"]["peer"],
                         "torch-eager")

    def test_who_has_no_number_is_listed_with_the_reason(self):
        rules = [PRODUCT, [["--config"], 60e3],
                 [["eager", "1x28x28"], "missing"],
                 [["compile", "1x28x28"], "fails"],
                 [["jax", "1x28x28"], "rubbish"],
                 [["eager", "3x32x32"], "hangs"],
                 [["compile", "3x32x32"], "dies"], [["jax", "3x32x32"], 80e3],
                 [["eager", "3x64x64"], "sticks"],
                 [["compile", "3x64x64"], 90e3], [["jax"], 95e3]]
        table, rows = self.run_with(rules, "--only", "images",
                                    "--timeout", "1")
        self.assertEqual([row["reasons"] for row in rows.values()], [
            {"torch-eager": "it is not installed",
             "torch-compile": "SomeError: broken",
             "jax-jit": "printed no JSON: 'no JSON here'"},
            {"torch-eager": "took longer than 1 s",
             "torch-compile": "SomeError: died in a round"},
            {"torch-eager": "took longer than 1 s"}])
        first, second, _ = rows.values()
        self.assertEqual((first["ours"], first["reason"], first["verdict"]),
                         (60, "no peer was measured", None))
        self.assertEqual((second["peer"], second["ratio"]), ("jax-jit", 0.75))
        self.assertIn(f"- {first['name']}, torch-compile: SomeError: broken\n",
                      table)

    def test_the_budget_ends_a_process_that_hangs_and_no_bar_is_missed(self):
        rules = [[["--mode get"], 0.5], [["--mode synchronize"], "sticks"],
                 [["--config"], 5]]
        _, rows = self.run_with(rules, "--only", "overhead",
                                "--budget", "3", "--check")
        self.assertEqual(rows["cpu_call_get"]["verdict"], "holds")
        for name in ("cpu_call_synchronize", "cpu_call_step_smallest"):
            self.assertEqual(rows[name]["reason"], "out of time")

    def test_a_slow_down_is_held_against_the_fastest_peer_alone(self):
        # Each answer alone, then beside the neighbour.
        for beside, verdict in ((128e3, "holds"), (112e3, "misses")):
            rules = [PRODUCT, [["--config"], [60e3, 90e3]],
                     [["eager"], [100e3, 130e3]],
                     [["compile"], [80e3, beside]],
                     [["jax"], [120e3, 121e3]]]
            table, rows = self.run_with(rules, "--rows",
                                        "cpu_neighbour_fp32*")
            row, = rows.values()
            self.assertEqual(row["verdict"], verdict)
        self.assertIn("| cpu_neighbour_fp32_b64_t2 | libvae | 60 | 1.5 |",
                      table)

    def test_memory_is_no_time_and_a_start_is_the_whole_process(self):
        # The first process is slow and is not counted.
        rules = [[["--config", "encode"], ["late", 60e3]], *GOOD]
        table, rows = self.run_with(
            rules, "--rows", "cpu_memory_fp32_b64,cpu_startup_*")
        self.assertIn("| cpu_memory_fp32_b64 | 3 MiB |", table)
        for name in ("step", "encode"):
            # The wall's time, not the 60 ms of the answer.
            ours = rows[f"cpu_startup_{name}_fp32_b64_t2"]["ours"]
            self.assertTrue(1 < ours < 1000 and ours != 60, ours)

    def test_of_two_copies_the_slower_one_counts(self):
        # And of passes the median.
        rules = [[["--config", "--trainers 2"], [60e3, 70e3, 80e3]],
                 [["--config"], 60e3],
                 [["eager", "--threads 1"], [80e3, 100e3]],
                 [["peers.py"], 200e3]]
        _, rows = self.run_with(
            rules, "--rows", "cpu_two_*_t1", "--peers",
            "torch-eager,jax-jit", "--passes", "3")
        row = rows["cpu_two_trainers_fp32_b64_t1"]
        self.assertEqual((row["ours"], row["peer_value"]), (70, 100))
        row = rows["cpu_two_against_one_fp32_b64_t1"]
        self.assertAlmostEqual(row["ratio"], 7 / 6)

    def test_a_stopped_run_leaves_what_it_has(self):
        rules = [[["--mode get"], 0.5], [["--mode synchronize"], "sticks"],
                 *GOOD]
        run = subprocess.Popen(
            self.command(rules, "--only", "overhead"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 20
        while not (self.folder / "stuck").exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        run.terminate()
        _, said = run.communicate(timeout=20)
        self.assertEqual(run.returncode, 1)
        self.assertIn("ended early", said.splitlines()[-1])
        rows = self.results()["rows"]
        self.assertEqual([row["status"] == "measured" for row in rows],
                         [True, False, False, False])
        self.assertEqual(rows[-1]["reason"], "not run")

    def test_wrong_options_are_refused_and_list_runs_nothing(self):
        for options, status, text in (
                (["--only", "nothing"], 2, "nothing is none of train"),
                (["--peers", "numpy"], 2, "numpy is none of"),
                (["--bench", "/nowhere/bench"], 2,
                 "there is no program /nowhere/bench"),
                (["--rows", "no_*"], 1, "there is no row like no_*")):
            done = self.call(GOOD, *options)
            self.assertEqual(done.returncode, status)
            self.assertIn(text, done.stderr)
        done = self.call(GOOD, "--quick", "--rows", "cpu_host_*", "--list")
        self.assertEqual(done.stdout, "cpu_host_fp32_b64\ncpu_host_bf16_b64\n")
        self.assertEqual(list(self.folder.glob("pid-*")), [])

    def test_vae_bench_itself(self):
        _, rows = self.run_with(
            [], "--rows", "cpu_call_*", "--peers", "none",
            "--seconds", "0.01", "--bench", BENCH)
        self.assertEqual(set(rows), CALLS)
        for row in rows.values():
            self.assertEqual(row["status"], "measured", row)
            self.assertGreater(row["ours"], 0)


KERNELS = {"engine": "fused", "us_per_step": 64, "kernels": [
    {"us": 62, "starts": 1, "kernel": "sums_kernel<float>"},
    {"us": 0.5, "starts": 2, "kernel": "Memset"}]}


class OnCuda(WithFakes):
    RULES = [
        [["peers.py product"], 2],
        [["kernels.py", "--batch 1024"], "missing"],
        [["kernels.py", "--engine fused"], KERNELS],
        [["--config", '"fused"', '"graph_steps": 8'], 60],
        [["--config", '"blocks"', '"off"'], "fails"],
        [["--config", '"engine"'], 80],
        [["--config"], 64], [["jax-scan"], "missing"],
        [["torch-eager"], {"device_name": "a GPU", "us_per_step": 3000}],
        [["torch-compiled-graph-16"], 80]]

    def test_training(self):
        table, rows = self.run_with(
            self.RULES, "--device", "cuda", "--quick", "--only",
            "train,engines", "--check")
        engines = rows.pop("cuda_engines_bf16_b64")
        self.assertEqual(set(rows), {"cuda_bf16_b64", "cuda_tf32_b64",
                                     "cuda_bf16_b1024", "cuda_fp32_b64"})
        self.assertEqual((engines["peer"], engines["ratio"]),
                         ("libvae, fused-graph-8", 64 / 60))
        self.assertEqual(engines["reasons"],
                         {"libvae, blocks": "SomeError: broken"})
        for line in (
                # 6.87 GFLOP; the fake's product: 1 GFLOP in 2 us.
                "| cuda_bf16_b64 | 0.064 | torch-compiled-graph-16 | 0.08 | "
                "0.8 | - | - | 0.01375 | 4.655 | torch-eager 3 |",
                "- cuda_bf16_b64, jax-scan: it is not installed"):
            self.assertIn(line + "\n", table)
        self.assertEqual(self.about["GPU"], "a GPU")

    def test_kernels_of_a_step(self):
        table, _ = self.run_with(
            self.RULES, "--device", "cuda", "--only", "kernels,overhead",
            "--rows", "cuda_call_get")
        self.assertIn(
            "\nKernels of a step, fused, tf32, batch 64: 64.0 us a step\n\n"
            "| us | starts | kernel |\n| ---: | ---: | --- |\n"
            "| 62.00 | 1.0 | `sums_kernel<float>` |\n"
            "| 0.50 | 2.0 | 1 more, each below 1 us |\n"
            "| 62.50 | 3.0 | sum |\n", table)
        self.assertIn("- kernels fused bf16 1024: it is not installed\n",
                      table)

    def test_who_is_not_ready_in_time_takes_no_time_from_who_is(self):
        _, rows = self.run_with(
            [[["torch-compiled-graph-16"], "hangs"], *self.RULES], "--device",
            "cuda", "--quick", "--rows", "cuda_bf16_b64", "--budget", "6")
        self.assertEqual(rows["cuda_bf16_b64"]["reasons"], {
            "torch-compiled-graph-16": "out of time",
            "jax-scan": "out of time"})
        self.assertEqual(rows["cuda_bf16_b64"]["peer"], "torch-eager")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
