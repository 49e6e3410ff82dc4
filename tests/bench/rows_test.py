#!/usr/bin/env python3
"""Which rows and peers bench/run measures on either device; and bench/peers.py,
which starts the peers. Runs no comparison and no framework."""
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import peers  # noqa: E402
import rows  # noqa: E402


def comparisons(device="cpu", **changed):
    return rows.comparisons(types.SimpleNamespace(**{
        "device": device, "only": rows.GROUPS[device], "quick": False,
        "peers": None, "bench": "", "python": "", "rounds": 1, "seconds": 1,
        "half": True, "rows": None, **changed}))


def names(*arguments, **options):
    return [made.rows[0].name for made in comparisons(*arguments, **options)]


def peers_of(*arguments, **options):
    return {row.name: set(row.peers)
            for made in comparisons(*arguments, **options) for row in made.rows}


def option(contestant, name):
    return contestant.command[contestant.command.index(name) + 1]


class Cpu(unittest.TestCase):
    def test_a_quick_run_leaves_out_slow_peers_unless_they_are_named(self):
        encode, bf16 = "cpu_encode_fp32_b64_t2", "cpu_bf16_b64_t2"
        quick, usual = peers_of(quick=True), peers_of()
        self.assertEqual(usual["cpu_fp32_b64_t1"] - quick["cpu_fp32_b64_t1"],
                         {"jax-jit"})
        self.assertEqual(quick[bf16] - peers_of(quick=True, half=False)[bf16],
                         {"torch-compile"})
        self.assertNotIn("torch-compile", quick[encode])
        named = peers_of(quick=True, peers=["torch-compile"])
        self.assertEqual(named[encode], {"torch-compile"})

    def test_emulated_bf16(self):
        self.assertEqual(len(names(only=["neighbour"])), 2)
        self.assertEqual(len(names(only=["neighbour"], half=False)), 1)
        for half, rate in ((True, "bf16"), (False, "fp32")):
            made, = comparisons(half=half, rows=["cpu_bf16_b64_t1"])
            product = made.contestants[-1]
            self.assertEqual((product.label, option(product, "--precision")),
                             (rows.PRODUCT, rate))

    def test_rows_by_pattern_and_who_is_in_them(self):
        made, = comparisons(rows=["cpu_blocks_fp*", "cpu_nothing"])
        self.assertEqual([row.name for row in made.rows],
                         ["cpu_blocks_fp32_b64_t2"])
        self.assertEqual({c.label for c in made.contestants},
                         {"libvae, blocks", "product", "torch-eager",
                          "torch-compile", "jax-jit", "torch-original"})


class Cuda(unittest.TestCase):
    def test_the_most_wanted_rows_come_first(self):
        with unittest.mock.patch.object(rows, "cores", lambda: 16):
            quick = names("cuda", only=rows.QUICK_GROUPS["cuda"], quick=True)
        self.assertEqual(quick[:13], [
            "cuda_bf16_b64", "cuda_tf32_b64", "cuda_bf16_b1024",
            "cuda_encode_bf16_b1", "cuda_encode_bf16_b1000",
            "cuda_decode_bf16_b1", "cuda_decode_bf16_b1000",
            "cuda_host_bf16_b64", "cuda_host_bf16_b1024",
            "cpu_threads_fp32_b64_t1", "cpu_threads_bf16_b64_t1",
            "cuda_fp32_b64", "cuda_engines_bf16_b64"])
        for device in ("cpu", "cuda"):
            usual = names(device)
            self.assertEqual(len(set(usual)), len(usual))

    def test_a_quick_run_leaves_out_slow_peers(self):
        usual, quick = peers_of("cuda"), peers_of("cuda", quick=True)
        self.assertEqual(usual["cuda_bf16_b64"],
                         set(peers.NAMES) - {"onnxruntime"})
        main = {"torch-eager", "torch-compiled-graph-16", "jax-scan"}
        for found in (usual["cuda_bf16_b1024"], quick["cuda_bf16_b64"]):
            self.assertEqual(found, main)
        self.assertEqual(quick["cuda_fp32_b64"], main - {"jax-scan"})


class Peers(unittest.TestCase):
    def call(self, *arguments, status=0, **modules):
        """What peers.py prints where Python finds only these modules."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in modules.items():
                pathlib.Path(folder, name + ".py").write_text(text + "\n")
            done = subprocess.run(
                [sys.executable, "-B", BENCH / "peers.py", *arguments],
                env={"PYTHONPATH": folder}, capture_output=True, text=True,
                timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def test_refusals(self):
        for arguments, text in (
                (["numpy"], "invalid choice: 'numpy'"),
                (["jax-jit", "--mode", "encode"], "jax-jit has epoch")):
            self.assertIn(text, self.call(*arguments, status=2))

    def test_one_needs_nothing_of_another(self):
        everything = ("torch", "jax", "numpy", "onnx", "onnxruntime")
        for name, needs in (("torch-eager", "torch"), ("jax-jit", "jax"),
                            ("onnxruntime", "onnxruntime")):
            told = self.call(name, "--device", "cpu", **{
                module: "raise ImportError('not here')" if module == needs
                else "raise SystemExit('imported without need')"
                for module in everything})
            self.assertIn("is not installed (not here)", told["skipped"])

    def test_a_name_says_who_runs_and_how(self):
        told = self.call("jax-scan", "--graph-steps", "4",
                         jax="import os\nraise ImportError('ahead: '"
                         "+ os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])")
        self.assertEqual((told["variant"], told["graph_steps"]), ("scan", 4))
        # JAX takes no memory ahead.
        self.assertIn("(ahead: false)", told["skipped"])
        told = self.call("product", "--device", "cpu", **dict.fromkeys(
            ("torch", "numpy"), "raise ImportError"))
        self.assertEqual(told["skipped"], "numpy is not installed (); "
                         "PyTorch is not installed ()")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
