// The opens of a channel group.
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstddef>
#include <map>
#include <unordered_map>
#include <vector>

namespace leasebreak::smb {

/// Finds opens by the client's id, the coordinator's handle, and the CreateGuid. Not thread-safe.
class open_table {
public:
  void add(open_ptr o);

  /// Removes and returns an open, or returns null. The caller closes it.
  open_ptr remove(const file_id& id);

  /// Returns null if there is none, or if it belongs to another session or tree.
  [[nodiscard]] open_ptr find(
    const file_id& id, std::uint64_t session_id, const tree_ptr& tree) const;

  /// Returns null if there is none.
  [[nodiscard]] open_ptr find(open_id handle) const;

  /// Returns the open that was created with this CreateGuid, if the client has not used it yet.
  [[nodiscard]] open_ptr find_unused(const guid& create_guid) const;

  /// The client has used an open of the table, and thus knows the result of its CREATE.
  void used(open& o);

  [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

  /// Returns the opens of a session, with `tree` only those of that tree.
  [[nodiscard]] std::vector<open_ptr> of_session(
    std::uint64_t session_id, const tree_ptr& tree = {}) const;

  [[nodiscard]] std::vector<open_ptr> all() const;

private:
  std::unordered_map<std::uint64_t, open_ptr> by_id_; // by volatile id
  std::unordered_map<open_id, open_ptr> by_handle_;
  std::map<guid, open_ptr> unused_; // by CreateGuid
};

} // namespace leasebreak::smb
