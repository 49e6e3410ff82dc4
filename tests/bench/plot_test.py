#!/usr/bin/env python3
"""bench/plot.py: what is drawn, from which numbers, and the
same bytes again. Drawing is tested where matplotlib is there.

Standard library only, but for the Python that draws.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PLOT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(PLOT.parent))
import plot  # noqa: E402

# That of tools/setup --bench, or this one.
OWN = PLOT.parents[1] / "build" / "deps" / "bench-python" / "bin" / "python"
PYTHON = str(OWN) if OWN.exists() else sys.executable
DRAWS = subprocess.run([PYTHON, "-c", "import matplotlib"],
                       capture_output=True).returncode == 0
MOST_BYTES = 60_000


def case(name, microseconds, **counters):
    return {"run_name": name + "/real_time", "run_type": "iteration",
            "real_time": microseconds, "time_unit": "us", **counters}


def micro(**changed):
    """100 us each phase, of which 10 a layer's product."""
    lasted = {name: 100.0 for name, _, _ in plot.PHASES} | changed
    layers = ["encoder0", "encoder1", "mean_head", "logvar_head", "expand",
              "decoder0", "decoder1"]
    chains = [case(f"chain/fp32/batch:{batch}/{layer}/{what}", 10)
              for batch in (1, 64) for layer in layers
              for what in ("forward", "dx", "dw")]
    return {"benchmarks": [
        case("phases/fp32/batch:64/threads:1", 1300, **lasted),
        case("phases/fp32/batch:64/threads:2", 700,
             **dict.fromkeys(lasted, 1.0)), *chains]}


def row(name, group, ours, **peers):
    peers = {name.replace("_", "-"): value for name, value in peers.items()}
    best = min(peers, key=peers.get)
    return {"name": name, "group": group, "unit": "ms", "status": "measured",
            "ours": ours, "peers": peers, "peer": best,
            "peer_value": peers[best]}


ROWS = [row(f"cpu_fp32_b{b}_batches", "batches", b, torch_eager=2 * b)
        for b in (1, 64, 1024)]
ROWS += [row(f"cpu_{p}_b64_t{t}", "train", 61.7, torch_compile=98.5,
             torch_eager=103, jax_jit=190)
         for p in ("fp32", "bf16") for t in (1, 2)]
ROWS += [row(f"cpu_{m}_fp32_b{b}_t2", "inference", b / 7, onnxruntime=b / 6,
             torch_eager=b / 5, torch_compile=b / 4)
         for m in ("encode", "decode") for b in (1, 64, 1000)]
ROWS += [{"name": "cpu_lost", "group": "train", "status": "not measured",
          "unit": "ms"}]


class Phases(unittest.TestCase):
    def test_products_are_those_of_the_phase_s_layers(self):
        found = {name: (lasted, products)
                 for name, lasted, products in plot.phases(micro())}
        self.assertEqual(list(found), [name for name, _, _ in plot.PHASES])
        expected = {"encoder_forward": 20, "heads_forward": 20,
                    "expand_forward": 10, "decoder_forward": 20,
                    "decoder_backward": 40, "expand_backward": 20,
                    "heads_backward": 40, "encoder_backward": 40}
        for name, (lasted, products) in found.items():
            self.assertEqual(lasted, 100)
            self.assertEqual(products, expected.get(name, 0), name)

    def test_repetitions_give_their_median_and_aggregates_are_none(self):
        whole = micro()
        forward = "chain/fp32/batch:64/expand/forward"
        whole["benchmarks"] += [
            case(forward, 30), case(forward, 0.02) | {"time_unit": "ms"},
            case(forward, 9999) | {"run_type": "aggregate"}]
        found = dict((name, products)
                     for name, _, products in plot.phases(whole))
        self.assertEqual(found["expand_forward"], 20)

    def test_what_is_missing_is_named(self):
        whole = micro()
        whole["benchmarks"][0]["error_occurred"] = True
        with self.assertRaisesRegex(plot.Nothing, "no case phases/fp32"):
            plot.phases(whole)
        whole = micro()
        whole["benchmarks"] = [c for c in whole["benchmarks"]
                               if "expand" not in c["run_name"]]
        with self.assertRaisesRegex(plot.Nothing, "of expand_forward"):
            plot.phases(whole)

    def test_products_that_last_longer_than_their_phase_are_refused(self):
        with self.assertRaisesRegex(plot.Nothing, "encoder_forward .* rest"):
            plot.phases(micro(encoder_forward=18.0))
        found = plot.phases(micro(encoder_forward=19.0))
        self.assertEqual(found[2], ("encoder_forward", 19, 19))


@unittest.skipUnless(DRAWS, f"{PYTHON} has no matplotlib")
class Plots(unittest.TestCase):
    def draw(self, folder, *words, rows=ROWS, whole=None, status=0):
        """The files that are there afterwards."""
        folder = pathlib.Path(folder)
        details = {"about": {"processor": "A Processor",
                             "date": "2026-01-02 03:04 UTC"}, "rows": rows}
        (folder / "details.json").write_text(json.dumps(details))
        (folder / "micro.json").write_text(json.dumps(whole or micro()))
        done = subprocess.run(
            [PYTHON, "-B", PLOT, "--out", folder / "plots",
             *(str(folder / word) if word.endswith(".json") else word
               for word in words)], capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        self.stderr = done.stderr
        return {path.name: path.read_text()
                for path in (folder / "plots").glob("*")}

    def test_all_three_twice(self):
        words = ["--details", "details.json", "--micro", "micro.json"]
        with tempfile.TemporaryDirectory() as one:
            first = self.draw(one, *words)
        with tempfile.TemporaryDirectory() as two:
            self.assertEqual(self.draw(two, *words), first)
        self.assertEqual(set(first), {"steps.svg", "rows.svg", "phases.svg"})
        for name, text in first.items():
            self.assertLess(len(text), MOST_BYTES, name)
            self.assertIn("</svg>", text)
        for words, name in ((("1024", "torch-eager", "A Processor",
                              "2026-01-02"), "steps.svg"),
                            (("61.7 ms", "98.5 ms", "cpu_bf16_b64_t1",
                              "cpu_encode_fp32_b1000_t2", "onnxruntime"),
                             "rows.svg"),
                            (("products, 16% of the step", "1.3 ms",
                              "encoder backward", "chain/"), "phases.svg")):
            for word in words:
                self.assertIn(word, first[name])
        self.assertNotIn("cpu_lost", first["rows.svg"])

    def test_without_rows_a_plot_is_left_out_and_said(self):
        with tempfile.TemporaryDirectory() as folder:
            plots = self.draw(folder, "--details", "details.json",
                              rows=ROWS[:3])
        self.assertEqual(set(plots), {"steps.svg"})
        self.assertIn("no rows.svg: no row of the groups", self.stderr)

    def test_nothing_to_draw_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.draw(
                folder, "--micro", "micro.json", status=1,
                whole={"benchmarks": []}), {})
            self.assertIn("no phases.svg: it has no case", self.stderr)
            self.assertIn("nothing was drawn", self.stderr)
            self.draw(folder, "--details", "micro.json", status=2)
            self.assertIn("not a file of bench/run --details", self.stderr)
            self.draw(folder, "--details", "nowhere.json", status=2)
            self.assertIn("No such file", self.stderr)
            self.draw(folder, status=2)
            self.assertIn("--details or --micro is wanted", self.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
