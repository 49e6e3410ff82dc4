"""Runs a heat: its processes wait behind their gates, and one after the other
does a round, so that whatever the machine does at the time happens to all.
Judges nothing. Standard library only.
"""

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time

from processes import Process

# The most of the time left that preparing all processes of a heat may take.
PREPARING = 0.8


class Neighbour:
    """A process that keeps one core busy, while it is let."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", "while True: pass"])
        self.rest()

    def work(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def rest(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def close(self):
        self.process.kill()
        self.process.wait()


class Runner:
    """The processes of one contestant in one pass."""

    def __init__(self, contestant, timeout, clock):
        self.contestant, self.timeout = contestant, timeout
        self.processes = [Process(contestant.command)
                          for _ in range(contestant.copies)]
        self.ready = self.wait(clock)

    def wait(self, clock):
        # Each of them, also if the first one failed.
        return all([p.wait(self.timeout, clock) for p in self.processes])

    def round(self, clock):
        for process in self.processes:
            process.open_gate()
        self.ready = self.wait(clock)

    def answer(self):
        """Of the slowest copy; a copy that failed fails all."""
        answers = [p.answer for p in self.processes]
        for answer in answers:
            if answer is None or "skipped" in answer:
                return answer or {"skipped": "has not ended"}
        return max(answers, key=lambda a: a.get("us_per_step", 0))

    def close(self):
        for process in self.processes:
            process.close()


def rounds_of(runners, options, clock, neighbour):
    for number in range(options.rounds):
        # There and back again: nobody always follows the same one.
        order = runners if number % 2 == 0 else runners[::-1]
        if neighbour:
            neighbour.work()
            time.sleep(options.rest)
        for runner in order:
            if runner.ready:
                runner.round(clock)
                time.sleep(options.rest)
        if neighbour:
            neighbour.rest()


def timed(heat, options, clock, neighbour=None):
    """{label: answer} of one pass."""
    # So that who is prepared in time gets rounds, whoever is not.
    soon = clock.part(PREPARING)
    with contextlib.ExitStack() as stack:
        runners = []
        for contestant in heat.contestants:
            runner = Runner(contestant, options.timeout, soon)
            stack.callback(runner.close)
            runners.append(runner)
        rounds_of(runners, options, clock, neighbour)
        return {r.contestant.label: r.answer() for r in runners}


def busy(heat, options, clock):
    """Alone, then beside a neighbour; the answer is the one beside it, and
    `us_alone` the other."""
    alone = timed(heat, options, clock)
    neighbour = Neighbour()
    try:
        beside = timed(heat, options, clock, neighbour)
    finally:
        neighbour.close()
    for label, answer in beside.items():
        if "us_per_step" in answer and "us_per_step" in alone[label]:
            answer["us_alone"] = alone[label]["us_per_step"]
    return beside


def whole(heat, options, clock):
    """Processes from their beginning to their end, in turn. The first of each
    is not counted: it fills the caches on the disk."""
    answers, walls = {}, {}
    for number in range(min(3, options.rounds) + 1):
        for contestant in heat.contestants:
            label = contestant.label
            if "skipped" in answers.get(label, {}):
                continue
            process = Process(contestant.command)
            process.wait(options.timeout, clock)
            answers[label] = process.answer
            process.close()
            if number > 0 and "skipped" not in process.answer:
                walls.setdefault(label, []).append(process.wall_s * 1e6)
    for label, found in walls.items():
        answers[label]["us_per_step"] = statistics.median(found)
    return answers


def run(heat, options, clock):
    """One pass: {label: the JSON object that it printed, or {"skipped": why}}.
    """
    runs = {"whole": whole, "busy": busy}
    return runs.get(heat.kind, timed)(heat, options, clock)


def median_of(passes, label, key):
    """Over the passes that have it; None if there is none."""
    found = [p[label][key] for p in passes if key in p.get(label, {})]
    return statistics.median(found) if found else None
