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
            "real_time": microseconds, "time_unit": "us", **counters}


def micro(**changed):
    """Each phase has 100 us, and each product of a layer 10 us."""
    lasted = {name: 100.0 for name, _, _ in plot.PHASES} | changed
    layers = ["encoder0", "encoder1", "mean_head", "logvar_head", "expand",
              "decoder0", "decoder1"]
    return {"benchmarks": [
        case("phases/fp32/batch:64/threads:1", 1300, **lasted),
        case("phases/fp32/batch:64/threads:2", 700,
             **dict.fromkeys(lasted, 1.0)),
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
        failed, partial = micro(), micro()
        failed["benchmarks"][0]["error_occurred"] = True
        partial["benchmarks"] = [c for c in partial["benchmarks"]
                                 if "expand" not in c["run_name"]]
        for whole, why in ((failed, "no case phases/fp32"),
                           (partial, "of expand_forward"),
                           # Products take longer than their phase.
                           (micro(encoder_forward=18.0),
                            "encoder_forward .* rest")):
            with self.assertRaisesRegex(plot.Nothing, why):
                plot.phases(whole)
        # A small excess is measuring error.
        self.assertIn(("encoder_forward", 19, 19),
                      plot.phases(micro(encoder_forward=19.0)))


@unittest.skipUnless(DRAWS, f"{PYTHON} has no matplotlib")
class Plots(unittest.TestCase):
    def draw(self, *options, status=0, **files):
        """{name: text} of the plots; files are written as NAME.json."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                pathlib.Path(folder, name + ".json").write_text(
                    json.dumps(content))
            done = subprocess.run(
                [PYTHON, "-B", ROOT / "bench/plot.py", "--out", "plots",
                 *options], cwd=folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
            self.stderr = done.stderr
            return {path.name: path.read_text()
                    for path in pathlib.Path(folder, "plots").glob("*")}

    def test_all_three_twice_from_the_recorded_results(self):
        recorded = json.loads((ROOT / "docs/performance/cpu.json").read_text())
        first, second = (self.draw("--run", "run.json", "--micro", "micro.json",
                                   run=recorded, micro=micro())
                         for _ in range(2))
        self.assertEqual(first, second)
        shown = {"steps.svg": ("1024", "torch-eager", "AMD EPYC",
                               "2026-11-26"),
                 "rows.svg": ("cpu_bf16_b64_t1", "onnxruntime",
                              "cpu_encode_fp32_b1000_t2"),
                 "phases.svg": ("products, 16% of the step", "1.3 ms",
                                "encoder backward", "gemm/")}
        self.assertEqual(set(first), set(shown))
        for name, texts in shown.items():
            for text in texts:
                self.assertIn(text, first[name])

    def test_a_plot_without_data_is_left_out(self):
        row = {"name": "cpu_fp32_b1_batches", "group": "batches", "unit": "ms",
               "status": "measured", "ours": 1, "peers": {"torch-eager": 2}}
        about = {"processor": "A Processor", "date": "2026-01-02 03:04 UTC"}
        plots = self.draw("--run", "run.json",
                          run={"about": about, "rows": [row]})
        self.assertEqual(set(plots), {"steps.svg"})
        self.assertIn("no rows.svg: run.json: no row of", self.stderr)
        self.draw("--micro", "micro.json", status=1, micro={"benchmarks": []})
        self.assertIn("no phases.svg: micro.json: there is no case",
                      self.stderr)
        self.assertIn("nothing was drawn", self.stderr)
        self.draw("--run", "nowhere.json", status=1)
        self.assertIn("No such file", self.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
