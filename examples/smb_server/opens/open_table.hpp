// The opens of a connection, or of all connections that share sessions.
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstddef>
#include <map>
#include <unordered_map>
#include <vector>

namespace leasebreak::smb {

/// Finds opens by what the client, the coordinator and leases call them. Not thread-safe.
class open_table {
public:
  void add(open_ptr o);

  /// Takes it out; null if it is not there. The caller closes it.
  open_ptr remove(const file_id& id);

  /// Null if there is none, or it belongs to another session or tree.
  [[nodiscard]] open_ptr find(
    const file_id& id, std::uint64_t session_id, const tree_ptr& tree) const;

  /// Null if there is none.
  [[nodiscard]] open_ptr find(open_id handle) const;

  /// The open that came of the CREATE with this CreateGuid, if the client has not used it yet.
  [[nodiscard]] open_ptr find_unused(const guid& create_guid) const;

  /// The client uses an open of the table, and so knows what came of its CREATE.
  void used(open& o);

  [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

  /// Those of a session; with `tree` only that tree's.
  [[nodiscard]] std::vector<open_ptr> of_session(
    std::uint64_t session_id, const tree_ptr& tree = {}) const;

  [[nodiscard]] std::vector<open_ptr> all() const;

private:
  std::unordered_map<std::uint64_t, open_ptr> by_id_; // by the volatile half
  std::unordered_map<open_id, open_ptr> by_handle_;
  std::map<guid, open_ptr> unused_; // by CreateGuid
};

} // namespace leasebreak::smb
