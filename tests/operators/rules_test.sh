#!/bin/bash
# Prometheus' own judgement of the alert rules: their syntax, and when they fire. Exits with 77 without promtool.
#
# usage: rules_test.sh ROOT
set -euo pipefail

promtool=$(command -v promtool || echo "$1/build/prometheus/usr/bin/promtool")
if [[ ! -x $promtool ]]; then
  echo "promtool is missing"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1/packaging/prometheus/leasebreak.rules.yml" "$1/tests/operators/rules_test.yml" "$work"
"$promtool" check rules "$work/leasebreak.rules.yml"
"$promtool" test rules "$work/rules_test.yml"
