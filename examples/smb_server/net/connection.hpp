// One connection: its frames, credits, requests and channels (MS-SMB2 3.3.1.7).
#pragma once

#include <smb_server/crypto/sealing.hpp>
#include <smb_server/net/byte_stream.hpp>
#include <smb_server/net/credit_window.hpp>
#include <smb_server/requests/request.hpp>
#include <smb_server/runtime/timer.hpp>
#include <smb_server/session/channel_group.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/negotiate.hpp>

#include <leasebreak/requests.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace leasebreak::smb {

/// The result of NEGOTIATE.
struct negotiated {
  smb::dialect dialect = dialect::none;
  leasebreak::client_guid client; ///< Never zero once negotiated.
  guid client_guid{}; ///< As the client sent it.
  std::uint16_t client_security_mode = 0;
  std::uint32_t client_capabilities = 0;
  std::uint16_t security_mode = 0;
  std::uint32_t capabilities = 0;
  signing_algorithm algorithm = signing_algorithm::hmac_sha256;
  smb::cipher cipher = cipher::none;
  preauth_hash hash{};

  /// The number of credits that a request consumes. Before dialect 2.1, the field is reserved
  /// (MS-SMB2 2.2.1.2, 3.3.5.2.3).
  [[nodiscard]] std::uint16_t charge_of(const header& h) const noexcept {
    const bool has_charges = dialect != smb::dialect::none &&
      dialect != smb::dialect::smb_2_wildcard && dialect != smb::dialect::smb_2_0_2;
    return has_charges ? std::max<std::uint16_t>(h.credit_charge, 1) : std::uint16_t{1};
  }
};

/// A connection. Runs on its group's strand. Only `get_executor`, `id` and the constructor are
/// thread-safe.
class connection : public std::enable_shared_from_this<connection> {
public:
  /// The stream must run on the group's strand.
  connection(server& host, std::unique_ptr<byte_stream> stream, connection_id id,
    std::shared_ptr<channel_group> group);

  /// Processes frames until the peer disconnects or violates the protocol, then releases everything
  /// that the connection owned. If it returns another object, that one continues the connection.
  /// Run it on its own strand.
  asio::awaitable<std::shared_ptr<connection>> run();

  /// Closes the connection if it has no session yet, because there are too many such connections.
  void make_room();

  /// Closes the stream. `run` releases the rest and returns soon after.
  void close(std::string_view reason);

  [[nodiscard]] asio::any_io_executor get_executor() { return stream_->get_executor(); }

  /// Lets whatever waits for a change of this connection look again.
  void wake();

  [[nodiscard]] connection_id id() const noexcept { return id_; }
  [[nodiscard]] server& host() const noexcept { return host_; }
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool is_negotiated() const noexcept {
    return terms.dialect != dialect::none && terms.dialect != dialect::smb_2_wildcard;
  }

  /// Stores the negotiated terms and registers the client. Returns false if the coordinator refuses
  /// it.
  [[nodiscard]] bool settle(const negotiated& agreed);

  // -- sessions and opens ------------------------------------------------------------------------

  /// Returns null if the session has no channel on this connection, complete or in setup.
  [[nodiscard]] channel_ptr find_channel(std::uint64_t session) const;

  /// Removes the channel of an ended session, and cancels the session's requests except `cause`.
  void drop_channel(const session& s, const request* cause);

  /// Closes an open that was removed from the table, and deletes its file if that is due. With
  /// `keep`, a durable open is kept for its client instead. `cause` is the request that closes the
  /// open, or null. Returns the coordinator's result.
  asio::awaitable<error_code> close_open(open_ptr o, bool keep = false, request* cause = nullptr);

  /// If the connection is closed, or the peer has closed its half, waits until it has released a
  /// durable open, at most `let_go_time`. Otherwise returns at once.
  asio::awaitable<void> let_go(open_id handle);

  /// Returns this connection. If it is closed, returns another channel of the session, if there is
  /// one.
  [[nodiscard]] std::shared_ptr<connection> one_of(const session& s);

  /// Ends the opens of a tree connect, for the request `cause`.
  asio::awaitable<void> end_tree(session_ptr s, tree_ptr t, request& cause);

  /// Ends a session with all its channels, opens, tree connects and pending requests. The session
  /// must belong to this connection's group. `cause` is the request that ends it, or null.
  asio::awaitable<void> end_session(session_ptr s, request* cause);

  // -- frames ------------------------------------------------------------------------------------

  /// Queues a whole message for sending.
  void send(byte_vector message);

  /// Adds headers and signatures to the responses, and queues them as one frame.
  void send(std::vector<response_item>& items);

  /// The same with the finished responses of a compound.
  void send(compound_state& compound);

  /// Sends a break notification. Returns false if the connection is closed or is no channel of the
  /// session.
  bool send_break(const undelivered_break& b, session_id on);

  // -- requests in flight -------------------------------------------------------------------------

  void enter(request& r);
  void leave(const request& r);
  [[nodiscard]] request* find_request(std::uint64_t message_id) const;
  void cancel(const header& h);

  /// The request has waited for long. See `request::become_pending`.
  void become_pending(std::uint64_t message_id);

  /// Counts one more pending request until it leaves. Returns false if there are too many.
  [[nodiscard]] bool begin_pending();
  [[nodiscard]] std::uint64_t next_async_id() noexcept { return ++last_async_id_; }
  std::uint16_t grant_credits(std::uint16_t wanted);

