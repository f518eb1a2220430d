#!/usr/bin/env python3
"""Checks that the public headers do not include forbidden headers.

usage: check_reach.py FORBIDDEN[,FORBIDDEN...] COMPILER [FLAG...] FILE

Gets all direct and indirect includes of FILE from the compiler. Exits with status 1 if a path contains
one of the FORBIDDEN folder names, or ends with one of the FORBIDDEN headers, such as caf/config.hpp.
"""

import pathlib
import subprocess
import sys


def is_forbidden(path, names):
    folders = set(pathlib.PurePath(path).parts[:-1])
    return bool(names & folders) or any(path.endswith("/" + n) for n in names if "/" in n)


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    forbidden, *command = arguments
    names = set(forbidden.split(","))
    command[1:1] = ["-M"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return 2
    # The rule's target comes first; continuation lines end in backslashes.
    reached = done.stdout.replace("\\\n", " ").split()[1:]
    found = sorted(p for p in reached if is_forbidden(p, names))
    for path in found:
        print(f"reachable from the public headers: {path}")
    print(f"{len(reached)} headers reachable, {len(found)} of them forbidden ({forbidden})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
