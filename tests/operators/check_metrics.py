#!/usr/bin/env python3
"""Checks that the alert rules and the Grafana board use metrics that a server has, and labels with values that exist.

usage: check_metrics.py ROOT

The metrics are those of tests/admin/golden/metrics.txt. The board is checked for what Grafana needs to load it.
"""

import json
import pathlib
import re
import sys

SUFFIXES = ("_bucket", "_sum", "_count")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|=|!=)\s*"([^"]*)"')


def read_metrics(text):
    """Names of metrics with their labels, and the values of each label."""
    labels = {}
    for line in text.splitlines():
        found = re.match(r"(leasebreak_\w+)(?:\{(.*)\})? ", line)
        if found:
            of = labels.setdefault(found.group(1), {})
            for name, _, value in MATCHER.findall(found.group(2) or ""):
                of.setdefault(name, set()).add(value)
    return labels


def problems_of(expression, metrics, where):
    problems = []
    for name, selector in re.findall(r"(leasebreak_\w+)(?:\{([^}]*)\})?", expression):
        if name not in metrics:
            problems.append(f"{where}: there is no metric {name}")
            continue
        for label, _, pattern in MATCHER.findall(selector or ""):
            if label in ("instance", "job"):
                continue
            values = metrics[name].get(label)
            if values is None:
                problems.append(f"{where}: {name} has no label {label}")
            elif not set(pattern.split("|")) <= values:
                problems.append(f"{where}: {label} of {name} is never {pattern}")
    return problems


def expressions_of_rules(text):
    """What follows `expr:`, with the lines that continue it."""
    for found in re.finditer(r"^( +)expr: (.*\n(?:\1 +.*\n)*)", text, re.MULTILINE):
        yield found.group(2)


def check_board(board, metrics):
    problems = []
    ids = [p["id"] for p in board["panels"]]
    if len(set(ids)) != len(ids) or not board["title"] or board["schemaVersion"] < 36:
        problems.append("board: ids, title or version are wrong")
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24 or not panel["targets"]:
            problems.append(f"board: {panel['title']}: no place or no target")
        for target in panel["targets"]:
            problems += problems_of(target["expr"], metrics, f"board: {panel['title']}")
    return problems


def main(arguments):
    root = pathlib.Path(arguments[0])
    metrics = read_metrics((root / "tests/admin/golden/metrics.txt").read_text())
    rules = (root / "packaging/prometheus/leasebreak.rules.yml").read_text()
    expressions = list(expressions_of_rules(rules))
    board = json.loads((root / "packaging/grafana/leasebreak.json").read_text())
    problems = [] if expressions else ["rules: there are none"]
    for expression in expressions:
        problems += problems_of(expression, metrics, "rules")
    problems += check_board(board, metrics)
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{len(expressions)} rules and {len(board['panels'])} panels use what is there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
