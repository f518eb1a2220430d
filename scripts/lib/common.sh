# shellcheck shell=bash
# What the scripts share: messages, steps with their times, and a summary.
#
# A script sources this file, calls `run_step NAME COMMAND...` for each of its steps, and ends with
# `print_summary`, whose status is that of the script.

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

# say TEXT...: a line about what goes on.
say() { printf '%s\n' "    $*"; }

# title TEXT...: the start of something new.
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }

# complain TEXT...: what is wrong, for the user.
complain() { printf '%s%s: %s%s\n' "$RED" "${0##*/}" "$*" "$PLAIN" >&2; }

# die TEXT...: complains and ends the script.
die() {
  complain "$@"
  exit 1
}

# make_results NAME: RESULTS is the folder build/NAME from now on, and empty. Dies if the script runs
# in this checkout already: what it has there would be lost.
make_results() {
  RESULTS="$ROOT/build/$1"
  mkdir -p "$ROOT/build"
  exec {RESULTS_LOCK}>"$RESULTS.lock"
  flock --nonblock "$RESULTS_LOCK" ||
    die "runs in this checkout already, or a program of it does; its results are in $RESULTS"
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
}

# jobs_at_once: how many compilers to run: one a core, but no more than memory allows.
jobs_at_once() {
  local cores memory_gb
  cores=$(nproc)
  memory_gb=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  local by_memory=$((memory_gb / 2))
  ((by_memory >= 1)) || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# minutes SECONDS: as text, "3:07".
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# run_step NAME COMMAND...: runs it, and notes its outcome and time. Returns the command's status.
run_step() { run_noting fails "$@"; }

# run_step_or_skip NAME COMMAND...: as run_step, but by the status 77 the command says that it cannot
# run here.
run_step_or_skip() { run_noting skips "$@"; }

# run_noting fails|skips NAME COMMAND...: what the status 77 does comes first.
run_noting() {
  local on_77=$1 name=$2 began=$SECONDS status=0
  shift 2
  title "$name"
  "$@" || status=$?
  local took
  took=$(minutes $((SECONDS - began)))
  if ((status == 77)) && [[ $on_77 == skips ]]; then
    skip_step "$name" "it cannot run here; see above"
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

# skip_step NAME WHY: notes what was not run.
skip_step() { SUMMARY+=("skipped       $1 ($2)"); }

# print_summary: every step's outcome. Returns 0 only if something ran and nothing failed.
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
