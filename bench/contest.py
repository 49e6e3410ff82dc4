"""What runs side by side: contestants with their command lines, rows that are
read from them, and the heats that hold both.

It knows how a process is asked, not what is worth asking: that is suite.py.
Runs nothing. Standard library only.
"""

import dataclasses
import fnmatch
import json
import pathlib

import arithmetic
import peers

PEERS_SCRIPT = pathlib.Path(peers.__file__).resolve()
OURS = "libvae"
GREY = (1, 28, 28)
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
    step or call must compute; `bar` the most that ours / peer may be, `bar_us`
    that ours may last in microseconds. `against` names the one peer that the
    bar is about, if it is not the best."""

    name: str
    ours: str = OURS
    peers: tuple = ()
    bar: float = None
    bar_us: float = None
    against: str = None
    flop: float = None
    stretch: bool = False


@dataclasses.dataclass
class Heat:
    group: str
    contestants: list
    rows: list
    # "time": by the gate. "busy": each round also with a busy neighbour.
    # "memory": as "time", but what counts is the memory. "whole": a process
    # from its beginning to its end.
    kind: str = "time"
    skipped: str = None

    def only(self, patterns):
        """It with the rows that are like a pattern, and who is in them."""
        rows = [row for row in self.rows
                if any(fnmatch.fnmatch(row.name, p) for p in patterns)]
        wanted = {PRODUCT}.union(*({row.ours, *row.peers} for row in rows))
        return dataclasses.replace(
            self, rows=rows, contestants=[c for c in self.contestants
                                          if c.label in wanted])


class Words:
    """Command lines, for one run's settings."""

    def __init__(self, options):
        self.options = options
        self.cuda = options.device == "cuda"

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

    def peer(self, label, threads, batch, precision, *words):
        return Contestant(label, [
            self.options.python, str(PEERS_SCRIPT), label,
            "--device", self.options.device, "--precision", precision, *words,
            *self.common(threads, batch)])

    def trainer(self, label, threads, batch, precision, shape=GREY):
        return self.peer(label, threads, batch, precision, "--shape",
                         "x".join(map(str, shape)), *self.images(batch))

    def inference(self, label, mode, threads, batch, precision="fp32"):
        return self.peer(label, threads, batch, precision, "--mode", mode)

    def product(self, precision, threads):
        # What replaces bf16 products is no measure of what could be.
        rate = precision if self.options.half else "fp32"
        return self.peer(PRODUCT, threads, 1, rate)

    def wanted(self, labels, unless_named=()):
        """The peers among `labels`; some only if --peers names them."""
        named = self.options.peers
        if named is not None:
            return [label for label in labels if label in named]
        return [label for label in labels if label not in unless_named]


def training(w, group, name, precision, threads, batch, labels, *, bar=None,
             shape=GREY, kind="time", extra=(), unless_named=()):
    """A heat of one training step; `extra` are further contestants of ours."""
    channels, height, width = shape
    labels = w.wanted(labels, unless_named)
    contestants = [
        w.ours("epoch", threads, batch, precision=precision, channels=channels,
               height=height, width=width),
        *extra, *(w.trainer(label, threads, batch, precision, shape)
                  for label in labels)]
    if labels and kind != "memory":
        contestants.append(w.product(precision, threads))
    row = Row(name, peers=tuple(labels), bar=bar,
              flop=arithmetic.flop_of("epoch", shape, batch))
    return Heat(group, contestants, [row], kind=kind)
