// SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, ECHO (MS-SMB2 3.3.5.5
// to 3.3.5.8, 3.3.5.17).
#include <smb_server/commands/commands.hpp>
#include <smb_server/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>

#include <boost/asio/co_spawn.hpp>

namespace leasebreak::smb::commands {

namespace {

/// The session that is being set up: a new one for session id zero.
session_ptr session_in_setup(request& r) {
  connection& c = r.on();
  if (r.head().session_id != 0)
    return r.user;
  if (c.sessions.size() >= r.host().options().limits.sessions_per_connection)
    return nullptr;
  auto s = std::make_shared<session>();
  s->id = r.host().add_session(c.shared_from_this());
  c.sessions.emplace(s->id, s);
  return s;
}

/// MS-SMB2 3.3.5.5.3: the client comes back after it lost a connection; what it had ends.
asio::awaitable<void> end_previous(request& r, std::uint64_t id) {
  if (id == 0 || id == r.user->id)
    co_return;
  const std::shared_ptr<connection> other = r.host().connection_of(id);
  if (!other)
    co_return;
  const auto end = [](std::shared_ptr<connection> c, std::uint64_t previous,
                     std::string user) -> asio::awaitable<void> {
    const session_ptr s = c->find_session(previous);
    if (s && s->valid && s->user == user)
      co_await c->end_session(s, nullptr);
  };
  co_await asio::co_spawn(other->get_executor(), end(other, id, r.user->user), asio::use_awaitable);
}

/// Looks at the client's token, on a thread where it may block.
asio::awaitable<gss_step> take_token(request& r, bytes_view token) {
  session& s = *r.user;
  if (!s.acceptor)
    s.acceptor = std::make_unique<gss_acceptor>(r.host().credentials());
  vfs::detail::work<gss_step> job = [acceptor = s.acceptor.get(), token] {
    return vfs::result<gss_step>{acceptor->step(token)};
  };
  s.step_running = true;
  auto [error, step] = co_await r.host().workers().async_run<gss_step>(
    r.on().get_executor(), std::move(job), asio::as_tuple(asio::use_awaitable));
  s.step_running = false;
  if (error)
    step.problem = error.message();
  co_return step;
}

void forget(request& r) {
  r.on().sessions.erase(r.user->id);
  r.host().remove_session(r.user->id);
}

void accept(request& r) {
  session& s = *r.user;
  const connection& c = r.on();
  s.user = s.acceptor->user();
  if (!s.key) {
    s.key =
      signing_key(c.terms.dialect, s.acceptor->session_key(), s.hash ? *s.hash : preauth_hash{});
    s.algorithm = c.terms.algorithm;
    if (c.terms.cipher != cipher::none)
      s.sealing = make_sealing_keys(
        c.terms.dialect, s.acceptor->session_key(), s.hash ? *s.hash : preauth_hash{});
  }
  s.acceptor.reset();
  s.hash.reset();
  s.valid = true;
  r.host().log().info(
    "{}: {} logged on, dialect {:#06x}", c.peer(), s.user, static_cast<unsigned>(c.terms.dialect));
}

reply setup_reply(std::uint32_t status, bytes_view token) {
  reply answer;
  answer.status = status;
  encode_session_setup_response(answer.out, 0, token);
  return answer;
}

} // namespace

asio::awaitable<reply> session_setup(request& r) {
  connection& c = r.on();
  const auto asked = parse_session_setup(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  if ((asked->flags & session_flag_binding) != 0)
    co_return fail(status::request_not_accepted); // one channel a session
  const bool is_new = r.head().session_id == 0;
  r.user = session_in_setup(r);
  if (!r.user)
    co_return fail(is_new ? status::insufficient_resources : status::user_session_deleted);
  const session_ptr s = r.user;
  if (s->step_running)
    co_return fail(status::request_not_accepted);
  if (c.terms.dialect == dialect::smb_3_1_1) {
    if (!s->hash)
      s->hash = std::make_shared<preauth_hash>(c.terms.hash);
    *s->hash = extend(*s->hash, r.bytes());
  }
  const std::shared_ptr<preauth_hash> hash = s->hash;
  const gss_step step = co_await take_token(r, asked->token);
  if (step.result == gss_step::outcome::more) {
    reply answer = setup_reply(status::more_processing_required, step.token);
    answer.hash = hash;
    co_return answer;
  }
  if (step.result == gss_step::outcome::refused) {
    r.host().log().warn("{}: logon refused: {}", c.peer(), step.problem);
    if (s->valid)
      s->acceptor.reset(); // a session that was set up before stays as it was
    else
      forget(r);
    co_return fail(status::logon_failure);
  }
  if (c.closed())
    co_return hang_up();
  accept(r);
  co_await end_previous(r, asked->previous_session_id);
  reply answer = setup_reply(status::success, step.token);
  answer.sign_with = s;
  co_return answer;
}

asio::awaitable<reply> logoff(request& r) {
  if (!parse_empty(r.bytes()))
    co_return fail(status::invalid_parameter);
  const session_ptr s = r.user;
  co_await r.on().end_session(s, &r);
  co_return done();
}

asio::awaitable<reply> tree_connect(request& r) {
  const auto asked = parse_tree_connect(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const std::string name = share_of(asked->path);
  auto t = std::make_shared<tree>();
  t->share = r.host().find_share(name);
  const bool is_pipe = name == "IPC$" || name == "ipc$";
  if (!t->share && !is_pipe)
    co_return fail(status::bad_network_name);
  session& s = *r.user;
  if (s.trees.size() >= r.host().options().limits.trees_per_session)
    co_return fail(status::insufficient_resources);
  t->id = s.next_tree++;
  s.trees.emplace(t->id, t);
  r.tree_connect = t;
  tree_connect_response response;
  response.is_pipe = is_pipe;
  response.maximal_access = access::all;
  // MS-SMB2 2.2.10: for dialects that know persistent opens.
  if (t->share && t->share->options.continuously_available &&
    r.on().terms.dialect >= dialect::smb_3_0)
    response.capabilities |= share_capability::continuous_availability;
  reply answer;
  encode(answer.out, response);
  co_return answer;
}

asio::awaitable<reply> tree_disconnect(request& r) {
  if (!parse_empty(r.bytes()))
    co_return fail(status::invalid_parameter);
  connection& c = r.on();
  r.user->trees.erase(r.tree_connect->id);
  const std::vector<open_ptr> ending = c.opens.of_session(r.user->id, r.tree_connect);
  for (const open_ptr& o : ending) {
    if (const open_ptr mine = c.opens.remove(o->id))
      co_await c.close_open(mine);
  }
  co_return done();
}

asio::awaitable<reply> echo(request& r) {
  if (!parse_empty(r.bytes()))
    co_return fail(status::invalid_parameter);
  co_return done();
}

} // namespace leasebreak::smb::commands
