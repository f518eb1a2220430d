// A request that is being processed, and its response.
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

/// The body of a response, after room for the header.
struct reply {
  std::uint32_t status = status::success;
  byte_writer out{header_size};
  channel_ptr sign_with; ///< If set, sign the response, even if the request was unsigned.
  std::shared_ptr<preauth_hash> hash; ///< If set, extend it with the response when that is sent.
  std::optional<file_id> file; ///< The open for later related requests of the compound.
  pending_answer granted; ///< For CREATE: defers breaks of the grant until the response is sent.
  bool end_connection = false; ///< Send nothing. The connection is closed.
};

/// A response with only an error body.
[[nodiscard]] inline reply fail(std::uint32_t status) {
  reply r;
  r.status = status;
  encode_error(r.out);
  return r;
}

/// No response: the connection is closed.
[[nodiscard]] inline reply hang_up() {
  reply r;
  r.end_connection = true;
  return r;
}

/// The response of commands without results.
[[nodiscard]] inline reply done() {
  reply r;
  encode_empty(r.out);
  return r;
}

/// A response that is not sent yet.
struct response_item {
  header head;
  byte_vector bytes; ///< Room for the header, then the body.
  channel_ptr signer; ///< Null: unsigned.
  std::shared_ptr<preauth_hash> hash;
  session_ptr sealer; ///< Null: not encrypted.
};

/// State that the requests of a compound share.
struct compound_state {
  std::vector<response_item> ready; ///< Responses that are not sent yet.
  std::size_t ready_bytes = 0; ///< Their size.
  std::vector<pending_answer> granted; ///< Destroyed when they are sent.
  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;
  std::optional<file_id> file;
  std::uint32_t create_status = status::success; ///< The status of the last CREATE.
  /// An error with which all further related requests fail: they cannot refer to a request before.
  std::uint32_t related_status = status::success;
  bool is_last = true; ///< The current request is the last of its frame.
  session_ptr sealer; ///< The session that encrypted the frame; null if it was not encrypted.
};

/// A request that is being processed. It lives in its coroutine on the connection's strand.
class request {
public:
  request(std::shared_ptr<connection> c, const message& m, compound_state& compound);
  ~request();
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  [[nodiscard]] const header& head() const noexcept { return message_.head; }

  /// The message, including its header.
  [[nodiscard]] bytes_view bytes() const noexcept { return message_.bytes; }

  [[nodiscard]] connection& on() const noexcept { return *connection_; }
  [[nodiscard]] server& host() const noexcept;
  [[nodiscard]] compound_state& compound() const noexcept { return compound_; }

  /// Returns the open with `id`, or the open of the compound. Returns null if there is none, or if
  /// the ChannelSequence is outdated. Later requests of the compound use the same open.
  [[nodiscard]] open_ptr find_open(const file_id& id);

  /// Like `find_open`, for a directory that may be listed. Sets `found` if it returns success.
  [[nodiscard]] std::uint32_t find_directory(const file_id& id, open_ptr& found);

  /// Whether the client still has an open that was found earlier. It may have been closed while the
  /// request waited.
  [[nodiscard]] bool still_has(const open& o) const;

  /// Whether its connection, session and tree still exist and may get another open.
  [[nodiscard]] bool may_have_more() const;

  /// Whether it continues after the end of its connection, because the client can replay it on
  /// another channel of the session (MS-SMB2 3.3.5.9.10).
  [[nodiscard]] bool goes_on() const;

  /// Reserves one of the user's opens. Returns false if the limit is reached.
  [[nodiscard]] bool take_place();

  /// Returns the status for a request whose open was not found.
  [[nodiscard]] std::uint32_t no_open() noexcept;

  /// Returns `id`, or the id of the compound's open. Later requests of the compound use the same
  /// one.
  [[nodiscard]] file_id resolve(const file_id& id);

  /// The ChannelSequence of the request (MS-SMB2 2.2.1.2).
  [[nodiscard]] std::uint16_t sequence() const noexcept {
    return static_cast<std::uint16_t>(head().status);
  }

  /// Whether the request's credits cover the payload (MS-SMB2 3.3.5.2.5).
  [[nodiscard]] bool pays_for(std::size_t bytes) const;

  /// Runs an operation that may wait for other clients. After a delay the client gets an interim
  /// response. CANCEL cancels the operation. `Op` is a deferred operation.
  template <class Op>
  auto wait_for(Op op) {
    begin_wait();
    return finish_wait(std::move(op)(
      asio::bind_cancellation_slot(signal_.slot(), asio::as_tuple(asio::use_awaitable))));
  }

  /// Cancels the current or the next wait of the request. Called for CANCEL and at the end of the
  /// session.
  void cancel();
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }

  /// Runs an operation that can wait for other clients but cannot be cancelled. The client gets no
  /// interim response.
  template <class... Results>
  asio::awaitable<std::tuple<Results...>> wait_silently(
    asio::awaitable<std::tuple<Results...>> operation) {
    begin_wait();
    return finish_wait(std::move(operation));
  }

  /// If the request still waits, counts it as pending and sends an interim response. If too many
  /// requests are pending, cancels the wait instead.
  void become_pending();

  /// Whether it counts as pending, with or without an interim response.
  [[nodiscard]] bool is_pending() const noexcept { return pending_; }

  /// Whether the wait was cancelled because too many requests are pending.
  [[nodiscard]] bool is_one_too_many() const noexcept { return one_too_many_; }

  channel_ptr channel; ///< Null before session setup.
  session_ptr user; ///< The session of the channel.
  bool can_come_again = false; ///< A CREATE with a CreateGuid, which the client may replay.
  taken_share place; ///< For CREATE: the reserved place among the user's opens.
  tree_ptr tree_connect; ///< Null for commands without a tree.
  std::uint64_t async_id = 0; ///< Nonzero after the interim response.
  /// Defer breaks of the client's own leases, which the request causes, until its response is sent.
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
  void send_interim();
  void begin_wait();
  void end_wait();

  std::shared_ptr<connection> connection_;
  message message_;
  compound_state& compound_;
  asio::cancellation_signal signal_;
  bool waiting_ = false;
  bool pending_ = false;
  interim_timer::wait reminder_;
  bool cancelled_ = false;
  bool one_too_many_ = false;
  bool overtaken_ = false;
  open_ptr counted_; ///< The open whose ChannelSequence counts the request.
};

} // namespace leasebreak::smb
