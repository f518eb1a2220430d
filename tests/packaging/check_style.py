#!/usr/bin/env python3
"""Checks rules of CONTRIBUTING.md that clang-format does not check, line by line.

usage: check_style.py ROOT
"""

import pathlib
import re
import sys

FOLDERS = ("model", "persistence", "actors", "examples", "tests", "bench")

# Forbidden patterns and the reasons. Applied to each line of C++.
UNWANTED = [
    (re.compile(r"^using namespace (?!std::\w*literals;)"), "no using-directive at namespace scope"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "unfinished work belongs in an issue"),
    (re.compile(r"\t"), "a tab"),
    (re.compile(r"[ ]+$"), "spaces at the end"),
    (re.compile(r"#\s*include\s*<(format|expected)>"), "g++ 12 does not have this header"),
    (
        re.compile(r"([?:]|&&|\|\|) *\(*co_await\b"),
        "g++ 12 destroys twice what is awaited within a conditional expression: use if",
    ),
    (re.compile(r"\bstd::(cout|printf|puts)\b|(?<![\w:])printf\("), "libraries print nothing"),
]
# A definition at the beginning of a line in an unnamed namespace: a type, a constant, or the first line
# of a function. Other names may occur twice, such as aliases and overloads.
DEFINED = re.compile(
    r"(?:struct|class|enum class) (\w+)|constexpr [\w:<>, *]+ (\w+)\s*[={\[]|(\w[\w:<>,&* ]* [&*]?\w+\(.*\).*\{)$"
)
PRINTS = 6  # the index of the last rule, which applies only to the libraries
LIBRARIES = ("model/", "persistence/", "cluster/", "actors/")


def problems_of_line(path, line):
    for index, (pattern, why) in enumerate(UNWANTED):
        if index == PRINTS and not path.startswith(LIBRARIES):
            continue
        if pattern.search(line):
            yield why


def problems(path, text):
    """The problems of a file, as (line number, problem)."""
    lines = text.splitlines()
    if path.endswith(".hpp"):
        if not lines or not lines[0].startswith("//"):
            yield 1, "a header begins with a comment that says what it is"
        if "#pragma once" not in lines:
            yield 1, "no #pragma once"
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    for number, line in enumerate(lines, 1):
        for why in problems_of_line(path, line):
            yield number, why


def hidden_names(text):
    """The names that are local to a file, as (line number, name)."""
    within = False
    for number, line in enumerate(text.splitlines(), 1):
        if line == "namespace {":
            within = True
        elif line.startswith("} // namespace"):
            within = False
        elif within and (found := DEFINED.match(line)):
            yield number, next(name for name in found.groups() if name)


class Programs:
    """Finds local names that two files of a folder have in common. They collide in unity builds, which the
    sanitizer presets use."""

    def __init__(self):
        self.first = {}

    @staticmethod
    def of(path):
        parts = path.split("/")
        return "/".join(parts[:-1]) if parts[0] == "tests" else "/".join(parts[:2])

    def problems(self, path, text):
        if not path.endswith(".cpp"):
            return
        for number, name in hidden_names(text):
            other = self.first.setdefault((self.of(path), name), path)
            if other != path:
                yield number, f"'{name}' is in {other} too, and builds may compile both as one file"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    count = 0
    checked = 0
    programs = Programs()
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".hpp", ".cpp"):
                continue
            checked += 1
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8")
            for number, why in [*problems(path, text), *programs.problems(path, text)]:
                print(f"{path}:{number}: {why}")
                count += 1
    print(f"{checked} files, {count} problems")
    return 1 if count or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
