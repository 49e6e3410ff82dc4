#!/usr/bin/env python3
"""What bench/run would measure, on either device, and how one answer becomes a
row; and bench/peers.py, which starts the peers. Runs no heat and no framework.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

BENCH = pathlib.Path(sys.argv[1]).parent
sys.path.insert(0, str(BENCH))
import contest  # noqa: E402
import peers  # noqa: E402
import results  # noqa: E402
import suite  # noqa: E402


def heats(device="cpu", only=tuple(suite.GROUPS), **changed):
    return suite.heats(types.SimpleNamespace(**{
        "device": device, "only": only, "quick": False, "peers": None,
        "bench": "", "python": "", "images": 1, "rounds": 1, "seconds": 1,
        "half": True, "rows": None, "configs": {}, **changed}))


def rows_of(found):
    return {row.name: row for heat in found for row in heat.rows}


def peers_of(**words):
    return {name: set(row.peers) for name, row in rows_of(heats(**words)
                                                          ).items()}


def option(contestant, name):
    words = contestant.command
    return words[words.index(name) + 1]


def contestant(heat, label):
    return next(c for c in heat.contestants if c.label == label)


class Cpu(unittest.TestCase):
    def test_a_quick_run_leaves_out_slow_peers_unless_they_are_named(self):
        calm, all_of_them = peers_of(quick=True), peers_of()
        self.assertEqual(all_of_them["cpu_fp32_b64_t1"],
                         {"torch-eager", "torch-compile", "jax-jit"})
        self.assertEqual(calm["cpu_fp32_b64_t1"],
                         {"torch-eager", "torch-compile"})
        self.assertIn("jax-jit", calm["cpu_fp32_b64_t2"])
        encode = "cpu_encode_fp32_b64_t2"
        self.assertEqual(all_of_them[encode] - calm[encode],
                         {"torch-compile"})
        named = peers_of(quick=True, peers=["torch-compile"])
        self.assertEqual(named[encode], {"torch-compile"})
        bf16 = "cpu_bf16_b64_t2"
        self.assertEqual(calm[bf16] - peers_of(quick=True, half=False)[bf16],
                         {"torch-compile"})

    def test_bf16_beside_a_neighbour_needs_a_processor_that_has_it(self):
        for half in (True, False):
            fp32, bf16 = heats(only=["neighbour"], half=half)
            self.assertIsNone(fp32.skipped)
            self.assertEqual(bf16.skipped is None, half)

    def test_bf16_that_is_computed_otherwise_has_the_floor_of_fp32(self):
        for half, rate in ((True, "bf16"), (False, "fp32")):
            heat, = heats(half=half, rows=["cpu_bf16_b64_t1"])
            product = contestant(heat, contest.PRODUCT)
            self.assertEqual(option(product, "--precision"), rate)

    def test_the_memory_of_a_product_is_nobody_s(self):
        for heat in heats(only=["memory"]):
            self.assertNotIn(contest.PRODUCT,
                             [c.label for c in heat.contestants])


class Cuda(unittest.TestCase):
    MAIN = {"torch-eager", "torch-compiled-graph-16", "jax-scan"}

    def test_training_has_a_row_for_each_batch_and_precision(self):
        names = set(rows_of(heats("cuda", ["train"])))
        self.assertEqual(names, {
            f"cuda_{p}_b{b}" for p in ("fp32", "tf32", "bf16")
            for b in (64, 256, 1024, 4096)})
        quick = [heat.rows[0].name
                 for heat in heats("cuda", ["train"], quick=True)]
        self.assertEqual(quick, ["cuda_bf16_b64", "cuda_tf32_b64",
                                 "cuda_bf16_b1024", "cuda_fp32_b64"])

    def test_the_most_wanted_rows_come_first_and_fp32_after_them(self):
        with unittest.mock.patch.object(suite, "cores", lambda: 16):
            quick = [heat.rows[0].name for heat in heats(
                "cuda", suite.QUICK_GROUPS["cuda"], quick=True)]
        self.assertEqual(quick[:13], [
            "cuda_bf16_b64", "cuda_tf32_b64", "cuda_bf16_b1024",
            "cuda_encode_bf16_b1", "cuda_encode_bf16_b1000",
            "cuda_decode_bf16_b1", "cuda_decode_bf16_b1000",
            "cuda_host_bf16_b64", "cuda_host_bf16_b1024",
            "cpu_threads_fp32_b64_t1", "cpu_threads_bf16_b64_t1",
            "cuda_fp32_b64", "cuda_engines_bf16_b64"])
        usual = [heat.rows[0].name for heat in heats("cuda")]
        self.assertEqual(usual[:3], quick[:3])
        self.assertEqual(len(set(usual)), len(usual))

    def test_every_peer_once_and_the_main_ones_everywhere(self):
        everybody = set(peers.NAMES) - {"onnxruntime"}
        usual = peers_of(device="cuda")
        self.assertEqual(usual["cuda_bf16_b64"], everybody)
        self.assertEqual(usual["cuda_bf16_b1024"], self.MAIN)
        quick = peers_of(device="cuda", quick=True)
        self.assertEqual(quick["cuda_bf16_b64"], self.MAIN)
        self.assertEqual(quick["cuda_fp32_b64"], self.MAIN - {"jax-scan"})
        named = peers_of(device="cuda", quick=True, peers=["jax-jit"])
        self.assertEqual(named["cuda_bf16_b1024"], {"jax-jit"})

    def test_everybody_is_asked_for_the_same(self):
        for heat in heats("cuda", ["train"]):
            _, precision, batch = heat.rows[0].name.split("_")
            for c in heat.contestants:
                config = '"precision": "%s"' % precision
                self.assertTrue(config in option(c, "--config") if c.ours else
                                option(c, "--precision") == precision, c)
                self.assertTrue('"device": "cuda"' in option(c, "--config")
                                if c.ours else
                                option(c, "--device") == "cuda", c)
                if c.label != contest.PRODUCT:
                    self.assertEqual("b" + option(c, "--batch"), batch)

    def test_engines_and_graphs_are_compared_with_what_libvae_chooses(self):
        heat, = heats("cuda", rows=["cuda_engines_tf32_b64"],
                      configs={"mine": {"graph_steps": 16}})
        row, = heat.rows
        self.assertEqual(row.ours, "libvae")
        self.assertEqual(list(row.peers), [f"libvae, {name}" for name in (
            "blocks", "blocks-graph", "blocks-graph-8", "fused", "fused-graph",
            "fused-graph-8", "mine")])
        eight = option(contestant(heat, "libvae, fused-graph-8"), "--config")
        for field in ('"engine": "fused"', '"graph": "on"', '"graph_steps": 8',
                      '"precision": "tf32"'):
            self.assertIn(field, eight)
        self.assertIn('"graph": "off"', option(
            contestant(heat, "libvae, blocks"), "--config"))
        self.assertIn('"graph_steps": 16', option(
            contestant(heat, "libvae, mine"), "--config"))

    def test_on_a_cpu_only_config_makes_that_comparison(self):
        self.assertEqual(heats(only=["engines"]), [])
        self.assertEqual(
            set(rows_of(heats(only=["engines"], configs={"mine": {}}))),
            {"cpu_engines_fp32_b64", "cpu_engines_bf16_b64"})

    def test_steps_from_host_memory_beside_the_resident_data_set(self):
        heat, = heats("cuda", rows=["cuda_host_tf32_b1024"])
        self.assertEqual([option(c, "--mode") for c in heat.contestants],
                         ["step", "epoch"])

    def test_inference(self):
        usual = peers_of(device="cuda", only=["inference"])
        self.assertEqual(set(usual), {
            f"cuda_{mode}_{p}_b{batch}" for mode in ("encode", "decode")
            for p in ("fp32", "bf16") for batch in (1, 64, 1000)})
        self.assertIn("onnxruntime", usual["cuda_encode_fp32_b64"])
        self.assertNotIn("onnxruntime", usual["cuda_encode_bf16_b64"])
        quick = peers_of(device="cuda", only=["inference"], quick=True)
        self.assertEqual(quick, {
            f"cuda_{mode}_bf16_b{batch}": {"torch-eager"}
            for mode in ("encode", "decode") for batch in (1, 1000)})

    def test_bars_of_a_cpu_are_none_of_a_gpu(self):
        found = [row.name for row in rows_of(heats("cuda")).values()
                 if (row.bar, row.bar_us) != (None, None)]
        self.assertEqual(found, ["cuda_call_get"])

    def test_what_needs_a_cpu_says_so(self):
        for heat in heats("cuda"):
            cpu = heat.rows[0].name.startswith("cpu_")
            why = ("measured on the CPU only"
                   if cpu and heat.group != "threads" else None)
            self.assertEqual(heat.skipped, why)


class Threads(unittest.TestCase):
    def rows(self, cores, **words):
        with unittest.mock.patch.object(suite, "cores", lambda: cores):
            return heats(only=["threads"], **words)

    def test_the_cpu_by_threads_beside_one_thread_of_our_own(self):
        for device in ("cpu", "cuda"):
            fp32, bf16 = self.rows(12, device=device)
            self.assertEqual([row.name for row in bf16.rows], [
                f"cpu_threads_bf16_b64_t{n}" for n in (1, 2, 4, 8, 12)])
            self.assertEqual(fp32.rows[0].peers, ())
            self.assertEqual(fp32.rows[4].peers, ("libvae, 1 thread",))
            self.assertEqual([option(c, "--threads") for c in fp32.contestants],
                             ["1", "2", "4", "8", "12"])
            for c in fp32.contestants:
                self.assertTrue(c.ours)
                self.assertIn('"device": "cpu"', option(c, "--config"))
        self.assertEqual(len(self.rows(1)[0].rows), 1)

    def test_a_quick_run_is_short_with_each(self):
        for quick, told in ((True, ("3", "0.1")), (False, ("1", "1"))):
            one = self.rows(2, quick=quick)[0].contestants[0]
            self.assertEqual((option(one, "--rounds"),
                              option(one, "--seconds")), told)


class Patterns(unittest.TestCase):
    def test_rows_by_pattern_and_who_is_in_them(self):
        heat, = heats(rows=["cpu_blocks_fp*", "cpu_nothing"])
        self.assertEqual([row.name for row in heat.rows],
                         ["cpu_blocks_fp32_b64_t2"])
        self.assertEqual({c.label for c in heat.contestants},
                         {"blocks", "product", "torch-eager", "torch-compile",
                          "jax-jit", "torch-original"})
        self.assertEqual(heats(rows=["cpu_nothing"]), [])


def recording(images, steps, kernels):
    return {"what": "train", "images": images, "steps": steps,
            "kernels": kernels}


class OnGpu(unittest.TestCase):
    def told(self, answer):
        return results.on_gpu(contest.Row("r"), [{"libvae": answer}])

    def test_kernels_are_those_of_the_largest_graph_of_the_batch(self):
        training = {"used": True, "recordings": [
            recording(64, 1, 31), recording(64, 8, 240),
            recording(16, 16, 16)]}
        answer = {"batch": 64, "seconds_to_first_step": 2, "diagnose": {
            "graph": {"training": training}, "peak_bytes": 3 << 20}}
        self.assertEqual(self.told(answer)["libvae"], {
            "first_step_s": 2, "peak_mib": 3, "kernels_per_step": 30})
        other = self.told({**answer, "batch": 512})["libvae"]
        self.assertIsNone(other["kernels_per_step"])
        training["used"] = False
        self.assertIsNone(self.told(answer)["libvae"]["kernels_per_step"])

    def test_who_tells_no_memory_of_a_gpu_is_not_on_one(self):
        self.assertEqual(self.told({"batch": 64, "diagnose": {}}), {})


class Bars(unittest.TestCase):
    def test_a_ratio_is_no_time_where_no_peer_was_measured(self):
        for words in ({"peers": []}, {}):
            heat, = heats(rows=["cpu_fp32_b64_t1"], **words)
            row = results.result(heat, heat.rows[0], [
                {"libvae": {"us_per_step": 60e3}}])
            self.assertIsNone(row["verdict"])
            self.assertIn("| 0.7 | - |", results.table([row])[-1])

    def test_a_call_has_a_time_for_a_bar(self):
        heat, = heats(rows=["cpu_call_get"])
        for us, verdict in ((0.9, "holds"), (1.1, "misses")):
            row = results.result(heat, heat.rows[0], [
                {"libvae": {"us_per_step": us}}])
            self.assertEqual(row["verdict"], verdict)
            self.assertIn(f"| 1 us | {verdict} |", results.table([row])[-1])


def call(*words, **environment):
    return subprocess.run([sys.executable, "-B", BENCH / "peers.py", *words],
                          env=environment, capture_output=True, text=True,
                          timeout=60)


class Peers(unittest.TestCase):
    def test_all_are_listed(self):
        done = call("--list")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()],
                         list(peers.PEERS))

    def test_who_is_unknown_is_refused(self):
        for words, text in ((["numpy"], "invalid choice: 'numpy'"),
                            ([], "a peer's name or --list is wanted"),
                            (["jax-jit", "--mode", "encode"],
                             "invalid choice: 'encode'")):
            done = call(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(text, done.stderr)

    def test_one_needs_nothing_of_another(self):
        missing = "raise ImportError('not here')\n"
        with tempfile.TemporaryDirectory() as folder:
            for name in ("torch", "jax", "numpy", "onnx", "onnxruntime"):
                pathlib.Path(folder, name + ".py").write_text(
                    f"raise SystemExit('{name} is imported')\n")
            for name, needs in (("torch-eager", "torch"), ("jax-jit", "jax"),
                                ("onnxruntime", "onnxruntime")):
                file = pathlib.Path(folder, needs + ".py")
                before = file.read_text()
                file.write_text(missing)
                done = call(name, "--device", "cpu", PYTHONPATH=folder)
                file.write_text(before)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn('"skipped": ', done.stdout)
                self.assertIn(f'"program": "{name}"', done.stdout)
                self.assertIn("is not installed (not here)", done.stdout)

    def test_a_name_says_who_runs_and_how(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("torch", "jax", "numpy", "onnxruntime"):
                pathlib.Path(folder, name + ".py").write_text(
                    "raise ImportError\n")
            for name, words, variant, steps, why in (
                    ("torch-eager", ["--graph-steps", "8"], "eager", 1,
                     "PyTorch"),
                    ("torch-compiled-graph", [], "compiled-graph", 1,
                     "PyTorch"),
                    ("torch-compiled-graph-16", [], "compiled-graph", 16,
                     "PyTorch"),
                    ("jax-scan", [], "scan", 64, "JAX"),
                    ("jax-scan", ["--graph-steps", "4"], "scan", 4, "JAX"),
                    ("product", [], "largest", 1, "neither PyTorch nor")):
                told = json.loads(call(name, *words, PYTHONPATH=folder).stdout)
                self.assertEqual((told["variant"], told["graph_steps"]),
                                 (variant, steps))
                self.assertTrue(told["skipped"].startswith(why), told)

    def test_jax_takes_no_memory_that_it_may_not_need(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "jax.py").write_text(
                "import os\nraise ImportError('ahead: '"
                " + os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])\n")
            self.assertIn("(ahead: false)",
                          call("jax-jit", PYTHONPATH=folder).stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
