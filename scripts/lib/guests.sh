# shellcheck shell=bash
# A network namespace and guests in it: user-mode Linux that boots from the host's own files. Sourced
# after common.sh and checks.sh. The scripts set WORK, a folder for what lives as long as they do, and RESULTS.
#
# Server and guests see each other at addresses that exist in the namespace only.

# shellcheck disable=SC2034 # for the scripts
readonly SERVER_ADDRESSES=(192.0.2.1 192.0.2.2) # RFC 5737: never in use elsewhere
readonly GUEST_NETWORK=192.0.2.1                # guest N has the address GUEST_NETWORK with N appended
readonly GUEST_BOOT_SECONDS=60                  # 4 on an idle machine
NAMESPACE=
GUEST_PIDS=()  # by the guest's number; empty if it does not run
GUEST_LINES=() # what the guest answers, as a descriptor
GUEST_CALLS=() # what the guest is told, as a descriptor
GUEST_WAITS=() # the command that the guest executes
GUEST_ENDS=()  # when its answer is overdue
GUEST_CALLED=0 # commands so far

# network_start: makes the namespace, with a bridge that has the server's addresses.
network_start() {
  local address name=leasebreak-guests-$$
  ip netns add "$name" || return 1
  NAMESPACE=$name
  ip -n "$NAMESPACE" link set lo up &&
    ip -n "$NAMESPACE" link add bridge0 type bridge || return 1
  for address in "${SERVER_ADDRESSES[@]}"; do
    ip -n "$NAMESPACE" address add "$address/24" dev bridge0 || return 1
  done
  ip -n "$NAMESPACE" link set bridge0 up
}

# kill_in_namespace [UMID]: kills all of its processes, or those of one guest. A guest has a process
# on the host for each of its own, and these outlive its kernel if that is killed.
kill_in_namespace() {
  local wanted=${1:-} pid attempt left
  for ((attempt = 0; attempt < 100; ++attempt)); do
    left=0
    for pid in $(ip netns pids "$NAMESPACE"); do
      if [[ -z $wanted ]] || tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -x "umid=$wanted"; then
        kill -KILL "$pid" 2>/dev/null || true
        left=1
      fi
    done
    ((left == 1)) || return 0
    sleep 0.05
  done
  complain "processes of the namespace $NAMESPACE do not end"
  return 1
}

# network_stop: kills whatever runs in the namespace, and deletes it. Safe to call again.
network_stop() {
  [[ -n $NAMESPACE ]] || return 0
  kill_in_namespace || true
  ip netns delete "$NAMESPACE"
  NAMESPACE=
}

# -- guests ----------------------------------------------------------------------------------------

# guest_start NUMBER: begins to boot it; guest_await waits until it has.
#
# The guest is told commands, one a line, through its serial line. It sees the host's files, which it
# must not change, and its folder WORK/guestNUMBER, where it puts the output of the commands.
guest_start() {
  local number=$1 folder="$WORK/guest$1" tap="tap$1" line
  [[ -e /sys/class/net/$tap ]] || ip -n "$NAMESPACE" tuntap show 2>/dev/null | grep -q "^$tap:" ||
    ip -n "$NAMESPACE" tuntap add "$tap" mode tap || return 1
  ip -n "$NAMESPACE" link set "$tap" master bridge0 up || return 1
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$ROOT/tests/kernel_client/"guest_* "$folder" || return 1
  guest_settings >"$folder/settings" || return 1
  mkfifo "$folder/calls" "$folder/line" || return 1
  # Both directions, so that opening them does not wait for the guest.
  exec {line}<>"$folder/calls"
  GUEST_CALLS[number]=$line
  exec {line}<>"$folder/line"
  GUEST_LINES[number]=$line
  ip netns exec "$NAMESPACE" linux.uml mem=256M "umid=guest$number" "uml_dir=$folder" \
    rootfstype=hostfs rootflags=/ ro "init=$folder/guest_init" quiet \
    con=null con0=null,fd:2 ssl=null ssl0=fd:0,fd:1 \
    "vec0:transport=tap,ifname=$tap,depth=128,gro=1,mac=52:54:00:00:00:0$number" \
    "GUEST_FOLDER=$folder" "GUEST_ADDRESS=$GUEST_NETWORK$number/24" "GUEST_NAME=guest$number" \
    <"$folder/calls" >"$folder/line" 2>>"$RESULTS/guest$number.console" &
  GUEST_PIDS[number]=$!
  disown "$!" # or bash would report how it ends
  GUEST_WAITS[number]=ready
  GUEST_ENDS[number]=$((SECONDS + GUEST_BOOT_SECONDS))
}

