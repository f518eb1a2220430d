#!/usr/bin/env python3
"""Prints the measurements of scripts/compare-samba, side by side.

usage: compare_results.py RESULTS ROUNDS
"""

import pathlib
import re
import statistics
import sys

# For each benchmark, the pattern of smbtorture's result line and the unit of the figure.
RATES = {
    "smb2.bench.oplock1": (re.compile(r"^([\d.]+) ops/second", re.M), "hand-overs"),
    "smb2.bench.path-contention-shared": (re.compile(r"open\[num/s=([\d.]+)"), "opens"),
    "smb2.bench.echo": (re.compile(r"echo\[num/s=([\d.]+)"), "echoes"),
}


def rate_of(test, output):
    """Operations per second, or None if the output has no figure."""
    found = RATES[test][0].findall(output)
    return float(found[-1]) if found else None


def measured(results, server, test, rounds):
    """Medians of: operations per second, cores used by smbtorture and by the server, the server's
    processor time per operation, and the idle time of smbtorture's thread per operation."""
    rates, torture_cores, server_cores, costs, rests = [], [], [], [], []
    for number in range(1, rounds + 1):
        name = f"{server}.{test}.{number}"
        rate = rate_of(test, (results / f"{name}.out").read_text(errors="replace"))
        if rate is None or rate <= 0:
            raise ValueError(f"{name}.out has no figure")
        wall, torture, used = (float(field) for field in (results / f"{name}.cpu").read_text().split())
        rates.append(rate)
        torture_cores.append(torture / wall)
        server_cores.append(used / wall)
        costs.append(used / wall / rate * 1e6)
        rests.append((1 - min(torture / wall, 1)) / rate * 1e6)
    return [statistics.median(column) for column in (rates, torture_cores, server_cores, costs, rests)]


def print_benchmarks(results, rounds):
    print(f"{'':36}{'per second':>12}{'ratio':>8}{'cores used by':>24}{'server us':>12}{'us without':>12}")
    print(f"{'medians of ' + str(rounds) + ' rounds':36}{'':>20}{'smbtorture':>14}{'server':>10}{'per item':>12}{'smbtorture':>12}")
    for test, (_, unit) in RATES.items():
        samba = measured(results, "samba", test, rounds)
        own = measured(results, "own", test, rounds)
        for server, row in (("smbd", samba), ("leasebreak", own)):
            ratio = f"{row[0] / samba[0]:.2f}"
            label = f"{test.removeprefix('smb2.bench.')} ({unit}), {server}"
            print(f"{label:44}"[:44] + f"{row[0]:>8.0f}{ratio:>8}{row[1]:>12.2f}{row[2]:>10.2f}{row[3]:>12.0f}{row[4]:>12.0f}")


def counts(output):
    return [len(re.findall(rf"^{word}: ", output, re.M)) for word in ("success", "failure|error", "skip")]


def print_suites(results):
    for own in sorted(results.glob("own.smb2.*.out")):
        suite = own.name.removeprefix("own.").removesuffix(".out")
        if any(suite.startswith(test) for test in RATES):
            continue
        for server in ("samba", "own"):
            passed, failed, skipped = counts((results / f"{server}.{suite}.out").read_text(errors="replace"))
            print(f"{suite:28}{server:8}{passed:4} passed {failed:4} failed {skipped:4} skipped")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    results, rounds = pathlib.Path(arguments[0]), int(arguments[1])
    try:
        print_benchmarks(results, rounds)
        print_suites(results)
    except (OSError, ValueError) as problem:
        print(f"compare_results.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
