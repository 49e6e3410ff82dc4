"""Stands for vae_bench and for the Python of the peers in run_test.py. It waits
before each round as they do and answers what its rules say. Imports little,
since a test starts many of it.

RULES, which run_test.py puts in: a list of [texts, what], of which the first
counts whose texts are all in the command line. `what` is an answer as JSON, the
name of a behaviour, or a list of such (the first process takes the first, ...).
"""
import contextlib
import os
import sys
import time

RULES = None
FOLDER = sys.argv[0].rpartition("/")[0]


def end(text):
    print(text)
    sys.exit()


def stick():
    open(FOLDER + "/stuck", "w").close()
    time.sleep(1000)


AT_THE_BEGINNING = {
    "missing": lambda: end('{"skipped": "it is not installed"}'),
    "fails": lambda: sys.exit("Traceback\nSomeError: broken\nafterwards"),
    "rubbish": lambda: end("no JSON here"),
    "late": lambda: time.sleep(1), "hangs": lambda: time.sleep(1000)}
IN_A_ROUND = {
    "dies": lambda: sys.exit("SomeError: died in a round"), "sticks": stick}


def chosen(line):
    for rule, (texts, what) in enumerate(RULES):
        if all(text in line for text in texts):
            if not isinstance(what, list):
                return what
            # Copies start at once, so each makes a file that only one can.
            for number in range(10000):
                with contextlib.suppress(FileExistsError):
                    open(f"{FOLDER}/used-{rule}-{number}", "x").close()
                    return what[min(number, len(what) - 1)]
    sys.exit("there is no rule for " + line)


line = " ".join(sys.argv)
open(f"{FOLDER}/pid-{os.getpid()}", "w").close()
what = chosen(line)
AT_THE_BEGINNING.get(what, str)()
if "--gate" in line:
    for _ in range(int(sys.argv[sys.argv.index("--rounds") + 1])):
        print("ready", flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody opens the gate any more")
        IN_A_ROUND.get(what, str)()
print("a line before the object")
answer = what if what.startswith("{") else '{"peak_rss_bytes": 3145728}'
build = '"version": "1"' if "--config" in line else '"torch": "2"'
print(answer[:-1] + ', "build": {' + build + "}}")
