"""What bench/run measures: groups of heats, and the rows read from them.

A heat is what runs side by side and round by round: libvae, the peers, and the
largest product, whose rate is the floor's. A row compares one contestant of
ours with some peers of one heat. Runs nothing. Standard library only.
"""

import dataclasses
import json
import pathlib

import matrix

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = ["train", "inference", "batches", "images", "memory", "startup",
          "sizes", "overhead", "host", "neighbour", "two_trainers"]
QUICK_GROUPS = ["train", "inference", "overhead"]
OURS = "libvae"
GREY = (1, 28, 28)
BATCHES = [1, 4, 16, 64, 256, 1024]
CUDA_BATCHES = [64, 512, 4096]
SHAPES = [GREY, (3, 32, 32), (3, 64, 64)]
# The most that our time may be of the best peer's, by precision and threads.
BARS = {("fp32", 2): 0.65, ("bf16", 2): 0.60,
        ("fp32", 1): 0.70, ("bf16", 1): 0.60}
BLOCKS_BARS = {"fp32": 0.90, "bf16": 0.85}
ORIGINAL_BAR, INFERENCE_BAR, CALL_BAR_US = 0.40, 1.0, 1.0
CPU_PEERS = ["torch-eager", "torch-compile", "jax-jit"]
CUDA_PEERS = ["torch-eager", "torch-compile", "torch-compiled-graph-16",
              "jax-scan"]
INFERENCE = {"onnxruntime": ("onnx_peer.py", "session"),
             "torch-eager": ("torch_peer.py", "eager"),
             "torch-compile": ("torch_peer.py", "compile")}
PRODUCT = "product"


@dataclasses.dataclass
class Contestant:
    """A process of a heat; `copies` of it run at once."""

    label: str
    command: list
    ours: bool = False
    copies: int = 1


@dataclasses.dataclass
class Row:
    """`ours` against the best of `peers`, labels of one heat. `flop` is what a
    step or call must compute; `bar` the most that ours / peer may be, or, if
    there is no peer, that ours may last in microseconds. `against` names the
    one peer that the bar is about, if it is not the best."""

    name: str
    ours: str = OURS
    peers: tuple = ()
    bar: float = None
    against: str = None
    flop: float = None
    stretch: bool = False


@dataclasses.dataclass
class Heat:
    group: str
    contestants: list
    rows: list
    # "time": by the gate. "busy": each round also with a busy neighbour.
    # "whole": a process from its beginning to its end.
    kind: str = "time"
    skipped: str = None


class Words:
    """Command lines, for one run's settings."""

    def __init__(self, options):
        self.options = options

    def common(self, threads, batch):
        o = self.options
        return ["--batch", str(batch), "--threads", str(threads), "--gate",
                "--rounds", str(o.rounds), "--seconds", str(o.seconds)]

    def images(self, batch):
        return ["--images", str(max(self.options.images, batch))]

    def ours(self, mode, threads, batch, label=OURS, trainers=1, **fields):
        fields = {"device": self.options.device, **fields}
        images = self.images(batch) if mode in ("epoch", "step") else []
        return Contestant(label, [
            self.options.bench, "--mode", mode, "--trainers", str(trainers),
            "--config", json.dumps(fields),
            *self.common(threads, batch), *images], ours=True)

    def script(self, label, name, variant, threads, batch, words):
        return Contestant(label, [
            self.options.python, str(HERE / "peers" / name), variant,
            "--device", self.options.device, *words,
            *self.common(threads, batch)])

    def peer(self, label, threads, batch, precision, shape=GREY):
        script, variant, steps = matrix.PEERS[label]
        words = ["--precision", precision, "--graph-steps", str(steps),
                 "--shape", "x".join(map(str, shape)), *self.images(batch)]
        return self.script(label, script, variant, threads, batch, words)

    def inference(self, label, mode, threads, batch):
        script, variant = INFERENCE[label]
        return self.script(label, script, variant, threads, batch,
                           ["--mode", mode])

    def product(self, precision, threads):
        return self.script(PRODUCT, "product_peer.py", "largest", threads, 1,
                           ["--precision", precision])


