// Plays a recording with current ids.
#include "session_target.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/header.hpp>
#include <smb_server/wire/status.hpp>

#include <algorithm>
#include <stdexcept>

namespace leasebreak::smb::fuzz {

namespace {

using testing::answer;
using testing::raw_client;

/// The offset of FileId in the body of each command (MS-SMB2 2.2); 0: none.
constexpr std::array<std::uint8_t, command_count> file_id_offsets{
  0, 0, 0, 0, 0, 0, 8, 8, 16, 16, 8, 8, 0, 0, 8, 8, 24, 16, 8};

constexpr std::uint16_t credits_least = 16;

server_options options() {
  server_options o;
  o.break_timeout = std::chrono::milliseconds{200};
  o.log_level = "warning";
  o.limits.opens_per_connection = 256;
  return o;
}

void put(byte_vector& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

void expect_success(std::uint32_t result, const std::string& what) {
  if (result == UINT32_MAX)
    throw std::logic_error(what + " of a new client has no response");
  if (result != status::success)
    throw std::logic_error(what + " of a new client: status " + std::to_string(result));
}

} // namespace

/// A connection and the ids that it has received.
struct session_player::player {
  std::unique_ptr<raw_client> client;
  std::vector<file_id> opens;

  /// Replaces the ids in each message of a frame by current ones. Returns the id of the first
  /// message that gets a response.
  std::optional<std::uint64_t> refresh(byte_vector& frame) {
    std::optional<std::uint64_t> awaited;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < compound_max; ++i) {
      const auto h = parse_header(bytes_view{frame}.subspan(begin));
      if (!h)
        break;
      refresh_message(frame, begin, *h);
      if (h->command != command::cancel) {
        if (!awaited)
          awaited = client->next_message;
        client->next_message += std::max<std::uint16_t>(h->credit_charge, 1);
      }
      if (h->next_command < header_size || h->next_command >= frame.size() - begin)
        break;
      begin += h->next_command;
    }
    return awaited;
  }

  void refresh_message(byte_vector& frame, std::size_t begin, const header& h) const {
    put(frame, begin + 14, std::max(h.credits, credits_least), 2);
    put(frame, begin + 16, h.flags & ~(header_flag::signed_message | header_flag::response), 4);
    put(frame, begin + 24, client->next_message, 8);
    if (!h.has(header_flag::async))
      put(frame, begin + 36, client->tree_id, 4);
    put(frame, begin + 40, client->session_id, 8);
    const auto index = static_cast<std::size_t>(h.command);
    if (index >= file_id_offsets.size() || file_id_offsets[index] == 0 || opens.empty())
      return;
    const std::size_t at = begin + header_size + file_id_offsets[index];
    if (at + 16 > frame.size() || h.has(header_flag::related))
      return;
    const file_id& live = opens[frame[at] % opens.size()];
    put(frame, at, live.persistent, 8);
    put(frame, at + 8, live.volatile_id, 8);
  }

  /// Remembers the ids in a response, for later requests.
  void learn(const answer& a) {
    if (a.head.status != status::success)
      return;
    if (a.head.command == command::create)
      opens.push_back(raw_client::read_created(a).id);
    else if (a.head.command == command::tree_connect)
      client->tree_id = a.head.tree_id;
  }

  /// Reads responses until the message is answered, also if only by an interim response.
  void wait_for(std::uint64_t id) {
    for (;;) {
      const auto a = client->receive();
      if (!a) {
        client.reset();
        return;
      }
      learn(*a);
      if (a->head.message_id == id)
        return;
    }
  }
};

session_player::session_player() : server_{options()}, witness_{server_.port()} {
  witness_.set_up({9});
}

session_player::player session_player::connect(bool log_on, std::uint8_t number) {
  player p;
  p.client = std::make_unique<raw_client>(server_.port());
  if (log_on) {
    p.client->negotiate(dialect::smb_3_0_2, {number});
    expect_success(p.client->log_on(), "SESSION_SETUP");
    expect_success(p.client->connect_tree(), "TREE_CONNECT");
  }
  return p;
}

void session_player::send(player& p, const recorded_frame& f) {
  if (!p.client)
    return;
  byte_vector frame = f.bytes;
  if (f.as_is) {
    // A response to such a frame, if any, is read before the next frame's response.
    p.client->send_frame(frame);
    return;
  }
  if (const auto awaited = p.refresh(frame)) {
    p.client->send_frame(frame);
    p.wait_for(*awaited);
  }
}

void session_player::play(const recording& r) {
  std::array<player, 2> players{connect(r.logged_on, 1), connect(r.logged_on, 2)};
  for (const recorded_frame& f : r.frames)
    send(players[f.client % players.size()], f);
  for (player& p : players)
    p.client.reset();
  if (witness_.echo() != status::success)
    throw std::logic_error("the server no longer answers other clients");
  clean_up();
}

void session_player::clean_up() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{server_.directory(), ignored})
    std::filesystem::remove_all(entry.path(), ignored);
}

} // namespace leasebreak::smb::fuzz
