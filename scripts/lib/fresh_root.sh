# shellcheck shell=bash
# A Debian 12 without leasebreak and what it needs, in a folder. Needs root. Sourced after common.sh.
#
# FRESH is the folder with the root and what is kept between runs: the base system, and the packages that
# apt has downloaded.

FRESH="$ROOT/build/fresh-root"
readonly FRESH

# in_fresh COMMAND...: runs the command in the root.
in_fresh() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} chroot "$FRESH/root" "$@" </dev/null
}

# can_make_fresh_root: whether this machine can; prints why not.
can_make_fresh_root() {
  if ((EUID != 0)); then
    say "skipped: a fresh root needs root"
  elif ! command -v debootstrap >/dev/null; then
    say "skipped: debootstrap is not installed"
  else
    return 0
  fi
  return 1
}

# debian_mirror: prints the mirror of Debian 12 that this machine's apt uses, or Debian's.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016 # a format of apt's
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | sort -u | head -n 1)
  echo "${mirror:-http://deb.debian.org/debian}"
}

# make_base_system: downloads and unpacks a minimal Debian 12 in FRESH/root, and keeps it as a tar file.
make_base_system() {
  say "debootstrap from $(debian_mirror); kept in $FRESH/base.tar"
  debootstrap --variant=minbase bookworm "$FRESH/root" "$(debian_mirror)" \
    >"$FRESH/debootstrap.log" 2>&1 || {
    complain "debootstrap failed: $(tail -n 1 "$FRESH/debootstrap.log")"
    return 1
  }
  # The root is thrown away, so nothing in it must survive a loss of power.
  echo force-unsafe-io >"$FRESH/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  rm -f "$FRESH/root/var/cache/apt/archives/"*.deb
  tar --numeric-owner -cf "$FRESH/base.tar.new" -C "$FRESH/root" . &&
    mv "$FRESH/base.tar.new" "$FRESH/base.tar"
}

# make_fresh_root: unpacks the base system, with the packages that apt has downloaded before.
make_fresh_root() {
  rm -rf "$FRESH/root"
  mkdir -p "$FRESH/root" "$FRESH/archives"
  if [[ -f $FRESH/base.tar ]]; then
    tar --numeric-owner -xf "$FRESH/base.tar" -C "$FRESH/root"
  else
    make_base_system || return 1
  fi
  cp /etc/resolv.conf "$FRESH/root/etc/" || return 1
  find "$FRESH/archives" -name '*.deb' -exec cp --link --no-clobber -t "$FRESH/root/var/cache/apt/archives" {} +
  # Mirrors may be snapshots, whose lists are old.
  in_fresh apt-get -q -o Acquire::Check-Valid-Until=false update >"$FRESH/update.log" 2>&1 || {
    complain "apt-get update failed: $(tail -n 1 "$FRESH/update.log")"
    return 1
  }
}

# install_in_fresh NAME...: installs packages, which are names or files in the root, and keeps downloads.
install_in_fresh() {
  local status=0
  in_fresh apt-get -q install -y --no-install-recommends "$@" || status=$?
  find "$FRESH/root/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -links 1 \
    -exec cp --link --no-clobber -t "$FRESH/archives" {} +
  return "$status"
}
