// See link.hpp.
#include "link.hpp"

#include <smb_server/wire/status.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <algorithm>

namespace leasebreak::smb::simulation {

namespace {

constexpr std::uint16_t credits_wanted = 32;

} // namespace

link::link(std::size_t n, std::size_t whose, loop& in, random_source& random, link_watcher& w)
  : number{n}, client{whose}, loop_{in}, watcher_{w}, wire_{std::make_shared<wire>(in, random)} {}

void link::open() {
  const auto weak = weak_from_this();
  const auto with = [weak](auto what) {
    return [weak, what](bytes_view bytes) {
      const auto self = weak.lock();
      if (self && !what(*self, bytes))
        self->watcher_.complain("the server sends bytes that are not a frame");
    };
  };
  wire_->listen({with([](link& l, bytes_view bytes) {
                   return l.written_.add(bytes, [&l](const answer& a) { l.take_written(a); });
                 }),
    with([](link& l, bytes_view bytes) {
      return l.arrived_.add(bytes, [&l](const answer& a) { l.take(a); });
    }),
    [weak] {
      if (const auto self = weak.lock())
        self->end();
    }});
}

template <class Take>
bool link::reader::add(bytes_view bytes, Take take) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  while (bytes_.size() >= nbt_header_size) {
    std::array<std::uint8_t, nbt_header_size> nbt{};
    std::copy_n(bytes_.begin(), nbt.size(), nbt.begin());
    const auto length = parse_nbt_header(nbt);
    if (!length)
      return false;
    if (bytes_.size() < nbt.size() + *length)
      return true;
    const byte_vector frame(bytes_.begin() + nbt.size(),
      bytes_.begin() + static_cast<std::ptrdiff_t>(nbt.size() + *length));
    bytes_.erase(
      bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(nbt.size() + *length));
    const auto messages = split_compound(frame);
    if (!messages)
      return false;
    for (const auto& m : *messages)
      take(answer{m.head, byte_vector(m.bytes.begin(), m.bytes.end())});
  }
  return true;
}

header link::head_of(const asked& a) {
  header h;
  h.credit_charge = 1;
  h.command = a.command;
  h.credits = credits_wanted;
  h.flags = a.is_related ? header_flag::related : 0;
  h.message_id = next_message_++;
  h.tree_id = a.is_related ? UINT32_MAX : tree;
  h.session_id = a.is_related ? UINT64_MAX : session;
  --credits_;
  return h;
}

task<std::vector<answered>> link::call(std::vector<asked> frame) {
  struct pending {
    std::size_t left = 0;
    std::vector<answered> answers;
    leasebreak::simulation::waiting_handler<asio::any_completion_handler<void()>> handler;
  };
  const auto self = shared_from_this();
  const auto all = std::make_shared<pending>();
  all->left = frame.size();
  all->answers.resize(frame.size());
  if (has_ended_)
    co_return all->answers;
  byte_writer out;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const auto begin = out.size();
    const auto h = head_of(frame[i]);
    encode(out, h);
    out.append(frame[i].body);
    if (i + 1 != frame.size()) {
      out.align(8);
      out.patch_u32(begin + 20, static_cast<std::uint32_t>(out.size() - begin));
    }
    request r;
    r.command = frame[i].command;
    r.what = frame[i].what;
    r.sent = loop_.now();
    r.waits_for_ever = frame[i].waits_for_ever;
    r.is_alone = frame.size() == 1;
    r.done = [all, i, io = asio::any_io_executor{loop_.get_executor()}](answered a) {
      all->answers[i] = std::move(a);
      if (--all->left == 0 && all->handler)
        leasebreak::simulation::complete(io, all->handler.take());
    };
    requests_.emplace(h.message_id, std::move(r));
  }
  byte_writer whole;
  whole.append(make_nbt_header(out.size()));
  whole.append(out.view());
  wire_->send(whole.view());
  // Captures a raw pointer, because g++ 12 would destroy a captured shared pointer twice.
  auto* const waits = &all->handler;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
    [waits](auto handler) { waits->set(std::move(handler)); }, asio::use_awaitable);
  co_return all->answers;
}

task<answered> link::call(asked one) {
  std::vector<asked> frame;
  frame.push_back(std::move(one));
  auto answers = co_await call(std::move(frame));
  co_return std::move(answers.front());
}

task<answered> link::call(smb::command c, byte_vector body, std::string what, bool waits_for_ever) {
  return call(asked{c, std::move(body), std::move(what), false, waits_for_ever});
}

void link::cancel(std::uint64_t message_id) {
  auto& r = requests_.at(message_id);
  r.cancelled = r.cancelled.value_or(loop_.now());
  header h;
  h.command = command::cancel;
  h.message_id = message_id;
  h.session_id = session;
  if (r.async_id != 0) {
    h.flags = header_flag::async;
    h.async_id = r.async_id;
  } else {
    h.tree_id = tree;
  }
  byte_writer out;
  encode(out, h);
  out.u16(4);
  out.u16(0);
  byte_writer whole;
  whole.append(make_nbt_header(out.size()));
  whole.append(out.view());
  wire_->send(whole.view());
}

void link::take_written(const answer& a) {
  if (has_ended_) // the pending requests are forgotten
    return watcher_.on_written(*this, a);
  if (a.head.command != command::oplock_break || a.head.message_id != UINT64_MAX) {
    const auto found = requests_.find(a.head.message_id);
    if (found == requests_.end() || found->second.command != a.head.command ||
      found->second.is_written)
      return watcher_.complain("link " + std::to_string(number) + ": an unexpected answer to " +
        std::string{to_string(a.head.command)} + " " + std::to_string(a.head.message_id) + "");
    found->second.is_written = a.head.status != status::pending;
  }
  watcher_.on_written(*this, a);
}

void link::take(const answer& a) {
  if (has_ended_)
    return;
  if (a.head.message_id == UINT64_MAX)
    return watcher_.on_break(*this, a);
  credits_ += a.head.credits;
  const auto found = requests_.find(a.head.message_id);
  if (found == requests_.end())
    return;
  auto& r = found->second;
  if (a.head.status == status::pending) {
    if (r.async_id != 0 || !a.head.has(header_flag::async) || a.head.async_id == 0)
      watcher_.complain("a second interim response, or one without an id: " + r.what);
    r.async_id = a.head.async_id;
    return;
  }
  if (a.head.has(header_flag::async) != (r.async_id != 0) ||
    (r.async_id != 0 && a.head.async_id != r.async_id))
    watcher_.complain("a final answer that does not match the interim one: " + r.what);
  const auto done = std::move(r.done);
  requests_.erase(found);
  done(a);
}

void link::end() {
  if (std::exchange(has_ended_, true))
    return;
  is_up = false;
  watcher_.on_ended(*this);
  for (auto& [id, r] : std::exchange(requests_, {}))
    r.done(std::nullopt);
}

} // namespace leasebreak::smb::simulation
