#!/usr/bin/env python3
"""Checks whether the server's memory kept growing during scripts/soak.

usage: soak_growth.py SAMPLES

SAMPLES has a line per second: seconds, resident kilobytes, sockets, open files, logons so far. The
first third is the warm-up, during which allocators, caches and buffers fill. The median of the last
third may exceed that of the second by at most SLACK_KB.
"""

import statistics
import sys

SLACK_KB = 24 * 1024


def growth(samples):
    """The growth from the second third to the last, in kilobytes."""
    third = len(samples) // 3
    middle, last = samples[third:2 * third], samples[2 * third:]
    return statistics.median(s[1] for s in last) - statistics.median(s[1] for s in middle)


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    with open(arguments[0], encoding="ascii") as lines:
        samples = [[int(field) for field in line.split()] for line in lines]
    if len(samples) < 15:
        print("too few samples to judge memory growth", file=sys.stderr)
        return 1
    grown = growth(samples)
    print(f"    memory: {samples[0][1]} KB at the start, peak {max(s[1] for s in samples)} KB; grew by "
          f"{grown:.0f} KB from the second third to the last, limit {SLACK_KB} KB")
    print(f"    peak connections: {max(s[2] for s in samples)}; peak open files: {max(s[3] for s in samples)}; "
          f"logons: {samples[-1][4]}")
    if grown > SLACK_KB:
        print("the server's memory kept growing", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
