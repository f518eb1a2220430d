// A client that sends a test's messages byte for byte, and returns the responses.
#pragma once

#include "initiator.hpp"

#include <smb_server/crypto/digest.hpp>
#include <smb_server/wire/create.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/header.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {

// Oplock levels in CREATE (MS-SMB2 2.2.13).
inline constexpr std::uint8_t batch_level = 0x09;
inline constexpr std::uint8_t lease_level = 0xff;

// Lease states (MS-SMB2 2.2.13.2.8).
inline constexpr std::uint32_t rh = 0x03;
inline constexpr std::uint32_t rwh = 0x07;

/// FILE_DIRECTORY_FILE in CreateOptions.
constexpr std::uint32_t directory_option = 0x1;

/// The body of requests without parameters: ECHO, LOGOFF, TREE_DISCONNECT.
inline const byte_vector empty_body{4, 0, 0, 0};

} // namespace leasebreak::smb

namespace leasebreak::smb::testing {

/// A received message.
struct answer {
  header head;
  byte_vector bytes;

  /// Reads the body.
  [[nodiscard]] byte_reader body() const { return byte_reader{bytes_view{bytes}.subspan(64)}; }
};

/// The result of a CREATE.
struct created {
  std::uint32_t status = 0;
  std::uint8_t oplock = 0;
  std::uint32_t action = 0;
  file_id id;
  std::optional<lease_context> lease;
};

/// A create context: its name and data.
using context = std::pair<std::string, byte_vector>;

/// Blocking, for one thread. Waits for some seconds at most, then returns an empty response.
class raw_client {
public:
  /// `window_bytes` limits the receive window, thus the amount of unread data.
  explicit raw_client(std::uint16_t port, int window_bytes = 0);

  // -- frames ------------------------------------------------------------------------------------

  /// Sends the bytes unchanged.
  void send_raw(bytes_view bytes);

  /// Sends a frame with its length.
  void send_frame(bytes_view frame);

  /// Returns the next frame, or nothing if the connection ended.
  std::optional<byte_vector> receive_frame();

  /// Returns the next frame as one message, or nothing if the connection ended. The server may send
  /// an interim response to any request. Use this for notifications, or to see interim responses.
  std::optional<answer> receive();

  /// Returns the next message that is no interim response.
  std::optional<answer> receive_final();

  /// Returns the responses to all requests of a compound in the order of their arrival, from any
  /// number of frames. Returns fewer if the connection ended or a frame is malformed.
  std::vector<answer> receive_compound(std::size_t requests);

  /// Sends a request with this body and the next message id. Returns the id.
  std::uint64_t send(command c, bytes_view body, std::uint32_t flags = 0);

  /// Waits for the final response to the last request.
  answer await_answer();

  /// Sends a request, and waits for its final response.
  answer call(command c, bytes_view body, std::uint32_t flags = 0);

  /// Returns whether the server disconnects without a response.
  [[nodiscard]] bool is_closed_by_peer();

  // -- set-up ------------------------------------------------------------------------------------

  /// The body of a NEGOTIATE. If it offers 3.1.1, it has the required context with one hash.
  static byte_vector negotiate_body(const std::vector<dialect>& offered, const guid& client = {1},
    std::uint16_t hash_algorithm = hash_sha512);

  /// Returns the response. Throws on failure.
  answer negotiate(dialect d = dialect::smb_2_1, const guid& client = {1});
  answer negotiate(const std::vector<dialect>& offered, const guid& client = {1});

  /// Negotiates a dialect before 3.1.1 without multichannel: no other connection shares its
  /// sessions.
  void negotiate_alone(dialect d, const guid& client = {1});

  /// The body of a SESSION_SETUP.
  static byte_vector session_setup_body(bytes_view token, std::uint8_t flags = 0,
    std::uint64_t previous_session = 0, std::uint8_t mode = security_mode::signing_enabled);
  /// Returns the token of a response to SESSION_SETUP. Throws if there is none.
  static byte_vector token_of(const answer& a);

  /// Returns the status of the last SESSION_SETUP.
  std::uint32_t log_on(const std::string& user = "user", const std::string& password = "pass",
    std::uint8_t flags = 0, std::uint64_t previous_session = 0);

