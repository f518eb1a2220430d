# shellcheck shell=bash
# Lists the required Debian packages and installs them. Sourced after common.sh.
# shellcheck disable=SC2034 # the lists are for the scripts

# To build everything.
BUILD_PACKAGES=(
  g++ cmake ninja-build pkg-config ccache
  libcaf-dev libboost1.81-dev libboost-json1.81-dev libspdlog-dev
  librocksdb-dev libpq-dev libcli11-dev libssl-dev
  libgtest-dev libgmock-dev libbenchmark-dev systemtap-sdt-dev
)
# To test the SMB server with Debian's clients.
SMB_PACKAGES=(smbclient samba-testsuite python3 python3-impacket)
# To run scripts/clients; NODE_PACKAGES are for the npm clients.
CLIENT_PACKAGES=(
  rclone restic python3 python3-impacket smbclient samba-testsuite
  libglib2.0-bin gvfs-backends dbus-daemon
)
NODE_PACKAGES=(nodejs npm)
# smbd, for comparison.
SAMBA_PACKAGES=(samba samba-vfs-modules)
# To run the Linux kernel's SMB client in user-mode Linux guests.
KERNEL_PACKAGES=(user-mode-linux cifs-utils iproute2 kmod python3)
# To generate the API reference.
API_PACKAGES=(doxygen graphviz)
# To boot a Debian with the example server as a service.
SERVICE_PACKAGES=(debootstrap systemd-container util-linux python3-impacket)
# To test the page for operators in a browser; NODE_PACKAGES as well.
BROWSER_PACKAGES=(chromium)
# The preset asan compiles with clang, and so do the fuzzers.
CLANG_PACKAGES=(clang-14 libclang-rt-14-dev)
# Further packages, to run the tests.
TEST_PACKAGES=(postgresql clang-format-14 python3 binutils openssl "${API_PACKAGES[@]}")

# add_node NAME: adds Debian's node and npm to the array NAME, unless there are others, with which Debian's
# npm conflicts.
add_node() {
  local -n add_node_to=$1
  command -v node >/dev/null && command -v npm >/dev/null || add_node_to+=("${NODE_PACKAGES[@]}")
}

# install_npm_packages SOURCE FOLDER: installs what SOURCE/package-lock.json lists, with its hashes, in
# FOLDER. Runs nothing of the packages.
install_npm_packages() {
  local source=$1 folder=$2
  mkdir -p "$folder"
  if cmp --quiet "$source/package-lock.json" "$folder/installed"; then
    say "npm packages are already installed"
    return 0
  fi
  cp "$source/"{package.json,package-lock.json,.npmrc} "$folder/"
  (cd "$folder" && timeout 120 npm ci --no-audit --no-fund --ignore-scripts) \
    >"$folder/npm.log" 2>&1 </dev/null || {
    complain "npm could not install its packages: $(tail -n 1 "$folder/npm.log")"
    return 1
  }
  cp "$folder/package-lock.json" "$folder/installed"
}

# unpack_package NAME FOLDER PROGRAM...: unpacks a Debian package in the folder, unless its programs are
# installed. It is not installed, because that would start it as a service.
unpack_package() {
  local name=$1 folder=$2 program is_there=yes
  shift 2
  for program in "$@"; do
    command -v "$program" >/dev/null || [[ -x $folder/usr/bin/$program ]] || is_there=no
  done
  if [[ $is_there == yes ]]; then
    say "$name is there"
    return 0
  fi
  mkdir -p "$folder"
  (cd "$folder" && apt-get -q download "$name" && dpkg -x "$name"_*.deb .) \
    >"$folder/apt.log" 2>&1 </dev/null || {
    complain "$name could not be unpacked: $(tail -n 1 "$folder/apt.log")"
    return 1
  }
}

# missing_packages NAME...: prints the packages that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    if [[ $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) != "install ok installed" ]]; then
      echo "$name"
    fi
  done
}

# as_root COMMAND...: runs the command as root, through sudo if necessary.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    complain "installing packages needs root, and sudo is not installed"
    return 1
  fi
}

# install_packages NAME...: installs missing packages. Does not call apt if none is missing.
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
    complain "apt-get update failed: check the network and apt's list of sources"
    return 1
  }
  say "apt-get install"
  # --no-remove: Boost 1.81 conflicts with Debian's default 1.74, which other software may need.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-remove \
    --no-install-recommends "${missing[@]}" || {
    complain "apt could not install: ${missing[*]}"
    say "If apt says that packages would be removed: Debian's Boost 1.74 and 1.81 conflict."
    say "Remove libboost-dev and the libboost1.74 -dev packages first, or build in a container."
    return 1
  }
}
