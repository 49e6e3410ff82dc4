"""What bench/run measures, on a CPU and on a GPU: groups of heats, with the
bars that rows are held against. Runs nothing. Standard library only.
"""

import dataclasses
import fnmatch
import os

import arithmetic
from contest import GREY, OURS, Heat, Row, Words, training

PRECISIONS = {"cpu": ["fp32", "bf16"], "cuda": ["fp32", "tf32", "bf16"]}
# 0: what each chooses. On a GPU the host's threads compute nothing.
THREADS = {"cpu": 2, "cuda": 0}
# The most that our time may be of the best peer's, by precision and threads.
# There are none for GPUs yet.
BARS = {("fp32", 2): 0.65, ("bf16", 2): 0.60,
        ("fp32", 1): 0.70, ("bf16", 1): 0.60}
BLOCKS_BARS = {"fp32": 0.90, "bf16": 0.85}
ORIGINAL_BAR, INFERENCE_BAR, CALL_BAR_US = 0.40, 1.0, 1.0
BATCHES = [1, 4, 16, 64, 256, 1024]
SHAPES = [GREY, (3, 32, 32), (3, 64, 64)]
# Who trains beside us in every row.
PEERS = {"cpu": ["torch-eager", "torch-compile", "jax-jit"],
         "cuda": ["torch-eager", "torch-compiled-graph-16", "jax-scan"]}
# These at batch 64 only: each compiles anew for every batch and precision.
MORE_CUDA_PEERS = [
    "torch-original", "torch-compile", "torch-compile-reduce-overhead",
    "torch-compile-max-autotune", "torch-compiled-graph", "jax-jit"]
INFERENCE = ["onnxruntime", "torch-eager", "torch-compile"]
# Fields of vae_config, by what they are called: all that "auto" chooses from.
# On the CPU the engine blocks has rows in `train`.
GRAPHS = {"": {"graph": "off"}, "-graph": {"graph": "on", "graph_steps": 1},
          "-graph-8": {"graph": "on", "graph_steps": 8}}
VARIANTS = {"cpu": {}, "cuda": {
    engine + name: {"engine": engine, **graph}
    for engine in ("blocks", "fused") for name, graph in GRAPHS.items()}}
# Steps on a GPU of a quick run, and of one that is not.
QUICK_STEPS = [("bf16", 64), ("tf32", 64), ("bf16", 1024), ("fp32", 64)]
CUDA_STEPS = [(p, batch) for batch in (64, 256, 1024, 4096)
              for p in PRECISIONS["cuda"]]
# Rows on a GPU that are measured before all others, in case time runs out.
URGENT = ["cuda_bf16_b64", "cuda_tf32_b64", "cuda_bf16_b1024",
          "cuda_??code_bf16_*", "cuda_host_bf16_*", "cpu_threads_*"]
# (precision, batch, engine) of the steps that kernels.py takes apart.
KERNELS = [("bf16", 64, "fused"), ("tf32", 64, "fused"),
           ("bf16", 1024, "fused")]


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def cuda_steps(options):
    return QUICK_STEPS if options.quick else CUDA_STEPS


def quick_cuda(w):
    return w.cuda and w.options.quick


def train(w):
    return train_cuda(w) if w.cuda else train_cpu(w)


def train_cuda(w):
    heats = []
    for precision, batch in cuda_steps(w.options):
        more = MORE_CUDA_PEERS if batch != 64 or w.options.quick else []
        if w.options.quick and precision != "bf16":
            more = [*more, "jax-scan"]
        heats.append(training(
            w, "train", f"cuda_{precision}_b{batch}", precision, 0, batch,
            [*PEERS["cuda"], *MORE_CUDA_PEERS], unless_named=more))
    return heats


def train_cpu(w):
    return [train_cpu_heat(w, threads, precision)
            for threads in (2, 1) for precision in PRECISIONS["cpu"]]


def train_cpu_heat(w, threads, precision):
    two, quick = threads == 2, w.options.quick
    slow = ["jax-jit"] if quick and not two else []
    if quick and precision == "bf16" and not w.options.half:
        slow.append("torch-compile")
    extra = [w.ours("epoch", threads, 64, "blocks", engine="blocks",
                    precision=precision)] if two else []
    original = ["torch-original"] if two and precision == "fp32" else []
    heat = training(
        w, "train", f"cpu_{precision}_b64_t{threads}", precision, threads, 64,
        [*PEERS["cpu"], *original], extra=extra, bar=BARS[precision, threads],
        unless_named=slow)
    main = heat.rows[0]
    if two:
        heat.rows.append(dataclasses.replace(
            main, name=f"cpu_blocks_{precision}_b64_t2", ours="blocks",
            bar=BLOCKS_BARS[precision]))
    if original and original[0] in main.peers:
        heat.rows.append(dataclasses.replace(
            main, name="cpu_original_b64_t2", peers=tuple(original),
            bar=ORIGINAL_BAR))
    return heat


