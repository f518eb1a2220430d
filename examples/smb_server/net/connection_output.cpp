// Writes responses and break notifications, and disconnects peers that do not take responses.
#include <smb_server/net/connection.hpp>

#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace leasebreak::smb {

namespace {

constexpr std::size_t sent_breaks_max = 1'024; ///< Further breaks are not resent.
constexpr std::size_t sent_breaks_unlooked = 16; ///< From there on, forget taken breaks.
constexpr std::size_t frames_at_once = 16; ///< In one write.
constexpr std::size_t small_bytes = 512; ///< Most responses are shorter.

/// Returns the other channels of the sessions of `listed` that are open now, the newest first. They
/// may have been bound after the coordinator listed the routes.
std::vector<channel_id> other_channels(
  const connection& c, const std::vector<channel_id>& listed, bool newer_only) {
  std::vector<channel_id> found;
  const auto& members = c.group->members;
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    const connection& other = **it;
    if (&other == &c || other.closed() || (newer_only && other.id() < c.id()))
      continue;
    for (const auto& [id, there] : other.channels) {
      const session_id session = id_of(*there->of);
      const bool is_listed = std::any_of(listed.begin(), listed.end(),
        [session](const channel_id& l) { return l.session == session; });
      if (there->valid && is_listed)
        found.push_back({other.id(), session});
    }
  }
  return found;
}

} // namespace

void connection::send(compound_state& compound) {
  compound.ready_bytes = 0;
  send(compound.ready);
  compound.granted.clear(); // reports the responses as sent: later breaks follow them
}

void connection::send(std::vector<response_item>& items) {
  if (items.empty())
    return;
  const session_ptr sealer = items.front().sealer;
  byte_vector frame;
  for (std::size_t i = 0; i < items.size(); ++i) {
    response_item& item = items[i];
    const bool is_last = i + 1 == items.size();
    // MS-SMB2 3.3.4.1.3: the last response is padded as well; clients rely on it.
    if (items.size() > 1)
      item.bytes.resize((item.bytes.size() + 7) / 8 * 8);
    item.head.next_command = is_last ? 0 : static_cast<std::uint32_t>(item.bytes.size());
    item.head.signature = {};
    if (sealer)
      item.signer = nullptr; // encryption replaces the signature
    if (item.signer)
      item.head.flags |= header_flag::signed_message;
    const auto head = to_bytes(item.head);
    std::copy(head.begin(), head.end(), item.bytes.begin());
    if (item.signer) {
      const signature s = sign(item.signer->algorithm, *item.signer->key, item.bytes);
      std::copy(s.begin(), s.end(), item.bytes.begin() + signature_offset);
    }
    if (item.hash)
      *item.hash = extend(*item.hash, item.bytes);
    if (frame.empty())
      frame = std::move(item.bytes);
    else
      frame.insert(frame.end(), item.bytes.begin(), item.bytes.end());
  }
  items.clear();
  if (sealer)
    frame = seal(terms.cipher, sealer->sealing->to_client, ++sealer->sealed, sealer->id, frame);
  send(std::move(frame));
}

void connection::send(byte_vector message) {
  if (closed_)
    return;
  output_bytes_ += message.size();
  queued_bytes_ += nbt_header_size + message.size();
  const auto nbt = make_nbt_header(message.size());
  output_.push_back({nbt, std::move(message)});
  if (writing_)
    watch_output();
  else
    write_output();
}

// The stream usually takes everything at once, which needs no handler.
void connection::write_output() {
  while (!output_.empty() && !closed_) {
    error_code error;
    const bool is_small =
      output_.size() == 1 && output_begin_ == 0 && output_.front().message.size() <= small_bytes;
    const std::size_t written = is_small ? write_small(error) : write_frames(error);
    if (error == asio::error::would_block) {
      host_.log().debug("{}: the peer's window is full", peer_);
      writing_ = true;
      watch_output();
      stream_->wait_writable([self = shared_from_this()](error_code failed) {
        self->writing_ = false;
        if (!failed)
          self->write_output();
      });
      return;
    }
    if (error)
      return close("the peer takes no responses: " + error.message());
    took_output(written);
  }
  wake();
}

/// Copies the frame into one buffer, which the kernel writes faster than two.
std::size_t connection::write_small(error_code& error) {
  const output_frame& frame = output_.front();
  std::array<std::uint8_t, nbt_header_size + small_bytes> whole;
  const auto message = std::copy(frame.nbt.begin(), frame.nbt.end(), whole.begin());
  const auto end = std::copy(frame.message.begin(), frame.message.end(), message);
  const asio::const_buffer piece{whole.data(), static_cast<std::size_t>(end - whole.begin())};
  return stream_->write_some(std::span{&piece, 1}, error);
}

std::size_t connection::write_frames(error_code& error) {
  std::array<asio::const_buffer, 2 * frames_at_once> buffers;
  const std::size_t frames = std::min(output_.size(), frames_at_once);
  for (std::size_t i = 0; i < frames; ++i) {
    buffers[2 * i] = asio::buffer(output_[i].nbt);
    buffers[2 * i + 1] = asio::buffer(output_[i].message);
  }
  const std::size_t in_header = std::min(output_begin_, nbt_header_size);
  buffers[0] += in_header;
  buffers[1] += output_begin_ - in_header;
  return stream_->write_some(std::span{buffers}.first(2 * frames), error);
}

void connection::took_output(std::size_t bytes) {
  written_bytes_ += bytes;
  bytes += output_begin_;
  while (!output_.empty() && bytes >= nbt_header_size + output_.front().message.size()) {
    bytes -= nbt_header_size + output_.front().message.size();
    output_bytes_ -= output_.front().message.size();
    output_.pop_front();
  }
  output_begin_ = bytes;
}

