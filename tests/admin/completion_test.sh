#!/bin/bash
# The completion of leasebreakctl, as bash asks for it. A stand-in answers for the program.
#
# usage: completion_test.sh FILE
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/leasebreakctl" << 'END'
#!/bin/bash
printf '%s\n' "$*" > "$ASKED"
echo 'CLIENT                            OPENS     LOCKS     LABEL'
echo '61514772474a7549505a454c7a536968  1         0         alice at 127.0.0.1:54810'
echo 'c0e22e46f050cc4ca36738b746ef3493  1         0         "$(touch evil)" at 10.0.0.1:1'
END
chmod +x "$work/leasebreakctl"
export PATH="$work:$PATH" ASKED="$work/asked"
# shellcheck source=../../actors/admin/tools/leasebreakctl.bash
source "$1"

failed=0
# expect WORDS [WORD...]: the completions of the last word of the line.
expect() {
  local wanted=$1
  shift
  COMP_WORDS=(leasebreakctl "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _leasebreakctl
  if [[ "${COMPREPLY[*]}" != "$wanted" ]]; then
    echo "leasebreakctl $*: '${COMPREPLY[*]}', not '$wanted'"
    failed=1
  fi
}

expect 'waits watch' wa
expect 'who' wh
expect 'blockers' top b
expect 'R RH RW RWH' break report.docx --keep R
expect '--dry-run' break report.docx --d
expect 'alice' disconnect al
expect 'alice' --admin /run/sock break x --client al
[[ $(< "$ASKED") == '--admin /run/sock clients' ]] || failed=1
expect '' disconnect 'ev'
expect '--all' watch --a
expect '' --share d
cd "$work" || exit 1
expect 'leasebreakctl' --admin leasebreakc
exit $failed
