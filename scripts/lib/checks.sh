# shellcheck shell=bash
# Runs and counts named checks. Sourced after common.sh. The scripts set the folders WORK and RESULTS,
# and SUBJECT, the name of what is being checked.

SUBJECT=
PASSED=0
FAILED=0
INTERRUPTED= # the status to exit with, from the trap of a signal

# exit_if_interrupted: exits if a signal's trap has set INTERRUPTED. Traps must not exit themselves while
# `read -t` waits: its alarm fires later, and bash 5.2 crashes instead of cleaning up.
exit_if_interrupted() {
  [[ -z $INTERRUPTED ]] || exit "$INTERRUPTED"
}

# tell passed|FAILED WHAT: prints and counts the outcome of a check.
tell() {
  if [[ $1 == passed ]]; then
    PASSED=$((PASSED + 1))
    printf '%spassed%s %s: %s\n' "$GREEN" "$PLAIN" "$SUBJECT" "$2"
  else
    FAILED=$((FAILED + 1))
    printf '%sFAILED%s %s: %s\n' "$RED" "$PLAIN" "$SUBJECT" "$2"
  fi
}

# tell_count: prints the counts. Fails if a check failed or none passed.
tell_count() {
  printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
  ((FAILED == 0 && PASSED > 0))
}

# show_said: prints the last lines of the last command's output.
show_said() { tail -n 10 "$WORK/said" | cut -c 1-200 | sed 's/^/         | /'; }

# run_logged WHAT COMMAND...: writes the command's output to WORK/said and to the subject's log.
run_logged() {
  local what=$1 began=$EPOCHREALTIME status=0
  shift
  "$@" >"$WORK/said" 2>&1 </dev/null || status=$?
  exit_if_interrupted
  local took_ms=$(((${EPOCHREALTIME//[!0-9]/} - ${began//[!0-9]/}) / 1000))
  { printf '== %s (status %d, %d ms)\n' "$what" "$status" "$took_ms" && cat "$WORK/said"; } \
    >>"$RESULTS/$SUBJECT.log"
  return "$status"
}

# check WHAT COMMAND...: the command must succeed.
check() {
  if run_logged "$@"; then
    tell passed "$1"
  else
    tell FAILED "$1"
    show_said
  fi
}
