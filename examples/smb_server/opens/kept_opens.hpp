// Disconnected durable opens, which wait for their clients (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::smb {

class connection;

/// Keeps the server's part of disconnected opens; the coordinator keeps their leases and locks.
/// Thread-safe.
///
/// The coordinator may end an open while it is moved between its connection and this table. Such an
/// end is recorded from `expect` until `keep` or `forget`, thus no longer than a request takes. The
/// caller of `keep` or `forget` then carries out what the coordinator's report requires.
///
/// Also maps durable opens to their connections. A client that reconnects before its old connection
/// has ended can thus wait for that end. The same for opens of applications, which end on their
/// connection when the application opens the file on another client.
class kept_opens {
public:
  /// Records the connection of an open, until `keep` or `forget`.
  void attach(const open_ptr& o, const std::shared_ptr<connection>& on);

  /// Returns the recorded connection of an open. Returns null if there is none, or if it is
  /// destroyed.
  [[nodiscard]] std::shared_ptr<connection> connection_of(open_id handle) const;

  /// The connection of the open is ending, and the open may be kept.
  void expect(open_id handle);

  /// Adds a disconnected open. If the coordinator has ended it already, returns the coordinator's
  /// report instead.
  [[nodiscard]] std::optional<open_lost> keep(open_ptr o);

  /// The open is not kept, or no longer. If the coordinator has ended it since `expect` or `take`,
  /// returns the coordinator's report.
  std::optional<open_lost> forget(const open& o);

  /// Returns the disconnected open with this persistent id, which stays in the table, or null.
  [[nodiscard]] open_ptr find(std::uint64_t persistent) const;

  /// Returns the client's open that was created with this CreateGuid, connected or not, or null.
  [[nodiscard]] open_ptr find(const client_guid& client, const guid& create_guid) const;

  /// Removes an open for its client, which reconnects on connection `by`. The end of the open is
  /// recorded until `keep` or `forget`. Returns false if another request has removed the open, or
  /// if it has ended.
  bool take(const open_ptr& o, const std::shared_ptr<connection>& by);

  /// The coordinator has ended an open. Removes and returns it, or returns null if it is not in the
  /// table. If it is being moved or may not be recovered yet, takes the report out of `report`, for
  /// `keep` or `forget`.
  open_ptr lose(std::optional<open_lost>& report);

  /// Removes and returns the opens that no restart recovers.
  [[nodiscard]] std::vector<open_ptr> take_unrecoverable();

  /// Recovery is complete. Until then, the end of any open is recorded.
  void recovered();

  [[nodiscard]] std::size_t size() const;

private:
  std::optional<open_lost> take_report(open_id handle);
  void note_create_guid(const open_ptr& o);
  void forget_create_guid(const open& o);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, open_ptr> by_id_; // by persistent id
  std::unordered_map<open_id, std::uint64_t> by_handle_;
  std::unordered_map<open_id, std::weak_ptr<connection>> attached_;
  /// Connected or kept, by ClientGuid and CreateGuid: clients choose CreateGuids on their own.
  std::map<std::pair<guid, guid>, std::weak_ptr<open>> by_create_guid_;
  std::unordered_map<open_id, std::optional<open_lost>> expected_; ///< With its end, if any.
  std::unordered_map<open_id, open_lost> lost_in_recovery_;
  bool recovering_ = true;
};

} // namespace leasebreak::smb
