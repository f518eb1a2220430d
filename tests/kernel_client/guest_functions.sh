# shellcheck shell=bash
# Functions that guests execute, each in its own subshell. Settings from the host: SERVER, PORT,
# SMB_USER, SMB_PASSWORD.

# shellcheck disable=SC1091 # written by the host
source /run/host/settings

# fail TEXT...: prints each text on a line, and fails.
fail() {
  printf '%s\n' "$@"
  return 1
}

# as USER PASSWORD COMMAND...: runs the command with another user's logon.
as() {
  SMB_USER=$1 SMB_PASSWORD=$2
  shift 2
  "$@"
}

# mount_share SHARE POINT OPTIONS
mount_share() {
  [[ -d $2 ]] || mkdir "$2"
  # Passed through the environment, because in the options a comma would end the password.
  USER=$SMB_USER PASSWD=$SMB_PASSWORD \
    mount.cifs "//$SERVER/$1" "$2" -o "port=$PORT,iocharset=utf8${3:+,$3}"
}

# has_client TEXT...: checks that the kernel's description of its mounts and connections has each text.
has_client() {
  local text said
  said=$(</proc/mounts)$(</proc/fs/cifs/DebugData)
  for text in "$@"; do
    [[ $said == *"$text"* ]] || fail "$said" "the kernel does not report '$text'" || return
  done
}

# lists FOLDER [NAME...]: checks that the folder has exactly these entries. The break of a directory lease
# by the client's own change follows the response, so the kernel's cached listing may be outdated first.
lists() {
  local folder=$1 found tries
  shift
  shopt -s nullglob dotglob
  for ((tries = 0; tries < 1000; ++tries)); do
    found=("$folder"/*)
    found=("${found[@]#"$folder/"}")
    [[ ${found[*]} != "$*" ]] || return 0
  done
  fail "$folder lists '${found[*]}', not '$*'"
}

# file_round FOLDER [TEXT...]: creates, renames, moves, reads and deletes a file and a folder. has_client
# must find the texts.
file_round() {
  local folder=$1 sent=/tmp/sent
  shift
  has_client "$@" || return
  [[ -f $sent ]] || head -c 300007 /dev/urandom >$sent
  # nocache drops the cached copy, so that cmp reads from the server.
  dd if=$sent of="$folder/first" bs=64k conv=fsync oflag=nocache status=none || return
  mv "$folder/first" "$folder/second" || return
  mkdir "$folder/inner" || return
  lists "$folder" inner second || return
  mv "$folder/second" "$folder/inner/third" || return
  lists "$folder" inner || return
  lists "$folder/inner" third || return
  cmp $sent "$folder/inner/third" || return
  rm "$folder/inner/third" || return
  rmdir "$folder/inner" || return
  lists "$folder"
}

# line_round FOLDER: writes a file of one line, reads it, and deletes it.
line_round() {
  local line
  echo "a line" >"$1/line" || return
  read -r line <"$1/line" || return
  [[ $line == "a line" ]] || fail "read '$line'" || return
  rm "$1/line" || return
  lists "$1"
}

# in_mount SHARE OPTIONS FUNCTION [ARGUMENT...]: mounts the share, and calls the function with the mount
# point before its arguments.
in_mount() {
  local share=$1 options=$2 function=$3 point=/mnt/mounted status=0
  shift 3
  mount_share "$share" "$point" "$options" || return
  "$function" "$point" "$@" || status=1
  umount "$point" || status=1
  return "$status"
}

# mount_round SHARE OPTIONS [TEXT...]: runs file_round in a mount. The texts detect options that the
# kernel ignores.
mount_round() {
  local share=$1 options=$2
  shift 2
  in_mount "$share" "$options" file_round "$@"
}

# mount_is_refused SHARE OPTIONS: the mount must fail because of the logon.
mount_is_refused() {
  local said status=0
  said=$(mount_share "$1" /mnt/refused "$2" 2>&1) || status=$?
  if ((status == 0)); then
    umount /mnt/refused
    fail "the mount succeeded"
  elif ((status != 32)) || [[ $said != *"mount error(13)"* ]]; then
    fail "not refused with EACCES: status $status, $said"
  fi
}

# unmount_all: unmounts everything that a failed check left mounted.
unmount_all() {
  local point
  awk '$3 == "cifs" { print $2 }' /proc/mounts | while read -r point; do
    umount --lazy --force "$point"
  done
}

# kernel_is_content: prints the kernel's messages since the last call, and fails if they report a defect
# of the kernel.
kernel_is_content() {
  local said
  said=$(dmesg --read-clear)
  printf '%s\n' "$said"
  ! grep -A 20 -E 'BUG|WARNING:|Oops|cut here|blocked for more than|Call Trace' <<<"$said"
}

# -- trees -----------------------------------------------------------------------------------------

# make_tree FOLDER: creates a few hundred files, most of them small, and the same each time.
make_tree() {
  python3 - "$1" <<'PYTHON'
import os, random, sys
root = sys.argv[1]
dice = random.Random(1)
names = [f"{folder}/{i}" for folder in ("a", "a/b", "a/b/c", "with space", "größe") for i in range(60)]
for number, name in enumerate(names + ["a/ä ß € 字", "empty/", "large"]):
    os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
    if not name.endswith("/"):
        with open(f"{root}/{name}", "wb") as f:
            f.write(dice.randbytes(3_000_001 if name == "large" else dice.choice((0, 1, 100, 9999))))
        os.utime(f"{root}/{name}", (1_700_000_000 + number, 1_700_000_000 + number))
PYTHON
}

# times_of FOLDER: prints the folder's files with their modification times and sizes.
times_of() {
  (cd "$1" && find . -type f -printf '%T@ %s %p\n' | sort)
}

# same_trees A B: compares names, contents and times.
same_trees() {
  diff -r "$1" "$2" && diff <(times_of "$1") <(times_of "$2")
}

# copy_tree_in FOLDER: copies the tree to the mount with cp and with tar.
copy_tree_in() {
  make_tree /tmp/tree || return
  cp -a /tmp/tree "$1/copied" || return
  mkdir "$1/unpacked" || return
  tar -C /tmp/tree -c . | tar -C "$1/unpacked" -x
}

# copy_tree_out FOLDER: copies the trees back with cp and with tar, and compares them with the original.
copy_tree_out() {
  rm -rf /tmp/out
  mkdir -p /tmp/out/unpacked
  cp -a "$1/copied" /tmp/out/copied || return
  tar -C "$1/unpacked" -c . | tar -C /tmp/out/unpacked -x || return
  same_trees /tmp/tree /tmp/out/copied && same_trees /tmp/tree /tmp/out/unpacked
}

# compare_tree FOLDER: compares the trees in the mount with the original, which any guest can make.
compare_tree() {
  [[ -d /tmp/tree ]] || make_tree /tmp/tree || return
  same_trees /tmp/tree "$1/copied" && same_trees /tmp/tree "$1/unpacked"
}

# remove_tree FOLDER
remove_tree() {
  rm -r "${1:?}"/* || return
  lists "$1"
}

