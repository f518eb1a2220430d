# shellcheck shell=bash
# Runs etcd, and two SMB servers as a cluster. Sourced after smb.sh.

ETCD_URL=
ETCD_PID=
SMB_SECOND_PID=

# etcd_start FOLDER: starts etcd with its data in the folder, and returns when it answers. The data need not
# survive a failure of the machine, whose disk may be busy for longer than a lease.
etcd_start() {
  local folder=$1 program port attempt
  program=$(command -v etcd || echo "$ROOT/build/etcd/usr/bin/etcd")
  [[ -x $program ]] || {
    complain "etcd is not installed"
    return 1
  }
  for ((attempt = 0; attempt < 5; ++attempt)); do
    port=$((20000 + RANDOM % 10000))
    ETCD_URL=http://127.0.0.1:$port
    "$program" --data-dir "$folder/etcd-$attempt" --listen-client-urls "$ETCD_URL" \
      --advertise-client-urls "$ETCD_URL" --listen-peer-urls "http://127.0.0.1:$((port + 1))" \
      --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
      --initial-cluster "default=http://127.0.0.1:$((port + 1))" \
      --unsafe-no-fsync >"$folder/etcd.log" 2>&1 </dev/null &
    ETCD_PID=$!
    etcd_answers && return 0
    etcd_stop
  done
  complain "etcd does not start; see $folder/etcd.log"
  return 1
}

# etcd_answers: waits for at most ten seconds. Fails if etcd has ended, as with a port that is taken.
etcd_answers() {
  local attempt
  for ((attempt = 0; attempt < 100; ++attempt)); do
    kill -0 "$ETCD_PID" 2>/dev/null || return 1
    if /usr/bin/python3 - "$ETCD_URL" 2>/dev/null <<'END'; then
import sys, urllib.request
sys.exit(0 if b'"true"' in urllib.request.urlopen(sys.argv[1] + "/health", timeout=1).read() else 1)
END
      return 0
    fi
    sleep 0.1
  done
  return 1
}

# etcd_stop: idempotent.
etcd_stop() {
  [[ -n $ETCD_PID ]] || return 0
  kill -KILL "$ETCD_PID" 2>/dev/null || true
  wait "$ETCD_PID" 2>/dev/null || true
  ETCD_PID=
}

# cluster_start NAME PROGRAM: starts two servers of the cluster NAME, on 127.0.0.1 and 127.0.0.2, with
# the same port SMB_PORT and the same share.
cluster_start() {
  local name=$1 program=$2
  local options=(--cluster "etcd:$ETCD_URL" --cluster-name "$name")
  SMB_STORE=memory smb_server_start "$program" "${options[@]}" --cluster-node n1 \
    --cluster-listen "127.0.0.1:$((30000 + RANDOM % 2000))" || return 1
  : >"$WORK/second.log" # it may be read before the server is running
  "$program" --listen "127.0.0.2:$SMB_PORT" --share "demo=$WORK/share" \
    --user "$SMB_USER:$SMB_PASSWORD" --log-level "${SMB_LOG_LEVEL:-info}" "${options[@]}" \
    --cluster-node n2 --cluster-listen "127.0.0.2:$((30000 + RANDOM % 2000))" \
    >"$WORK/second.log" 2>&1 </dev/null &
  SMB_SECOND_PID=$!
  printf '//127.0.0.1/demo\n//127.0.0.2/demo\n' >"$WORK/servers"
  smb_server_wait "$SMB_SECOND_PID" "$WORK/second.log" >/dev/null
}

# cluster_stop: stops both servers, and returns the first exit status that is not 0. Idempotent.
cluster_stop() {
  local status=0
  if [[ -n $SMB_SECOND_PID ]]; then
    kill -TERM "$SMB_SECOND_PID" 2>/dev/null || true
    wait "$SMB_SECOND_PID" || status=$?
    SMB_SECOND_PID=
  fi
  smb_server_stop || status=$?
  return "$status"
}
