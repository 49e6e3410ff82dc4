"""The part `tests`: runs ctest, of --quick the entries labelled gpu alone, and
counts. A test that is skipped on a GPU is named; none at all is a failure."""

import json
import os
import pathlib
import re
import shutil

import build
from suite import Log

# "12/34 Test  #5: blocks_test ......   Passed    0.52 sec"
ENTRY = re.compile(
    r"^\s*\d+/\d+ Test\s+#\d+: (\S+) \.*\s*(.*?)\s+([0-9.]+) sec\s*$"
)
CASES = re.compile(
    r"\[doctest\] test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed"
)


def outcome(word):
    """passed, skipped, or failed with ctest's reason: 'Passed', '***Failed',
    '***Exception: SegFault', '***Not Run (Disabled)'."""
    word = word.strip("* ")
    if word == "Passed":
        return "passed"
    return "skipped" if word == "Skipped" else f"failed ({word})"


def read(text):
    """What ctest -V printed, as counts and a list of its entries."""
    entries, cases, failed = [], 0, 0
    for line in text.splitlines():
        entry = ENTRY.match(line)
        if entry:
            name, word, seconds = entry.groups()
            entries.append(dict(name=name, outcome=outcome(word),
                                seconds=float(seconds)))  # fmt: skip
        told = CASES.search(line)
        if told:
            cases += int(told.group(1))
            failed += int(told.group(3))
    return {
        "tests": entries,
        "passed": sum(e["outcome"] == "passed" for e in entries),
        "cases": cases,
        "cases_failed": failed,
    }


def of_program(suite, program):
    """A pattern for the entries of ctest that run a program."""
    listed = suite.run(
        ["ctest", "--test-dir", suite.build, "--show-only=json-v1"], 60,
        apart=True,
    )  # fmt: skip
    names = [
        test["name"]
        for test in json.loads(listed.out or "{}").get("tests", [])
        if pathlib.Path(test.get("command", [""])[0]).name == program
    ]
    return "^(" + "|".join(map(re.escape, names)) + ")$" if names else "^$"


def selection(suite, notes):
    """The options of ctest that say which of its entries run."""
    if not suite.quick:
        if not shutil.which("pkg-config"):
            notes.append("no pkg-config: tests labelled install left out")
            return ["-LE", "install"]
        return []
    if suite.device == "cuda":
        return ["-L", "gpu"]
    return ["-R", of_program(suite, build.test_program(suite))]


def environment(suite):
    """So that tests which call a compiler themselves find what was packed."""
    if not suite.pack.is_dir():
        return {}
    places = {"CPLUS_INCLUDE_PATH": "include", "C_INCLUDE_PATH": "include",
              "LIBRARY_PATH": "lib", "LD_LIBRARY_PATH": "lib"}  # fmt: skip
    return {
        # No colon at the end: an empty place would be the working folder.
        name: ":".join(filter(None, (str(suite.pack / place),
                                     os.environ.get(name))))
        for name, place in places.items()
    }  # fmt: skip


def run(suite):
    if not (suite.build / "CTestTestfile.cmake").exists():
        return {"wrong": ["nothing is built, see part build"]}
    log = Log(suite.folder / "tests.log", fresh=True)
    notes = []
    command = ["ctest", "--test-dir", suite.build, "-V", "--no-tests=error",
               *selection(suite, notes)]  # fmt: skip
    ended = suite.run(
        command, suite.left("tests"), log, env=environment(suite)
    )
    data = read(ended.out) | {"wrong": [], "notes": notes}
    for entry in data["tests"]:
        if entry["outcome"].startswith("failed"):
            data["wrong"].append(f"{entry['name']}: {entry['outcome']}")
        elif entry["outcome"] == "skipped":
            notes.append(f"{entry['name']}: skipped")
    if ended.cut:
        data["cut"] = "ctest was ended at its time limit"
    elif not data["tests"]:
        data["wrong"].append("ctest ran no test: " + ended.last_line())
    elif ended.code != 0 and not data["wrong"]:
        data["wrong"].append(f"ctest ended with {ended.code}")
    return data
