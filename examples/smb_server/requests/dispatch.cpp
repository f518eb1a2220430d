// The table of commands, and the checks before each command.
#include <smb_server/requests/dispatch.hpp>

#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <array>

namespace leasebreak::smb {

namespace {

enum class needs { nothing, session, tree };

struct entry {
  asio::awaitable<reply> (*run)(request&);
  needs what;
};

constexpr std::array<entry, command_count> table{{
  {commands::negotiate, needs::nothing},
  {commands::session_setup, needs::nothing},
  {commands::logoff, needs::session},
  {commands::tree_connect, needs::session},
  {commands::tree_disconnect, needs::tree},
  {commands::create, needs::tree},
  {commands::close, needs::tree},
  {commands::flush, needs::tree},
  {commands::read, needs::tree},
  {commands::write, needs::tree},
  {commands::lock, needs::tree},
  {commands::ioctl, needs::tree},
  {nullptr, needs::nothing}, // CANCEL has no response and is handled by the connection
  {commands::echo, needs::nothing},
  {commands::query_directory, needs::tree},
  {commands::change_notify, needs::tree},
  {commands::query_info, needs::tree},
  {commands::set_info, needs::tree},
  {commands::oplock_break, needs::session},
}};

/// MS-SMB2 3.3.5.2.4.
std::uint32_t check_signature(const request& r) {
  const channel_ptr& c = r.channel;
  if (r.compound().sealer) // decryption has authenticated the sender
    return r.compound().sealer == r.user ? status::success : status::access_denied;
  const bool is_signed = r.head().has(header_flag::signed_message);
  if (!c || !c->key)
    return status::success;
  if (is_signed)
    return verify(c->algorithm, *c->key, r.bytes()) ? status::success : status::access_denied;
  const bool required = c->of->signing_required ||
    ((r.on().terms.security_mode | r.on().terms.client_security_mode) &
      security_mode::signing_required) != 0;
  return c->valid && required ? status::access_denied : status::success;
}

/// A request for a session without a channel on this connection. If the request is signed with the
/// session's key, the response must be signed too; clients ignore an unsigned one.
std::uint32_t no_channel(request& r, std::uint64_t session_id) {
  const session_ptr s = r.host().find_session(session_id);
  const bool is_known = !r.channel && s && s->group == r.on().group && s->valid && s->key &&
    r.head().has(header_flag::signed_message) && verify(s->algorithm, *s->key, r.bytes());
  if (is_known) {
    r.channel = std::make_shared<channel>(s);
    r.channel->key = s->key;
    r.channel->algorithm = s->algorithm;
  }
  return status::user_session_deleted;
}

/// Sets the request's channel, session and tree. Returns the status that prevents the command, or
/// success.
std::uint32_t prepare(request& r, needs what) {
  const bool related = r.head().has(header_flag::related);
  const std::uint64_t session_id = related ? r.compound().session_id : r.head().session_id;
  const std::uint32_t tree_id = related ? r.compound().tree_id : r.head().tree_id;
  r.channel = r.on().find_channel(session_id);
  r.user = r.channel ? r.channel->of : nullptr;
  if (const std::uint32_t bad = check_signature(r); bad != status::success)
    return bad;
  if (what == needs::nothing)
    return status::success;
  // MS-SMB2 3.3.5.2.9.
  if (!r.channel || !r.channel->valid || !r.user->valid)
    return no_channel(r, session_id);
  if (what == needs::session)
    return status::success;
  // MS-SMB2 3.3.5.2.11.
  const auto found = r.user->trees.find(tree_id);
  if (found == r.user->trees.end())
    return status::network_name_deleted;
  r.tree_connect = found->second;
  return status::success;
}

asio::awaitable<reply> at_once(reply answer) {
  co_return answer;
}

} // namespace

// Not a coroutine: that would allocate another frame for each request.
asio::awaitable<reply> dispatch(request& r) {
  const auto index = static_cast<std::size_t>(r.head().command);
  if (index >= table.size() || table[index].run == nullptr)
    return at_once(fail(status::invalid_parameter));
  const bool negotiates = r.head().command == command::negotiate;
  // MS-SMB2 3.3.5.2: NEGOTIATE must come first, and only once.
  if (negotiates == r.on().is_negotiated()) {
    r.on().close(negotiates ? "negotiated twice" : "a request before NEGOTIATE");
    return at_once(hang_up());
  }
  const needs what = commands::is_connection_control(r) ? needs::nothing : table[index].what;
  if (const std::uint32_t bad = prepare(r, what); bad != status::success) {
    // MS-SMB2 3.3.5.2.7.2: no request can be related to one without session or tree.
    if (!r.head().has(header_flag::related))
      r.compound().related_status = status::invalid_parameter;
    return at_once(fail(bad));
  }
  return table[index].run(r);
}

reply fail_related(request& r) {
  const std::uint32_t bad = prepare(r, needs::nothing);
  return fail(r.channel && bad != status::success ? bad : r.compound().related_status);
}

} // namespace leasebreak::smb
