# shellcheck shell=bash
# Runs the SMB server on a free loopback port, and Debian's clients against it. Sourced after common.sh.
# The scripts set WORK, a temporary folder. For another address or a network namespace, they set
# SMB_LISTEN and SMB_LAUNCH.

SMB_USER=tester
SMB_PASSWORD=$RANDOM-secret-$RANDOM
SMB_LISTEN=127.0.0.1:0 # address and port; port 0 chooses a free port
SMB_LAUNCH=()          # a command that runs the server, such as ip netns exec
SMB_PORT=
SMB_SERVER_PID=
SMB_SHOW_PID=

# smb_server_wait PID LOG: waits until a server listens. Prints its port, or its log if it does not.
smb_server_wait() {
  local pid=$1 log=$2 attempt port
  for ((attempt = 0; attempt < 300; ++attempt)); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$log")
    if [[ -n $port ]]; then
      echo "$port"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  complain "the server does not listen; its log:"
  cat "$log" >&2
  return 1
}

# smb_server_start PROGRAM [OPTION...]: starts the server with the share WORK/share and the store
# WORK/server, and returns once it listens. SMB_LOG_LEVEL is the level of its log; SMB_STORE may be another
# store.
smb_server_start() {
  local program=$1
  shift
  [[ -x $program ]] || {
    complain "$program does not exist or is not executable"
    return 1
  }
  mkdir -p "$WORK/share"
  : >"$WORK/server.log" # the loop below may read it before the server is running
  "${SMB_LAUNCH[@]}" "$program" --listen "$SMB_LISTEN" --share "demo=$WORK/share" \
    --user "$SMB_USER:$SMB_PASSWORD" --store "${SMB_STORE:-rocksdb:$WORK/server}" \
    --log-level "${SMB_LOG_LEVEL:-info}" "$@" >"$WORK/server.log" 2>&1 </dev/null &
  SMB_SERVER_PID=$!
  SMB_PORT=$(smb_server_wait "$SMB_SERVER_PID" "$WORK/server.log") || return 1
  say "listening on ${SMB_LISTEN%:*}:$SMB_PORT, share demo, process $SMB_SERVER_PID"
}

# smb_server_show PATTERN: follows the server's log, and prints matching lines.
smb_server_show() {
  (tail --quiet --pid="$SMB_SERVER_PID" -n +1 -F "$WORK/server.log" 2>/dev/null |
    grep --line-buffered -i -E "$1" | sed --unbuffered 's/^/  server | /') &
  SMB_SHOW_PID=$!
}

# smb_server_counts: prints how much the server has granted and broken so far.
smb_server_counts() {
  local log="$WORK/server.log"
  printf '%s leases and oplocks granted, %s broken, %s breaks acknowledged\n' \
    "$(grep -c -E ': grant .* (lease|oplock) (R|RH|RW|RWH|level|exclusive|batch)' "$log")" \
    "$(grep -c -E ' break: client ' "$log")" \
    "$(grep -c -E ': acknowledge .*: accepted' "$log")"
}

# smb_server_stop: stops the server and returns its exit status. Kills it after 15 seconds. Idempotent.
smb_server_stop() {
  local status=0 attempt
  if [[ -n $SMB_SERVER_PID ]]; then
    kill -TERM "$SMB_SERVER_PID" 2>/dev/null || true
    for ((attempt = 0; attempt < 150; ++attempt)); do
      kill -0 "$SMB_SERVER_PID" 2>/dev/null || break
      sleep 0.1
    done
    if kill -0 "$SMB_SERVER_PID" 2>/dev/null; then
      complain "the server did not exit within 15 seconds of SIGTERM"
      kill -KILL "$SMB_SERVER_PID" 2>/dev/null || true
    fi
    wait "$SMB_SERVER_PID" || status=$?
    SMB_SERVER_PID=
  fi
  if [[ -n $SMB_SHOW_PID ]]; then
    wait "$SMB_SHOW_PID" 2>/dev/null || true
    SMB_SHOW_PID=
  fi
  return "$status"
}

# smbclient_run COMMANDS: runs smbclient without the machine's smb.conf.
smbclient_run() {
  smbclient "//127.0.0.1/demo" --configfile=/dev/null --port="$SMB_PORT" \
    --user="$SMB_USER%$SMB_PASSWORD" --max-protocol=SMB3 --command="$1" </dev/null
}

# Uploads a file, checks that it is listed, downloads it, and compares the bytes.
smbclient_round() {
  local size=300007 listing
  head -c "$size" /dev/urandom >"$WORK/sent"
  smbclient_run "put $WORK/sent sent.bin" || return 1
  listing=$(smbclient_run "ls") || return 1
  printf '%s\n' "$listing"
  grep -q -E "sent\.bin .* $size " <<<"$listing" || {
    complain "the listing does not show sent.bin with $size bytes"
    return 1
  }
  smbclient_run "get sent.bin $WORK/received" || return 1
  cmp "$WORK/sent" "$WORK/received" || return 1
  cmp "$WORK/sent" "$WORK/share/sent.bin" || return 1
  say "$size bytes uploaded and downloaded unchanged"
}

# smbtorture_one TEST: runs one test; fails if it is skipped.
smbtorture_one() {
  local output status=0
  # smbtorture leaves folders in its working directory.
  output=$(env --chdir="$WORK" timeout 120 smbtorture "//127.0.0.1/demo" --configfile=/dev/null \
    --smb-ports="$SMB_PORT" --user="$SMB_USER%$SMB_PASSWORD" "$1" 2>&1 </dev/null) || status=$?
  if ((status != 0)) || ! grep -q '^success: ' <<<"$output"; then
    printf '%s\n' "$output"
    return 1
  fi
  grep '^success: ' <<<"$output"
}
