#!/usr/bin/env python3
"""Checks that docs/semantics.md names a proof of each rule, and that smbtorture has the named tests.

usage: check_semantics.py ROOT [LISTING]

Each row must name a test of the project. In tables with a column for smbtorture, it must also name one
of smbtorture's tests, or "none". Such a test must exist in smbtorture, be run by scripts/conformance,
and not be expected to fail; a test in brackets must not exist in the installed smbtorture. LISTING is a
file with the output of `smbtorture --list`, which is run if LISTING is omitted. check_docs.py checks that
the project's own tests exist.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

OURS = re.compile(r"`[A-Z]\w+\.[A-Z]\w+`")
SKIPPED = 77


def rows(text):
    """The rows of all tables, as dictionaries whose keys are the column headings."""
    heads = None
    for line in text.splitlines():
        if not line.startswith("|"):
            heads = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if heads is None:
            heads = cells
        elif not set(line) <= set("|-: "):
            yield dict(zip(heads, cells))


def torture_names(cell):
    """Names in a cell, as (name, whether it is in brackets). A name without suite has the previous suite."""
    suite = ""
    for word in cell.split(","):
        word = word.strip()
        newer = word.startswith("[")
        word = word.strip("[]")
        if word.startswith("smb2."):
            suite = word.rpartition(".")[0]
        else:
            word = f"{suite}.{word}"
        yield word, newer


def suites_run(script):
    """The suites that scripts/conformance runs."""
    found = re.search(r"^SUITES=\((.*?)\)", script, re.MULTILINE | re.DOTALL)
    return found[1].split() if found else []


def problems(text, suites, failing, known):
    """The problems of the page. `known` has the names of smbtorture's tests, or is None."""
    for row in rows(text):
        if "Test" not in row:
            continue
        rule = row.get("Rule", "?")
        if not OURS.search(row["Test"]):
            yield f"no test of the project: {rule}"
        cell = row.get("smbtorture", "none")
        if not cell:
            yield f'neither a test of smbtorture nor "none": {rule}'
        if cell in ("", "none"):
            continue
        for name, newer in torture_names(cell):
            if known is not None and (name in known) == newer:
                yield f"smbtorture has {name}, in brackets" if newer else f"smbtorture has no {name}"
            if newer:
                continue
            if not any(name.startswith(suite + ".") or name == suite for suite in suites):
                yield f"scripts/conformance does not run {name}"
            if name in failing:
                yield f"{name} is expected to fail"


def listing(file):
    """The output of `smbtorture --list`, or None."""
    if file:
        return pathlib.Path(file).read_text(encoding="utf-8")
    program = shutil.which("smbtorture")
    if not program:
        return None
    with tempfile.TemporaryDirectory() as folder:  # smbtorture may leave files in its working directory
        done = subprocess.run(
            [program, "--list"], capture_output=True, text=True, timeout=60, cwd=folder)
    return done.stdout


def names_in(text):
    """Tests and their suites. smbtorture appends the name of a test to its path a second time."""
    tests = {line.rpartition(".")[0] for line in text.splitlines() if line.startswith("smb2.")}
    return tests | {name.rpartition(".")[0] for name in tests}


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    text = (root / "docs/semantics.md").read_text(encoding="utf-8")
    suites = suites_run((root / "scripts/conformance").read_text(encoding="utf-8"))
    failing = {
        line.split()[0]
        for line in (root / "tests/conformance/expected.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith("smb2.")
    }
    listed = listing(arguments[1] if len(arguments) == 2 else None)
    known = None if listed is None else names_in(listed)
    wrong = list(problems(text, suites, failing, known))
    for line in wrong:
        print(f"docs/semantics.md: {line}")
    count = sum("Test" in row for row in rows(text))
    print(f"{count} rules, {len(wrong)} problems")
    if wrong or not count:
        return 1
    if known is None:
        print("smbtorture is not installed; the names of its tests were not checked")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
