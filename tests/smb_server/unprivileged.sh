#!/bin/sh
# Runs a command as the service's unit does: as a user without any privilege, on a file system that
# is read-only but for one folder.
#
# usage: unprivileged.sh FOLDER COMMAND [ARGUMENT...]
set -eu

nobody=65534
chown -R "$nobody:$nobody" "$1"
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount --ipc --uts sh -eu -c '
  user=$1
  folder=$2
  shift 2
  mount --bind "$folder" "$folder"
  mount -o remount,bind,ro /
  exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all "$@"
' sh "$nobody" "$@"