bool connection::send_break(const undelivered_break& b, session_id on) {
  const break_notification& n = b.what;
  const auto session = static_cast<std::uint64_t>(on);
  const channel_ptr here = find_channel(session);
  if (closed_ || !here || !here->valid)
    return false;
  const open_ptr o = opens.find(n.open);
  // Either the open was closed, which has ended the break. Or the response to its CREATE is so late
  // that the coordinator deferred the break no longer; it sends the break again after the response.
  if (n.is_oplock && !o)
    return true;
  // MS-SMB2 2.2.23, 3.3.4.6, 3.3.4.7: message id all ones, unsigned; a lease break has no session
  // id.
  header h;
  h.command = command::oplock_break;
  h.flags = header_flag::response;
  h.message_id = UINT64_MAX;
  h.session_id = n.is_oplock ? session : 0;
  byte_writer out;
  encode(out, h);
  if (n.is_oplock) {
    encode(out, oplock_break_message{static_cast<std::uint8_t>(n.oplock_to()), o->id});
  } else {
    encode(out,
      lease_break_notification{n.epoch, n.ack_required, n.key.bytes, bits(n.from), bits(n.to)});
  }
  // The coordinator logs the break at level info.
  if (host_.log().should_log(spdlog::level::debug))
    host_.log().debug("{}: break {} {} {} -> {}{} ({})", peer_, n.is_oplock ? "oplock" : "lease",
      o ? quoted(o->path) : to_string(n.key), to_string(n.from), to_string(n.to),
      n.ack_required ? ", to be acknowledged" : "", to_string(n.cause));
  send(out.take());
  if (closed_) // by a write error
    return false;
  watch_break();
  if (sent_breaks_.size() >= sent_breaks_unlooked)
    forget_taken_breaks();
  keep_break({queued_bytes_, n});
  return true;
}

void connection::forget_taken_breaks() {
  const std::uint64_t taken = taken_bytes();
  while (!sent_breaks_.empty() && sent_breaks_.front().end <= taken)
    sent_breaks_.pop_front();
}

/// MS-SMB2 3.3.4.6, 3.3.4.7: resend on another channel what the peer's TCP has not acknowledged.
void connection::send_breaks_elsewhere(bool unacknowledged_only) {
  if (sent_breaks_.empty() || LEASEBREAK_MUTANT(lost_breaks_are_not_sent_again))
    return;
  forget_taken_breaks();
  for (sent_break& b : std::exchange(sent_breaks_, {}))
    if (!unacknowledged_only || !b.what.ack_required)
      send_elsewhere(std::move(b));
}

/// If no channel takes the break, keep it until this connection ends: the client may bind one, and
/// the coordinator repeats no break without an acknowledgement. Without a connection end, only go
/// on to newer connections, so that no break circulates among channels that are all lost.
void connection::send_elsewhere(sent_break b) {
  const std::vector<channel_id>& listed = b.what.channels;
  std::vector<channel_id> routes = listed;
  std::erase_if(routes, [this](const channel_id& c) { return c.connection == id_; });
  // The listed ones may have ended, or end at the same time.
  for (const channel_id& c : other_channels(*this, listed, !closed_))
    if (std::find(routes.begin(), routes.end(), c) == routes.end())
      routes.push_back(c);
  undelivered_break again{b.what, {}, {}};
  again.what.channels = std::move(routes);
  // The last channel may be on another strand.
  again.not_taken = [weak = weak_from_this(), b = std::move(b)] {
    if (const auto self = weak.lock())
      asio::dispatch(self->get_executor(), [self, b] { self->keep_break(b); });
  };
  host_.clients().deliver(terms.client, std::move(again));
}

void connection::keep_break(sent_break b) {
  if (!closed_ && sent_breaks_.size() < sent_breaks_max)
    sent_breaks_.push_back(std::move(b));
}

/// The number of queued bytes that the peer's TCP has acknowledged.
std::uint64_t connection::taken_bytes() {
  if (taken_forced_)
    return *taken_forced_;
  return written_bytes_ - std::min<std::uint64_t>(written_bytes_, stream_->untaken_bytes());
}

void connection::pretend_stuck() {
  taken_forced_ = taken_bytes();
}

/// A peer that does not take a break keeps its state until the break times out, because a computer
/// may sleep for a while. Meanwhile, try another channel of the client.
void connection::watch_break() {
  break_end_ = queued_bytes_;
  if (break_watched_)
    return;
  break_watched_ = true;
  break_timer_.expires_after(host_.options().limits.break_taken_time);
  break_timer_.async_wait([weak = weak_from_this(), end = break_end_](error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->closed_)
      return;
    self->break_watched_ = false;
    const bool is_taken = self->taken_bytes() >= end;
    if (!is_taken && self->taken_forced_)
      return self->close("the peer does not take a break");
    if (!is_taken) {
      self->host_.log().debug("{}: the peer has not taken a break", self->peer_);
      self->send_breaks_elsewhere(false);
    }
    if (self->break_end_ > end)
      self->watch_break();
  });
}

/// A peer that sends requests and takes no responses only fills the server's memory.
void connection::watch_output() {
  if (stall_watched_)
    return;
  stall_watched_ = true;
  stall_timer_.expires_after(host_.options().limits.answer_taken_time);
  stall_timer_.async_wait([weak = weak_from_this(), before = written_bytes_](error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->closed_)
      return;
    self->stall_watched_ = false;
    if (self->output_.empty())
      return;
    if (self->written_bytes_ == before)
      self->close("the peer takes no responses");
    else
      self->watch_output();
  });
}

} // namespace leasebreak::smb
