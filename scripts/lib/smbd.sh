# shellcheck shell=bash
# Runs Debian's smbd with private files, for comparison with the SMB server. Sourced after smb.sh; uses
# its SMB_LAUNCH and sets its SMB_PORT. smbd logs to WORK/server.log, like the server.

SMBD_PID=
SMBD_ADDRESS=
SMBD_HOME= # the folder of its files; smbd_stop deletes it

# smbd_configure PORT ADDRESSES SETTINGS: must be called before smbd_account and smbd_start. Port 0
# chooses a free port. ADDRESSES is the value of smb.conf's "interfaces". SETTINGS are further lines for
# smb.conf's section "global", followed by sections for the shares.
smbd_configure() {
  local addresses=$2 settings=$3 folder
  SMBD_HOME="$WORK/smbd"
  for folder in private lock state cache pid ncalrpc; do
    mkdir -p "$SMBD_HOME/$folder"
  done
  : >"$SMBD_HOME/users"
  SMBD_ADDRESS=${addresses%%[/ ]*}
  SMB_PORT=$1
  ((SMB_PORT != 0)) || SMB_PORT=$(python3 -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >"$SMBD_HOME/smb.conf" <<END
[global]
  server role = standalone server
  interfaces = $addresses
  bind interfaces only = yes
  smb ports = $SMB_PORT
  private dir = $SMBD_HOME/private
  lock directory = $SMBD_HOME/lock
  state directory = $SMBD_HOME/state
  cache directory = $SMBD_HOME/cache
  pid directory = $SMBD_HOME/pid
  ncalrpc dir = $SMBD_HOME/ncalrpc
  passdb backend = tdbsam:$SMBD_HOME/private/passdb.tdb
  username map = $SMBD_HOME/users
  log file = $WORK/server.log
  max log size = 0
  disable spoolss = yes
  load printers = no
$settings
END
}

# smbd_account ACCOUNT PASSWORD [USER]: adds an account of the machine as a user of smbd, optionally
# under another name.
smbd_account() {
  (($# < 3)) || printf '%s = "%s"\n' "$1" "$3" >>"$SMBD_HOME/users"
  printf '%s\n%s\n' "$2" "$2" |
    LC_ALL=C.UTF-8 smbpasswd -c "$SMBD_HOME/smb.conf" -s -a "$1" >"$SMBD_HOME/passwd.log" 2>&1 || {
    complain "smbpasswd failed: $(tail -n 1 "$SMBD_HOME/passwd.log")"
    return 1
  }
}

# smbd_start: returns once it listens.
smbd_start() {
  local attempt
  "${SMB_LAUNCH[@]}" smbd --foreground --configfile="$SMBD_HOME/smb.conf" \
    >"$SMBD_HOME/out" 2>&1 </dev/null &
  SMBD_PID=$!
  for ((attempt = 0; attempt < 100; ++attempt)); do
    if "${SMB_LAUNCH[@]}" bash -c "exec 3<>/dev/tcp/$SMBD_ADDRESS/$SMB_PORT" 2>/dev/null; then
      say "smbd is listening on $SMBD_ADDRESS:$SMB_PORT"
      return 0
    fi
    kill -0 "$SMBD_PID" 2>/dev/null || break
    sleep 0.1
  done
  complain "smbd does not listen: $(tail -n 3 "$SMBD_HOME/out" "$WORK/server.log" 2>/dev/null)"
  return 1
}

# smbd_stop: stops smbd and deletes its files. Idempotent.
smbd_stop() {
  if [[ -n $SMBD_PID ]]; then
    kill -TERM "$SMBD_PID" 2>/dev/null || true
    wait "$SMBD_PID" 2>/dev/null || true
    SMBD_PID=
  fi
  [[ -z $SMBD_HOME ]] || rm -rf "$SMBD_HOME"
  SMBD_HOME=
}