def engines(w):
    """What libvae chooses by itself beside all that it could have chosen, and
    what --config asks for: compared with ourselves."""
    variants = {**VARIANTS[w.options.device], **w.options.configs}
    if not variants:
        return []
    device, threads = w.options.device, THREADS[w.options.device]
    batches = [64] if w.options.quick or not w.cuda else [64, 1024]
    precisions = ["bf16"] if quick_cuda(w) else PRECISIONS[device]
    heats = []
    for batch in batches:
        for precision in precisions:
            others = [w.ours("epoch", threads, batch, f"{OURS}, {name}",
                             **{"precision": precision, **fields})
                      for name, fields in variants.items()]
            heats.append(Heat("engines", [
                w.ours("epoch", threads, batch, precision=precision), *others],
                [Row(f"{device}_engines_{precision}_b{batch}",
                     peers=tuple(c.label for c in others))]))
    return heats


def inference(w):
    """On a GPU bf16 too, without ONNX Runtime, whose graph is of fp32; in a
    quick run bf16 alone."""
    precisions = ["fp32", "bf16"] if w.cuda else ["fp32"]
    batches = (1, 64, 1000)
    if quick_cuda(w):
        precisions, batches = ["bf16"], (1, 1000)
    return [inference_heat(w, mode, precision, batch)
            for precision in precisions for mode in ("encode", "decode")
            for batch in batches]


def inference_heat(w, mode, precision, batch):
    threads = THREADS[w.options.device]
    labels = w.wanted(
        INFERENCE if precision == "fp32" else INFERENCE[1:],
        unless_named=["torch-compile"] if w.options.quick else [])
    contestants = [w.ours(mode, threads, batch, precision=precision),
                   *(w.inference(label, mode, threads, batch, precision)
                     for label in labels)]
    # Preparing the product lasts longer than such a heat.
    if labels and not quick_cuda(w):
        contestants.append(w.product(precision, threads))
    held = {} if w.cuda else {"bar": INFERENCE_BAR, "against": "onnxruntime",
                              "stretch": batch == 1}
    end = "" if w.cuda else f"_t{threads}"
    name = f"{w.options.device}_{mode}_{precision}_b{batch}{end}"
    return Heat("inference", contestants, [
        Row(name, peers=tuple(labels), **held,
            flop=arithmetic.flop_of(mode, GREY, batch))])


def batches(w):
    device = w.options.device
    labels = PEERS[device] if w.cuda else ["torch-eager", "torch-compile"]
    return [training(w, "batches", f"{device}_fp32_b{batch}_batches", "fp32",
                     THREADS[device], batch, labels) for batch in BATCHES]


def images(w):
    device = w.options.device
    return [training(w, "images",
                     f"{device}_fp32_b64_{'x'.join(map(str, shape))}", "fp32",
                     THREADS[device], 64, PEERS[device], shape=shape)
            for shape in SHAPES]


def memory(w):
    return [training(w, "memory", f"cpu_memory_fp32_b{batch}", "fp32", 2, batch,
                     PEERS["cpu"], kind="memory") for batch in (64, 1024)]


def changed(contestant, **words):
    """It with other values of options, as in rounds=0."""
    command = list(contestant.command)
    for name, value in words.items():
        command[command.index("--" + name) + 1] = str(value)
    return dataclasses.replace(contestant, command=command)


def startup(w):
    device, threads = w.options.device, THREADS[w.options.device]
    end = "" if w.cuda else f"_t{threads}"
    steps = w.wanted(PEERS[device])
    calls = w.wanted(["onnxruntime", "torch-eager"])
    heats = []
    for name, ours, peers in (
            ("step", w.ours("epoch", threads, 64),
             [w.trainer(p, threads, 64, "fp32") for p in steps]),
            ("encode", w.ours("encode", threads, 64),
             [w.inference(p, "encode", threads, 64) for p in calls])):
        contestants = [changed(c, rounds=0) for c in (ours, *peers)]
        heats.append(Heat(
            "startup", contestants, kind="whole",
            rows=[Row(f"{device}_startup_{name}_fp32_b64{end}",
                      peers=tuple(c.label for c in peers))]))
    return heats


