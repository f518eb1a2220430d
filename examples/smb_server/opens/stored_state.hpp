// What a restart finds of a persistent open, as it changes: a rename, from whichever connection,
// the position that the client sets (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/persistent_state.hpp>

#include <leasebreak/coordinator.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <mutex>
#include <string>

namespace leasebreak::smb {

/// The state of one open, in memory and in its record. May be used from any thread.
class stored_state {
public:
  /// `state` is what the open's record has.
  stored_state(file_name_id file, open_id handle, persistent_state state);

  /// Before its file is renamed, with `from` and `to` separated by slashes: a restart looks for it
  /// under both names, so that it is found whether or not the rename was carried out.
  boost::asio::awaitable<error_code> expect_rename(
    coordinator& c, std::string from, std::string to);

  /// FilePositionInformation. Nothing is stored if it is that already.
  boost::asio::awaitable<error_code> set_position(coordinator& c, std::uint64_t position);

  /// The same, when a connection ends: nobody waits for it.
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
