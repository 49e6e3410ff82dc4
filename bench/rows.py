"""What bench/run measures: rows with their bars, and the processes that are
compared in each. Runs nothing."""

import dataclasses
import fnmatch
import json
import os
import pathlib

import peers  # puts the folder of floors into the path
import floors

OURS, PRODUCT = "libvae", "product"
GREY = (1, 28, 28)
SHAPES = [GREY, (3, 32, 32), (3, 64, 64)]
PRECISIONS = {"cpu": ["fp32", "bf16"], "cuda": ["fp32", "tf32", "bf16"]}
# The largest allowed ratio of our time to the best peer's, by precision and
# threads. There are no bars for GPUs yet.
BARS = {("fp32", 2): 0.65, ("bf16", 2): 0.60,
        ("fp32", 1): 0.70, ("bf16", 1): 0.60}
BLOCKS_BARS = {"fp32": 0.90, "bf16": 0.85}
ORIGINAL_BAR, INFERENCE_BAR, CALL_BAR_US = 0.40, 1.0, 1.0
# The peers of every training row.
PEERS = {"cpu": ["torch-eager", "torch-compile", "jax-jit"],
         "cuda": ["torch-eager", "torch-compiled-graph-16", "jax-scan"]}
# At batch 64 only: each compiles anew for every batch and precision.
MORE_CUDA_PEERS = ["torch-original", "torch-compile", "jax-jit"]
INFERENCE = ["onnxruntime", "torch-eager", "torch-compile"]
# What libvae can choose from on a GPU, as fields of vae_config.
GRAPHS = {"": {"graph": "off"}, "-graph": {"graph": "on", "graph_steps": 1},
          "-graph-8": {"graph": "on", "graph_steps": 8}}
VARIANTS = {engine + name: {"engine": engine, **graph}
            for engine in ("blocks", "fused")
            for name, graph in GRAPHS.items()}
QUICK_STEPS = [("bf16", 64), ("tf32", 64), ("bf16", 1024), ("fp32", 64)]
CUDA_STEPS = [(p, batch) for batch in (64, 256, 1024, 4096)
              for p in PRECISIONS["cuda"]]
# Rows on a GPU that are measured before all others, in case time runs out.
URGENT = ["cuda_bf16_b64", "cuda_tf32_b64", "cuda_bf16_b1024",
          "cuda_??code_bf16_*", "cuda_host_bf16_*", "cpu_threads_*"]
# (precision, batch, engine) of the steps that kernels.py takes apart.
KERNELS = [("bf16", 64, "fused"), ("tf32", 64, "fused"),
           ("bf16", 1024, "fused")]
# In the order in which they are measured; "sizes" and "kernels" have no rows.
ALL_GROUPS = ["train", "engines", "inference", "batches", "images", "memory",
              "startup", "overhead", "host", "threads", "neighbour",
              "two_trainers", "sizes", "kernels"]
NOT_ON = {"cpu": {"engines", "kernels"},
          "cuda": {"memory", "neighbour", "two_trainers"}}
GROUPS = {device: [group for group in ALL_GROUPS if group not in without]
          for device, without in NOT_ON.items()}
QUICK_GROUPS = {"cpu": ["train", "inference", "overhead"],
                "cuda": ["train", "engines", "inference", "overhead", "host",
                         "threads", "kernels"]}


@dataclasses.dataclass
class Contestant:
    """A process of a comparison; `copies` of it run at the same time."""

    label: str
    command: list
    copies: int = 1


@dataclasses.dataclass
class Row:
    """`ours` against the best of `peers`, both labels of contestants. `flop` is
    the arithmetic of a step or call. `bar` is the largest allowed ratio,
    `bar_us` the largest allowed time. `against` names the one peer that the
    bar is about, if it is not the best one. A `stretch` is not required."""

    name: str
    ours: str = OURS
    peers: tuple = ()
    bar: float = None
    bar_us: float = None
    against: str = None
    flop: float = None
    stretch: bool = False


@dataclasses.dataclass
class Comparison:
    """Contestants whose rounds are interleaved. `kind` says what is measured:
    "time" of a round; "busy": also beside a process that keeps one core busy;
    "memory": the peak of the process; "whole": the time of a process from start
    to end."""

    contestants: list
    rows: list
    kind: str = "time"
    group: str = None
    out_of_time: bool = False

    def only(self, patterns):
        """The comparison with only the rows that match a pattern."""
        rows = [row for row in self.rows
                if any(fnmatch.fnmatch(row.name, p) for p in patterns)]
        wanted = {PRODUCT}.union(*({row.ours, *row.peers} for row in rows))
        return dataclasses.replace(
            self, rows=rows, contestants=[c for c in self.contestants
                                          if c.label in wanted])


def cores():
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