def wanted_peers(options, labels, slow=()):
    """Of `labels`; `slow` are those that --quick leaves out by itself."""
    if options.peers is not None:
        return [label for label in labels if label in options.peers]
    return [label for label in labels
            if not options.quick or label not in slow]


def training(w, group, name, precision, threads, batch, labels, *, bar=None,
             shape=GREY, kind="time", extra=(), slow=()):
    """A heat of one training step; `extra` are further contestants of ours."""
    import arithmetic

    channels, height, width = shape
    labels = wanted_peers(w.options, labels, slow)
    contestants = [
        w.ours("epoch", threads, batch, precision=precision, channels=channels,
               height=height, width=width),
        *extra, *(w.peer(label, threads, batch, precision, shape)
                  for label in labels)]
    if labels:
        # What replaces bf16 products is no measure of what could be.
        rate = precision if w.options.half else "fp32"
        contestants.append(w.product(rate, threads))
    row = Row(name, peers=tuple(labels), bar=bar,
              flop=arithmetic.flop_of("epoch", shape, batch))
    return Heat(group, contestants, [row], kind=kind)


def train(w):
    device, heats = w.options.device, []
    if device == "cuda":
        return [training(w, "train", f"cuda_{p}_b{batch}", p, 0, batch,
                         CUDA_PEERS)
                for batch in CUDA_BATCHES for p in matrix.PRECISIONS["cuda"]]
    for threads in (2, 1):
        for precision in ("fp32", "bf16"):
            two = threads == 2
            slow = [] if two else ["jax-jit"]
            if precision == "bf16" and not w.options.half:
                slow.append("torch-compile")
            extra = [w.ours("epoch", threads, 64, "blocks", engine="blocks",
                            precision=precision)] if two else []
            original = (["torch-original"]
                        if two and precision == "fp32" else [])
            heat = training(
                w, "train", f"cpu_{precision}_b64_t{threads}", precision,
                threads, 64, [*CPU_PEERS, *original], extra=extra,
                bar=BARS[precision, threads],
                slow=slow)
            main = heat.rows[0]
            if two:
                heat.rows.append(dataclasses.replace(
                    main, name=f"cpu_blocks_{precision}_b64_t2", ours="blocks",
                    bar=BLOCKS_BARS[precision]))
            if original and original[0] in main.peers:
                heat.rows.append(dataclasses.replace(
                    main, name="cpu_original_b64_t2", peers=tuple(original),
                    bar=ORIGINAL_BAR))
            heats.append(heat)
    return heats


def inference(w):
    import arithmetic

    device, threads = w.options.device, 2
    labels = wanted_peers(w.options, INFERENCE, ("torch-compile",))
    heats = []
    for mode in ("encode", "decode"):
        for batch in (1, 64, 1000):
            contestants = [w.ours(mode, threads, batch),
                           *(w.inference(label, mode, threads, batch)
                             for label in labels)]
            if labels:
                contestants.append(w.product("fp32", threads))
            heats.append(Heat("inference", contestants, [Row(
                f"{device}_{mode}_fp32_b{batch}_t{threads}",
                peers=tuple(labels), bar=INFERENCE_BAR, against="onnxruntime",
                stretch=batch == 1,
                flop=arithmetic.flop_of(mode, GREY, batch))]))
    return heats


def batches(w):
    device = w.options.device
    threads = 0 if device == "cuda" else 2
    return [training(w, "batches", f"{device}_fp32_b{batch}_batches", "fp32",
                     threads, batch, ["torch-eager", "torch-compile"])
            for batch in BATCHES]


def images(w):
    device = w.options.device
    threads = 0 if device == "cuda" else 2
    return [training(w, "images",
                     f"{device}_fp32_b64_{'x'.join(map(str, shape))}", "fp32",
                     threads, 64, CPU_PEERS, shape=shape) for shape in SHAPES]


def memory(w):
    heats = []
    for batch in (64, 1024):
        heat = training(w, "memory", f"cpu_memory_fp32_b{batch}", "fp32", 2,
                        batch, CPU_PEERS, kind="memory")
        heat.contestants = [c for c in heat.contestants if c.label != PRODUCT]
        heats.append(heat)
    return heats


