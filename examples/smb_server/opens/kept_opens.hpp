// Durable opens whose connection is gone, until their client comes back (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace leasebreak::smb {

class connection;

/// What the server needs to go on with such an open; what it caches is the coordinator's to know.
/// May be used from any thread.
///
/// The coordinator may give an open up while it is on its way here: from `expect` on that is
/// remembered, until `keep` or `forget`. So nothing is remembered for longer than a request takes.
///
/// It also knows which connection a durable open is on, so that a client which is back before its
/// old connection has ended can wait for that.
class kept_opens {
public:
  /// It is on this connection now, until it is kept or forgotten.
  void attach(const open_ptr& o, const std::shared_ptr<connection>& on);

  /// The connection that an attached one is on; null if it is not attached, or that is gone.
  [[nodiscard]] std::shared_ptr<connection> connection_of(open_id handle) const;

  /// Its connection is going, and it may be kept.
  void expect(open_id handle);

  /// Its connection is gone. False if the coordinator has given it up already.
  bool keep(open_ptr o);

  /// It is not to be kept, or no longer.
  void forget(const open& o);

  /// The open of this persistent id, which stays; null if there is none.
  [[nodiscard]] open_ptr find(std::uint64_t persistent) const;

  /// The client's open that came of the CREATE with this CreateGuid, whether it is attached or
  /// kept; null if there is none.
  [[nodiscard]] open_ptr find(const client_guid& client, const guid& create_guid) const;

  /// Takes it out for its client, who is back on this connection; it is expected until it is kept
  /// again or forgotten. False if somebody else did, or it is gone.
  bool take(const open_ptr& o, const std::shared_ptr<connection>& by);

  /// The coordinator has given it up. Null if it is not here (yet).
  open_ptr lose(open_id handle);

  /// All that a restart found has been kept or closed. Until then any open is expected.
  void recovered();

  [[nodiscard]] std::size_t size() const;

private:
  void note_create_guid(const open_ptr& o);
  void forget_create_guid(const open& o);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, open_ptr> by_id_; // by the persistent half
  std::unordered_map<open_id, std::uint64_t> by_handle_;
  std::unordered_map<open_id, std::weak_ptr<connection>> attached_;
  std::map<guid, std::weak_ptr<open>> by_create_guid_; ///< Of those that are attached or kept.
  std::unordered_map<open_id, bool> expected_; ///< And whether it has been given up meanwhile.
  std::unordered_set<open_id> lost_in_recovery_;
  bool recovering_ = true;
};

} // namespace leasebreak::smb
