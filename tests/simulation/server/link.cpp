// See link.hpp.
#include "link.hpp"

#include <smb_server/wire/status.hpp>
#include <smb_server/wire/transform.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <algorithm>

namespace leasebreak::smb::simulation {

namespace {

constexpr std::uint16_t credits_wanted = 32;

} // namespace

link::link(std::size_t n, session_ptr of, loop& in_loop, random_source& random, link_watcher& w)
  : number{n}, client{of->client}, in{std::move(of)}, loop_{in_loop}, watcher_{w},
    wire_{std::make_shared<wire>(in_loop, random)} {}

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
                   return l.written_.add(bytes, [&l](bytes_view frame) {
                     return l.take_frame(frame, true,
                       [&l](const answer& a, bool is_sealed) { l.take_written(a, is_sealed); });
                   });
                 }),
    with([](link& l, bytes_view bytes) {
      return l.arrived_.add(bytes, [&l](bytes_view frame) {
        return l.take_frame(frame, false, [&l](const answer& a, bool /*is_sealed*/) { l.take(a); });
      });
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
    if (!take(frame))
      return false;
  }
  return true;
}

template <class What>
bool link::take_frame(bytes_view frame, bool is_new, What what) {
  const bool is_sealed = protocol_of(frame) == protocol::transform;
  std::optional<byte_vector> opened;
  if (is_sealed) {
    opened = unsealed(frame, is_new);
    if (!opened)
      return false;
    frame = *opened;
  }
  const auto messages = split_compound(frame);
  if (!messages)
    return false;
  for (const auto& m : *messages)
    what(answer{m.head, byte_vector(m.bytes.begin(), m.bytes.end())}, is_sealed);
  return true;
}

std::optional<byte_vector> link::unsealed(bytes_view frame, bool is_new) {
  const auto h = parse_transform_header(frame);
  if (!h || h->session_id != in->id || !in->sealing)
    return std::nullopt;
  if (is_new && !in->nonces.insert(h->nonce).second)
    watcher_.complain("the server uses a nonce twice");
  return unseal(in->agreed.cipher, in->sealing->to_client, frame);
}

bool link::signs(command c) const {
  const bool is_setup = c == command::session_setup;
  return key && !seals(c) && (is_setup || in->agreed.with != protection::none);
}

bool link::seals(command c) const {
  return in->agreed.with == protection::seals && in->sealing && c != command::negotiate &&
    c != command::session_setup;
}

header link::head_of(const asked& a) {
  header h;
  h.credit_charge = 1;
  h.status = in->sequence;
  h.command = a.command;
  h.credits = credits_wanted;
  h.flags = (a.is_related ? header_flag::related : 0) | (a.is_replay ? header_flag::replay : 0);
  h.message_id = next_message_++;
  h.tree_id = a.is_related ? UINT32_MAX : in->tree;
  h.session_id = a.is_related ? UINT64_MAX : in->id;
  --credits_;
  return h;
}

/// Appends a request to a frame, with its signature.
void link::append(byte_writer& out, const asked& a, const header& h, bool is_last) {
  byte_writer one;
  header head = h;
  if (signs(a.command))
    head.flags |= header_flag::signed_message;
  encode(one, head);
  one.append(a.body);
  if (!is_last) {
    one.align(8);
    one.patch_u32(20, static_cast<std::uint32_t>(one.size()));
  }
  byte_vector message = one.take();
  if (signs(a.command)) {
    const signature s = sign(in->agreed.algorithm, *key, message);
    std::copy(s.begin(), s.end(), message.begin() + signature_offset);
  }
  if (a.command == command::negotiate || a.command == command::session_setup)
    hash = extend(hash, message);
  out.append(message);
}

void link::send(command c, bytes_view frame) {
  byte_vector sealed;
  if (seals(c)) {
    sealed = seal(in->agreed.cipher, in->sealing->to_server, ++in->sealed, in->id, frame);
    frame = sealed;
  }
  byte_writer whole;
  whole.append(make_nbt_header(frame.size()));
  whole.append(frame);
  wire_->send(whole.view());
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
    const auto h = head_of(frame[i]);
    append(out, frame[i], h, i + 1 == frame.size());
    if (frame[i].create_guid)
      creates_.emplace(h.message_id, *frame[i].create_guid);
    request r;
    r.command = frame[i].command;
    r.what = frame[i].what;
    r.sent = loop_.now();
    r.waits_for_ever = frame[i].waits_for_ever;
    r.is_alone = frame.size() == 1;
    r.is_signed = signs(r.command);
    r.is_sealed = seals(r.command);
    r.done = [all, i, io = asio::any_io_executor{loop_.get_executor()}](answered a) {
      all->answers[i] = std::move(a);
      if (--all->left == 0 && all->handler)
        leasebreak::simulation::complete(io, all->handler.take());
    };
    requests_.emplace(h.message_id, std::move(r));
  }
  send(frame.front().command, out.view());
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
  h.session_id = in->id;
  if (r.async_id != 0) {
    h.flags = header_flag::async;
    h.async_id = r.async_id;
  } else {
    h.tree_id = in->tree;
  }
  const asked what{command::cancel, {4, 0, 0, 0}, {}, false, false};
  byte_writer out;
  append(out, what, h, true);
  send(command::cancel, out.view());
}

const guid* link::create_guid_of(std::uint64_t message_id) const {
  const auto found = creates_.find(message_id);
  return found == creates_.end() ? nullptr : &found->second;
}

void link::take_written(const answer& a, bool is_sealed) {
  if (has_ended_) // the pending requests are forgotten
    return watcher_.on_written(*this, a);
  if (a.head.command != command::oplock_break || a.head.message_id != UINT64_MAX) {
    const auto found = requests_.find(a.head.message_id);
    if (found == requests_.end() || found->second.command != a.head.command ||
      found->second.is_written)
      return watcher_.complain("link " + std::to_string(number) + ": an unexpected answer to " +
        std::string{to_string(a.head.command)} + " " + std::to_string(a.head.message_id) + "");
    found->second.is_written = a.head.status != status::pending;
    check_protection(found->second, a, is_sealed);
  }
  watcher_.on_written(*this, a);
}

/// MS-SMB2 3.3.4.1.1, 3.3.4.1.4. Except the responses of SESSION_SETUP, whose key the client may
/// not know yet.
void link::check_protection(const request& r, const answer& a, bool is_sealed) {
  if (is_sealed != r.is_sealed)
    watcher_.complain("a response is not encrypted like its request: " + r.what);
  // Nothing is signed for a session that has ended, and no interim response needs to be.
  const bool must_be_signed = r.is_signed && r.command != command::session_setup &&
    a.head.status != status::pending && !in->is_over;
  const bool is_signed = a.head.has(header_flag::signed_message);
  if (must_be_signed && (!is_signed || !verify(in->agreed.algorithm, *key, a.bytes)))
    watcher_.complain("a response without a valid signature: " + r.what);
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