def overhead(w):
    """Calls that compute nothing, and the smallest step there is: all that it
    takes beyond some hundred operations is the library's own."""
    small = dict(net="dense", channels=1, height=1, width=1, latent=1,
                 layers=[1], engine="blocks")
    # On a GPU to synchronise is to ask the driver.
    asks = None if w.cuda else CALL_BAR_US
    calls = [("get", {}, CALL_BAR_US), ("synchronize", {}, asks),
             ("step", small, None), ("decode", small, None)]
    return [Heat("overhead", [w.ours(mode, 1, 1, **fields)], [Row(
        f"{w.options.device}_call_{mode}" + ("_smallest" if fields else ""),
        bar_us=bar)]) for mode, fields, bar in calls]


def host(w):
    """Images from host memory at each step, and the data set that lies on the
    device: compared with ourselves."""
    device, threads = w.options.device, THREADS[w.options.device]
    return [Heat("host", [
        w.ours("step", threads, batch, "libvae, host memory", precision=p),
        w.ours("epoch", threads, batch, "libvae, resident", precision=p)],
        [Row(f"{device}_host_{p}_b{batch}", ours="libvae, host memory",
             peers=("libvae, resident",))])
        for batch in ([64, 1024] if w.cuda else [64])
        for p in (["bf16"] if quick_cuda(w) else PRECISIONS[device])]


def threads(w):
    """A step on the CPU, whatever --device is, by the number of threads:
    compared with one thread of our own."""
    counts = sorted({n for n in (1, 2, 4, 8, cores()) if n <= cores()})
    labels = {n: f"{OURS}, {n} thread" + "s" * (n > 1) for n in counts}
    # Ten processes, so a quick run is short with each.
    brief = {"rounds": 3, "seconds": 0.1} if w.options.quick else {}
    return [Heat("threads", [
        changed(w.ours("epoch", n, 64, labels[n], device="cpu", precision=p),
                **brief) for n in counts],
        [Row(f"cpu_threads_{p}_b64_t{n}", ours=labels[n],
             peers=(labels[1],) if n > 1 else ()) for n in counts])
        for p in PRECISIONS["cpu"]]


def neighbour(w):
    return [training(w, "neighbour", f"cpu_neighbour_{p}_b64_t2", p, 2, 64,
                     PEERS["cpu"], kind="busy") for p in PRECISIONS["cpu"]]


def two_trainers(w):
    """Two at once: ours in one process, a peer's in two."""
    heats = []
    for threads in (1, 2):
        labels = w.wanted(PEERS["cpu"])
        pairs = [dataclasses.replace(w.trainer(p, threads, 64, "fp32"),
                                     copies=2) for p in labels]
        heats.append(Heat("two_trainers", [
            w.ours("epoch", threads, 64, trainers=2),
            w.ours("epoch", threads, 64, f"{OURS}, one alone"), *pairs],
            [Row(f"cpu_two_trainers_fp32_b64_t{threads}", peers=tuple(labels)),
             Row(f"cpu_two_against_one_fp32_b64_t{threads}",
                 peers=(f"{OURS}, one alone",))]))
    return heats


# In the order in which they are measured.
MAKERS = {"train": train, "engines": engines, "inference": inference,
          "batches": batches, "images": images, "memory": memory,
          "startup": startup, "overhead": overhead, "host": host,
          "threads": threads, "neighbour": neighbour, "two_trainers": two_trainers}
# Those without rows are measured once, by programs of their own.
GROUPS = [*MAKERS, "sizes", "kernels", "floors"]
QUICK_GROUPS = {"cpu": ["train", "inference", "overhead"],
                "cuda": ["train", "engines", "inference", "overhead", "host",
                         "threads", "kernels", "floors"]}
CPU_ONLY = {"memory", "neighbour", "two_trainers"}


def floor_batches(options):
    if options.device != "cuda":
        return [64]
    return sorted({batch for _, batch in cuda_steps(options)})


def urgency(heat):
    """The first pattern of URGENT that it is like."""
    return next((place for place, pattern in enumerate(URGENT)
                 if fnmatch.fnmatch(heat.rows[0].name, pattern)), len(URGENT))


def why_not(heat, options):
    """Why a heat cannot be run on this machine; None if it can."""
    if options.device == "cuda":
        return ("measured on the CPU only" if heat.group in CPU_ONLY else None)
    bf16 = any("bf16" in row.name for row in heat.rows)
    if heat.kind == "busy" and bf16 and not options.half:
        return ("this processor has no products of bf16, and beside a "
                "neighbour the peers' replacement takes minutes for a few steps")
    return None


def heats(options):
    """Those of the groups of --only, with the rows of --rows."""
    words = Words(options)
    found = [heat for group in options.only if group in MAKERS
             for heat in MAKERS[group](words)]
    if options.rows:
        found = [heat.only(options.rows) for heat in found]
    found = [heat for heat in found if heat.rows]
    if options.device == "cuda":
        found.sort(key=urgency)
    for heat in found:
        heat.skipped = why_not(heat, options)
    return found
