// A model of a share, with maps in memory, for comparison in the random test.
//
// Names, nodes and opens behave as in POSIX: a node may have several names, and an open remains
// valid when its name is removed.
#pragma once

#include "vfs/vfs.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb::vfs::testing {

struct model_node;
using node_ptr = std::shared_ptr<model_node>;

/// A name in a directory. An open has one, and it moves with a rename.
struct model_name {
  std::weak_ptr<model_node> folder; ///< Valid as long as the name exists.
  std::string leaf;
  node_ptr node;
  bool alive = true;
};
using name_ptr = std::shared_ptr<model_name>;

struct model_node {
  bool is_directory = false;
  std::uint32_t attributes = 0;
  std::string data;
  std::map<std::string, std::string> streams;
  std::map<std::string, name_ptr> children;
  std::uint32_t names = 0;
};

/// An open in the model; `name` is empty for the root.
struct model_open {
  name_ptr name;
  node_ptr node;
  std::string stream;
  bool write = false;
  create_action action = create_action::opened;
  bool created = false;
  bool base_created = false;
  bool truncates = false;
  std::uint32_t attributes = 0;
};

/// The tree, with the operations of `share` and `open_file`.
class tree_model {
public:
  explicit tree_model(share_options limits) : limits_(limits) { root_->is_directory = true; }

  [[nodiscard]] const node_ptr& root() const { return root_; }

  /// Returns the node of a path, or the error.
  [[nodiscard]] error_code find(const path& name, node_ptr& node, name_ptr& entry) const;

  error_code open(const path& name, const open_options& options, model_open& done);
  error_code truncate(const model_open& open);
  error_code undo(const model_open& open);
  error_code rename(const model_open& open, const path& target, bool replace);
  error_code link(const model_open& open, const path& target, bool replace);
  error_code remove(const model_open& open);
  [[nodiscard]] error_code check_removable(const model_open& open) const;
  error_code write(const model_open& open, std::size_t offset, const std::string& text);
  error_code resize(const model_open& open, std::size_t size);
  error_code read(
    const model_open& open, std::size_t offset, std::size_t length, std::string& text) const;
  error_code change(const model_open& open, std::uint32_t attributes);
  error_code rename_stream(model_open& open, const std::string& name, bool replace);

private:
  error_code open_node(const path& name, const open_options& options, model_open& done);
  error_code open_stream(const path& name, const open_options& options, model_open& done);
  error_code find_folder(const path& name, node_ptr& folder) const;
  name_ptr add(const node_ptr& folder, const std::string& leaf, const node_ptr& node);
  static void drop(const name_ptr& name);
  /// Returns the bytes that an open reads and writes, or the error.
  static error_code data_of(const model_open& open, std::string*& data);

  share_options limits_;
  node_ptr root_ = std::make_shared<model_node>();
};

} // namespace leasebreak::smb::vfs::testing
