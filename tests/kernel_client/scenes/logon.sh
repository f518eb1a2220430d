# shellcheck shell=bash
# Logons that must succeed, with different domains, and logons that must be refused.

# expect_logon NAME USER PASSWORD [OPTIONS]
expect_logon() {
  check "$1" guest 1 as "$2" "$3" in_mount demo "${4:-}" line_round
}

# expect_refusal NAME USER PASSWORD [OPTIONS]
expect_refusal() {
  check "$1 is refused" guest 1 as "$2" "$3" mount_is_refused demo "${4:-}"
}

scene_logon() {
  local domain
  need_guests 1 || return
  for domain in WORKGROUP workgroup ELSEWHERE; do
    expect_logon "domain $domain" "$SMB_USER" "$SMB_PASSWORD" "domain=$domain"
    expect_logon "domain $domain, signed" "$SMB_USER" "$SMB_PASSWORD" "domain=$domain,sign"
  done
  expect_logon "the server's domain" "$SMB_USER" "$SMB_PASSWORD" domainauto
  expect_logon "a user in upper case" "${SMB_USER^^}" "$SMB_PASSWORD"
  expect_logon "a user in mixed case" "${SMB_USER^}" "$SMB_PASSWORD" sign
  expect_logon "a non-ASCII user and password" "$OTHER_USER" "$OTHER_PASSWORD" sign
  expect_logon "a non-ASCII user in upper case" "JÜRGEN" "$OTHER_PASSWORD" sign

  expect_refusal "a wrong password" "$SMB_USER" "not-$SMB_PASSWORD"
  expect_refusal "a wrong password, signed" "$SMB_USER" "not-$SMB_PASSWORD" sign
  expect_refusal "another user's password" "$SMB_USER" "$OTHER_PASSWORD"
  expect_refusal "a password in another case" "$SMB_USER" "${SMB_PASSWORD^^}"
  expect_refusal "an unknown user" nobody-here "$SMB_PASSWORD"
  expect_refusal "an empty password" "$SMB_USER" ""
  expect_refusal "sec=none" "" "" sec=none
  expect_refusal "guest" "" "" guest
  expect_logon "a valid logon after the refused ones" "$SMB_USER" "$SMB_PASSWORD"
}
