"""Processes that print one JSON object: asked at once, or round by round
behind a gate. What is missing or fails is an answer with its reason and never
an exception. Standard library only.
"""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time

READY = "ready"
OUT_OF_TIME = "out of time"


class Clock:
    """Time left of a budget of seconds; 0 is no limit."""

    def __init__(self, budget):
        self.end = time.monotonic() + budget if budget else float("inf")

    def left(self):
        return max(0, self.end - time.monotonic())

    def part(self, share):
        """That ends when `share` of what is left is used up."""
        clock = Clock(0)
        clock.end = time.monotonic() + share * self.left()
        return clock


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def complaint(text):
    """The line that says what went wrong: frameworks go on after it."""
    named = [line for line in text.splitlines() if "Error: " in line]
    return last_line(named[-1] if named else text)


def answer_of(status, out, err):
    """The JSON object of a process that has ended, or {"skipped": why}."""
    if status != 0:
        return {"skipped": complaint(err) or f"ended with status {status}"}
    try:
        return json.loads(last_line(out))
    except ValueError:
        return {"skipped": f"printed no JSON: {last_line(out)[:200]!r}"}


class Process:
    """One process, begun at once; its children end with it. Its output is read
    as it comes, so that a wait for "ready" can have a limit."""

    def __init__(self, command):
        self.answer = None
        self._lines, self._last = queue.Queue(), ""
        self._err = tempfile.TemporaryFile("w+", errors="replace")
        self._process = None
        self.began = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._err, text=True, start_new_session=True)
        except OSError as why:
            self.answer = {"skipped": str(why)}
            return
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def _wait_for_end(self):
        status = self._process.wait()
        # All the time of a process, from before it was there.
        self.wall_s = time.perf_counter() - self.began
        self._err.seek(0)
        self.answer = answer_of(status, self._last, self._err.read())
        self._process.stdout.close()

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
            if line == READY:
                return True
            if line is None:
                self._wait_for_end()
            elif line:
                self._last = line
        return False

    def open_gate(self):
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has ended; wait() will say how

    def kill(self, why):
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self.answer is None:
            self.answer = {"skipped": why}

    def close(self):
        self.kill("ended before its last round")
        self._err.close()
        if self._process is not None:
            try:
                self._process.stdin.close()
            except OSError:
                pass  # what was left unread by it


def ask(command, timeout, clock):
    """The JSON object that a process printed; without one, {"skipped": why}."""
    process = Process(command)
    try:
        process.wait(timeout, clock)
        return process.answer
    finally:
        process.close()
