"""Stands for vae_bench and for the Python of the peers in tests of bench/run:
it speaks the gate's protocol and says what its rules tell it to. Computes
nothing, and imports little, since a test starts many of it.

RULES, which fakes.py puts in: a list of [words, what], the first of which
counts whose words are all in the command line. `what` is an answer's text, a
behaviour's name, or a list of such (the first process takes the first, ...).
"""
import os
import sys
import time

RULES = None
HERE = sys.argv[0].rpartition("/")[0]
NO_TIME = '{"peak_rss_bytes": 3145728}'


def number_of(rule):
    """How many processes with this rule there were before."""
    for number in range(10000):
        try:
            os.close(os.open(f"{HERE}/used-{rule}-{number}",
                             os.O_CREAT | os.O_EXCL))
            return number
        except FileExistsError:
            pass
    raise SystemExit("too many processes")


def chosen(line):
    for rule, (words, what) in enumerate(RULES):
        if all(word in line for word in words):
            if isinstance(what, list):
                return what[min(number_of(rule), len(what) - 1)]
            return what
    raise SystemExit("there is no rule for " + line)


def misbehave(what):
    """At the beginning, where a peer is prepared."""
    if what == "missing":
        print('{"skipped": "it is not installed"}')
        sys.exit()
    if what == "fails":
        raise SystemExit("Traceback\nSomeError: broken\nafterwards")
    if what == "late":
        time.sleep(1)
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
            open(HERE + "/stuck", "w").close()
            time.sleep(1000)


def main():
    line = " ".join(sys.argv)
    open(f"{HERE}/pid-{os.getpid()}", "w").close()
    what = chosen(line)
    misbehave(what)
    if "--gate" in line:
        rounds(int(sys.argv[sys.argv.index("--rounds") + 1]), what)
    print("a word before the object")
    answer = what if what.startswith("{") else NO_TIME
    build = '"version": "1"' if "--config" in line else '"torch": "2"'
    print(answer[:-1] + ', "build": {' + build + "}}")


main()
