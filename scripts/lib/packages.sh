# shellcheck shell=bash
# The Debian packages that are needed, and their installation. Sourced after common.sh.
# shellcheck disable=SC2034 # the lists are for the scripts

# To build everything.
BUILD_PACKAGES=(
  g++ cmake ninja-build pkg-config ccache
  libcaf-dev libboost1.81-dev libboost-json1.81-dev libspdlog-dev
  librocksdb-dev libpqxx-dev libcli11-dev libssl-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
# To run the SMB server and Debian's clients against it.
SMB_PACKAGES=(smbclient samba-testsuite python3 python3-impacket)
# To run scripts/clients: the clients, and what npm's need.
CLIENT_PACKAGES=(
  rclone restic python3 python3-impacket smbclient samba-testsuite
  libglib2.0-bin gvfs-backends dbus-daemon
)
NODE_PACKAGES=(nodejs npm)
# smbd, to compare with.
SAMBA_PACKAGES=(samba samba-vfs-modules)
# To run Linux' own SMB client in guests of user-mode Linux.
KERNEL_PACKAGES=(user-mode-linux cifs-utils iproute2 kmod python3)
# To run the tests beside those.
TEST_PACKAGES=(postgresql clang-format-14 python3)

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    if [[ $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) != "install ok installed" ]]; then
      echo "$name"
    fi
  done
}

# as_root COMMAND...: runs it as root, through sudo where needed.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    complain "needs root to install packages, and there is no sudo"
    return 1
  fi
}

# install_packages NAME...: installs what is missing. Touches nothing if all is there.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    complain "this is not a Debian system; install these yourself and use --no-install:"
    say "$*"
    return 1
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "all $# Debian packages are installed"
    return 0
  fi
  say "missing: ${missing[*]}"
  say "apt-get update"
  as_root apt-get -q update || {
    complain "apt-get update failed: is there a network, and is the list of sources right?"
    return 1
  }
  say "apt-get install"
  # --no-remove: Debian's default Boost 1.74 cannot stay beside 1.81, and whoever has it may need it.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-remove \
    --no-install-recommends "${missing[@]}" || {
    complain "apt could not install: ${missing[*]}"
    say "If it says that packages would be removed: Debian's Boost 1.74 and 1.81 exclude each other."
    say "Remove libboost-dev and the libboost1.74 -dev packages first, or build in a container."
    return 1
  }
}
