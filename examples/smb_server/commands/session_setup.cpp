// SESSION_SETUP: new sessions, reauthentication, and further channels of a session (MS-SMB2
// 3.3.5.5).
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <boost/asio/co_spawn.hpp>

namespace leasebreak::smb::commands {

namespace {

bool has_room(const request& r) {
  return r.on().channels.size() < r.host().options().limits.sessions_per_connection;
}

/// A new session, with this connection as its first channel.
std::uint32_t begin_session(request& r) {
  connection& c = r.on();
  if (!has_room(r))
    return status::insufficient_resources;
  auto s = std::make_shared<session>(
    c.group, c.terms.client, c.terms.dialect, c.terms.algorithm, c.terms.cipher);
  r.host().add_session(s);
  s->channels = 1;
  r.user = s;
  r.channel = std::make_shared<channel>(s);
  r.channel->counted = true;
  c.channels.emplace(s->id, r.channel);
  return status::success;
}

/// Implementation specific: if one channel signs with GMAC, all must. Real servers use the same
/// statuses.
std::uint32_t check_algorithm(signing_algorithm session, signing_algorithm channel) {
  if (session == channel)
    return status::success;
  if (session == signing_algorithm::aes_gmac)
    return status::request_out_of_sequence;
  return channel == signing_algorithm::aes_gmac ? status::not_supported : status::success;
}

/// Checks whether the session may get a further channel on this connection (in the order of MS-SMB2
/// 3.3.5.5).
std::uint32_t check_binding(const request& r, const session_ptr& s) {
  const negotiated& terms = r.on().terms;
  if (!s)
    return status::user_session_deleted;
  const std::uint32_t bad = check_algorithm(s->algorithm, terms.algorithm);
  if (bad != status::success)
    return bad;
  if ((terms.capabilities & capability::multi_channel) == 0)
    return status::request_not_accepted;
  if (s->dialect != terms.dialect || !r.head().has(header_flag::signed_message))
    return status::invalid_parameter;
  // The channels of a session must share a strand. The group differs if it is another client, or if
  // the client did not offer multichannel on the session's connection.
  if (s->group != r.on().group)
    return s->group->client.is_zero() ? status::request_not_accepted : status::user_session_deleted;
  if (!s->valid || !s->key)
    return status::request_not_accepted;
  if (r.channel && r.channel->valid)
    return status::request_not_accepted;
  if (!verify(s->algorithm, *s->key, r.bytes()))
    return status::access_denied;
  // Implementation specific: all channels of a session use one cipher.
  if (s->cipher != terms.cipher)
    return status::invalid_parameter;
  return status::success;
}

/// Starts a further channel of a session, or continues its setup.
std::uint32_t begin_binding(request& r) {
  connection& c = r.on();
  const session_ptr s = r.host().find_session(r.head().session_id);
  if (const std::uint32_t bad = check_binding(r, s); bad != status::success)
    return bad;
  r.user = s;
  if (r.channel)
    return status::success;
  r.channel = std::make_shared<channel>(s);
  r.channel->key = s->key;
  r.channel->algorithm = s->algorithm;
  if (!has_room(r) || s->channels >= r.host().options().limits.channels_per_session)
    return status::insufficient_resources;
  c.channels.emplace(s->id, r.channel);
  return status::success;
}

/// Finds or creates the channel that is being set up.
std::uint32_t begin_setup(request& r, const session_setup_request& asked) {
  if (r.head().session_id == 0)
    return begin_session(r);
  if ((asked.flags & session_flag_binding) != 0)
    return begin_binding(r);
  const bool is_binding = r.channel && !r.channel->counted;
  return !r.channel || is_binding ? status::user_session_deleted : status::success;
}

/// MS-SMB2 3.3.5.5.3: the client reconnects after a lost connection. End its previous session.
asio::awaitable<void> end_previous(request& r, std::uint64_t id) {
  if (id == 0 || id == r.user->id)
    co_return;
  const session_ptr previous = r.host().find_session(id);
  if (!previous)
    co_return;
  const auto end = [](session_ptr s, std::string user) -> asio::awaitable<void> {
    const auto& channels = s->group->members;
    if (s->valid && s->user == user && !channels.empty())
      co_await channels.front()->end_session(s, nullptr);
  };
  co_await asio::co_spawn(
    previous->group->executor, end(previous, r.user->user), asio::use_awaitable);
}

/// Removes what this request has set up. A session that was valid before remains.
void abandon(request& r) {
  channel& c = *r.channel;
  c.logon.reset();
  c.hash.reset();
  if (c.valid)
    return;
  r.on().channels.erase(r.user->id);
  if (c.counted) {
    r.user->channels = 0;
    r.host().remove_session(r.user->id);
  }
}

/// Passes the client's token to the logon.
logon_step take_token(request& r, bytes_view token) {
  channel& c = *r.channel;
  try {
    if (!c.logon)
      c.logon = std::make_unique<logon>(
        r.host().accounts(), r.host().name(), r.host().runs_on().wall_now());
    return c.logon->step(token);
  } catch (...) { // out of memory, which is no failed logon
    abandon(r);
    throw;
  }
}

/// Completes the authentication of a session or further channel. Returns an error if that is not
/// permitted.
std::uint32_t accept(request& r, std::uint8_t client_security_mode) {
  session& s = *r.user;
  channel& c = *r.channel;
  const negotiated& terms = r.on().terms;
  if (!c.counted) {
    // MS-SMB2 3.3.5.5.3: a channel is the same user's.
    if (s.user != c.logon->user())
      return status::access_denied;
    if (s.channels >= r.host().options().limits.channels_per_session)
      return status::insufficient_resources;
    ++s.channels;
    c.counted = true;
  }
  if (!c.valid) {
    const preauth_hash hash = c.hash ? *c.hash : preauth_hash{};
    c.key = signing_key(terms.dialect, c.logon->session_key(), hash);
    c.algorithm = terms.algorithm;
    if (!s.valid) {
      s.key = c.key;
      if (terms.cipher != cipher::none)
        s.sealing = make_sealing_keys(terms.dialect, terms.cipher, c.logon->session_key(), hash);
    }
  }
  s.user = c.logon->user();
  s.share = r.host().users().of(s.user);
  c.logon.reset();
  c.hash.reset();
  c.valid = true;
  s.valid = true;
  r.host().logged_on(r.on().id());
  const std::string name = s.user.substr(s.user.find('\\') + 1); // without the domain
  r.host().coordinator().set_label(s.client, name + " at " + r.on().peer());
  // MS-SMB2 3.3.5.5.3. Once required, signing stays required.
  s.signing_required =
    s.signing_required || (client_security_mode & security_mode::signing_required) != 0;
  r.host().log().info("{}: {} logged on, dialect {:#06x}, channel {}", r.on().peer(), s.user,
    static_cast<unsigned>(terms.dialect), s.channels);
  return status::success;
}

/// Registers the channel with the coordinator. If that fails, removes the channel, and a new
/// session with it (MS-SMB2 3.3.5.5.3, Client.Dialect).
std::uint32_t announce_channel(request& r) {
  session& s = *r.user;
  if (r.on().closed() || !s.valid)
    return status::user_session_deleted;
  const error_code error = r.host().coordinator().add_channel(
    s.client, {r.on().id(), id_of(s)}, static_cast<std::uint16_t>(s.dialect));
  if (!error)
    return status::success;
  r.host().log().warn("{}: session refused: {}", r.on().peer(), error.message());
  r.channel->valid = false;
  r.on().channels.erase(s.id);
  if (--s.channels == 0) {
    s.valid = false;
    r.host().remove_session(s.id);
  }
  return status_of(error);
}

reply setup_reply(std::uint32_t status, bytes_view token) {
  reply answer;
  answer.status = status;
  encode_session_setup_response(answer.out, 0, token);
  return answer;
}

/// Runs on the session's strand. If the session's key signed the request, returns a channel with
/// that key, otherwise null.
asio::awaitable<channel_ptr> signer_of(session_ptr s, bytes_view message) {
  if (!s->valid || !s->key || !verify(s->algorithm, *s->key, message))
    co_return nullptr;
  auto result = std::make_shared<channel>(s);
  result->key = s->key;
  result->algorithm = s->algorithm;
  co_return result;
}

/// Returns a failure. If the request is signed with the session's key, the response must be signed;
/// clients ignore an unsigned one.
asio::awaitable<reply> refuse(request& r, std::uint32_t status) {
  reply answer = fail(status);
  if (r.channel && r.channel->key) {
    answer.sign_with = r.channel;
    co_return answer;
  }
  const session_ptr s = r.host().find_session(r.head().session_id);
  if (s && r.head().has(header_flag::signed_message))
    answer.sign_with =
      co_await asio::co_spawn(s->group->executor, signer_of(s, r.bytes()), asio::use_awaitable);
  co_return answer;
}

/// MS-SMB2 3.3.5.5.3: failed reauthentication ends the session.
asio::awaitable<reply> refuse_logon(request& r, const logon_step& step) {
  r.host().log().warn("{}: logon refused: {}", r.on().peer(), step.problem);
  const bool was_valid = r.channel->valid;
  abandon(r);
  reply answer = co_await refuse(r, status::logon_failure);
  if (was_valid)
    co_await r.on().end_session(r.user, &r);
  co_return answer;
}

} // namespace

asio::awaitable<reply> session_setup(request& r) {
  connection& c = r.on();
  const auto asked = parse_session_setup(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  if (const std::uint32_t bad = begin_setup(r, *asked); bad != status::success)
    co_return co_await refuse(r, bad);
  const channel_ptr mine = r.channel;
  if (c.terms.dialect == dialect::smb_3_1_1) {
    if (!mine->hash)
      mine->hash = std::make_shared<preauth_hash>(c.terms.hash);
    *mine->hash = extend(*mine->hash, r.bytes());
  }
  const logon_step step = take_token(r, asked->token);
  if (step.result == logon_step::outcome::more) {
    reply answer = setup_reply(status::more_processing_required, step.token);
    answer.hash = mine->hash;
    co_return answer;
  }
  if (step.result == logon_step::outcome::refused)
    co_return co_await refuse_logon(r, step);
  if (const std::uint32_t bad = accept(r, asked->security_mode); bad != status::success) {
    abandon(r);
    co_return co_await refuse(r, bad);
  }
  co_await end_previous(r, asked->previous_session_id);
  if (const std::uint32_t bad = announce_channel(r); bad != status::success)
    co_return co_await refuse(r, bad);
  reply answer = setup_reply(status::success, step.token);
  answer.sign_with = mine;
  co_return answer;
}

} // namespace leasebreak::smb::commands
