#!/usr/bin/env python3
"""Checks with Doxygen that every public name of the installed headers is documented.

usage: check_api.py ROOT

Runs Doxygen with docs/api/Doxyfile.in. Prints its warnings, and the enumerators without a description,
which Doxygen does not report; `none` needs none. Exits with status 77 if Doxygen is not installed.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

SKIPPED = 77
OVERRIDES = "GENERATE_HTML = NO\n"  # takes most of the time


def configuration(root, output):
    text = (root / "docs/api/Doxyfile.in").read_text(encoding="utf-8")
    values = {"@ROOT@": str(root.resolve()), "@OUTPUT@": output, "@HAVE_DOT@": "NO"}
    return re.sub("|".join(values), lambda name: values[name[0]], text) + OVERRIDES


def text_of(element):
    return "" if element is None else "".join(element.itertext()).strip()


def enumerators_without_description(folder):
    for page in sorted(pathlib.Path(folder).glob("xml/*.xml")):
        for enum in xml.etree.ElementTree.parse(page).getroot().iter("memberdef"):
            for value in enum.findall("enumvalue"):
                name = text_of(value.find("name"))
                described = text_of(value.find("briefdescription")) or text_of(value.find("detaileddescription"))
                if name != "none" and not described:
                    yield f"enumerator {text_of(enum.find('qualifiedname'))}::{name} is not documented"


def problems(root):
    """The problems, without those that are found twice."""
    with tempfile.TemporaryDirectory() as output:
        done = subprocess.run(
            ["doxygen", "-"], input=configuration(root, output), capture_output=True, text=True, timeout=250)
        found = done.stderr.splitlines() + list(enumerators_without_description(output))
    if done.returncode != 0 and not found:
        found.append(f"doxygen exits with status {done.returncode}")
    return list(dict.fromkeys(line.removeprefix(f"{root.resolve()}/") for line in found))


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    if shutil.which("doxygen") is None:
        print("doxygen is not installed")
        return SKIPPED
    found = problems(pathlib.Path(arguments[0]))
    for line in found:
        print(line)
    print(f"{len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
