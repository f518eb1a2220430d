#!/usr/bin/env python3
"""Checks that includes follow the layers: model <- persistence <- actors <- examples,
and model <- cluster <- cluster/engine <- cluster/net <- cluster/member, which uses actors as well.

usage: check_includes.py ROOT

Prints one line per violation, and exits with status 1 if there is any. docs/architecture.md describes
the layers.
"""

import pathlib
import re
import sys
from dataclasses import dataclass

STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv
    chrono cinttypes climits clocale cmath codecvt compare complex concepts condition_variable
    coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar
    cwctype deque exception execution filesystem forward_list fstream functional future
    initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view syncstream system_error thread tuple type_traits
    typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
    """.split()
)
# The model and the protocol of clusters are pure functions of their input, without time, threads, files
# or locales.
NOT_IN_MODEL = {
    "atomic", "barrier", "condition_variable", "coroutine", "csignal", "cstdio", "filesystem",
    "fstream", "future", "iostream", "latch", "mutex", "random", "semaphore", "shared_mutex",
    "stop_token", "syncstream", "thread", "execution",
}


@dataclass
class Rule:
    """The includes that are permitted below `folder`."""

    folder: str
    prefixes: tuple  # of headers in angle brackets, in addition to the standard library
    system: bool = False  # POSIX and Linux headers: <unistd.h>, <sys/...>
    forbidden: frozenset = frozenset()  # standard headers that are not permitted


RULES = [
    Rule("model", ("leasebreak/model/",), forbidden=frozenset(NOT_IN_MODEL)),
    Rule("cluster/engine", ("leasebreak/model/", "leasebreak/cluster/", "boost/", "libpq-fe.h", "unistd.h")),
    Rule("cluster/net", ("leasebreak/model/", "leasebreak/cluster/", "boost/", "openssl/"), system=True),
    Rule("cluster/member", ("leasebreak/", "boost/")),
    Rule("cluster", ("leasebreak/model/", "leasebreak/cluster/"), forbidden=frozenset(NOT_IN_MODEL)),
    Rule("persistence/include", ("leasebreak/model/", "leasebreak/persistence/")),
    Rule(
        "persistence",
        ("leasebreak/model/", "leasebreak/persistence/", "boost/json", "boost/system/",
         "rocksdb/", "libpq-fe.h"),
        system=True,
    ),
    Rule("actors/include", ("leasebreak/", "boost/asio/", "boost/system/")),
    Rule("actors/admin/include", ("leasebreak/", "boost/asio/", "boost/system/")),
    Rule("actors/admin/tools", ("leasebreak/", "boost/", "CLI/"), system=True),
    Rule("actors/testing", ("leasebreak/", "boost/asio/", "boost/system/")),
    Rule("actors", ("leasebreak/", "boost/", "caf/", "spdlog/", "fmt/"), system=True),
    Rule(
        "examples",
        ("leasebreak/", "boost/", "spdlog/", "fmt/", "CLI/", "openssl/",
         "smb_server/"),
        system=True,
    ),
]

# Only the files of a store may use its client library.
CLIENT_LIBRARIES = {"rocksdb/": "rocksdb", "libpq-fe.h": "postgres"}

# The key of the hashes is random per process; no result depends on it.
EXCEPTIONS = {"model/src/keyed_hash.cpp": {"sys/random.h"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SYSTEM = re.compile(r"^(sys/|net/|netinet/|arpa/|linux/|[a-z_]+\.h$)")


def rule_for(path):
    for rule in RULES:
        if path.startswith(rule.folder + "/"):
            return rule
    return None


def problem_with(root, path, rule, bracket, header):
    """The problem of an include, or None."""
    if bracket == '"':
        if ".." in header.split("/"):
            return "leaves its folder"
        top = root / path.split("/")[0]
        here = (root / path).parent
        folders = [here, *[p for p in here.parents if top in p.parents]]
        if not any((folder / header).is_file() for folder in folders):
            return "is no file of this folder"
        return None
    if header in EXCEPTIONS.get(path, ()):
        return None
    if header in rule.forbidden:
        return "has no place in the model"
    if header in STANDARD:
        return None
    for prefix, name in CLIENT_LIBRARIES.items():
        if header.startswith(prefix) and name not in path:
            return f"may be used only by the {name} store"
    if rule.system and SYSTEM.match(header):
        return None
    if header.startswith(rule.prefixes):
        return None
    return f"violates the layers: {rule.folder} must not use it"


def violations(root):
    """All violations below `root`, as "path:line: <header> problem"."""
    found = []
    files = [p for p in root.rglob("*") if p.suffix in (".hpp", ".cpp")]
    for file in sorted(files):
        path = file.relative_to(root).as_posix()
        rule = rule_for(path)
        if rule is None:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            problem = problem_with(root, path, rule, *match.groups())
            if problem:
                found.append(f"{path}:{number}: <{match.group(2)}> {problem}")
    return found


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    missing = [rule.folder for rule in RULES if not (root / rule.folder).is_dir()]
    if missing:
        print(f"missing below {root}: {', '.join(missing)}", file=sys.stderr)
        return 2
    found = violations(root)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
