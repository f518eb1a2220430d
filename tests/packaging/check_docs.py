#!/usr/bin/env python3
"""Checks that what the documentation points at is there.

usage: check_docs.py ROOT [BUILD]

In README.md, CONTRIBUTING.md and docs/: each relative link leads to a file, and to a heading of it; each script, preset and
program that a command line in a code block names exists (programs only if BUILD, the folder of the
release build, is given), and accepts each long option that the command line gives it. README.md shows
what its commands print as it is printed; docs/configuration.md names every setting of the coordinator,
and docs/operations.md every error with its NTSTATUS. Each C++ block in README.md is an excerpt of
examples/quickstart.cpp, and each one in docs/embedding.md of a file of examples/smb_server, except for
the indentation. docs/embedding.md names every call of the coordinator, shows the code
of each one that the example makes, and says in which files. Each test that a page names, as
`Suite.Name`, exists.
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]*)(?:#([^)]*))?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "console")


def anchors(text):
    """What the headings of a page are called in links, as the common hosts have it."""
    for heading in re.findall(r"^#+ (.*)$", re.sub(FENCE, "", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(root, page, text):
    for target, anchor in LINK.findall(re.sub(FENCE, "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / target if target else page
        if target and not file.exists():
            yield f"link to {target}, which is not there"
        elif anchor and anchor not in anchors(text if file == page else file.read_text(encoding="utf-8")):
            yield f"link to {target}#{anchor}, which is no heading"


def command_lines(text):
    """The commands of all shell code blocks, with continuation lines joined."""
    for language, block in FENCE.findall(text):
        if language not in SHELLS:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            line = line.strip().removeprefix("$ ")
            if line and not line.startswith("#"):
                yield line


def program_of(word, root, build):
    """The file that a command line's first word names, if it is one of the project's."""
    word = word.removeprefix("./")
    if word.startswith("scripts/"):
        return root / word
    if word.startswith("build/release/") and build:
        return build / word.removeprefix("build/release/")
    return None


def problems_with(line, root, build, presets):
    words = shlex.split(line, comments=True)
    while words and "=" in words[0] and not words[0].startswith("-"):
        words.pop(0)  # VARIABLE=value before the command
    if not words:
        return
    if words[0] in ("cmake", "ctest"):
        for flag, name in zip(words, words[1:]):
            if flag == "--preset" and name not in presets:
                yield f"no preset named {name}: {line}"
        return
    program = program_of(words[0], root, build)
    if program is None:
        return
    if not program.is_file():
        yield f"no program {words[0]}: {line}"
        return
    options = [w.split("=")[0] for w in words[1:] if w.startswith("--")]
    if not options:
        return
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
    for option in options:
        if option not in done.stdout + done.stderr:
            yield f"{words[0]} has no option {option}: {line}"


def output_that_differs(root, build):
    """Text blocks of README.md that are not what the last command of the shell block before prints."""
    blocks = FENCE.findall((root / "README.md").read_text(encoding="utf-8"))
    for (before, commands), (language, shown) in zip(blocks, blocks[1:]):
        if before not in SHELLS or language != "text":
            continue
        line = commands.strip().splitlines()[-1]
        program = program_of(line, root, build)
        if program is None or not program.is_file():
            continue  # not built; `problems_with` says so if it should be there
        printed = subprocess.run([program], capture_output=True, text=True, timeout=60).stdout
        if printed != shown:
            yield "README.md", f"{line} prints something else: {printed!r}"


MEMBER = re.compile(r"^  [\w:<>()]+ (\w+)(?: =|;|\n *=)", re.MULTILINE)
ENUMERATOR = re.compile(r"^  (\w+)(?: = 0)?,", re.MULTILINE)


def body_of(text, start):
    """What is between the line that begins with `start` and the next line that begins with "};"."""
    return text.split(start, 1)[1].split("\n};", 1)[0]


def settings(root):
    for header, start in (
        ("actors/include/leasebreak/config.hpp", "struct coordinator_config {"),
        ("model/include/leasebreak/model/limits.hpp", "struct limits {"),
    ):
        yield from MEMBER.findall(body_of((root / header).read_text(), start))


def errors(root):
    header = root / "model/include/leasebreak/model/errors.hpp"
    yield from ENUMERATOR.findall(body_of(header.read_text(), "enum class errc {"))


NAMED_TEST = re.compile(r"`([A-Z]\w+)\.([A-Z]\w+)`")
TEST = re.compile(r"\b(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)")


def tests_that_are_missing(root):
    """Tests that a page names and nobody has written."""
    written = {
        test
        for file in (root / "tests").rglob("*.cpp")
        for test in TEST.findall(file.read_text(encoding="utf-8"))
    }
    for page in sorted((root / "docs").glob("*.md")):
        for suite, name in NAMED_TEST.findall(page.read_text(encoding="utf-8")):
            if (suite, name) not in written:
                yield page.relative_to(root), f"no test {suite}.{name}"


def stripped(text):
    return [line.strip() for line in text.splitlines()]


def has_excerpt(lines, excerpt):
    places = range(len(lines) - len(excerpt) + 1)
    return any(lines[i:i + len(excerpt)] == excerpt for i in places)


def excerpts_that_differ(root):
    """C++ blocks of README.md and docs/embedding.md that are not in the programs that they quote."""
    quickstart = root / "examples/quickstart.cpp"
    server = root / "examples/smb_server"
    for page, name, files in (
        ("README.md", "examples/quickstart.cpp", [quickstart] if quickstart.exists() else []),
        ("docs/embedding.md", "examples/smb_server", sorted(server.rglob("*.?pp"))),
    ):
        if not (root / page).exists():
            continue
        programs = [stripped(file.read_text(encoding="utf-8")) for file in files]
        for language, block in FENCE.findall((root / page).read_text(encoding="utf-8")):
            excerpt = stripped(block)
            if language == "cpp" and not any(has_excerpt(lines, excerpt) for lines in programs):
                yield page, f"not in {name}: {excerpt[0]} ..."


CALL = re.compile(r"^  (?:auto|error_code|(?:\[\[nodiscard\]\] )(?:file_name_id|statistics)) (\w+)\(", re.MULTILINE)


def calls_left_out(root):
    """Calls of the coordinator that docs/embedding.md does not name."""
    header = (root / "actors/include/leasebreak/coordinator.hpp").read_text(encoding="utf-8")
    text = (root / "docs/embedding.md").read_text(encoding="utf-8")
    for name in sorted(set(CALL.findall(body_of(header, "class coordinator {").split("\nprivate:")[0]))):
        if f"`{name}`" not in text:
            yield "docs/embedding.md", f"does not name `{name}`"


MADE = re.compile(r"\bcoordinator(?:_|\(\))(?:\.|->)(\w+)\(")


def calls_not_shown(root):
    """Calls of the example to the coordinator of which docs/embedding.md shows no code or another file."""
    text = (root / "docs/embedding.md").read_text(encoding="utf-8")
    code = "".join(block for language, block in FENCE.findall(text) if language == "cpp")
    server = root / "examples/smb_server"
    files = {
        str(file.relative_to(server)): set(MADE.findall(file.read_text(encoding="utf-8")))
        for file in server.rglob("*.cpp")
    }
    for call in sorted(set().union(*files.values())):
        if call not in MADE.findall(code):
            yield "docs/embedding.md", f"does not show a call of {call}"
    said = {}
    for line in re.findall(r"^\| [^`|]+ \| (`.+)\|$", text, re.MULTILINE):
        calls, _, places = line.partition("|")
        for call in re.findall(r"`(\w+)`", calls):
            said.setdefault(call, set()).update(re.findall(r"`([\w/]+\.cpp)`", places))
    for call in sorted(set().union(*files.values(), said)):
        made = {name for name, calls in files.items() if call in calls}
        for name in sorted(made ^ said.get(call, set())):
            yield "docs/embedding.md", (
                f"does not say that {name} calls {call}" if name in made else f"{name} does not call {call}")


def wrong_statuses(root):
    """Errors that docs/operations.md shows with another NTSTATUS than the code gives them."""
    source = (root / "model/src/errors.cpp").read_text()
    given = re.findall(r"case errc::(\w+):(?:\s*//[^\n]*)*\s*return \{\s*(status_\w+)", source)
    rows = dict(re.findall(
        r"^\| `(\w+)` \| (STATUS_\w+) ", (root / "docs/operations.md").read_text(), re.MULTILINE))
    for error, status in given:
        if rows.get(error) != status.upper():
            yield "docs/operations.md", f"`{error}` is {status.upper()}, not {rows.get(error)}"


def missing_names(root):
    """What a page should name and does not, as (page, what)."""
    yield from wrong_statuses(root)
    yield from excerpts_that_differ(root)
    yield from calls_left_out(root)
    yield from calls_not_shown(root)
    yield from tests_that_are_missing(root)
    for page, names in (("docs/configuration.md", settings(root)), ("docs/operations.md", errors(root))):
        text = (root / page).read_text(encoding="utf-8")
        for name in names:
            if f"`{name}`" not in text:
                yield page, f"does not name `{name}`"


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    build = pathlib.Path(arguments[1]) if len(arguments) == 2 else None
    configured = json.loads((root / "CMakePresets.json").read_text())
    presets = {p["name"] for p in configured["configurePresets"] if not p.get("hidden")}
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    count = commands = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = list(broken_links(root, page, text))
        for line in command_lines(text):
            commands += 1
            found += problems_with(line, root, build, presets)
        for problem in found:
            print(f"{page.relative_to(root)}: {problem}")
        count += len(found)
    for page, problem in (*missing_names(root), *output_that_differs(root, build)):
        print(f"{page}: {problem}")
        count += 1
    print(f"{len(pages)} pages, {commands} commands, {count} problems")
    return 1 if count or not commands else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
