#!/usr/bin/env bash
# Runs Debian's smbclient and smbtorture against the server: clients.sh PROGRAM
set -euo pipefail

PROGRAM=$1
WORK=$(mktemp -d /tmp/leasebreak-smb-clients-XXXXXX)
SERVER=

finish() {
  [[ -z $SERVER ]] || kill -KILL "$SERVER" 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT

fail() {
  echo "FAILED: $*" >&2
  echo "--- the server's log" >&2
  tail -n 60 "$WORK/log" >&2
  exit 1
}

# start OPTION...: starts a server with a new share and a free port.
start() {
  rm -rf "$WORK/share"
  mkdir "$WORK/share"
  : >"$WORK/out" # the loop below may read it before the server creates it
  : >"$WORK/log"
  "$PROGRAM" --listen 127.0.0.1:0 --share "share=$WORK/share" --user tester:secret \
    --log-level debug "$@" >"$WORK/out" 2>"$WORK/log" &
  SERVER=$!
  local i
  for ((i = 0; i < 300; ++i)); do
    PORT=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$WORK/out")
    [[ -z $PORT ]] || return 0
    kill -0 "$SERVER" 2>/dev/null || fail "the server does not start"
    sleep 0.1
  done
  fail "the server does not report its port"
}

# stop: stops the server, and checks its exit status.
stop() {
  local status=0
  kill -TERM "$SERVER"
  wait "$SERVER" || status=$?
  SERVER=
  [[ $status == 0 ]] || fail "the server ended with status $status"
}

client() {
  local dialect=$1 commands=$2
  shift 2
  (cd "$WORK/local" && smbclient "//127.0.0.1/share" --configfile=/dev/null --port="$PORT" \
    --user=tester%secret --max-protocol="$dialect" "$@" --command="$commands" </dev/null)
}

# Some hundred files in nested folders. Some are empty, some need several requests.
mkdir -p "$WORK/local"
for folder in . a a/b "a/b/with spaces" c c/d c/d/e f g h; do
  mkdir -p "$WORK/local/tree/$folder"
  for i in {0..29}; do
    head -c $((i * i * 37)) /dev/urandom >"$WORK/local/tree/$folder/file $i.dat"
  done
done
head -c 700000 /dev/urandom >"$WORK/local/tree/c/d/e/large"
head -c 5000000 /dev/urandom >"$WORK/local/big"

# round DIALECT OPTION...: puts, lists, gets, renames and deletes a file and the tree.
round() {
  local dialect=$1
  shift
  echo "smbclient at $dialect $*"
  rm -rf "${WORK:?}/share/"* "$WORK/got"
  mkdir "$WORK/got"
  client "$dialect" "prompt off; recurse on; mput tree; put big; rename big bigger; ls; \
    get bigger $WORK/got/big; lcd $WORK/got; mget tree" "$@" >"$WORK/client.log" 2>&1 || {
    cat "$WORK/client.log"
    fail "smbclient at $dialect"
  }
  grep -q bigger "$WORK/client.log" || fail "the listing lacks a file"
  cmp "$WORK/local/big" "$WORK/got/big" || fail "the file came back changed"
  cmp "$WORK/local/big" "$WORK/share/bigger" || fail "the file was stored changed"
  diff -r "$WORK/local/tree" "$WORK/share/tree" || fail "the tree was stored changed"
  diff -r "$WORK/local/tree" "$WORK/got/tree" || fail "the tree came back changed"
  client "$dialect" "rm bigger; deltree tree" "$@" >"$WORK/client.log" 2>&1 ||
    fail "smbclient cannot delete"
  [[ -z $(ls -A "$WORK/share") ]] || fail "the share still contains: $(ls -A "$WORK/share")"
}

start --require-signing
for dialect in SMB2_10 SMB3_00 SMB3_11; do
  round "$dialect" --client-protection=sign
done
stop

start
for dialect in SMB2_02 SMB2_10 SMB3_00 SMB3_02 SMB3_11; do
  round "$dialect" --client-protection=off
done
for cipher in AES-128-GCM AES-256-CCM AES-256-GCM; do
  echo "encrypted with $cipher"
  round SMB3_11 --client-protection=encrypt --option="client smb3 encryption algorithms=$cipher"
done

if smbclient "//127.0.0.1/share" --configfile=/dev/null --port="$PORT" --user=tester%wrong \
  --command=ls >/dev/null 2>&1; then
  fail "a wrong password is accepted"
fi

for test in smb2.lease.request smb2.lease.break smb2.lease.breaking1; do
  echo "smbtorture $test"
  rm -rf "${WORK:?}/share/"*
  smbtorture --configfile=/dev/null -p "$PORT" "//127.0.0.1/share" -U tester%secret \
    --option=torture:progress=no "$test" >"$WORK/torture.log" 2>&1 || {
    cat "$WORK/torture.log"
    fail "smbtorture $test"
  }
  grep -q "^success: ${test##*.}" "$WORK/torture.log" || fail "smbtorture $test did not run"
done

echo "the server stops in order"
stop
