// One request on its way through the server, and what it is answered.
#pragma once

#include <smb_server/requests/interim_timer.hpp>
#include <smb_server/session/session.hpp>
#include <smb_server/wire/header.hpp>
#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>

#include <leasebreak/error_code.hpp>
#include <leasebreak/pending_answer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace leasebreak::smb {

namespace asio = boost::asio;

class connection;
class server;

/// The body of a response, with room for the header in front of it.
struct reply {
  std::uint32_t status = status::success;
  byte_writer out{header_size};
  channel_ptr sign_with; ///< Given: signed, whether or not the request was.
  std::shared_ptr<preauth_hash> hash; ///< Given: covers the response as it is sent.
  std::optional<file_id> file; ///< What later requests of a related compound work on.
  pending_answer granted; ///< CREATE: keeps breaks of it from overtaking the response.
  bool end_connection = false; ///< Send nothing, and end.
};

/// A response without a body of its own.
[[nodiscard]] inline reply fail(std::uint32_t status) {
  reply r;
  r.status = status;
  encode_error(r.out);
  return r;
}

/// The response that ends the connection.
[[nodiscard]] inline reply hang_up() {
  reply r;
  r.end_connection = true;
  return r;
}

/// The response of commands that return nothing.
[[nodiscard]] inline reply done() {
  reply r;
  encode_empty(r.out);
  return r;
}

/// A response that is not on the wire yet.
struct response_item {
  header head;
  byte_vector bytes; ///< The header's room, and the body.
  channel_ptr signer; ///< Null: unsigned.
  std::shared_ptr<preauth_hash> hash;
  session_ptr sealer; ///< Null: not encrypted.
};

/// What the requests of a compound have in common.
struct compound_state {
  std::vector<response_item> ready; ///< Answered, not sent.
  std::size_t ready_bytes = 0; ///< Of those.
  std::vector<pending_answer> granted; ///< What is to be told of when those are sent.
  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;
  std::optional<file_id> file;
  std::uint32_t create_status = status::success; ///< Of the last CREATE.
  bool malformed = false; ///< There is nothing that a related request could be related to.
  bool is_last = true; ///< The request that is worked on ends its frame.
  session_ptr sealer; ///< The session that encrypted the frame; null if it was not encrypted.
};

/// A request while it is worked on. Lives in the coroutine that does so, on the connection's
/// strand.
class request {
public:
  request(std::shared_ptr<connection> c, const message& m, compound_state& compound);
  ~request();
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  [[nodiscard]] const header& head() const noexcept { return message_.head; }

  /// The message, header included.
  [[nodiscard]] bytes_view bytes() const noexcept { return message_.bytes; }

  [[nodiscard]] connection& on() const noexcept { return *connection_; }
  [[nodiscard]] server& host() const noexcept;
  [[nodiscard]] compound_state& compound() const noexcept { return compound_; }

  /// The open that `id` names, or that of the compound; null if there is none, or its client has
  /// overtaken the request on another channel. Later requests of the compound work on it.
  [[nodiscard]] open_ptr find_open(const file_id& id);

  /// The same for what is in a directory: in `found`, if the status is good.
  [[nodiscard]] std::uint32_t find_directory(const file_id& id, open_ptr& found);

  /// Whether the client still has an open that was found: it may have been closed while the request
  /// waited.
  [[nodiscard]] bool still_has(const open& o) const;

  /// Whether its connection, session and tree go on, so that they can have one more open.
  [[nodiscard]] bool may_have_more() const;

  /// Whether it goes on though its connection has ended: it can be sent again on another channel of
  /// its session (MS-SMB2 3.3.5.9.10).
  [[nodiscard]] bool goes_on() const;

  /// Takes a place for one more open of the user. False: there are too many.
  [[nodiscard]] bool take_place();

  /// The status for a request whose open was not found.
  [[nodiscard]] std::uint32_t no_open() const noexcept;

  /// `id`, or that of the compound.
  [[nodiscard]] file_id resolve(const file_id& id) const;

  /// The ChannelSequence of the request (MS-SMB2 2.2.1.2).
  [[nodiscard]] std::uint16_t sequence() const noexcept {
    return static_cast<std::uint16_t>(head().status);
  }

  /// Whether the payload is covered by the credits that the request paid (MS-SMB2 3.3.5.2.5).
  [[nodiscard]] bool pays_for(std::size_t bytes) const;

  /// Runs an operation that may have to wait for others: if it takes long, the client is told that
  /// it is pending; CANCEL reaches it. `Op` is a deferred operation.
  template <class Op>
  auto wait_for(Op op) {
    begin_wait();
    return finish_wait(std::move(op)(
      asio::bind_cancellation_slot(signal_.slot(), asio::as_tuple(asio::use_awaitable))));
  }

  /// The client, or the end of its session, wants it to stop: what it waits for now, or will wait
  /// for, is given up.
  void cancel();
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }

  /// Tells the client that it is pending, unless it has been told, or no longer waits. If too many
  /// are pending, what it waits for is given up instead.
  void send_interim();

  /// There were too many others for it to wait.
  [[nodiscard]] bool is_one_too_many() const noexcept { return one_too_many_; }

  channel_ptr channel; ///< Null before session setup.
  session_ptr user; ///< The channel's.
  bool can_come_again = false; ///< A CREATE with a CreateGuid.
  taken_share place; ///< Of a CREATE among the user's opens, for the open that comes of it.
  tree_ptr tree_connect; ///< Null for commands that need none.
  std::uint64_t async_id = 0; ///< Not zero once the client was told that it is pending.
  /// Breaks of the client's own leases that the request is the cause of come behind its response.
  std::vector<pending_answer> answers;

private:
  template <class... Results>
  asio::awaitable<std::tuple<Results...>> finish_wait(
    asio::awaitable<std::tuple<Results...>> operation) {
    std::tuple<Results...> result = co_await std::move(operation);
    end_wait();
    co_return result;
  }

  bool enter_sequence(const open_ptr& o);
  void begin_wait();
  void end_wait();

  std::shared_ptr<connection> connection_;
  message message_;
  compound_state& compound_;
  asio::cancellation_signal signal_;
  bool waiting_ = false;
  interim_timer::wait reminder_;
  bool cancelled_ = false;
  bool one_too_many_ = false;
  bool overtaken_ = false;
  open_ptr counted_; ///< The open whose ChannelSequence counts it.
};

} // namespace leasebreak::smb
