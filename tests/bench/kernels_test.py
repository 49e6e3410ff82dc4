#!/usr/bin/env python3
"""bench/kernels.py without a GPU: its table from an invented trace, its calls
of vae.h on the CPU, and what it says where something is missing."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

LIBRARY = pathlib.Path(sys.argv[1])
SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "bench" / "kernels.py"
sys.path.insert(0, str(SCRIPT.parent))
import kernels  # noqa: E402

SUMS = ("void vae::engine::cuda::column_sums_kernel<vae::engine::cuda::"
        "(anonymous namespace)::BackwardSums<unsigned short> >"
        "(vae::engine::Args, float*)")


def event(name, dur, cat="kernel"):
    return {"name": name, "dur": dur, "cat": cat, "ph": "X", "ts": 1}


class Table(unittest.TestCase):
    def test_times_are_of_one_step_and_short_kernels_share_a_row(self):
        # Calls on the host and events without a duration do not count.
        trace = [event(SUMS, 10.0), event(SUMS, 14.0),
                 event("Memset (Device)", 0.5, "gpu_memset"),
                 event("Memcpy DtoD (Device -> Device)", 0.25, "gpu_memcpy"),
                 event("cudaGraphLaunch", 50.0, "cuda_runtime"),
                 {"name": "process_name", "ph": "M", "args": {}}]
        self.assertEqual(kernels.lines(kernels.kernels_of(trace, 2))[2:], [
            "| 12.00 | 1.0 | `column_sums_kernel<BackwardSums<unsigned "
            "short>>` |",
            "| 0.38 | 1.0 | 2 more, each below 1 us |",
            "| 12.38 | 2.0 | sum |"])

    def test_names(self):
        for name, wanted in (
                ("nvjet_sm90_tst_64x32", "nvjet_sm90_tst_64x32"),
                ("void cudnn::engines_precompiled::nchwToNhwcKernel<float, "
                 "false, (cudnnKernelDataType_t)2>(int, cudnn::Args)",
                 "nchwToNhwcKernel<float, false, (cudnnKernelDataType_t)2>"),
                # Cut by the profiler.
                ("void a::sums<a::(anonymous namespace)::Back<unsig",
                 "sums<Back<unsig"),
                ("sm90_" + "x" * 200, "sm90_" + "x" * 84 + "…")):
            self.assertEqual(kernels.short(name), wanted)


class Calls(unittest.TestCase):
    def test_an_epoch_through_vae_h(self):
        library = kernels.Library(LIBRARY)
        trainer = library.trainer({"device": "cpu", "layers": [8, 8, 8],
                                   "max_batch": 4, "threads": 1})
        dataset = library.dataset(bytes(range(256)) * 784)  # 256 images
        self.assertEqual(library.train_epoch(trainer, dataset), 64)
        self.assertIn('"device"', library.text("vae_diagnose", trainer))
        library.destroy(trainer, dataset)

    def test_what_is_missing_has_its_sentence(self):
        with self.assertRaisesRegex(kernels.Skip, "no_such_field"):
            kernels.Library(LIBRARY).trainer({"no_such_field": 1})
        with self.assertRaisesRegex(kernels.Skip,
                                    "/nowhere.so cannot be loaded"):
            kernels.Library("/nowhere.so")
        torch = ("__version__ = '%s'\nclass cuda:\n"
                 "    is_available = staticmethod(lambda: %s)\n")
        for module, text in (
                ("raise ImportError('not here')",
                 "PyTorch is not installed (not here)"),
                (torch % ("2.11.0", False), "PyTorch finds no usable GPU"),
                (torch % ("1.0+cu130", True),
                 "has PyTorch 1.0; both must be the same")):
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "numpy.py").write_text("")
                pathlib.Path(folder, "torch.py").write_text(module)
                done = subprocess.run(
                    [sys.executable, "-B", SCRIPT, "--library", LIBRARY],
                    env={"PYTHONPATH": folder}, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
