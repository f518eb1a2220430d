#!/usr/bin/env python3
"""Checks that a library or program has the static probes (USDT), with their arguments.

usage: check_probes.py FILE

Reads the notes of the ELF file with readelf. Exits with 77 if readelf is missing.
"""

import re
import shutil
import subprocess
import sys

PROBES = {"break__begin": 7, "break__end": 7}


def probes_in(notes):
    """Names of the provider's probes, with the numbers of arguments at each place."""
    found = {}
    for part in notes.split("Provider: ")[1:]:
        provider, _, rest = part.partition("\n")
        name = re.search(r"Name: (\S+)", rest)
        arguments = re.search(r"Arguments: (.*)", rest)
        if provider.strip() == "leasebreak" and name:
            found.setdefault(name.group(1), set()).add(len(arguments.group(1).split()) if arguments else 0)
    return found


def main(arguments):
    readelf = shutil.which("readelf")
    if readelf is None:
        print("readelf is missing")
        return 77
    notes = subprocess.run([readelf, "-n", arguments[0]], capture_output=True, text=True, check=True).stdout
    found = probes_in(notes)
    expected = {name: {count} for name, count in PROBES.items()}
    if found != expected:
        print(f"{arguments[0]} has the probes {found}, not {expected}")
        return 1
    print(f"{arguments[0]} has {', '.join(sorted(found))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
