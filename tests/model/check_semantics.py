#!/usr/bin/env python3
"""Checks that each test that docs/semantics.md names exists.

usage: check_semantics.py ROOT
"""

import pathlib
import re
import sys

NAMED = re.compile(r"`([A-Z]\w+)\.([A-Z]\w+)`")
WRITTEN = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    written = set()
    for source in (root / "tests").rglob("*.cpp"):
        written.update(WRITTEN.findall(source.read_text(encoding="utf-8")))
    named = NAMED.findall((root / "docs/semantics.md").read_text(encoding="utf-8"))
    missing = sorted(set(named) - written)
    for suite, case in missing:
        print(f"docs/semantics.md names {suite}.{case}, which is no test")
    print(f"{len(set(named))} tests are named, {len(missing)} of them missing")
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
