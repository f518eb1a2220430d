# shellcheck shell=bash
# Shared by the scripts: messages, timed steps, and a summary.
#
# A script sources this file, calls `run_step NAME COMMAND...` for each step, and ends with
# `print_summary`, whose status becomes the script's status.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for the scripts
readonly ROOT

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' GREEN='' RED='' PLAIN=''
fi

SUMMARY=()
NOTES=() # lines for the end of the summary
FAILED_STEPS=0

# say TEXT...: prints a line about progress.
say() { printf '%s\n' "    $*"; }

# title TEXT...: prints a heading.
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }

# complain TEXT...: prints an error message to stderr.
complain() { printf '%s%s: %s%s\n' "$RED" "${0##*/}" "$*" "$PLAIN" >&2; }

# die TEXT...: prints an error message and exits with status 1.
die() {
  complain "$@"
  exit 1
}

# make_results NAME: sets RESULTS to the folder build/NAME and empties it. Exits if the script already
# runs in this checkout, because the results of that run would be lost.
make_results() {
  RESULTS="$ROOT/build/$1"
  mkdir -p "$ROOT/build"
  exec {RESULTS_LOCK}>"$RESULTS.lock"
  flock --nonblock "$RESULTS_LOCK" ||
    die "this script, or a program that it started, already runs in this checkout; see $RESULTS"
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
}

# jobs_at_once: prints how many jobs to run in parallel: one per core, at most one per 2 GB of memory.
jobs_at_once() {
  local cores memory_gb
  cores=$(nproc)
  memory_gb=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  local by_memory=$((memory_gb / 2))
  ((by_memory >= 1)) || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# minutes SECONDS: prints the time like "3:07".
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# run_step NAME COMMAND...: runs the command, and adds its outcome and time to the summary. Returns the
# command's status.
run_step() { run_noting fails "$@"; }

# run_step_or_skip NAME COMMAND...: like run_step, but status 77 means that the command cannot run on
# this machine; the step counts as skipped.
run_step_or_skip() { run_noting skips "$@"; }

# run_noting fails|skips NAME COMMAND...: the first argument is the meaning of status 77.
run_noting() {
  local on_77=$1 name=$2 began=$SECONDS status=0
  shift 2
  title "$name"
  "$@" || status=$?
  local took
  took=$(minutes $((SECONDS - began)))
  if ((status == 77)) && [[ $on_77 == skips ]]; then
    skip_step "$name" "cannot run on this machine; see above"
    status=0
  elif ((status == 0)); then
    SUMMARY+=("${GREEN}passed${PLAIN}  $took  $name")
  else
    SUMMARY+=("${RED}FAILED${PLAIN}  $took  $name")
    FAILED_STEPS=$((FAILED_STEPS + 1))
    complain "$name failed (status $status)"
  fi
  return "$status"
}

# skip_step NAME WHY: adds a skipped step to the summary.
skip_step() { SUMMARY+=("skipped       $1 ($2)"); }

# print_summary: prints the outcome of every step. Returns 0 only if there were steps and none failed.
print_summary() {
  title "Summary"
  local line
  for line in "${SUMMARY[@]}"; do
    say "$line"
  done
  for line in "${NOTES[@]}"; do
    say "$line"
  done
  say "total   $(minutes $SECONDS)"
  if ((FAILED_STEPS > 0 || ${#SUMMARY[@]} == 0)); then
    printf '%s%s%s\n' "$RED" "$FAILED_STEPS of ${#SUMMARY[@]} steps failed" "$PLAIN"
    return 1
  fi
  printf '%s%s%s\n' "$GREEN" "all steps passed" "$PLAIN"
}
