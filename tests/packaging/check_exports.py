#!/usr/bin/env python3
"""Checks that shared libraries export the names of the public headers only.

usage: check_exports.py ROOT LIBRARY...

Every strong symbol must be in the namespace leasebreak. No symbol may belong to a class of a private
header. Weak symbols of other namespaces, which are the standard library's and Boost's templates, are the
same in every library, and are ignored.
"""

import pathlib
import re
import subprocess
import sys

CLASS = re.compile(r"^\s*(?:class|struct)(?: LEASEBREAK_HIDDEN)? (?:\w+::)*(\w+)(?: final)?\b(?!;)", re.MULTILINE)
PREFIX = re.compile(
    r"^(?:typeinfo(?: name)? for|vtable for|VTT for|guard variable for|(?:non-)?virtual thunk to|"
    r"construction vtable for|covariant return thunk to) ")
STRONG = set("TDBRGS")
# The linker's.
IGNORED = {"_init", "_fini", "_edata", "_end", "__bss_start"}


def symbols(text):
    """The defined symbols in the output of nm, as (type, name)."""
    for line in text.splitlines():
        match = re.match(r"^[0-9a-f]+ (\w) (.*)$", line)
        if match and match[2] not in IGNORED:
            yield match[1], match[2]


def scopes_of(symbol):
    """The namespaces and classes that a symbol belongs to, without those of its arguments."""
    name = PREFIX.sub("", symbol)
    depth, plain = 0, ""
    for at, c in enumerate(name):
        if c == "(" and depth == 0 and not name.startswith("(anonymous namespace)", at):
            break
        depth += c == "<"
        if depth == 0:
            plain += c
        depth -= c == ">"
    # A template function's return type comes first.
    scopes = plain.split(" ")[-1].split("::")
    return scopes if name != symbol else scopes[:-1]


def private_classes(root):
    """The names of classes outside of public headers that no public header has, too."""
    private, public = set(), set()
    for layer in ("model", "persistence", "actors"):
        for header in (root / layer).rglob("*.?pp"):
            names = CLASS.findall(header.read_text(encoding="utf-8"))
            (public if "include" in header.parts else private).update(names)
    return private - public


def problems(found, private):
    for kind, name in found:
        scopes = scopes_of(name)
        if scopes[:1] != ["leasebreak"]:
            if kind in STRONG:
                yield f"not in the namespace leasebreak: {name}"
        elif private.intersection(scopes[1:]):
            yield f"of a private class: {name}"


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    private = private_classes(pathlib.Path(arguments[0]))
    count = failures = 0
    for library in arguments[1:]:
        text = subprocess.run(
            ["nm", "-DC", "--defined-only", library], capture_output=True, text=True, check=True).stdout
        found = list(symbols(text))
        count += len(found)
        for problem in problems(found, private):
            print(f"{pathlib.Path(library).name}: {problem}")
            failures += 1
    print(f"{len(arguments) - 1} libraries, {count} symbols, {failures} problems")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
