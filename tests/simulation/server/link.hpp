// A simulated client's connection: its frames, message ids, credits and pending requests.
#pragma once

#include "client_session.hpp"
#include "wire.hpp"

#include <raw_client.hpp>

#include <smb_server/wire/data.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb::simulation {

using testing::answer;
template <class T>
using task = asio::awaitable<T>;

/// One request of a frame.
struct asked {
  smb::command command{};
  byte_vector body;
  std::string what; ///< For messages.
  bool is_related = false; ///< To the previous request of the frame.
  bool waits_for_ever = false; ///< Until another client unlocks.
  bool is_replay = false; ///< Of a request on a channel that was lost.
  std::optional<guid> create_guid{}; ///< Of a CREATE that can be replayed.
  guid lease_key{}; ///< Of a CREATE; zero without a lease.
};

/// The response, or nothing if the connection ended before it arrived.
using answered = std::optional<answer>;

class link;

/// A run's view of its links.
class link_watcher {
public:
  link_watcher() = default;
  link_watcher(const link_watcher&) = delete;
  link_watcher& operator=(const link_watcher&) = delete;
  virtual ~link_watcher() = default;

  /// The server has put a message on the wire.
  virtual void on_written(link& l, const answer& a) = 0;
  /// A break notification has arrived.
  virtual void on_break(link& l, const answer& a) = 0;
  virtual void on_ended(link& l) = 0;
  /// Reports a problem of the server.
  virtual void complain(std::string what) = 0;
  virtual void note(std::string what) = 0;
};

class link : public std::enable_shared_from_this<link> {
public:
  /// A request without a final response.
  struct request {
    smb::command command{};
    std::string what;
    span sent{};
    bool waits_for_ever = false;
    bool is_alone = true; ///< False in a compound, whose requests wait for each other.
    std::optional<span> cancelled; ///< When the client sent the CANCEL.
    bool is_written = false; ///< The final response is on the wire.
    bool is_signed = false;
    bool is_sealed = false;
    std::uint64_t async_id = 0; ///< Of the interim response.
    std::function<void(answered)> done;
  };

  link(std::size_t number, session_ptr of, loop& in, random_source& random, link_watcher& watcher);

  /// Starts listening to the wire.
  void open();
  [[nodiscard]] const std::shared_ptr<wire>& on() const noexcept { return wire_; }

  /// Sends a frame. Completes when all of its requests have been answered.
  [[nodiscard]] task<std::vector<answered>> call(std::vector<asked> requests);
  [[nodiscard]] task<answered> call(asked one);
  /// Not a coroutine, because g++ 12 destroys a braced temporary within `co_await` twice.
  [[nodiscard]] task<answered> call(
    smb::command c, byte_vector body, std::string what, bool waits_for_ever = false);

  /// Sends a CANCEL of a request in flight.
  void cancel(std::uint64_t message_id);

  /// Returns whether there are enough message ids for a frame of `n` requests.
  [[nodiscard]] bool has_credits(std::size_t n) const noexcept { return credits_ >= n; }
  [[nodiscard]] const std::map<std::uint64_t, request>& in_flight() const noexcept {
    return requests_;
  }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  /// The CreateGuid of a CREATE that was sent on this link, if any.
  [[nodiscard]] const guid* create_guid_of(std::uint64_t message_id) const;

  const std::size_t number;
  const std::size_t client;
  const session_ptr in; ///< The session of which it is or becomes a channel.
  std::optional<key16> key; ///< Signs its frames; while it is bound, the session's key.
  preauth_hash hash{}; ///< Over the requests, and over the responses that the client has added.
  bool is_up = false; ///< The client may use it for files.
  span up_since{}; ///< Since when.

private:
  /// Reassembles frames from a stream of bytes.
  class reader {
  public:
    /// Calls `take` with each complete frame, which returns false if that is malformed. Returns
    /// false if it has, or if the bytes are not a frame.
    template <class Take>
    bool add(bytes_view bytes, Take take);

  private:
    byte_vector bytes_;
  };

  [[nodiscard]] bool signs(command c) const;
  [[nodiscard]] bool seals(command c) const;
  [[nodiscard]] header head_of(const asked& a);
  void append(byte_writer& out, const asked& a, const header& h, bool is_last);
  void send(command c, bytes_view frame);
  [[nodiscard]] std::optional<byte_vector> unsealed(bytes_view frame, bool is_new);
  void take_written(const answer& a, bool is_sealed);
  void check_protection(const request& r, const answer& a, bool is_sealed);
  void take(const answer& a);
  void end();

  loop& loop_;
  link_watcher& watcher_;
  std::shared_ptr<wire> wire_;
  /// Takes the messages of a frame of the server, `what(message, is_sealed)`.
  template <class What>
  bool take_frame(bytes_view frame, bool is_new, What what);
  reader written_;
  reader arrived_;
  std::map<std::uint64_t, request> requests_;
  std::map<std::uint64_t, guid> creates_; ///< CREATEs with a CreateGuid, also after their end.
  std::uint64_t next_message_ = 0;
  std::size_t credits_ = 1;
  bool has_ended_ = false;
};

using link_ptr = std::shared_ptr<link>;

} // namespace leasebreak::smb::simulation
