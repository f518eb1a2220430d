// Plays sessions of two clients against a server in the same process.
#pragma once

#include "recording.hpp"

#include <raw_client.hpp>
#include <test_server.hpp>

#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb::fuzz {

/// Plays recordings one after the other against the same server.
class session_player {
public:
  session_player();

  /// Sends the recorded frames with current message, session, tree and file ids, and waits for each
  /// response. Throws `std::logic_error` if the server does not serve other clients afterwards.
  void play(const recording& r);

  /// Stops the server, and returns its log.
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
