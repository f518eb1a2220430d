// A simulated client's connection: its frames, message ids and credits, and what it awaits.
#pragma once

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

/// A request of a frame: what it is for, and its body.
struct asked {
  smb::command command{};
  byte_vector body;
  std::string what; ///< For people.
  bool is_related = false; ///< To the one before it in the frame.
  bool waits_for_ever = false; ///< Until somebody unlocks.
};

/// What became of it: nothing if the connection ended before it was answered.
using answered = std::optional<answer>;

class link;

/// What the world wants to know of its links.
class link_watcher {
public:
  link_watcher() = default;
  link_watcher(const link_watcher&) = delete;
  link_watcher& operator=(const link_watcher&) = delete;
  virtual ~link_watcher() = default;

  /// The server has put a message on the wire.
  virtual void on_written(link& l, const answer& a) = 0;
  /// A break has come.
  virtual void on_break(link& l, const answer& a) = 0;
  virtual void on_ended(link& l) = 0;
  /// The server does what it must not.
  virtual void complain(std::string what) = 0;
  virtual void note(std::string what) = 0;
};

class link : public std::enable_shared_from_this<link> {
public:
  /// A request that is not answered yet.
  struct request {
    smb::command command{};
    std::string what;
    span sent{};
    bool waits_for_ever = false;
    bool is_alone = true; ///< Others of a frame wait for each other.
    std::optional<span> cancelled; ///< When the client has asked for that.
    bool is_written = false; ///< The final answer is on the wire.
    std::uint64_t async_id = 0; ///< Of the interim response.
    std::function<void(answered)> done;
  };

  link(
    std::size_t number, std::size_t client, loop& in, random_source& random, link_watcher& watcher);

  /// Begins to listen to its wire.
  void open();
  [[nodiscard]] const std::shared_ptr<wire>& on() const noexcept { return wire_; }

  /// Sends a frame, and completes when all of it is answered.
  [[nodiscard]] task<std::vector<answered>> call(std::vector<asked> requests);
  [[nodiscard]] task<answered> call(asked one);
  /// No coroutine: g++ 12 destroys what is made with braces within co_await twice.
  [[nodiscard]] task<answered> call(
    smb::command c, byte_vector body, std::string what, bool waits_for_ever = false);

  /// A CANCEL of a request in flight.
  void cancel(std::uint64_t message_id);

  /// Enough message ids for a frame.
  [[nodiscard]] bool has_credits(std::size_t n) const noexcept { return credits_ >= n; }
  [[nodiscard]] const std::map<std::uint64_t, request>& in_flight() const noexcept {
    return requests_;
  }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  const std::size_t number;
  const std::size_t client;
  std::uint64_t session = 0;
  std::uint32_t tree = 0;
  smb::dialect dialect{};
  bool is_up = false; ///< It can be used for files.

private:
  /// Puts frames together from a stream of bytes.
  class reader {
  public:
    /// False: it is no frame.
    template <class Take>
    bool add(bytes_view bytes, Take take);

  private:
    byte_vector bytes_;
  };

  [[nodiscard]] header head_of(const asked& a);
  void take_written(const answer& a);
  void take(const answer& a);
  void end();

  loop& loop_;
  link_watcher& watcher_;
  std::shared_ptr<wire> wire_;
  reader written_;
  reader arrived_;
  std::map<std::uint64_t, request> requests_;
  std::uint64_t next_message_ = 0;
  std::size_t credits_ = 1;
  bool has_ended_ = false;
};

using link_ptr = std::shared_ptr<link>;

} // namespace leasebreak::smb::simulation
