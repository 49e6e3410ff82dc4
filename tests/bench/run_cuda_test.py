#!/usr/bin/env python3
"""bench/run --device cuda from outside, with fakes for vae_bench and all peers:
what else it says of a GPU. What is the same on a CPU is in run_test.py.

Needs no GPU. Standard library only.
"""
import sys
import unittest

from fakes import FakeRuns

RUN = sys.argv[1]
FLOORS = {"steps": [{"batch": 64, **{
    f"{what}_us": {"bf16": us} for what, us in (
        ("arithmetic", 10), ("memory", 30), ("floor", 20.5),
        ("bare_convolutions", 50))}}]}
KERNELS = {"engine": "fused", "us_per_step": 64, "kernels_us": 62.5,
           "starts": 3, "kernels": [
               {"us": 62, "starts": 1, "kernel": "sums_kernel<float>"},
               {"us": 0.5, "starts": 2, "kernel": "Memset"}]}
GPU = {"device_name": "a GPU", "seconds_to_first_step": 1.5}


def on_gpu(us, mib):
    return {**GPU, "us_per_step": us, "peak_bytes": mib << 20}


class OnCuda(FakeRuns):
    script = RUN
    RULES = [
        [["floors.py"], FLOORS], [["peers.py product"], 2],
        [["kernels.py", "--batch 1024"], "missing"],
        [["kernels.py", "--engine fused"], KERNELS],
        [["--config", '"fused"', '"graph_steps": 8'], 60],
        [["--config", '"blocks"', '"off"'], "fails"],
        [["--config", '"engine"'], 80],
        [["--config", "--mode step"], 96],
        [["--config"], {
            "us_per_step": 64, "batch": 64, "seconds_to_first_step": 0.5,
            "diagnose": {"peak_bytes": 9 << 20, "graph": {"training": {
                "used": True, "recordings": [
                    {"images": 64, "steps": 8, "kernels": 328}]}}}}],
        [["torch-eager", "--batch 1024"], "fails"],
        [["torch-eager"], on_gpu(3000, 50)], [["jax-scan"], "missing"],
        [["torch-compiled-graph-16"], on_gpu(80, 70)]]

    def test_the_matrix(self):
        table, rows, brief = self.run_with(
            self.RULES, "--device", "cuda", "--quick", "--only",
            "train,engines,floors", "--check")
        training = {"cuda_bf16_b64", "cuda_tf32_b64", "cuda_bf16_b1024",
                    "cuda_fp32_b64"}
        self.assertEqual(set(brief), training)
        self.assertEqual(set(rows), training | {"cuda_engines_bf16_b64"})
        self.assertEqual(brief["cuda_bf16_b64"], {
            "name": "cuda_bf16_b64", "ours_ms": 0.064, "peer_ms": 0.08,
            "peer": "torch-compiled-graph-16", "ratio": 0.8})
        # 6.87 GFLOP for 64 images; the fake's product: 1 GFLOP in 2 us.
        self.assertIn("| cuda_bf16_b64 | 0.064 | torch-compiled-graph-16 | "
                      "0.08 | 0.8 | - | - | 0.01375 | 4.655 | torch-eager 3 "
                      "|\n", table)
        self.assertEqual(rows["cuda_bf16_b1024"]["reasons"], {
            "torch-eager": "SomeError: broken",
            "jax-scan": "it is not installed"})
        self.assertIn("- cuda_bf16_b64, jax-scan: it is not installed\n",
                      table)
        # What else a GPU's processes tell.
        self.assertIn("| cuda_bf16_b64 | libvae | 0.5 | 9 | 41 |\n", table)
        self.assertIn("| cuda_bf16_b64 | torch-eager | 1.5 | 50 | - |\n",
                      table)
        self.assertIn("| 64 | bf16 | 10 | 30 | 20.5 | 50 |\n", table)
        self.assertEqual(self.details["floors"]["steps"], FLOORS["steps"])
        about = self.details["about"]
        self.assertEqual(about["GPU"], "a GPU")
        # 16 steps of an epoch of the largest batch.
        self.assertEqual(about["images of the data set"], 65536)

    def test_the_best_of_what_could_have_been_chosen(self):
        _, rows, brief = self.run_with(
            self.RULES, "--device", "cuda", "--rows", "cuda_engines_bf16_b64",
            "--config", 'mine={"engine": "blocks", "graph_steps": 4}')
        row, = rows.values()
        self.assertEqual((row["peer"], row["ratio"]),
                         ("libvae, fused-graph-8", 64 / 60))
        self.assertEqual(row["peers"]["libvae, mine"], 0.08)
        self.assertEqual(row["reasons"],
                         {"libvae, blocks": "SomeError: broken"})
        self.assertEqual(brief, {})  # it is against ourselves

    def test_host_memory_and_precisions_that_are_for_gpus(self):
        _, rows, _ = self.run_with(self.RULES, "--device", "cuda",
                                   "--rows", "cuda_host_tf32_b64")
        self.assertEqual(rows["cuda_host_tf32_b64"]["ratio"], 1.5)

    def test_floors_that_fail_have_a_reason_and_end_nothing(self):
        table, rows, _ = self.run_with(
            [[["floors.py"], "missing"], *self.RULES], "--device", "cuda",
            "--only", "floors,train", "--rows", "cuda_tf32_b64")
        self.assertEqual(rows["cuda_tf32_b64"]["status"], "measured")
        self.assertIn("- floors: it is not installed\n", table)

    def test_kernels_of_a_step(self):
        table, rows, _ = self.run_with(
            self.RULES, "--device", "cuda", "--only", "kernels,overhead",
            "--rows", "cuda_call_get")
        self.assertEqual(set(rows), {"cuda_call_get"})
        self.assertEqual([(told["precision"], told["batch"])
                          for told in self.details["kernels"]],
                         [("bf16", 64), ("tf32", 64), ("bf16", 1024)])
        self.assertEqual(self.details["kernels"][0]["kernels"],
                         KERNELS["kernels"])
        self.assertIn(
            "\nKernels of a step, fused, tf32, batch 64: 64.0 us a step\n\n"
            "| us | starts | kernel |\n| ---: | ---: | --- |\n"
            "| 62.00 | 1.0 | `sums_kernel<float>` |\n"
            "| 0.50 | 2.0 | 1 more, each below 1 us |\n"
            "| 62.50 | 3.0 | sum |\n", table)
        self.assertIn("- kernels fused bf16 1024: it is not installed\n",
                      table)

    def test_who_is_not_ready_in_time_takes_no_time_from_who_is(self):
        rules = [[["torch-compiled-graph-16"], "hangs"], *self.RULES]
        _, rows, brief = self.run_with(
            rules, "--device", "cuda", "--quick",
            "--rows", "cuda_bf16_b64", "--budget", "6")
        self.assertEqual(rows["cuda_bf16_b64"]["reasons"], {
            "torch-compiled-graph-16": "out of time",
            "jax-scan": "out of time"})
        self.assertEqual(brief["cuda_bf16_b64"]["peer"], "torch-eager")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