def without_rounds(contestant):
    words = list(contestant.command)
    words[words.index("--rounds") + 1] = "0"
    return dataclasses.replace(contestant, command=words)


def startup(w):
    device = w.options.device
    steps = wanted_peers(w.options, CPU_PEERS)
    calls = wanted_peers(w.options, ["onnxruntime", "torch-eager"])
    heats = []
    for name, ours, peers in (
            ("step", w.ours("epoch", 2, 64),
             [w.peer(p, 2, 64, "fp32") for p in steps]),
            ("encode", w.ours("encode", 2, 64),
             [w.inference(p, "encode", 2, 64) for p in calls])):
        contestants = [without_rounds(c) for c in (ours, *peers)]
        heats.append(Heat(
            "startup", contestants, kind="whole",
            rows=[Row(f"{device}_startup_{name}_fp32_b64_t2",
                      peers=tuple(c.label for c in peers))]))
    return heats


def overhead(w):
    """Calls that compute nothing, and the smallest step there is: all that it
    takes beyond some hundred operations is the library's own."""
    small = dict(net="dense", channels=1, height=1, width=1, latent=1,
                 layers=[1], engine="blocks")
    device = w.options.device
    calls = [("get", {}, CALL_BAR_US), ("synchronize", {}, CALL_BAR_US),
             ("step", small, None), ("decode", small, None)]
    return [Heat("overhead", [w.ours(mode, 1, 1, **fields)], [Row(
        f"{device}_call_{mode}" + ("_smallest" if fields else ""), bar=bar)])
        for mode, fields, bar in calls]


def host(w):
    """Images from host memory at each step, and the data set that lies on the
    device: compared with ourselves."""
    device = w.options.device
    threads = 0 if device == "cuda" else 2
    precisions = matrix.PRECISIONS[device]
    return [Heat("host", [
        w.ours("step", threads, 64, "libvae, host memory", precision=p),
        w.ours("epoch", threads, 64, "libvae, resident", precision=p)],
        [Row(f"{device}_host_{p}_b64", ours="libvae, host memory",
             peers=("libvae, resident",))]) for p in precisions]


def neighbour(w):
    labels = [*CPU_PEERS]
    return [training(w, "neighbour", f"cpu_neighbour_{p}_b64_t2", p, 2, 64,
                     labels, kind="busy") for p in ("fp32", "bf16")]


def two_trainers(w):
    """Two at once: ours in one process, a peer's in two."""
    heats = []
    for threads in (1, 2):
        labels = wanted_peers(w.options, CPU_PEERS)
        pairs = [dataclasses.replace(w.peer(p, threads, 64, "fp32"), copies=2)
                 for p in labels]
        heats.append(Heat("two_trainers", [
            w.ours("epoch", threads, 64, trainers=2),
            w.ours("epoch", threads, 64, "libvae, one alone"), *pairs],
            [Row(f"cpu_two_trainers_fp32_b64_t{threads}", peers=tuple(labels)),
             Row(f"cpu_two_against_one_fp32_b64_t{threads}",
                 peers=("libvae, one alone",))]))
    return heats


MAKERS = {"train": train, "inference": inference, "batches": batches,
          "images": images, "memory": memory, "startup": startup,
          "overhead": overhead, "host": host, "neighbour": neighbour,
          "two_trainers": two_trainers}
CPU_ONLY = {"memory", "neighbour", "two_trainers"}


def why_not(heat, options):
    """Why a heat cannot be run on this machine; None if it can."""
    if options.device == "cuda":
        return ("measured on the CPU only" if heat.group in CPU_ONLY else None)
    bf16 = any("bf16" in row.name for row in heat.rows)
    if heat.kind == "busy" and bf16 and not options.half:
        return ("this processor has no products of bf16, and beside a neighbour "
                "the peers' replacement takes minutes for a few steps")
    return None


def heats(options):
    words = Words(options)
    found = [heat for group in options.only if group in MAKERS
             for heat in MAKERS[group](words)]
    for heat in found:
        heat.skipped = why_not(heat, options)
    return found
