#!/usr/bin/env python3
"""Checks that docs/semantics.md says of each rule what proves it, and that those tests are there.

usage: check_semantics.py ROOT [LISTING]

Each row names a test of ours, and in tables with a column for smbtorture a test of its, or "none".
The latter is a test that smbtorture has, that scripts/conformance runs, and that is not expected to
fail; in brackets, one that smbtorture does not have. LISTING is a file with the output of
`smbtorture --list`, which is run if it is not given. That our own tests exist is check_docs.py's part.
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
    """The rows of all tables, as dictionaries from the heads of their columns."""
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
    """Names in a cell, as (name, whether it is in brackets). A name without its suite has the last one's."""
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
    """What is wrong with the page. `known`: the names of smbtorture's tests, or None."""
    for row in rows(text):
        if "Test" not in row:
            continue
        rule = row.get("Rule", "?")
        if not OURS.search(row["Test"]):
            yield f"no test of ours: {rule}"
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
    """What `smbtorture --list` prints, or None."""
    if file:
        return pathlib.Path(file).read_text(encoding="utf-8")
    program = shutil.which("smbtorture")
    if not program:
        return None
    with tempfile.TemporaryDirectory() as folder:  # it may leave something where it runs
        done = subprocess.run(
            [program, "--list"], capture_output=True, text=True, timeout=60, cwd=folder)
    return done.stdout


def names_in(text):
    """Tests and their suites. smbtorture lists a test as its path with the name once more."""
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
        print("smbtorture is not installed, so that its names were not checked")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
