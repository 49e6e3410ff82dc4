"""Runs the processes of a comparison. Each waits until it may go on, and one
after the other does a round, so that whatever the machine does happens to all.
What is missing or fails becomes an answer with its reason, never an exception.
"""

import contextlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

OUT_OF_TIME = "out of time"
# The share of the time left that preparing the processes may take.
PREPARING = 0.8
# Seconds after a round, in which spinning threads fall asleep.
REST = 0.05


class Clock:
    """The time left of a budget in seconds."""

    def __init__(self, budget):
        self.end = time.monotonic() + budget

    def left(self):
        return max(0, self.end - time.monotonic())

    def part(self, share):
        """A clock with a share of the time left."""
        return Clock(share * self.left())


def answer_of(status, out, err):
    """The JSON object of a process that has ended, or {"skipped": why}."""
    if status != 0:
        # Frameworks print more lines after the error.
        lines = err.strip().splitlines()
        errors = [line for line in lines if "Error: " in line] or lines
        return {"skipped": errors[-1].strip() if errors
                else f"ended with status {status}"}
    try:
        return json.loads(out)
    except ValueError:
        return {"skipped": f"printed no JSON: {out[:200]!r}"}


class Process:
    """One process, started at once; its children end with it. A thread reads
    its output, so that waiting for "ready" can have a limit."""

    def __init__(self, command):
        self.answer, self._last, self._lines = None, "", queue.Queue()
        self._err = tempfile.TemporaryFile("w+", errors="replace")
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._err, text=True,
            start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def wait(self, timeout, clock):
        """Until it is ready (True) or has an answer (False)."""
        end = time.monotonic() + min(timeout, clock.left())
        while self.answer is None:
            try:
                line = self._lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                self.kill(f"took longer than {timeout:.0f} s"
                          if clock.left() > 0 else OUT_OF_TIME)
                break
            if line == "ready":
                return True
            if line is None:
                status = self._process.wait()
                self.wall_s = time.perf_counter() - self.began
                self._err.seek(0)
                self.answer = answer_of(status, self._last, self._err.read())
            elif line:
                self._last = line
        return False

    def go_on(self):
        with contextlib.suppress(OSError):  # it ended; wait() says how
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    def kill(self, why):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.answer = self.answer or {"skipped": why}

    def close(self):
        self.kill("ended before its last round")
        self._err.close()
        with contextlib.suppress(OSError):  # unread input
            self._process.stdin.close()


def ask(command, timeout, clock):
    """The JSON object that a process printed; without one, {"skipped": why}."""
    with contextlib.closing(Process(command)) as process:
        process.wait(timeout, clock)
        return process.answer


class Runner:
    """The processes of one contestant in one pass."""

    def __init__(self, contestant, timeout, clock):
        self.label, self.timeout = contestant.label, timeout
        self.processes = [Process(contestant.command)
                          for _ in range(contestant.copies)]
        self.wait(clock)

    def wait(self, clock):
        # A list: wait for every copy, even if the first one failed.
        self.ready = all([p.wait(self.timeout, clock) for p in self.processes])

    def round(self, clock):
        for process in self.processes:
            process.go_on()
        self.wait(clock)

    def answer(self):
        """The answer of the slowest copy; if a copy failed, its reason."""
        answers = [p.answer or {"skipped": "has not ended"}
                   for p in self.processes]
        return next((a for a in answers if "skipped" in a),
                    max(answers, key=lambda a: a.get("us_per_step", 0)))

    def close(self):
        for process in self.processes:
            process.close()


def timed(comparison, options, clock, neighbour=None):
    """{label: answer} of one pass. `neighbour` is a stopped process."""
    # Cap the preparation, so that ready processes still get their rounds.
    soon = clock.part(PREPARING)
    with contextlib.ExitStack() as stack:
        runners = [stack.enter_context(contextlib.closing(
            Runner(c, options.timeout, soon))) for c in comparison.contestants]
        for number in range(options.rounds):
            if neighbour:
                neighbour.send_signal(signal.SIGCONT)
                time.sleep(REST)
            # Forwards, then backwards: nobody always follows the same one.
            for runner in runners if number % 2 == 0 else runners[::-1]:
                if runner.ready:
                    runner.round(clock)
                    time.sleep(REST)
            if neighbour:
                neighbour.send_signal(signal.SIGSTOP)
        return {r.label: r.answer() for r in runners}


def busy(comparison, options, clock):
    """The answers beside a busy process; `us_alone` is the time without it."""
    alone = timed(comparison, options, clock)
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        neighbour.send_signal(signal.SIGSTOP)
        beside = timed(comparison, options, clock, neighbour)
    finally:
        neighbour.kill()
        neighbour.wait()
    for label, answer in beside.items():
        if "us_per_step" in answer and "us_per_step" in alone[label]:
            answer["us_alone"] = alone[label]["us_per_step"]
    return beside


def whole(comparison, options, clock):
    """Times processes from start to end, in turn. The first process of each
    contestant is not counted, since it fills caches on the disk."""
    answers, walls = {}, {}
    for number in range(min(3, options.rounds) + 1):
        for contestant in comparison.contestants:
            label = contestant.label
            if "skipped" in answers.get(label, {}):
                continue
            with contextlib.closing(Process(contestant.command)) as process:
                process.wait(options.timeout, clock)
            answers[label] = process.answer
            if number > 0 and "skipped" not in process.answer:
                walls.setdefault(label, []).append(process.wall_s * 1e6)
    for label, found in walls.items():
        answers[label]["us_per_step"] = statistics.median(found)
    return answers


def run(comparison, options, clock):
    """One pass: {label: the JSON object printed, or {"skipped": why}}."""
    kinds = {"whole": whole, "busy": busy}
    return kinds.get(comparison.kind, timed)(comparison, options, clock)
