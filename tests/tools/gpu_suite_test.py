"""What tools/gpu-suite makes of its parts' outcomes, and how it reads ctest and
compute-sanitizer. Runs neither."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gpu"))
import parts as all_parts  # noqa: E402
import report  # noqa: E402
import suite  # noqa: E402

PARTS = {
    "build": {"outcome": "passed", "seconds": 100.5, "wrong": [], "notes": []},
    "tests": {
        "outcome": "FAILED", "seconds": 9.0, "wrong": ["a_test: failed"],
        "notes": ["b_test: skipped", "c_test: skipped"], "doctest_cases": 7,
        "rows": [dict(test="a_test", outcome="failed (Failed)", seconds=1.0)],
    },
    "sanitizer": {"outcome": "skipped", "notes": ["there is none"]},
    "training": {
        "outcome": "cut", "seconds": 60.0, "wrong": [], "notes": [],
        "rows": [dict(epoch=1, band="109.87 to 114.00", test_soft_loss=112.5),
                 dict(epoch=2, band=None, test_soft_loss=108.0)]},
    "bench": {
        "outcome": "passed", "seconds": 80.0, "wrong": [], "notes": [],
        "markdown": "# Steps\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    },
}  # fmt: skip


def results(parts):
    return {"mode": "quick", "device": "cuda",
            "machine": {"gpu": "a GPU", "driver": None},
            "parts": parts}  # fmt: skip


class Folder(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)


class ReportTest(Folder):
    def test_what_is_read_again(self):
        self.assertIsNone(report.earlier(self.folder))
        report.write(self.folder, results(PARTS))
        self.assertEqual(report.earlier(self.folder), results(PARTS))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["results.json", "results.md"])

    def test_a_long_log_loses_its_middle(self):
        log = self.folder / "suite.log"
        log.write_text("begin" + "x" * 5000 + "end")
        report.trim(log, most=1000)
        text = log.read_text()
        self.assertLessEqual(len(text.encode()), 1000)
        self.assertTrue(text.startswith("begin") and text.endswith("end"))
        self.assertIn("bytes left out", text)

    def test_tables(self):
        text = report.document(results(PARTS))
        for line in ("| gpu | a GPU |",
                     "| tests | FAILED | 9.00 | a_test: failed |",
                     "- tests: b_test: skipped", "- doctest cases: 7",
                     "| sanitizer | skipped |  | there is none |",
                     "| a_test | failed (Failed) | 1.00 |",
                     "| epoch | band | test soft loss |",
                     "| 1 | 109.87 to 114.00 | 112.50 |",
                     "| 2 |  | 108.00 |", "### Steps", "| 1 | 2 |"):
            self.assertIn(line + "\n", text)
        self.assertNotIn("## Sanitizer", text)
        # A part that broke off.
        text = report.document(results({"build": {"outcome": "unfinished"}}))
        self.assertIn("| build | unfinished |", text)


class SuiteTest(Folder):
    def suite(self, parts, limit=None):
        with unittest.mock.patch.object(suite, "ROOT", self.folder):
            return suite.Suite(argparse.Namespace(
                mode="quick", device="cpu", limit=limit, folder=self.folder),
                parts)

    def test_quick_takes_eight_minutes_without_the_build(self):
        parts = [part for part in suite.PARTS if part != "build"]
        self.assertLessEqual(self.suite(parts).left("bench"), 8 * 60)

    def test_a_part_leaves_time_to_those_behind_it(self):
        run = self.suite(["build", "tests"], limit=26)
        self.assertAlmostEqual(run.left("build"), 20, delta=1)
        self.assertAlmostEqual(run.left("tests"), 26, delta=1)

    def test_a_program_is_ended_with_its_children(self):
        began = time.monotonic()
        ended = self.suite(["build"]).run(
            ["sh", "-c", "echo begun; sleep 60 & sleep 60"], limit=0.5)
        self.assertTrue(ended.cut)
        self.assertEqual(ended.last_line(), "begun")
        self.assertLess(time.monotonic() - began, 5)

    def test_a_program_that_is_not_there(self):
        ended = self.suite(["build"]).run(["no-such-program"], limit=5)
        self.assertEqual(ended.code, 127)


def row(name, group="train", status="measured", **reasons):
    return {"name": name, "group": group, "status": status,
            "reasons": reasons, "reason": "not run"}


class FakeSuite:
    """Its programs only write what they are told to."""

    device, quick, left = "cuda", True, staticmethod(lambda part: 100.4)

    def __init__(self, folder, rows=None, code=0, cut=False):
        self.build = self.work = folder
        self.rows, self.code, self.cut = rows, code, cut
        (folder / "bin").mkdir()
        (folder / "bin/vae_bench").write_text("#!/bin/sh\n")
        (folder / "bin/vae_bench").chmod(0o755)

    def run(self, command, limit, show=False):
        self.command, self.limit = [str(word) for word in command], limit
        if self.rows is not None:
            (self.work / "bench.json").write_text(
                json.dumps({"rows": self.rows}))
            (self.work / "bench.md").write_text("# Measured\n")
        return suite.Ended(self.code, "well\nlast words\n", 1.0, self.cut)


class BenchTest(Folder):
    def part(self, *rows, **words):
        self.suite = FakeSuite(self.folder, rows=list(rows), **words)
        return all_parts.bench(self.suite)

    def test_results_and_table_are_those_of_the_run(self):
        part = self.part(row("cuda_bf16_b64"))
        self.assertEqual(part, {
            "wrong": [], "markdown": "# Measured\n",
            "results": {"rows": [row("cuda_bf16_b64")]}})
        text = report.document(results({
            "bench": {"outcome": "passed", **part}}))
        self.assertIn("### Measured\n", text)

    def test_its_words_are_words_of_bench_run(self):
        for device, quick, least in (("cuda", True, "cuda_bf16_b64"),
                                     ("cuda", False, "cuda_tf32_b4096"),
                                     ("cpu", True, "cpu_encode_fp32_b64_t2")):
            folder = self.folder / f"{device}-{quick}"
            folder.mkdir()
            fake = FakeSuite(folder, rows=[row(least)])
            fake.device, fake.quick = device, quick
            all_parts.bench(fake)
            self.assertEqual("--quick" in fake.command, quick)
            # Time to write what it has.
            self.assertEqual((fake.command[fake.command.index("--budget") + 1],
                              fake.limit), ("85", 100.4))
            done = subprocess.run([*fake.command, "--list"], text=True,
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(least + "\n", done.stdout)
            rehearsed = len(done.stdout.splitlines()) <= 2
            self.assertEqual(rehearsed, device == "cpu")

    def test_a_failure_of_libvae_s_is_one_and_a_peer_s_is_none(self):
        part = self.part(
            row("a", libvae="Error: 7"), row("b", libvae="Error: 7"),
            row("c", libvae="out of time"), row("d", **{"jax-scan": "broken"}),
            row("e", "engines", **{"libvae, fused": "refused"}),
            row("f", "host", **{"libvae, resident": "gone"}))
        self.assertEqual(part["wrong"], ["libvae in a, b: Error: 7",
                                         "libvae in f: gone"])

    def test_nothing_measured_is_a_failure(self):
        part = self.part(row("a", status="not measured"))
        self.assertEqual(part["wrong"], ["no row was measured: not run"])

    def test_a_run_that_fails(self):
        part = self.part(row("a"), code=3)
        self.assertEqual(part["wrong"], ["bench/run ended with 3: last words"])

    def test_a_run_that_is_cut_keeps_what_it_has(self):
        part = self.part(row("a"), code=-15, cut=True)
        self.assertEqual((part["cut"], part["wrong"], "results" in part),
                         ("bench/run was ended at its time limit", [], True))

    def test_results_of_before_are_none_of_now(self):
        for kind in ("json", "md"):
            (self.folder / f"bench.{kind}").write_text("{}")
        self.suite = FakeSuite(self.folder, code=1)
        part = all_parts.bench(self.suite)
        self.assertIn("bench/run left no results", part["wrong"])

    def test_without_vae_bench_nothing_is_run(self):
        fake = FakeSuite(self.folder)
        (self.folder / "bin/vae_bench").unlink()
        self.assertEqual(all_parts.bench(fake)["wrong"],
                         ["vae_bench is not built, see part build"])


CTEST = """
34: [doctest] test cases: 5 | 4 passed | 1 failed | 0 skipped
1/4 Test #34: step_test ........................***Failed    1.26 sec
2/4 Test  #5: graph_test .......................   Passed    0.50 sec
3/4 Test #36: two_gpus_test ....................***Skipped   0.10 sec
4/4 Test #37: fused_test .......................***Exception: SegFault  0.2 sec
"""

MEMCHECK = """\
========= COMPUTE-SANITIZER
========= Invalid __global__ write of size 4 bytes
=========     at void vae::engine::cuda::adam(float *)+0x90
=========     by thread (0,0,0) in block (0,0,0)
=========
========= Program hit cudaErrorInvalidValue on CUDA API call to cudaFree.
=========     Saved host backtrace up to driver entry point at error
=========         Host Frame: vae::engine::cuda::free(void*) in libvae.so
=========
========= Invalid __shared__ read of size 4 bytes
=========     at void cudnn::winograd(float *)+0x90
=========
{"event": "done"}
========= ERROR SUMMARY: 3 errors
"""

INITCHECK = """\
========= COMPUTE-SANITIZER
========= Uninitialized __global__ memory read of size 4 bytes
=========     at void cudnn::winograd(float *)+0x90
=========
========= ERROR SUMMARY: 1 error
"""


class ReadingTest(unittest.TestCase):
    def test_ctest(self):
        read = all_parts.read_ctest(CTEST)
        self.assertEqual([t["outcome"] for t in read["rows"]], [
            "failed (Failed)", "passed", "skipped",
            "failed (Exception: SegFault)"])
        self.assertEqual((read["passed"], read["doctest_cases"],
                          read["doctest_cases_failed"]), (1, 5, 1))

    def test_reports_of_our_kernels_and_bad_addresses_count(self):
        found = all_parts.judge("memcheck", MEMCHECK)
        self.assertEqual((found["reports"], found["reports_on_libvae"]), (3, 1))
        self.assertEqual(len(found["bad"]), 2)
        self.assertIn("adam", found["bad"][0])
        self.assertEqual(found["summary"], "ERROR SUMMARY: 3 errors")

    def test_others_noise_does_not_count(self):
        found = all_parts.judge("initcheck", INITCHECK)
        self.assertEqual((found["reports"], found["reports_on_libvae"]), (1, 0))
        self.assertEqual(found["bad"], [])


if __name__ == "__main__":
    unittest.main()