# guest_await NUMBER: waits for the answer of a guest that boots or executes a command. Returns the
# command's status; 124 if no answer came in time, 125 if the guest ended. Both leave the guest dead.
guest_await() {
  local number=$1 piece='' text=''
  while :; do
    if IFS= read -r -t 1 -u "${GUEST_LINES[number]}" piece; then
      text+=$piece
      if [[ $text =~ ^"done ${GUEST_WAITS[number]} "([0-9]+)$ ]]; then
        return "${BASH_REMATCH[1]}"
      fi
      text=
      continue
    fi
    exit_if_interrupted
    text+=$piece # a line may come in pieces
    if ! kill -0 "${GUEST_PIDS[number]}" 2>/dev/null; then
      complain "guest $number has ended; see $RESULTS/guest$number.console"
      guest_kill "$number"
      return 125
    elif ((SECONDS >= GUEST_ENDS[number])); then
      complain "guest $number did not answer in time"
      guest_kill "$number"
      return 124
    fi
  done
}

# guest_kill NUMBER: as a power failure. The next command boots it anew.
guest_kill() {
  local number=$1
  [[ -n ${GUEST_PIDS[number]:-} ]] || return 0
  kill_in_namespace "guest$number" || true
  local calls=${GUEST_CALLS[number]} line=${GUEST_LINES[number]}
  exec {calls}>&- {line}>&-
  GUEST_PIDS[number]=
}

# need_guests COUNT: boots those of the guests 1 to COUNT that do not run, at the same time.
need_guests() {
  local count=$1 number booting=()
  for ((number = 1; number <= count; ++number)); do
    [[ -z ${GUEST_PIDS[number]:-} ]] || continue
    guest_start "$number" || return 1
    booting+=("$number")
  done
  for number in "${booting[@]}"; do
    guest_await "$number" || return 1
  done
}

# guest_begin NUMBER FUNCTION [ARGUMENT...]: has the guest execute a function of guest_functions.sh,
# or any command. guest_end waits for it, GUEST_SECONDS at most.
guest_begin() {
  local number=$1 words
  shift
  need_guest "$number" || return 1
  GUEST_CALLED=$((GUEST_CALLED + 1))
  words=$(printf '%q ' "$@")
  printf '%s\n' "$GUEST_CALLED $words" >&"${GUEST_CALLS[number]}"
  GUEST_WAITS[number]=$GUEST_CALLED
  GUEST_ENDS[number]=$((SECONDS + ${GUEST_SECONDS:-120}))
}

# need_guest NUMBER: boots it if it does not run.
need_guest() {
  [[ -n ${GUEST_PIDS[$1]:-} ]] || { guest_start "$1" && guest_await "$1"; }
}

# guest_end NUMBER: prints what the command printed, and returns its status.
guest_end() {
  local number=$1 status=0
  guest_await "$number" || status=$?
  cat "$WORK/guest$number/${GUEST_WAITS[number]}.out" 2>/dev/null || true
  return "$status"
}

# guest NUMBER FUNCTION [ARGUMENT...]: both.
guest() {
  guest_begin "$@" && guest_end "$1"
}
