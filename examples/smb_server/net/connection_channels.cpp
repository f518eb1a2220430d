// A connection's life, how it joins the strand of its client's other connections, and its channels
// (MS-SMB2 3.3.1.7, 3.3.1.14).
#include <smb_server/net/connection.hpp>

#include <smb_server/server.hpp>

#include <algorithm>

namespace leasebreak::smb {

namespace {

/// Whether the client's connections may be channels of one session.
bool wants_channels(const negotiate_request& asked) {
  const bool version_3 = std::any_of(asked.dialects.begin(), asked.dialects.end(),
    [](dialect d) { return d >= dialect::smb_3_0 && d <= dialect::smb_3_1_1; });
  return version_3 && (asked.capabilities & capability::multi_channel) != 0;
}

/// Makes a running connection a member of its group.
class membership {
public:
  membership(channel_group& group, connection& c) : group_{group}, connection_{c} {
    group_.members.push_back(&connection_);
  }
  ~membership() {
    auto& all = group_.members;
    all.erase(std::remove(all.begin(), all.end(), &connection_), all.end());
  }
  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

private:
  channel_group& group_;
  connection& connection_;
};

} // namespace

asio::awaitable<std::shared_ptr<connection>> connection::run() {
  const membership in_group{*group, *this};
  if (group->members.size() > 1)
    host_.log().debug("{}: one of {} connections of its client", peer_, group->members.size());
  watch_setup();
  auto next = co_await read_frames();
  if (next)
    co_return next;
  close("the peer is gone");
  co_await tear_down();
  co_return nullptr;
}

connection::connection(
  connection& from, std::shared_ptr<channel_group> with, std::shared_ptr<const byte_vector> first)
  : connection{from.host_, from.stream_->move_to(with->executor), from.id_, std::move(with)} {
  terms = from.terms;
  credits_ = from.credits_;
  input_ = std::move(from.input_);
  input_begin_ = from.input_begin_;
  input_end_ = from.input_end_;
  first_frame_ = std::move(first);
}

/// Returns the group to which the connection must move, or null if it stays in its own.
channel_group_ptr connection::group_for(bytes_view frame) const {
  const auto head = parse_header(frame);
  if (!head || head->command != command::negotiate || in_flight_ > 0 || !group->client.is_zero())
    return nullptr;
  const auto asked = parse_negotiate(frame);
  leasebreak::client_guid client;
  if (asked)
    client.bytes = asked->client_guid;
  if (client.is_zero() || !wants_channels(*asked))
    return nullptr;
  return host_.group_of(client, group->executor);
}

asio::awaitable<std::shared_ptr<connection>> connection::move_to(
  channel_group_ptr other, std::shared_ptr<const byte_vector> first) {
  while (writing_ && !closed_)
    co_await change();
  if (closed_)
    co_return nullptr;
  const std::shared_ptr<connection> next{new connection{*this, std::move(other), std::move(first)}};
  closed_ = true;
  setup_deadline_.cancel();
  stall_timer_.cancel();
  co_return next;
}

channel_ptr connection::find_channel(std::uint64_t session) const {
  const auto found = channels.find(session);
  return found == channels.end() ? nullptr : found->second;
}

void connection::drop_channel(const session& s, const request* cause) {
  for (const auto& [id, r] : requests_) {
    // Locks and watches end with their open, with a status of their own.
    const command c = r->head().command;
    if (r != cause && r->user.get() == &s && c != command::lock && c != command::change_notify)
      r->cancel();
  }
  channels.erase(s.id);
}

} // namespace leasebreak::smb
