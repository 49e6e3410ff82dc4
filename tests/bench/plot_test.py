#!/usr/bin/env python3
"""bench/plot.py: what is drawn, from which numbers, and the same bytes again.
Drawing is tested where matplotlib is there."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import plot  # noqa: E402

# That of tools/setup --bench, or this one.
OWN = ROOT / "build" / "deps" / "bench-python" / "bin" / "python"
PYTHON = str(OWN) if OWN.exists() else sys.executable
DRAWS = subprocess.run([PYTHON, "-c", "import matplotlib"],
                       capture_output=True).returncode == 0


def case(name, microseconds, **counters):
    return {"run_name": name + "/real_time", "run_type": "iteration",
            "real_time": microseconds, **counters}


def micro(**changed):
    """Each phase has 100 us, and each product of a layer 10 us."""
    lasted = {name: 100.0 for name, _, _ in plot.PHASES} | changed
    layers = ["encoder0", "encoder1", "mean_head", "logvar_head", "expand",
              "decoder0", "decoder1"]
    return {"benchmarks": [
        case("phases/fp32/batch:64/threads:1", 1300, **lasted),
        *(case(f"gemm/fp32/batch:{batch}/{layer}/{what}", 10)
          for batch in (1, 64) for layer in layers
          for what in ("forward", "dx", "dw"))]}


class Phases(unittest.TestCase):
    def test_products_are_those_of_the_phase_s_layers(self):
        whole, forward = micro(), "gemm/fp32/batch:64/expand/forward"
        # The median of repetitions; aggregates do not count.
        whole["benchmarks"] += [case(forward, 30), case(forward, 20),
                                case(forward, 99) | {"run_type": "aggregate"}]
        expected = {"encoder_forward": 20, "heads_forward": 20,
                    "expand_forward": 20, "decoder_forward": 20,
                    "decoder_backward": 40, "expand_backward": 20,
                    "heads_backward": 40, "encoder_backward": 40}
        self.assertEqual(plot.phases(whole), [
            (name, 100, expected.get(name, 0)) for name, _, _ in plot.PHASES])

    def test_what_cannot_be_drawn_is_named(self):
        partial = {"benchmarks": micro()["benchmarks"][:1]}
        for whole, why in (({}, "no case phases/fp32"),
                           (partial, "of encoder_forward"),
                           # Products take longer than their phase.
                           (micro(encoder_forward=18.0), "at rest")):
            with self.assertRaisesRegex(plot.Nothing, why):
                plot.phases(whole)
        # A small excess is measuring error.
        self.assertIn(("encoder_forward", 19, 19),
                      plot.phases(micro(encoder_forward=19.0)))


@unittest.skipUnless(DRAWS, f"{PYTHON} has no matplotlib")
class Plots(unittest.TestCase):
    def draw(self, run, content, status=0):
        """{name: text} of the plots."""
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "micro.json").write_text(json.dumps(content))
            done = subprocess.run(
                [PYTHON, "-B", ROOT / "bench/plot.py", "--out", "plots",
                 "--run", run, "--micro", "micro.json"], cwd=folder,
                capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
            self.stderr = done.stderr
            return {path.name: path.read_text()
                    for path in pathlib.Path(folder, "plots").glob("*")}

    def test_all_three_twice_from_the_recorded_results(self):
        recorded = ROOT / "docs/performance/cpu.json"
        first, second = (self.draw(recorded, micro()) for _ in range(2))
        self.assertEqual(first, second)
        shown = {"steps.svg": ("1024", "torch-eager", "AMD EPYC, 2026-11-26"),
                 "rows.svg": ("cpu_bf16_b64_t1", "onnxruntime",
                              "cpu_encode_fp32_b1000_t2"),
                 "phases.svg": ("products, 16% of the step", "1.3 ms",
                                "encoder backward", "gemm/")}
        self.assertEqual(set(first), set(shown))
        for name, texts in shown.items():
            for text in texts:
                self.assertIn(text, first[name])

    def test_a_plot_without_data_is_left_out(self):
        self.assertEqual(set(self.draw("nowhere.json", micro())),
                         {"phases.svg"})
        self.assertIn("no rows.svg: nowhere.json: ", self.stderr)
        self.draw("nowhere.json", {}, status=1)
        self.assertIn("no phases.svg: micro.json: there is no case",
                      self.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
