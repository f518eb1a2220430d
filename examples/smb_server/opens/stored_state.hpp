// The recoverable state of a persistent open, and the updates of its record by renames and by the
// client's position (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/persistent_state.hpp>

#include <leasebreak/coordinator.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <mutex>
#include <string>

namespace leasebreak::smb {

/// The state of one open, in memory and in its record. Thread-safe.
class stored_state {
public:
  /// `state` is the content of the open's record.
  stored_state(file_name_id file, open_id handle, persistent_state state);

  /// Call it before the file is renamed, with slashes in `from` and `to`. A restart looks for the
  /// file under both names. It thus finds the file whether or not the rename happened.
  boost::asio::awaitable<error_code> expect_rename(
    coordinator& c, std::string from, std::string to);

  /// Stores FilePositionInformation. No-op if it is unchanged.
  boost::asio::awaitable<error_code> set_position(coordinator& c, std::uint64_t position);

  /// The same at the end of a connection, without waiting for the store.
  void note_position(coordinator& c, std::uint64_t position);

private:
  boost::asio::awaitable<error_code> update(
    coordinator& c, std::function<void(persistent_state&)> change);

  const file_name_id file_;
  const open_id handle_;
  std::mutex mutex_;
  persistent_state state_;
};

} // namespace leasebreak::smb
