// LOGOFF, TREE_CONNECT, TREE_DISCONNECT, ECHO (MS-SMB2 3.3.5.6 to 3.3.5.8, 3.3.5.17).
#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>

namespace leasebreak::smb::commands {

asio::awaitable<reply> logoff(request& r) {
  if (!parse_empty(r.bytes()))
    co_return fail(status::invalid_parameter);
  const session_ptr s = r.user;
  co_await r.on().end_session(s, &r);
  co_return done();
}

namespace {

/// At 3.1.1, an authenticated request proves that the negotiation was not modified, because the key
/// depends on all of its messages (MS-SMB2 3.3.5.7). There are no anonymous users or guests.
bool proves_negotiation(const request& r) {
  return r.on().terms.dialect != dialect::smb_3_1_1 || r.compound().sealer ||
    r.head().has(header_flag::signed_message);
}

} // namespace

asio::awaitable<reply> tree_connect(request& r) {
  if (!proves_negotiation(r)) {
    r.on().close("an unsigned TREE_CONNECT at 3.1.1");
    co_return hang_up();
  }
  const auto asked = parse_tree_connect(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const std::string name = share_of(asked->path);
  auto t = std::make_shared<tree>();
  if (const auto share = r.host().find_share(name))
    t->share = share->in({r.user->share.number, r.on().group->number});
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
  // MS-SMB2 2.2.10: only for dialects with persistent opens.
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
  r.user->trees.erase(r.tree_connect->id);
  co_await r.on().end_tree(r.user, r.tree_connect, r);
  co_return done();
}

asio::awaitable<reply> echo(request& r) {
  if (!parse_empty(r.bytes()))
    co_return fail(status::invalid_parameter);
  co_return done();
}

} // namespace leasebreak::smb::commands
