"""Stands for vae_bench and for the Python of the peers in tests of bench/run:
it speaks the gate's protocol and says what a file beside it, fake.json, tells
it to. Computes nothing. Standard library only.

fake.json: a list of [words, what], the first of which counts whose words are
all in the command line. `what` is the time of a step in microseconds, a list of
such (the first process says the first, and so on), or a behaviour's name.
"""
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def number_of(rule):
    """How many processes with this rule there were before."""
    for number in range(10000):
        try:
            os.close(os.open(HERE / f"used-{rule}-{number}",
                             os.O_CREAT | os.O_EXCL))
            return number
        except FileExistsError:
            pass
    raise SystemExit("too many processes")


def chosen(line):
    for rule, (words, what) in enumerate(json.loads(
            (HERE / "fake.json").read_text())):
        if all(word in line for word in words):
            if isinstance(what, list):
                return what[min(number_of(rule), len(what) - 1)]
            return what
    raise SystemExit("fake.json has no rule for " + line)


def misbehave(what):
    """At the beginning, where a peer is prepared."""
    if what == "missing":
        print(json.dumps({"skipped": "it is not installed"}))
        sys.exit()
    if what == "fails":
        raise SystemExit("Traceback\nSomeError: broken\nafterwards")
    if what == "late":
        time.sleep(2)
    if what == "hangs":
        time.sleep(1000)
    if what == "rubbish":
        print("no JSON here")
        sys.exit()


def rounds(count, what):
    for _ in range(count):
        print("ready", flush=True)
        if not sys.stdin.readline():
            raise SystemExit("nobody opens the gate any more")
        if what == "dies":
            raise SystemExit("SomeError: died in a round")
        if what == "sticks":
            (HERE / "stuck").touch()
            time.sleep(1000)


def main():
    line = " ".join(sys.argv)
    (HERE / f"pid-{os.getpid()}").touch()
    what = chosen(line)
    misbehave(what)
    rounds(int(sys.argv[sys.argv.index("--rounds") + 1]), what)
    print("a word before the object")
    ours = "--config" in sys.argv
    answer = {"peak_rss_bytes": 3 << 20, "flop": 1e9,
              "build": {"version": "1"} if ours else {"torch": "2"}}
    if isinstance(what, (int, float)):
        answer["us_per_step"] = what
    print(json.dumps(answer))


main()
