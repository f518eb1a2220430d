# shellcheck shell=bash
# A tree of files goes in and out through cp and tar, on one guest and then on another.

# tree_on_server: it has there what it had on the guest.
tree_on_server() {
  [[ $(find "$WORK/share" -type f | wc -l) == 604 ]] || return
  diff -r "$WORK/share/copied" "$WORK/share/unpacked"
}

scene_tree() {
  need_guests 2 || return
  check "copied in" guest 1 in_mount demo "" copy_tree_in
  check "whole in the server's folder" tree_on_server
  check "copied out" guest 1 in_mount demo "" copy_tree_out
  check "the same, encrypted" guest 1 in_mount demo seal compare_tree
  check "the same on another guest" guest 2 in_mount demo "" compare_tree
  check "removed" guest 1 in_mount demo "" remove_tree
}
