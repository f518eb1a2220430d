#!/usr/bin/env python3
"""Evaluates the output of smbtorture.

usage: torture_results.py EXPECTED FOLDER SUITE...

FOLDER has three files for each suite: SUITE.tests, the tests as listed by `smbtorture --list`;
SUITE.out, smbtorture's output; and SUITE.seconds. EXPECTED lists the known failures: a test's name and
the reason on each line.

Prints a table and the problems. Exits with status 1 if an unlisted test failed, or a listed one did
not fail.
"""

import pathlib
import re
import sys

OUTCOME = re.compile(r"^(success|failure|error|skip): ([^\s\[]+)")


def read_expected(text):
    """Names and reasons of the known failures. Raises ValueError."""
    expected = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, reason = line.partition(" ")
        if len(reason.split()) < 3:
            raise ValueError(f"line {number}: {name} has no reason")
        if name in expected:
            raise ValueError(f"line {number}: {name} is listed twice")
        expected[name] = reason.strip()
    return expected


def names_of(listing):
    """Full names of tests. smbtorture appends the name of a test to its path a second time."""
    return [line.rpartition(".")[0] for line in listing.split() if line]


def outcomes(tests, output):
    """The outcome of each test: passed, failed or skipped. A test without outcome has failed."""
    result = {name: "failed" for name in tests}
    by_leaf = {name.rpartition(".")[2]: name for name in tests}
    words = {"success": "passed", "skip": "skipped", "failure": "failed", "error": "failed"}
    for line in output.splitlines():
        found = OUTCOME.match(line)
        if found and found[2] in by_leaf:
            result[by_leaf[found[2]]] = words[found[1]]
    return result


def judge(suites, expected):
    """The problems, as lines. `suites` maps names to outcomes."""
    wrong = []
    for suite, results in suites.items():
        if not results:
            wrong.append(f"{suite}: smbtorture has no such test")
        for name, outcome in results.items():
            if outcome == "failed" and name not in expected:
                wrong.append(f"{name} failed")
            if outcome != "failed" and name in expected:
                wrong.append(f"{name} {outcome}, although it is expected to fail: {expected[name]}")
        for name in expected:
            if name.startswith(suite + ".") and name not in results:
                wrong.append(f"{name} is expected to fail, but there is no such test")
    return wrong


def table(suites, seconds, expected):
    """The table as lines."""
    width = max(len(suite) for suite in suites)
    lines = [f"{'suite':{width}}  passed  failed  skipped  seconds  failing"]
    for suite, results in suites.items():
        count = {word: sum(o == word for o in results.values()) for word in ("passed", "failed", "skipped")}
        failing = [
            name.removeprefix(suite + ".") + (" (expected)" if name in expected else "")
            for name, outcome in results.items()
            if outcome == "failed"
        ]
        lines.append(
            f"{suite:{width}}  {count['passed']:6}  {count['failed']:6}  {count['skipped']:7}"
            f"  {seconds[suite]:>7}  {', '.join(failing)}".rstrip()
        )
    return lines


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(arguments[1])
    suites, seconds = {}, {}
    try:
        expected = read_expected(pathlib.Path(arguments[0]).read_text(encoding="utf-8"))
        for suite in arguments[2:]:
            listing = (folder / f"{suite}.tests").read_text(encoding="utf-8")
            output = (folder / f"{suite}.out").read_text(encoding="utf-8", errors="replace")
            suites[suite] = outcomes(names_of(listing), output)
            seconds[suite] = (folder / f"{suite}.seconds").read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as problem:
        print(f"{arguments[0]}: {problem}", file=sys.stderr)
        return 1
    print("\n".join(table(suites, seconds, expected)))
    wrong = judge(suites, expected)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
