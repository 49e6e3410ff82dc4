"""Stands for vae_bench and for the Python of the peers in run_test.py. It
speaks the gate's protocol and answers what its rules say. Imports little, since a test
starts many of it.

RULES, which run_test.py puts in: a list of [words, what], of which the first
counts whose words are all in the command line. `what` is an answer as JSON, the
name of a behaviour, or a list of such (the first process takes the first, ...).
"""
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


def number_of(rule):
    """How many processes with this rule there were before."""
    for number in range(10000):
        try:
            os.close(os.open(f"{FOLDER}/used-{rule}-{number}",
                             os.O_CREAT | os.O_EXCL))
            return number
        except FileExistsError:
            pass


def chosen(line):
    for rule, (words, what) in enumerate(RULES):
        if all(word in line for word in words):
            if isinstance(what, list):
                return what[min(number_of(rule), len(what) - 1)]
            return what
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
