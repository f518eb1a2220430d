// Connections: how clients log on, bind further channels to their sessions, lose channels and
// sessions, and send requests of lost channels again.
#include "server_run.hpp"

#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;
using testing::raw_client;

namespace {

/// How long a client sends a replay again that the server refuses for now: longer than the original
/// may wait for breaks, and the server for the end of its channel.
constexpr span replay_max = 250s;

/// How often a client sends a request again because another channel was lost.
constexpr int losses_max = 8;

} // namespace

bool is_good(const answered& a) {
  return a && a->head.status == status::success;
}

std::string status_text(const answered& a) {
  return a ? fmt::format("{:#010x}", a->head.status) : std::string{"lost"};
}

/// Chooses the dialect of version 3 of a client, which must not change (MS-SMB2 3.3.5.5.3), what
/// protects its frames, and its number of connections.
void server_run::choose_terms(client& c) {
  constexpr std::array dialects{dialect::smb_3_0, dialect::smb_3_0_2, dialect::smb_3_1_1};
  terms& t = c.version_3;
  t.dialect = dialects[random_.below(dialects.size())];
  t.algorithm = signing_algorithm::aes_cmac;
  t.cipher = cipher::aes_128_ccm;
  t.with = static_cast<protection>(random_.below(3));
  if (t.dialect == dialect::smb_3_1_1) {
    t.cipher = static_cast<cipher>(1 + random_.below(4));
    t.algorithm = static_cast<signing_algorithm>(random_.below(3));
    // MS-SMB2 3.3.5.7: TREE_CONNECT must not be plain.
    if (t.with == protection::none)
      t.with = protection::signs;
  }
  c.channels = 1 + random_.below(3);
}

std::vector<link_ptr> server_run::channels_of(const client_session& s, std::size_t credits) const {
  std::vector<link_ptr> result;
  for (const auto& l : links_)
    if (l->in.get() == &s && l->is_up && !l->has_ended() && l->has_credits(credits))
      result.push_back(l);
  return result;
}

link_ptr server_run::channel_of(
  const client_session& s, std::uint64_t n, std::size_t credits) const {
  const auto all = channels_of(s, credits);
  return all.empty() ? nullptr : all[n % all.size()];
}

/// Connects a client: with a new session, or with a further channel of its session. It may also
/// bind a channel after it has lost all others, which the server may not have noticed.
void server_run::connect(std::size_t who, const step& s) {
  auto& c = clients_[who];
  const auto connections = std::count_if(links_.begin(), links_.end(),
    [who](const link_ptr& l) { return l->client == who && !l->has_ended(); });
  const bool may_bind = c.in && c.in->is_up && !c.in->is_over && c.in->has_channels();
  if (connections != 0) {
    if (may_bind && static_cast<std::size_t>(connections) < c.channels)
      bind(c.in);
    return;
  }
  if (may_bind && c.channels > 1 && s.d % 2 == 0)
    return bind(c.in);
  terms t = c.version_3;
  if (s.d % 3 == 0)
    t = {dialect::smb_2_1, signing_algorithm::hmac_sha256, cipher::none,
      s.d % 2 == 0 ? protection::none : protection::signs};
  const auto made = std::make_shared<client_session>(who, t);
  if (c.in) {
    if (c.in->is_up && !c.in->is_over && s.d % 5 < 2)
      made->previous = c.in->id;
    abandon(*c.in);
  }
  c.in = made;
  spawn(set_up(open_link(made)));
}

link_ptr server_run::open_link(const session_ptr& of) {
  const auto l = std::make_shared<link>(links_.size(), of, loop_, random_, *this);
  links_.push_back(l);
  note(fmt::format("client {} connects by link {}, dialect {:#x}, protection {}", l->client,
    l->number, static_cast<unsigned>(of->agreed.dialect), static_cast<int>(of->agreed.with)));
  l->open();
  machine_.entrance()->enter(l->on());
  return l;
}

void server_run::bind(const session_ptr& s) {
  spawn(set_up_channel(open_link(s)));
}

task<bool> server_run::negotiate(link_ptr l) {
  byte_vector offer = negotiation_of(l->in->agreed, clients_[l->client].id);
  const auto settled = co_await l->call(command::negotiate, std::move(offer), "NEGOTIATE");
  if (settled && !is_good(settled))
    complain("NEGOTIATE fails: " + status_text(settled));
  if (settled)
    l->hash = extend(l->hash, settled->bytes);
  co_return is_good(settled);
}

