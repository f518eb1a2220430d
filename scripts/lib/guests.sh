# shellcheck shell=bash
# A network namespace and its guests: user-mode Linux that boots from the host's files. Sourced after
# common.sh and checks.sh. The scripts set WORK, a temporary folder, and RESULTS.
#
# Server and guests use addresses that exist only in the namespace.

# shellcheck disable=SC2034 # for the scripts
readonly SERVER_ADDRESSES=(192.0.2.1 192.0.2.2) # reserved for documentation by RFC 5737
readonly GUEST_NETWORK=192.0.2.1                # guest N has the address GUEST_NETWORK with N appended
readonly GUEST_BOOT_SECONDS=60                  # 4 on an idle machine
NAMESPACE=
# The arrays are indexed by the guest's number.
GUEST_PIDS=()  # empty if the guest does not run
GUEST_LINES=() # descriptors to read the guest's answers
GUEST_CALLS=() # descriptors to write commands to the guest
GUEST_WAITS=() # the command that the guest is executing
GUEST_ENDS=()  # the deadline of its answer
GUEST_CALLED=0 # number of commands so far

# network_start: creates the namespace, with a bridge that has the server's addresses.
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

# kill_in_namespace [UMID]: kills all processes of the namespace, or those of one guest. Each process of
# a guest is also one of the host, and survives if only the guest's kernel is killed.
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
  complain "cannot kill the processes of the namespace $NAMESPACE"
  return 1
}

# network_stop: kills the namespace's processes and deletes the namespace. Idempotent.
network_stop() {
  [[ -n $NAMESPACE ]] || return 0
  kill_in_namespace || true
  ip netns delete "$NAMESPACE"
  NAMESPACE=
}

# -- guests ----------------------------------------------------------------------------------------

# guest_start NUMBER: starts to boot the guest; guest_await waits until it has booted.
#
# The guest reads commands, one per line, from its serial line. It sees the host's files read-only. It
# writes the commands' output to its folder WORK/guestNUMBER.
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
  # Open the pipes for reading and writing, so that this does not block until the guest opens them.
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
  disown "$!" # prevents bash from reporting its end
  GUEST_WAITS[number]=ready
  GUEST_ENDS[number]=$((SECONDS + GUEST_BOOT_SECONDS))
}

# guest_await NUMBER: waits until a guest has booted or executed its command. Returns the command's
# status, 124 if no answer came in time, or 125 if the guest ended. The guest is dead after the last two.
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
    text+=$piece # a timed-out read may return part of a line
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

# guest_kill NUMBER: kills the guest without shutting it down, like a power failure. The next command
# boots it again.
guest_kill() {
  local number=$1
  [[ -n ${GUEST_PIDS[number]:-} ]] || return 0
  kill_in_namespace "guest$number" || true
  local calls=${GUEST_CALLS[number]} line=${GUEST_LINES[number]}
  exec {calls}>&- {line}>&-
  GUEST_PIDS[number]=
}

# need_guests COUNT: boots those of the guests 1 to COUNT that do not run, in parallel.
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

# guest_begin NUMBER FUNCTION [ARGUMENT...]: makes the guest execute a function of guest_functions.sh,
# or any command. guest_end waits for its end, GUEST_SECONDS at most.
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

# need_guest NUMBER: boots the guest if it does not run.
need_guest() {
  [[ -n ${GUEST_PIDS[$1]:-} ]] || { guest_start "$1" && guest_await "$1"; }
}

# guest_end NUMBER: waits for the command, prints its output, and returns its status.
guest_end() {
  local number=$1 status=0
  guest_await "$number" || status=$?
  cat "$WORK/guest$number/${GUEST_WAITS[number]}.out" 2>/dev/null || true
  return "$status"
}

# guest NUMBER FUNCTION [ARGUMENT...]: guest_begin and guest_end.
guest() {
  guest_begin "$@" && guest_end "$1"
}
