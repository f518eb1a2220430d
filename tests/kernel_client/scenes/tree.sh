# shellcheck shell=bash
# Copies a tree of files to the share and back with cp and tar, and compares it on two guests.

# tree_on_server: checks that the server's folder has both copies completely.
tree_on_server() {
  [[ $(find "$WORK/share" -type f | wc -l) == 604 ]] || return
  diff -r "$WORK/share/copied" "$WORK/share/unpacked"
}

scene_tree() {
  need_guests 2 || return
  check "copy a tree to the share" guest 1 in_mount demo "" copy_tree_in
  check "the server's folder has the tree" tree_on_server
  check "copy the tree back" guest 1 in_mount demo "" copy_tree_out
  check "compare the tree, encrypted" guest 1 in_mount demo seal compare_tree
  check "compare the tree on another guest" guest 2 in_mount demo "" compare_tree
  check "remove the tree" guest 1 in_mount demo "" remove_tree
}