/// Logs on with a new session, or with one that exists. Returns the last response.
task<answered> server_run::log_on(link_ptr l, std::uint8_t flags) {
  testing::initiator who{"user", "pass"};
  byte_vector token = who.step({});
  for (;;) {
    byte_vector body = raw_client::session_setup_body(token, flags, l->in->previous);
    const auto a = co_await l->call(command::session_setup, std::move(body), "SESSION_SETUP");
    if (!a || (!is_good(a) && a->head.status != status::more_processing_required))
      co_return a;
    if (!is_good(a)) {
      l->in->id = a->head.session_id;
      l->hash = extend(l->hash, a->bytes);
      token = who.step(raw_client::token_of(*a));
      continue;
    }
    const auto& t = l->in->agreed;
    l->key = signing_key(t.dialect, who.session_key(), l->hash);
    if (!l->in->key && t.with == protection::seals)
      l->in->sealing = make_sealing_keys(t.dialect, t.cipher, who.session_key(), l->hash);
    if (!l->in->key)
      l->in->key = l->key;
    if (!a->head.has(header_flag::signed_message) || !verify(t.algorithm, *l->key, a->bytes))
      complain("the response to a logon has no valid signature");
    co_return a;
  }
}

task<void> server_run::set_up(link_ptr l) {
  if (!co_await negotiate(l))
    co_return;
  const auto logged_on = co_await log_on(l, 0);
  if (logged_on && !is_good(logged_on))
    complain("SESSION_SETUP fails: " + status_text(logged_on));
  if (!is_good(logged_on))
    co_return;
  const auto tree =
    co_await l->call(command::tree_connect, raw_client::tree_connect_body("share"), "TREE_CONNECT");
  if (tree && !is_good(tree))
    complain("TREE_CONNECT fails: " + status_text(tree));
  if (!is_good(tree))
    co_return;
  auto& s = *l->in;
  s.tree = tree->head.tree_id;
  s.is_up = true;
  l->is_up = true;
  l->up_since = loop_.now();
  for (const auto& h : handles_)
    if (h->client == l->client && !h->in && h->create_guid && s.has_channels())
      spawn(take_back(l, h));
  for (std::size_t i = 1; s.has_channels() && i < clients_[l->client].channels; ++i)
    bind(l->in);
}

/// MS-SMB2 3.3.5.5.2. The session may end in the meantime.
task<void> server_run::set_up_channel(link_ptr l) {
  if (!co_await negotiate(l))
    co_return;
  l->key = l->in->key;
  const auto bound = co_await log_on(l, session_flag_binding);
  note(fmt::format("client {}: link {} is bound: {}", l->client, l->number, status_text(bound)));
  if (!bound)
    co_return;
  auto& s = *l->in;
  const bool is_over = bound->head.status == status::user_session_deleted ||
    bound->head.status == status::request_not_accepted;
  if (is_good(bound) && !s.is_over) {
    l->is_up = true;
    l->up_since = loop_.now();
    co_return;
  }
  // The server may have noticed the loss of all channels before.
  if (!is_good(bound) && (!is_over || !channels_of(s, 0).empty()) && !s.is_over)
    complain("a channel is not bound: " + status_text(bound));
  if (channels_of(s, 0).empty())
    abandon(s);
  l->on()->cut(1ms);
}

/// The client uses a session no longer. It may reconnect to durable opens.
void server_run::abandon(client_session& s) {
  s.is_over = true;
  for (const auto& h : std::vector<handle_ptr>{handles_}) {
    if (h->in.get() != &s)
      continue;
    distrust(cache_of(*h));
    if (h->create_guid)
      h->in = nullptr;
    else
      forget(h);
  }
}

void server_run::on_ended(link& l) {
  note(fmt::format("link {} has ended", l.number));
  // MS-SMB2 3.3.5.2.1.1: an encrypted frame of a session that has ended ends the connection.
  const bool may_end = l.in->is_over && l.in->agreed.with == protection::seals;
  if (!l.on()->is_cut() && !is_ending_ && !may_end)
    complain(fmt::format("the server ends link {}", l.number));
  ++l.in->sequence;
  if (!channels_of(*l.in, 0).empty())
    return;
  // Nothing can be checked with the server any more.
  for (const auto& h : handles_)
    if (h->in == l.in)
      distrust(cache_of(*h));
}

