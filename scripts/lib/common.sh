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
  note_outcome "$on_77" "$name" "$status" $((SECONDS - began))
}

# note_outcome fails|skips NAME STATUS SECONDS: adds a step to the summary. Returns the status.
note_outcome() {
  local on_77=$1 name=$2 status=$3 took
  took=$(minutes "$4")
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

BEGUN=()

# begin_steps FUNCTION: runs a function that runs steps, beside what follows; see finish_steps. Its steps end
# with this script.
begin_steps() {
  local folder
  folder=$(mktemp -d)
  trap end_steps EXIT
  set -m # a process group for what the steps start
  run_apart "$1" "$folder/outcome" >"$folder/output" 2>&1 </dev/null &
  BEGUN+=("$!" "$1" "$folder")
  set +m
}

# run_apart FUNCTION FILE: runs a function that runs steps, and writes their outcome. For a process of its own.
run_apart() {
  trap - EXIT
  SUMMARY=() NOTES=() FAILED_STEPS=0
  "$1"
  declare -p SUMMARY NOTES FAILED_STEPS >"$2"
}

# finish_steps: waits for the steps that were begun, prints their output, and adds them to the summary.
finish_steps() {
  local step folder
  for ((step = 0; step < ${#BEGUN[@]}; step += 3)); do
    folder=${BEGUN[step + 2]}
    wait "${BEGUN[step]}" || true
    cat "$folder/output"
    add_outcome "${BEGUN[step + 1]}" "$folder/outcome"
    rm -rf "$folder"
  done
  BEGUN=()
}

# add_outcome FUNCTION FILE: adds the steps of the function to the summary.
add_outcome() {
  local summary notes failed
  if [[ ! -s $2 ]]; then
    SUMMARY+=("${RED}FAILED${PLAIN}        $1 did not come to its end")
    FAILED_STEPS=$((FAILED_STEPS + 1))
    return
  fi
  summary=("${SUMMARY[@]}") notes=("${NOTES[@]}") failed=$FAILED_STEPS
  # shellcheck disable=SC1090 # written by begin_steps
  source <(sed 's/^declare -\S* /declare -g /' "$2")
  SUMMARY=("${summary[@]}" "${SUMMARY[@]}")
  NOTES=("${notes[@]}" "${NOTES[@]}")
  FAILED_STEPS=$((FAILED_STEPS + failed))
}

# end_steps: ends the steps that are not finished.
end_steps() {
  local step
  for ((step = 0; step < ${#BEGUN[@]}; step += 3)); do
    kill -TERM -- "-${BEGUN[step]}" 2>/dev/null || true
    rm -rf "${BEGUN[step + 2]}"
  done
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
