# Completion of leasebreakctl for bash: commands, options, states, and the labels of clients.

_leasebreakctl_clients() {
  local admin=() word i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ $word == --admin || $word == --token ]]; then
      admin+=("$word" "${COMP_WORDS[i + 1]}")
    fi
  done
  # Users and ids without characters that bash or a terminal would interpret.
  leasebreakctl "${admin[@]}" clients 2> /dev/null |
    sed -nE '2,$s/^([0-9a-f]{32}) .* ([A-Za-z0-9._-]+) at .*$/\1\n\2/p'
}

_leasebreakctl_command() {
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --admin | --token | --share | --client | --keep | --count) ((++i)) ;;
      -*) ;;
      *)
        echo "${COMP_WORDS[i]}"
        return
        ;;
    esac
  done
}

_leasebreakctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command words
  command=$(_leasebreakctl_command)
  case $previous in
    --admin | --token)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --share | --count) return ;;
    --keep)
      mapfile -t COMPREPLY < <(compgen -W 'none R RH RW RWH' -- "$current")
      return
      ;;
    --client)
      mapfile -t COMPREPLY < <(compgen -W "$(_leasebreakctl_clients)" -- "$current")
      return
      ;;
  esac
  case $command in
    '') words='who files waits breaks clients break disconnect top watch cluster stats --admin --token --json --help' ;;
    who | files | waits | breaks) words='--share --json --help' ;;
    break) words='--share --client --keep --dry-run --json --help' ;;
    disconnect) words="--dry-run --json --help $(_leasebreakctl_clients)" ;;
    top) words='blockers files --json --help' ;;
    watch) words='--all --count --json --help' ;;
    stats) words='--prometheus --json --help' ;;
    *) words='--json --help' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _leasebreakctl leasebreakctl