/// Cuts one of the client's connections, or all.
void server_run::cut(std::size_t who, const step& s) {
  std::vector<link_ptr> all;
  for (const auto& l : links_)
    if (l->client == who && !l->has_ended())
      all.push_back(l);
  if (all.empty())
    return;
  if (s.b % 4 != 0)
    all = {all[s.b / 4U % all.size()]};
  last_cut_ = loop_.now();
  const span notices =
    s.d % 3 == 0 ? s.d % 100 * cut_unnoticed_max / 100 : span{std::chrono::microseconds{s.d}};
  for (const auto& l : all) {
    note(fmt::format("link {} is cut", l->number));
    l->on()->cut(notices, s.c % 2 == 0);
  }
}

/// Sends a request. If its channel is lost, sends it again as a replay on another channel of the
/// session (MS-SMB2 3.3.5.2.10). The response to a replay that is no success says nothing about the
/// original, and thus counts as lost.
task<answered> server_run::call_again(link_ptr l, asked what) {
  const auto s = l->in;
  const auto began = loop_.now();
  const bool closes = what.command == command::close;
  bool is_again = false;
  int losses = 0;
  for (;;) {
    asked once = what;
    const auto a = co_await l->call(std::move(once));
    if (a && (is_good(a) || !is_again || closes))
      co_return a;
    if (a && a->head.status != status::file_not_available) {
      note(fmt::format("client {}: a replay of {}: {}", s->client, what.what, status_text(a)));
      co_return std::nullopt;
    }
    if (a) {
      co_await loop_.async_sleep(
        std::chrono::milliseconds{1 + random_.below(2'000)}, asio::use_awaitable);
      if (loop_.now() - began > replay_max)
        complain("a replay is refused for too long: " + what.what);
    } else if (!s->has_channels() || ++losses > losses_max) {
      co_return std::nullopt;
    } else if (what.create_guid) {
      excused_.insert({s->client, what.lease_key, 0}); // its response may be lost
    }
    is_again = true;
    what.is_replay = !closes;
    l = s->is_over || is_ending_ || !result_.problem.empty() ? nullptr
                                                             : channel_of(*s, random_.next(), 1);
    if (!l)
      co_return std::nullopt;
    note(fmt::format("client {}: again on link {}: {}", s->client, l->number, what.what));
  }
}

task<answered> server_run::call_again(
  const link_ptr& l, command c, byte_vector body, std::string what) {
  return call_again(l, asked{c, std::move(body), std::move(what), false, false});
}

/// Acknowledges a break on any channel of the session, and again if that is lost.
task<void> server_run::acknowledge(session_ptr s, byte_vector body, span after) {
  co_await loop_.async_sleep(after, asio::use_awaitable);
  for (int i = 0; i < losses_max && !is_ending_; ++i) {
    const auto l = channel_of(*s, random_.next(), 1);
    if (!l)
      co_return;
    byte_vector once = body;
    const auto a = co_await l->call(command::oplock_break, std::move(once), "OPLOCK_BREAK");
    note(
      fmt::format("client {}: OPLOCK_BREAK on link {}: {}", l->client, l->number, status_text(a)));
    if (a)
      co_return;
  }
}

task<void> server_run::log_off(link_ptr l) {
  const auto s = l->in;
  note(fmt::format("client {}: LOGOFF on link {}", l->client, l->number));
  s->is_over = true;
  for (const auto& each : links_)
    if (each->in == s)
      each->is_up = false;
  for (const auto& h : handles_)
    if (h->in == s) {
      h->is_closing = true;
      distrust(cache_of(*h));
    }
  byte_vector body = empty_body;
  const auto a = co_await l->call(command::logoff, std::move(body), "LOGOFF");
  note(fmt::format("client {}: LOGOFF: {}", l->client, status_text(a)));
  for (const auto& h : handles_)
    if (h->in == s)
      h->is_closing = false;
  abandon(*s);
  for (const auto& each : links_)
    if (each->in == s)
      each->on()->cut(1ms);
}

task<void> server_run::take_back(link_ptr l, handle_ptr h) {
  h->in = l->in;
  h->is_closing = true; // and unusable until it is reconnected
  const auto s = l->in;
  const auto a = co_await l->call(command::create, reconnect_body(*h), "CREATE again " + h->name);
  note(fmt::format("client {}: take {} back: {}", l->client, h->number, status_text(a)));
  if (!a && h->in != s) // the session is abandoned
    co_return;
  if (!is_good(a)) {
    // Without a response the open may have a new id, which the client does not know. If no channel
    // is left, the client reconnects again in its next session.
    if (a || !channels_of(*s, 0).empty())
      forget(h);
    co_return;
  }
  h->id = raw_client::read_created(*a).id;
  h->is_closing = false;
}

} // namespace leasebreak::smb::simulation
