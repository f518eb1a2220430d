#!/usr/bin/env python3
"""Checks that the C++ sources are formatted by clang-format 14.

usage: check_format.py ROOT CLANG_FORMAT

With another version of clang-format, whose output differs in details, the check is skipped (status 77).
"""

import pathlib
import re
import subprocess
import sys

FOLDERS = ("model", "persistence", "actors", "examples", "tests", "bench")
SKIPPED = 77


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root, tool = pathlib.Path(arguments[0]), arguments[1]
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"version (\d+)", version)
    if not match or match.group(1) != "14":
        print(f"skipped: needs clang-format 14, this is '{version.strip()}'")
        return SKIPPED
    files = [
        str(file)
        for folder in FOLDERS
        for file in sorted((root / folder).rglob("*"))
        if file.suffix in (".hpp", ".cpp")
    ]
    done = subprocess.run(
        [tool, "--dry-run", "--Werror", "--style=file", *files], capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(.*?):\d+:\d+: error", done.stderr, re.MULTILINE)))
    for file in wrong:
        print(f"not formatted: {pathlib.Path(file).relative_to(root)}")
    if done.returncode != 0 and not wrong:
        print(done.stderr)
    print(f"{len(files)} files, {len(wrong)} not formatted; fix with: clang-format -i FILE")
    return 1 if done.returncode != 0 or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