class Maker:
    """Makes the comparisons of a group, one method per group."""

    def __init__(self, options):
        self.options, self.device = options, options.device
        self.cuda, self.quick = options.device == "cuda", options.quick
        self.rounds = options.rounds
        # 0: what each program chooses. On a GPU the host computes nothing.
        self.two = 0 if self.cuda else 2
        self.end = "" if self.cuda else "_t2"
        self.precisions = (["bf16"] if self.cuda and self.quick
                           else PRECISIONS[self.device])
        self.large = [64, 1024] if self.cuda else [64]

    # ---- Processes

    def common(self, threads, batch):
        # Several steps per epoch even for large batches.
        images = max(65536 if self.cuda else 8192, batch)
        return ["--batch", batch, "--threads", threads, "--images", images,
                "--rounds", self.rounds, "--seconds", self.options.seconds,
                "--gate"]

    def ours(self, mode, threads, batch, label=OURS, trainers=1, **fields):
        config = json.dumps({"device": self.device, **fields})
        return Contestant(label, [
            self.options.bench, "--mode", mode, "--trainers", trainers,
            "--config", config, *self.common(threads, batch)])

    def peer(self, label, threads, batch, precision, *more, copies=1):
        return Contestant(label, [
            self.options.python, pathlib.Path(peers.__file__).resolve(), label,
            "--device", self.device, "--precision", precision, *more,
            *self.common(threads, batch)], copies)

    def compare(self, name, labels, mode="epoch", *, threads=None, batch=64,
                precision="fp32", shape=GREY, kind="time", product=True,
                extra=(), slow=(), copies=1, **row):
        """Ours and the peers among `labels` that are wanted: those of --peers,
        else all but the `slow` ones. `extra` are more of ours; `copies` of a
        peer run at once; `row` are more fields of the row."""
        threads = self.two if threads is None else threads
        channels, height, width = shape
        named = self.options.peers
        labels = [label for label in labels if (
            label not in slow if named is None else label in named)]
        contestants = [
            self.ours(mode, threads, batch, trainers=copies,
                      precision=precision, channels=channels, height=height,
                      width=width),
            *extra, *(self.peer(label, threads, batch, precision, "--mode",
                                mode, "--shape", f"{channels}x{height}x{width}",
                                copies=copies) for label in labels)]
        if labels and product:
            # Where bf16 is emulated, its rate says nothing of the processor.
            contestants.append(self.peer(
                PRODUCT, threads, 1,
                precision if self.options.half else "fp32"))
        return Comparison(contestants, [
            Row(name, peers=tuple(labels),
                flop=floors.flop_of(mode, shape, batch), **row)], kind)

    # ---- Groups

    def train(self):
        if self.cuda:
            return [self.train_cuda(*step) for step in
                    (QUICK_STEPS if self.quick else CUDA_STEPS)]
        return [self.train_cpu(threads, precision)
                for threads in (2, 1) for precision in self.precisions]

    def train_cuda(self, precision, batch):
        slow = MORE_CUDA_PEERS if batch != 64 or self.quick else []
        if self.quick and precision != "bf16":
            slow = [*slow, "jax-scan"]
        return self.compare(
            f"cuda_{precision}_b{batch}", [*PEERS["cuda"], *MORE_CUDA_PEERS],
            batch=batch, precision=precision, slow=slow)

    def train_cpu(self, threads, precision):
        two, blocks = threads == 2, f"{OURS}, blocks"
        slow = ["jax-jit"] if self.quick and not two else []
        if self.quick and precision == "bf16" and not self.options.half:
            slow.append("torch-compile")
        original = ["torch-original"] if two and precision == "fp32" else []
        made = self.compare(
            f"cpu_{precision}_b64_t{threads}", [*PEERS["cpu"], *original],
            threads=threads, precision=precision, slow=slow,
            bar=BARS[precision, threads], extra=[
                self.ours("epoch", 2, 64, blocks, engine="blocks",
                          precision=precision)] if two else [])
        first = made.rows[0]
        if two:
            made.rows.append(dataclasses.replace(
                first, name=f"cpu_blocks_{precision}_b64_t2", ours=blocks,
                bar=BLOCKS_BARS[precision]))
        if original and original[0] in first.peers:
            made.rows.append(dataclasses.replace(
                first, name="cpu_original_b64_t2", peers=tuple(original),
                bar=ORIGINAL_BAR))
        return made

    def engines(self):
        """What libvae chooses beside all that it could have chosen."""
        return [Comparison([
            self.ours("epoch", 0, batch, precision=precision),
            *(self.ours("epoch", 0, batch, f"{OURS}, {name}",
                        precision=precision, **fields)
              for name, fields in VARIANTS.items())],
            [Row(f"cuda_engines_{precision}_b{batch}",
                 peers=tuple(f"{OURS}, {name}" for name in VARIANTS))])
            for batch in ([64] if self.quick else self.large)
            for precision in self.precisions]

    def inference(self):
        quick = self.cuda and self.quick
        precisions = ["bf16"] if quick else ["fp32"] + ["bf16"] * self.cuda
        return [self.call(mode, precision, batch) for precision in precisions
                for mode in ("encode", "decode")
                for batch in ((1, 1000) if quick else (1, 64, 1000))]

    def call(self, mode, precision, batch):
        bar = {} if self.cuda else {"bar": INFERENCE_BAR, "stretch": batch == 1,
                                    "against": "onnxruntime"}
        return self.compare(
            f"{self.device}_{mode}_{precision}_b{batch}{self.end}",
            # ONNX Runtime's graph is of fp32.
            INFERENCE if precision == "fp32" else INFERENCE[1:], mode,
            batch=batch, precision=precision, **bar,
            slow=["torch-compile"] if self.quick else [],
            # In a quick run it would take longer than all the rest.
            product=not (self.cuda and self.quick))

    def batches(self):
        return [self.compare(
            f"{self.device}_fp32_b{batch}_batches", PEERS[self.device],
            batch=batch, slow=["jax-jit"]) for batch in
            (1, 4, 16, 64, 256, 1024)]

    def images(self):
        return [self.compare(
            f"{self.device}_fp32_b64_{'x'.join(map(str, shape))}",
            PEERS[self.device], shape=shape) for shape in SHAPES]

    def memory(self):
        return [self.compare(f"cpu_memory_fp32_b{batch}", PEERS["cpu"],
                             batch=batch, kind="memory", product=False)
                for batch in (64, 1024)]

    def startup(self):
        self.rounds = 0  # a process ends with its first step or call
        name = self.device + "_startup_%s_fp32_b64" + self.end
        return [self.compare(name % "step", PEERS[self.device], kind="whole",
                             product=False),
                self.compare(name % "encode", ["onnxruntime", "torch-eager"],
                             "encode", kind="whole", product=False)]

    def overhead(self):
        """Calls that compute nothing, and the smallest step there is."""
        small = dict(net="dense", channels=1, height=1, width=1, latent=1,
                     layers=[1], engine="blocks")
        # On a GPU synchronize asks the driver.
        asks = None if self.cuda else CALL_BAR_US
        calls = [("get", {}, CALL_BAR_US), ("synchronize", {}, asks),
                 ("step", small, None), ("decode", small, None)]
        return [Comparison([self.ours(mode, 1, 1, **fields)], [
            Row(f"{self.device}_call_{mode}" + ("_smallest" if fields else ""),
                bar_us=bar)]) for mode, fields, bar in calls]

    def host(self):
        """Batches from host memory beside the resident data set."""
        far, near = f"{OURS}, host memory", f"{OURS}, resident"
        return [Comparison([
            self.ours("step", self.two, batch, far, precision=p),
            self.ours("epoch", self.two, batch, near, precision=p)],
            [Row(f"{self.device}_host_{p}_b{batch}", ours=far, peers=(near,))])
            for batch in self.large for p in self.precisions]

    def threads(self):
        """A step on the CPU, whatever --device is, by number of threads."""
        counts = sorted({n for n in (1, 2, 4, 8, cores()) if n <= cores()})
        labels = {n: f"{OURS}, {n} thread" + "s" * (n > 1) for n in counts}
        if self.quick:  # there are ten processes
            self.rounds = 3
        return [Comparison([
            self.ours("epoch", n, 64, labels[n], device="cpu", precision=p)
            for n in counts],
            [Row(f"cpu_threads_{p}_b64_t{n}", ours=labels[n],
                 peers=(labels[1],) if n > 1 else ()) for n in counts])
            for p in PRECISIONS["cpu"]]

    def neighbour(self):
        # With emulated bf16 the peers take minutes for a few steps.
        return [self.compare(f"cpu_neighbour_{p}_b64_t2", PEERS["cpu"],
                             precision=p, kind="busy")
                for p in ["fp32"] + ["bf16"] * self.options.half]

    def two_trainers(self):
        """Two at once: ours in one process, a peer's in two."""
        alone, found = f"{OURS}, one alone", []
        for threads in (1, 2):
            found.append(self.compare(
                f"cpu_two_trainers_fp32_b64_t{threads}", PEERS["cpu"],
                threads=threads, copies=2, product=False,
                extra=[self.ours("epoch", threads, 64, alone)]))
            found[-1].rows.append(Row(
                f"cpu_two_against_one_fp32_b64_t{threads}", peers=(alone,)))
        return found


def urgency(comparison):
    """The index of the first pattern of URGENT that it matches."""
    return next((place for place, pattern in enumerate(URGENT)
                 if fnmatch.fnmatch(comparison.rows[0].name, pattern)),
                len(URGENT))


def comparisons(options):
    """Those of the groups of --only, with the rows of --rows."""
    found = [dataclasses.replace(made, group=group) for group in options.only
             for made in getattr(Maker(options), group, list)()]
    if options.rows:
        found = [made.only(options.rows) for made in found]
    found = [made for made in found if made.rows]
    return sorted(found, key=urgency) if options.device == "cuda" else found
