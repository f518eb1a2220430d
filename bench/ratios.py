#!/usr/bin/env python3
"""Prints the results of leasebreak_bench with the required ratios.

usage: ratios.py BENCH.JSON, the output of leasebreak_bench --benchmark_out_format=json

Ratios without figures in the file are omitted. The status is 0 unless the file cannot be read;
missed ratios are marked as such.
"""

import json
import statistics
import sys


def load(path):
    """Items per second by name, with the median of repetitions, and the counters by name."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    rates, costs, counters = {}, {}, {}
    for run in content["benchmarks"]:
        if run.get("run_type") == "aggregate" or run.get("error_occurred"):
            continue
        parts = [p for p in run["name"].split("/") if not p.endswith("_time") and ":" not in p]
        name = "/".join(parts)
        counters[name] = run
        if run.get("items_per_second"):
            rates.setdefault(name, []).append(run["items_per_second"])
        if run.get("cpu_ns"):
            costs.setdefault(name, []).append(run["cpu_ns"])
    medians = {name: statistics.median(values) for name, values in rates.items()}
    costs = {name: statistics.median(values) for name, values in costs.items()}
    return content["context"], medians, costs, counters


def requirements(rates, counters):
    """Yields (what, measured, relation, wanted, unit); measured is None if something is missing."""

    def ratio(a, b, factor=1.0):
        return factor * rates[a] / rates[b] if rates.get(a) and rates.get(b) else None

    floor1, floor64 = "floor_round_trip/64/1", "floor_round_trip/64/64"
    yield ("open_close/64/64, share of the floor", ratio("open_close/64/64", floor64), ">=", 0.5)
    yield ("open_close/64/1, floor round trips", ratio(floor1, "open_close/64/1"), "<=", 3)
    yield (
        "open_close_caf_pool/64/1, times the latency",
        ratio("open_close/64/1", "open_close_caf_pool/64/1"),
        ">=",
        10,
    )
    yield (
        "other_loop/64/1, times the latency of the coordinator's own",
        ratio("own_loop/64/1", "other_loop/64/1"),
        "<=",
        1.3,
    )
    yield (
        "loop_per_core/2, operations against one loop",
        ratio("loop_per_core/2", "loop_per_core/1"),
        ">=",
        1.8,
    )
    yield ("open_close/64/64, share of a table with mutexes",
           ratio("open_close/64/64", "mutex_table/64/64"), ">=", 0.9)
    yield (
        "held_leases/1000000, times the cost of 1000",
        ratio("held_leases/1000", "held_leases/1000000"),
        "<=",
        2,
    )
    yield (
        "held_locks/10000, times the cost of 10",
        ratio("held_locks/10", "held_locks/10000"),
        "<=",
        3,
    )
    yield ("break_round, floor round trips", ratio(floor1, "break_round"), "<=", 12)
    yield (
        "read_storm/1000, cost of a break against 100",
        ratio("read_storm/100", "read_storm/1000"),
        "<=",
        1.5,
    )
    yield ("persist/rocksdb, times the cost of memory", ratio("persist/memory", "persist/rocksdb"),
           "<=", 1.3)
    # An open and its close are two items, and one grant.
    yield (
        "persist/rocksdb_durable, grants per fsync of each",
        ratio("persist/rocksdb_durable", "fsync_per_grant", 0.5),
        ">=",
        30,
    )
    for ms in (1, 5):
        slow = counters.get(f"persist/slow_disk/{ms}", {})
        yield (f"persist/slow_disk/{ms}, grants per fsync", slow.get("grants_per_wanted_fsync"), ">=", 30)
    memory = counters.get("memory_per_file/1000000", {}).get("bytes_per_file")
    listing = counters.get("beside_listing/1000000", {})
    yield ("beside_listing, share of the rate", listing.get("rate_kept"), ">=", 0.95)
    page = counters.get("listing_memory/1000000", {}).get("page_bytes")
    yield ("memory of a listing of a million, MB", page / 1e6 if page is not None else None, "<=", 2.0)
    who = counters.get("who/1000000", {})
    for how, least in (("name", 1000), ("path", 1000), ("directory", 10)):
        fast = who.get(how + "_us")
        yield (f"who by {how}, times faster than asking all files", who["all_us"] / fast if fast else None,
               ">=", least)
    yield ("memory per file, KB", memory / 1000 if memory else None, "<=", 2.0)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        context, rates, costs, counters = load(sys.argv[1])
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"ratios.py: {sys.argv[1]}: {error}")
    print(f"{context['num_cpus']} cores at {context['mhz_per_cpu']} MHz, load average at the start "
          f"{context.get('load_avg', ['?'])[0]}")
    print(f"\n{'benchmark':<34}{'items/s':>14}{'us/item':>12}{'processor us':>14}")
    for name, rate in rates.items():
        cost = f"{costs[name] / 1e3:>14.3f}" if name in costs else ""
        print(f"{name:<34}{rate:>14,.0f}{1e6 / rate:>12.3f}{cost}")
    print(f"\n{'ratio':<60}{'measured':>10}{'target':>10}")
    for what, measured, relation, wanted in requirements(rates, counters):
        if measured is None:
            continue
        holds = measured >= wanted if relation == ">=" else measured <= wanted
        print(f"{what:<60}{measured:>10.2f}{relation + ' ' + str(wanted):>10}  "
              f"{'holds' if holds else 'MISSED'}")


if __name__ == "__main__":
    main()
