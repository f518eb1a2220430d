# shellcheck shell=bash
# Mounts with the options for dialect, logon, signing, encryption and channels. In each mount, a file and
# a folder are created, read, renamed, listed and removed.

# expect_mount OPTIONS [TEXT...]: mounts the share demo. The kernel must report the texts.
expect_mount() {
  check "mount -o ${1:-defaults}" guest 1 mount_round demo "$@"
}

scene_mounts() {
  local version
  local -A dialects=([2.1]="Dialect 0x210" [3.0]="Dialect 0x300" [3.1.1]="Dialect 0x311")
  need_guests 1 || return
  # The kernel's defaults are the newest dialect, and NTLMSSP without SPNEGO.
  expect_mount "" "${dialects[3.1.1]}" RawNTLMSSP
  for version in 2.1 3.0 3.1.1; do
    expect_mount "vers=$version" "${dialects[$version]}" RawNTLMSSP
    expect_mount "vers=$version,sec=ntlmssp" "${dialects[$version]}" RawNTLMSSP
    expect_mount "vers=$version,sign" "${dialects[$version]} signed"
    expect_mount "vers=$version,sec=ntlmsspi" "${dialects[$version]} signed" RawNTLMSSP
  done
  for version in 3.0 3.1.1; do
    expect_mount "vers=$version,seal" "${dialects[$version]}" " Encrypted"
    expect_mount "vers=$version,multichannel" "${dialects[$version]}" "Extra Channels: 1"
    expect_mount "vers=$version,multichannel,seal" "Extra Channels: 1" " Encrypted"
    if [[ $TARGET == own ]]; then
      check "mount -o vers=$version,persistenthandles" guest 1 mount_round ca \
        "vers=$version,persistenthandles" persistenthandles "CONTINUOUS AVAILABILITY"
    else
      skip_check "mount -o vers=$version,persistenthandles" "smbd has no persistent handles"
    fi
  done
}