  std::uint32_t log_on(
    const logon_script& script, std::uint8_t flags = 0, std::uint64_t previous_session = 0);

  /// Makes this connection a channel of the other's session. Changes the signing key only after
  /// success.
  std::uint32_t bind_to(const raw_client& other, const std::string& user = "user",
    const std::string& password = "pass");
  /// The body of a TREE_CONNECT.
  static byte_vector tree_connect_body(const std::string& share);
  std::uint32_t connect_tree(const std::string& share = "share");

  /// Negotiates, logs on, and connects the tree.
  void set_up(const guid& client = {1});

  // -- files -------------------------------------------------------------------------------------

  /// The body of a CREATE of a file for reading and writing, with full sharing.
  static byte_vector create_body(const std::string& name, std::uint8_t oplock = 0,
    const std::optional<lease_context>& lease = {}, disposition how = disposition::open_if,
    std::uint32_t options = 0);
  /// The same with create contexts.
  static byte_vector create_body_with(
    const std::string& name, std::uint8_t oplock, const std::vector<context>& contexts);
  /// Returns the data of a context of the response, or nothing.
  static std::optional<byte_vector> context_of(const answer& a, const std::string& name);
  /// SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2.
  static context durable_query(
    const guid& create_guid, std::uint32_t timeout_ms = 0, std::uint32_t flags = 0);
  /// SMB2_CREATE_REQUEST_LEASE_V2. The key consists of equal bytes.
  static context lease_query(std::uint8_t key, std::uint32_t state, std::uint16_t epoch = 0);
  /// SMB2_CREATE_APP_INSTANCE_ID.
  static context application(std::uint8_t id);
  /// SMB2_CREATE_APP_INSTANCE_VERSION.
  static context application_version(std::uint64_t high, std::uint64_t low);
  static created read_created(const answer& a);
  created create(const std::string& name, std::uint8_t oplock = 0,
    const std::optional<lease_context>& lease = {}, disposition how = disposition::open_if);
  /// The body of an IOCTL without a file.
  static byte_vector ioctl_body(std::uint32_t code, bytes_view input, std::uint32_t output_max,
    const file_id& id = related_file_id);
  /// Returns the output of an IOCTL response.
  static byte_vector ioctl_output(const answer& a);
  static byte_vector close_body(const file_id& id);
  std::uint32_t close(const file_id& id);
  std::uint32_t echo();

  /// A request with the next message id, signed if `signs`.
  byte_vector make_message(
    command c, bytes_view body, std::uint32_t flags = 0, std::uint16_t charge = 1);

  /// The body of a SET_INFO for a file.
  static byte_vector set_info_body(const file_id& id, std::uint8_t info_class, bytes_view data);
  /// The body of a rename that replaces nothing.
  static byte_vector rename_body(const file_id& id, const std::string& to);

  /// The body of a QUERY_DIRECTORY for names only, which match the pattern.
  static byte_vector names_body(const file_id& id, const std::string& pattern);
  /// The body of a CHANGE_NOTIFY for a directory.
  static byte_vector notify_body(
    const file_id& id, std::uint32_t filter, bool recursive = false, std::uint32_t room = 4'096);
  /// A CANCEL of a request, by async id if that is known.
  [[nodiscard]] byte_vector cancel_frame(
    std::uint64_t message_id, std::uint64_t async_id = 0) const;

  static byte_vector write_body(const file_id& id, const std::string& data);
  /// The body of a LOCK without a sequence number.
  static byte_vector lock_body(const file_id& id, const std::vector<lock_range>& ranges);
  static byte_vector read_body(const file_id& id, std::uint32_t length, std::uint64_t offset = 0);

  std::uint64_t next_message = 0;
  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;
  std::uint32_t share_capabilities = 0; ///< From the last TREE_CONNECT.
  std::uint16_t credits_wanted = 16;
  std::uint16_t channel_sequence = 0;
  std::uint8_t security_mode = security_mode::signing_enabled; ///< For SESSION_SETUP.
  bool signs = false;
  dialect spoken = dialect::none;
  key16 key{};

private:
  bool read_exactly(std::span<std::uint8_t> into);

  std::uint64_t last_message_ = 0;
  preauth_hash hash_{}; ///< At 3.1.1, over the messages of the session's setup.
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
};

} // namespace leasebreak::smb::testing
