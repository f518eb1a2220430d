#!/usr/bin/env python3
"""Says whether a process kept growing while scripts/soak watched it.

usage: soak_growth.py SAMPLES

SAMPLES has a line for each second: seconds, resident kilobytes, sockets, open files, logons so far.
The first third is for warming up: allocators, caches and buffers fill. The last third may need no
more than SLACK_KB above the second one, however many logons there were.
"""

import statistics
import sys

SLACK_KB = 24 * 1024


def growth(samples):
    """How much more the last third needs than the second, in kilobytes."""
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
        print("too few samples to say anything", file=sys.stderr)
        return 1
    grown = growth(samples)
    print(f"    memory: {samples[0][1]} KB at first, {max(s[1] for s in samples)} at most; the last third "
          f"needed {grown:.0f} more than the one before, {SLACK_KB} are allowed")
    print(f"    connections at once: {max(s[2] for s in samples)} at most; files: {max(s[3] for s in samples)}; "
          f"logons: {samples[-1][4]}")
    if grown > SLACK_KB:
        print("it kept growing", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
