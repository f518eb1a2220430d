// Break notifications: each reaches its client, and is repeated only if a channel was lost.
#include "server_run.hpp"

#include <smb_server/wire/status.hpp>

#include <algorithm>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;

namespace {

struct told_break {
  bool is_lease = false;
  guid key{};
  file_id id;
  bool needs_answer = false;
  std::uint32_t to = 0; ///< The state of a lease, or the level of an oplock.
};

/// Parses a notification, or the response to an acknowledgement (MS-SMB2 2.2.23, 2.2.25).
told_break parse_break(const answer& a) {
  told_break result;
  byte_reader in = a.body();
  const auto size = in.u16();
  if (size == 36) {
    result.is_lease = true;
    in.skip(6);
    for (auto& byte : result.key)
      byte = in.u8();
    result.to = in.u32();
    return result;
  }
  result.is_lease = size == 44;
  if (!result.is_lease) {
    result.to = in.u8();
    in.skip(5);
    result.id = read_file_id(in);
    result.needs_answer = true;
    return result;
  }
  in.skip(2);
  result.needs_answer = (in.u32() & 1) != 0;
  for (auto& byte : result.key)
    byte = in.u8();
  in.skip(4);
  result.to = in.u32();
  return result;
}

byte_vector body_of(const answer& a) {
  return {a.bytes.begin() + header_size, a.bytes.end()};
}

/// Within this time, the server sends a break on another channel if TCP does not deliver it. The
/// server looks twice if it sends another one meanwhile.
constexpr span elsewhere_max = 13s;

/// The same after it has noticed that the channel is lost.
constexpr span again_max = 3s;

} // namespace

void server_run::see_break(const answer& a, link& l) {
  const auto b = parse_break(a);
  const cache_name name{l.client, b.key, b.is_lease ? 0 : b.id.volatile_id};
  const auto state = b.is_lease ? b.to : state_of_level(b.to);
  // The response to an acknowledgement may follow the notification of the next break.
  if (a.head.message_id != UINT64_MAX) {
    if (auto& c = caches_[name]; a.head.status == status::success && c.asked_to == state)
      c.asked.reset();
    return;
  }
  see_notice(name, l, a);
  if (!told_.contains(name) && !excused_.contains(name))
    complain(fmt::format("client {} is sent a break before the grant that it breaks", l.client));
  auto& c = caches_[name];
  ++c.tellings;
  if (b.needs_answer && (!c.asked || c.asked_to != state))
    c.asked = loop_.now();
  if (b.needs_answer)
    c.asked_to = state;
  c.state = state;
  if ((c.state & 1) == 0)
    c.drop();
}

void server_run::on_break(link& l, const answer& a) {
  const auto b = parse_break(a);
  note(fmt::format("client {}: break to {:#x}{} on link {}", l.client, b.to,
    b.needs_answer ? ", to be acknowledged" : "", l.number));
  const cache_name name{l.client, b.key, b.is_lease ? 0 : b.id.volatile_id};
  for (const auto& n : std::vector<notice>{notices_})
    if (n.of == name && n.on.get() == &l && n.body == body_of(a))
      see_arrived(name, n.at);
  if (!b.needs_answer || is_ending_)
    return;
  byte_writer body;
  if (b.is_lease) {
    body.u16(36);
    body.zeros(6);
    body.append(b.key);
    body.u32(b.to);
    body.u64(0);
  } else {
    body.u16(24);
    body.u8(static_cast<std::uint8_t>(b.to));
    body.zeros(5);
    write_file_id(body, b.id);
  }
  const auto mood = random_.below(16);
  if (mood == 0) // never acknowledged
    return;
  const span after = mood < 3 ? span{std::chrono::milliseconds{random_.below(50'000)}}
                              : span{std::chrono::microseconds{random_.below(3'000)}};
  spawn(acknowledge(l.in, body.take(), after));
}

/// MS-SMB2 3.3.4.6, 3.3.4.7: one notification, and further ones only on other channels, if the
/// first was not delivered or its channel is lost.
void server_run::see_notice(const cache_name& of, link& l, const answer& a) {
  notice made{of, body_of(a), loop_.now(), l.shared_from_this()};
  const auto same = std::count_if(notices_.begin(), notices_.end(), [&](const notice& n) {
    return n.of == of && n.body == made.body && !n.may_come_again && !n.on->on()->is_cut();
  });
  const auto cut = std::count_if(links_.begin(), links_.end(),
    [&l](const link_ptr& other) { return other->client == l.client && other->on()->is_cut(); });
  // The coordinator does not know which of the channels that are lost together had the break. A
  // break of what a CREATE in progress has granted is sent before its response, if the client may
  // have the state from an earlier one, and again behind it.
  if (!l.on()->is_cut() && same > cut && !asking_.contains(of))
    complain(fmt::format("client {} is sent a break again on link {}", l.client, l.number));
  notices_.push_back(std::move(made));
}

/// The client knows of all notifications that were sent until then.
void server_run::see_arrived(const cache_name& of, span at) {
  for (auto& n : notices_)
    n.has_arrived = n.has_arrived || (n.of == of && n.at <= at);
}

/// A notification that is lost with its channel must be sent on another one, if there is any.
void server_run::check_notices() {
  for (auto it = notices_.begin(); it != notices_.end(); ++it) {
    const auto& n = *it;
    const bool is_newest =
      std::none_of(it + 1, notices_.end(), [&n](const notice& other) { return other.of == n.of; });
    // A connection may send a break again that has ended meanwhile: it does not hear of that.
    const bool is_repeated = std::any_of(notices_.begin(), it,
      [&n](const notice& other) { return other.of == n.of && other.body == n.body; });
    if (!is_newest || is_repeated || n.has_arrived || !n.on->on()->is_cut())
      continue;
    for (const auto& h : handles_) {
      if (!h->in || h->is_closing || h->since >= n.at || cache_of(*h) != n.of)
        continue;
      for (const auto& l : channels_of(*h->in, 0)) {
        const auto noticed = n.on->on()->noticed();
        const bool was_there = l->up_since <= n.at;
        if (l->on()->is_cut() || (!was_there && !noticed))
          continue;
        const auto due =
          was_there ? n.at + elsewhere_max : std::max(*noticed, l->up_since) + again_max;
        if (loop_.now() > due)
          return complain(fmt::format(
            "a break does not reach client {}, which has link {}", h->client, l->number));
      }
    }
  }
}

} // namespace leasebreak::smb::simulation