  /// Treats the peer from now on as if its TCP acknowledged no more bytes.
  void pretend_stuck();

  const std::shared_ptr<channel_group> group;
  open_table& opens; ///< The group's.
  negotiated terms;
  std::map<std::uint64_t, channel_ptr> channels; ///< By session.

private:
  connection(connection& from, std::shared_ptr<channel_group> group,
    std::shared_ptr<const byte_vector> first);

  asio::awaitable<std::shared_ptr<connection>> read_frames();
  [[nodiscard]] channel_group_ptr group_for(bytes_view frame) const;
  asio::awaitable<std::shared_ptr<connection>> move_to(
    channel_group_ptr other, std::shared_ptr<const byte_vector> first);
  asio::awaitable<bool> read_frame(byte_vector& frame);
  [[nodiscard]] bool has_session() const;
  /// Whether it has or had a session.
  [[nodiscard]] bool had_session();
  [[nodiscard]] std::size_t frame_bytes_max();
  bool handle_frame(std::shared_ptr<const byte_vector> frame, session_ptr sealer = {});
  bool handle_sealed(bytes_view frame);
  bool take_ids(std::vector<message>& messages);
  bool handle_smb1(bytes_view frame);
  bool settle_2_0_2();
  asio::awaitable<void> process(
    std::shared_ptr<const byte_vector> frame, std::vector<message> messages, session_ptr sealer);
  static void begin(const message& m, bool is_first, compound_state& compound);
  static void note_ids(const request& r, const reply& answer);
  void put_answer(request& r, reply answer);
  void write_output();
  std::size_t write_small(error_code& error);
  std::size_t write_frames(error_code& error);
  void took_output(std::size_t bytes);
  [[nodiscard]] bool is_busy() const;
  [[nodiscard]] bool takes_much() const;
  asio::awaitable<void> give_way();
  asio::awaitable<void> room();
  asio::awaitable<void> room_for_answers(const std::size_t& promised);
  struct sent_break {
    std::uint64_t end; ///< `queued_bytes_` after it.
    break_notification what;
  };

  [[nodiscard]] bool has_room_for_answers(std::size_t promised) const;
  asio::awaitable<void> change();
  asio::awaitable<void> tear_down();
  [[nodiscard]] std::vector<session_ptr> leave_sessions();
  void leave_opens(const session& s);
  void prepare_end(const std::vector<open_ptr>& ending, bool keep);
  asio::awaitable<std::unique_ptr<end_turn>> begin_end();
  asio::awaitable<void> finish_end(std::vector<open_ptr> ending, disconnect_result gone,
    std::unique_ptr<end_turn> turn, request* cause);
  asio::awaitable<void> finish_end(open_ptr o, disconnect_result& gone, request* cause);
  void forget_taken_breaks();
  void send_breaks_elsewhere(bool unacknowledged_only);
  void send_elsewhere(sent_break b);
  void keep_break(sent_break b);
  void watch_setup();
  void watch_break();
  void watch_output();
  [[nodiscard]] std::uint64_t taken_bytes();

  server& host_;
  std::unique_ptr<byte_stream> stream_;
  connection_id id_;
  std::string peer_;
  bool closed_ = false;
  bool had_session_ = false;
  std::shared_ptr<const byte_vector> first_frame_; ///< Read before the connection moved here.
  credit_window credits_;

  /// Bytes that are read and not yet processed: from `input_begin_` to `input_end_`.
  byte_vector input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;

  struct output_frame {
    std::array<std::uint8_t, nbt_header_size> nbt;
    byte_vector message;
  };
  std::deque<output_frame> output_;
  std::size_t output_begin_ = 0; ///< Number of written bytes of the first frame.
  std::size_t output_bytes_ = 0;
  bool writing_ = false; ///< Waiting until the stream is writable.
  std::uint64_t queued_bytes_ = 0; ///< Total of all frames.
  std::uint64_t written_bytes_ = 0; ///< Total, as accepted by the stream.
  std::uint64_t break_end_ = 0; ///< `queued_bytes_` after the last break.
  std::optional<std::uint64_t> taken_forced_; ///< If set, the result of `taken_bytes`.
  bool break_watched_ = false;
  bool stall_watched_ = false;

  std::size_t in_flight_ = 0; ///< Frames that are being processed.
  bool in_company_ = false; ///< Whether others sent frames lately, as of the last frame.
  std::size_t in_flight_bytes_ = 0;
  std::size_t pending_ = 0; ///< Requests that wait for other clients, at most one per frame.
  std::size_t promised_bytes_ = 0; ///< Expected size of the responses to READs in flight.
  timer changed_; ///< Cancelled when one of these counters shrinks.
  timer pause_; ///< The same, for `give_way`.
  timer setup_deadline_;
  timer break_timer_;
  timer stall_timer_;
  std::unordered_map<std::uint64_t, request*> requests_; ///< By message id.
  /// Ids of received requests that have not started, and whether they are cancelled. Limited by the
  /// credits.
  std::unordered_map<std::uint64_t, bool> not_begun_;
  std::uint64_t last_async_id_ = 0;

  /// A sent break that the peer's TCP may not have acknowledged.
  std::deque<sent_break> sent_breaks_;
};

} // namespace leasebreak::smb
