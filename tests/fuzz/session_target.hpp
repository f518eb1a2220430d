// Whole sessions of two clients against a server within the process.
#pragma once

#include "recording.hpp"

#include <raw_client.hpp>
#include <test_server.hpp>

#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb::fuzz {

/// Plays recordings, one after the other, against the same server.
class session_player {
public:
  session_player();

  /// Sends what was recorded, with the message, session, tree and file ids of now, and waits for
  /// each answer. Throws `std::logic_error` if afterwards the server does not serve others.
  void play(const recording& r);

  /// Stops the server, and returns all that it has complained about.
  std::string stop() { return server_.stop(); }

private:
  struct player;

  player connect(bool log_on, std::uint8_t number);
  void send(player& p, const recorded_frame& f);
  void clean_up();

  testing::test_server server_;
  testing::raw_client witness_;
};

} // namespace leasebreak::smb::fuzz
