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

# For threads that still spin after their round to fall asleep.
REST_S = 0.05


class Neighbour:
    """A process that keeps one core busy, while it is let."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", "while True: pass"])
        self.rest()

    def work(self):
        os.kill(self.process.pid, signal.SIGCONT)
        time.sleep(REST_S)

    def rest(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def close(self):
        self.process.kill()
        self.process.wait()


class Runner:
    """The processes of one contestant in one pass."""

    def __init__(self, contestant, limit):
        self.contestant = contestant
        self.processes = [Process(contestant.command)
                          for _ in range(contestant.copies)]
        self.ready = self.wait(limit)

    def wait(self, limit):
        # Each of them, also if the first one failed.
        return all([p.wait(limit) for p in self.processes])

    def round(self, limit):
        for process in self.processes:
            process.open_gate()
        self.ready = self.wait(limit)

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


def rounds_of(runners, rounds, clock, timeout, neighbour=None):
    for number in range(rounds):
        # There and back again: nobody always follows the same one.
        order = runners if number % 2 == 0 else runners[::-1]
        if neighbour:
            neighbour.work()
        for runner in order:
            if runner.ready:
                runner.round(min(timeout, clock.left()))
                time.sleep(REST_S)
        if neighbour:
            neighbour.rest()


def timed(heat, rounds, clock, timeout, neighbour=None):
    """{label: answer} of one pass."""
    with contextlib.ExitStack() as stack:
        runners = []
        for contestant in heat.contestants:
            runner = Runner(contestant, min(timeout, max(0, clock.left())))
            stack.callback(runner.close)
            runners.append(runner)
        rounds_of(runners, rounds, clock, timeout, neighbour)
        return {r.contestant.label: r.answer() for r in runners}


def busy(heat, rounds, clock, timeout):
    """Alone, then beside a neighbour; the answer is the one beside it, and
    `us_alone` the other."""
    alone = timed(heat, rounds, clock, timeout)
    neighbour = Neighbour()
    try:
        beside = timed(heat, rounds, clock, timeout, neighbour)
    finally:
        neighbour.close()
    for label, answer in beside.items():
        if "us_per_step" in answer and "us_per_step" in alone[label]:
            answer["us_alone"] = alone[label]["us_per_step"]
    return beside


def whole(heat, rounds, clock, timeout):
    """Processes from their beginning to their end, in turn. The first of each
    is not counted: it fills the caches on the disk."""
    answers, walls = {}, {}
    for number in range(rounds + 1):
        for contestant in heat.contestants:
            label = contestant.label
            if "skipped" in answers.get(label, {}):
                continue
            process = Process(contestant.command)
            process.wait(min(timeout, max(0, clock.left())))
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
    if heat.kind == "whole":
        return whole(heat, min(3, options.rounds), clock, options.timeout)
    if heat.kind == "busy":
        return busy(heat, options.rounds, clock, options.timeout)
    return timed(heat, options.rounds, clock, options.timeout)


def median_of(passes, label, key):
    """Over the passes that have it; None if there is none."""
    found = [p[label][key] for p in passes if key in p.get(label, {})]
    return statistics.median(found) if found else None
