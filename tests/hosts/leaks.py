"""Runs a program that makes, trains and destroys trainers in a loop, and fails
if its resident memory grows with them.

    leaks.py NAME=PROGRAM [NAME=PROGRAM...]

A program prints "trainers N rss KIB" every 20 trainers, up to 200. The first
half warms up: allocators keep what they once needed, and a collected heap grows
to its working size. The second half makes 100 trainers of about 1 MiB each
(parameters, two moments, gradients, activations): a leak of whole trainers shows
as 100 MiB, one of a kilobyte for each as 100 KiB.
"""

import re
import subprocess
import sys

TRAINERS = 200
LIMIT_KIB = 3072
LINE = re.compile(r"^trainers (\d+) rss (\d+)$", re.MULTILINE)


def growth(name, program):
    """KiB that the second half of the trainers added, and the last value."""
    done = subprocess.run([program, str(TRAINERS)], timeout=900, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{name}: exit code {done.returncode}\n{done.stdout}")
    rss = {int(n): int(kib) for n, kib in LINE.findall(done.stdout)}
    if TRAINERS not in rss or TRAINERS // 2 not in rss:
        sys.exit(f"{name}: not the expected lines:\n{done.stdout}")
    return rss[TRAINERS] - rss[TRAINERS // 2], rss[TRAINERS]


def main():
    leaking = False
    for word in sys.argv[1:]:
        name, _, program = word.partition("=")
        grown, last = growth(name, program)
        print(f"{name}: {TRAINERS} trainers, resident {last} KiB, "
              f"{grown:+d} KiB over the last {TRAINERS // 2}")
        leaking |= grown > LIMIT_KIB
    if leaking or len(sys.argv) < 2:
        sys.exit(f"resident memory grows by more than {LIMIT_KIB} KiB")


if __name__ == "__main__":
    main()
