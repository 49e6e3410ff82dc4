#!/usr/bin/env python3
"""bench/kernels.py without a GPU: its table from a trace that is made up, its
calls of vae.h on the CPU, and what it says where something is missing.

Standard library only.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT, LIBRARY = (pathlib.Path(word) for word in sys.argv[1:3])
sys.path.insert(0, str(SCRIPT.parent))
import kernels  # noqa: E402

SUMS = ("void vae::engine::cuda::column_sums_kernel<vae::engine::cuda::"
        "(anonymous namespace)::BackwardSums<unsigned short> >"
        "(vae::engine::Args, float*)")
LOAD = ("vae::engine::cuda::(anonymous namespace)::load_kernel"
        "(vae::engine::cuda::LoadArgs)")


def event(name, dur, cat="kernel", ph="X"):
    return {"name": name, "dur": dur, "cat": cat, "ph": ph, "ts": 1}


# Two steps. What is on the host, or no event with a duration, is no kernel.
TRACE = [event(SUMS, 10.0), event(SUMS, 14.0), event(LOAD, 3.0),
         event(LOAD, 4.0), event("Memset (Device)", 0.5, "gpu_memset"),
         event("Memcpy DtoD (Device -> Device)", 0.25, "gpu_memcpy"),
         event("cudaGraphLaunch", 50.0, "cuda_runtime"),
         {"name": "process_name", "ph": "M", "args": {}}]
ROWS = [(12.0, 1.0, "column_sums_kernel<BackwardSums<unsigned short>>"),
        (3.5, 1.0, "load_kernel"), (0.25, 0.5, "Memset"),
        (0.125, 0.5, "Memcpy DtoD")]


class Table(unittest.TestCase):
    def test_times_are_of_one_step_and_the_longest_comes_first(self):
        rows = kernels.kernels_of(TRACE, 2)
        self.assertEqual(
            [(row["us"], row["starts"], row["kernel"]) for row in rows], ROWS)
        self.assertEqual(kernels.totals(rows),
                         {"kernels_us": 15.875, "starts": 3.0})
        self.assertEqual(kernels.kernels_of([], 2), [])

    def test_short_kernels_share_a_row(self):
        rows = kernels.kernels_of(TRACE, 2)
        result = {"engine": "fused", "precision": "bf16", "batch": 64,
                  "us_per_step": 16.25, "kernels": rows,
                  **kernels.totals(rows)}
        self.assertEqual(kernels.title(result),
                         "fused, bf16, batch 64: 16.2 us a step")
        self.assertEqual(kernels.lines(result)[2:], [
            "| 12.00 | 1.0 | `column_sums_kernel<BackwardSums<unsigned "
            "short>>` |",
            "| 3.50 | 1.0 | `load_kernel` |",
            "| 0.38 | 1.0 | 2 more, each below 1 us |",
            "| 15.88 | 3.0 | sum |"])

    def test_names(self):
        for name, wanted in (
                ("nvjet_sm90_tst_64x32_64x16_1x2_h_bz_splitK_NNT",) * 2,
                ("void cudnn::engines_precompiled::nchwToNhwcKernel<float, "
                 "false, (cudnnKernelDataType_t)2>(int, cudnn::Args)",
                 "nchwToNhwcKernel<float, false, (cudnnKernelDataType_t)2>"),
                # Cut by whoever wrote it down.
                ("void a::sums<a::(anonymous namespace)::Back<unsig",
                 "sums<Back<unsig")):
            self.assertEqual(kernels.short(name), wanted)
        long = kernels.short("sm90_" + "x" * 200)
        self.assertEqual((len(long), long[-1]), (90, "…"))


class Calls(unittest.TestCase):
    def test_an_epoch_through_vae_h(self):
        library = kernels.Library(LIBRARY)
        trainer = library.trainer({"device": "cpu", "layers": [8, 8, 8],
                                   "max_batch": 4, "threads": 1})
        dataset = library.dataset(bytes(range(256)) * 784)  # 256 images
        self.assertEqual(library.train_epoch(trainer, dataset), 64)
        self.assertIn('"device"', library.text("vae_diagnose", trainer))
        library.destroy(trainer, dataset)

    def test_what_the_library_refuses_is_said_in_its_words(self):
        library = kernels.Library(LIBRARY)
        with self.assertRaisesRegex(kernels.Skip, "no_such_field"):
            library.trainer({"no_such_field": 1})

    def test_a_library_that_is_not_there(self):
        with self.assertRaisesRegex(kernels.Skip,
                                    "/nowhere.so cannot be loaded"):
            kernels.Library("/nowhere.so")


TORCH = """__version__ = "%s"
class cuda:
    is_available = staticmethod(lambda: %s)
"""


class Missing(unittest.TestCase):
    def said(self, **modules):
        """Its complaint, where Python's modules are these texts."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in modules.items():
                pathlib.Path(folder, name + ".py").write_text(text)
            done = subprocess.run(
                [sys.executable, "-B", SCRIPT, "--library", LIBRARY],
                env={"PYTHONPATH": folder}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_each_has_its_sentence(self):
        self.assertIn("PyTorch is not installed (not here)",
                      self.said(numpy="", torch="raise ImportError('not here')"
                                ))
        self.assertIn("PyTorch finds no usable GPU",
                      self.said(numpy="", torch=TORCH % ("2.11.0", False)))
        self.assertIn("has PyTorch 1.0; both must be the same",
                      self.said(numpy="", torch=TORCH % ("1.0+cu130", True)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
