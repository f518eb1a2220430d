// Writes answers and break notifications, and gives a peer up that does not take them.
#include <smb_server/connection.hpp>

#include <smb_server/server.hpp>

#include <boost/asio/write.hpp>

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace leasebreak::smb {

namespace {

constexpr std::size_t early_breaks_max = 1'024;

} // namespace

void connection::send(compound_state& compound) {
  compound.ready_bytes = 0;
  send(compound.ready);
}

void connection::send(std::vector<response_item>& items) {
  if (items.empty())
    return;
  const session_ptr sealer = items.front().sealer;
  byte_vector frame;
  for (std::size_t i = 0; i < items.size(); ++i) {
    response_item& item = items[i];
    const bool is_last = i + 1 == items.size();
    // MS-SMB2 3.3.4.1.3: the last one is padded as well; clients count on it.
    if (items.size() > 1)
      item.bytes.resize((item.bytes.size() + 7) / 8 * 8);
    item.head.next_command = is_last ? 0 : static_cast<std::uint32_t>(item.bytes.size());
    item.head.signature = {};
    if (sealer)
      item.signer = nullptr; // what is encrypted needs no signature
    if (item.signer)
      item.head.flags |= header_flag::signed_message;
    byte_writer out;
    encode(out, item.head);
    std::copy(out.view().begin(), out.view().end(), item.bytes.begin());
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
  output_.push_back(std::move(message));
  if (!writing_)
    write_next();
  else
    watch_output();
}

void connection::write_next() {
  writing_ = true;
  nbt_ = make_nbt_header(output_.front().size());
  const std::array<asio::const_buffer, 2> buffers{
    asio::buffer(nbt_), asio::buffer(output_.front())};
  asio::async_write(
    socket_, buffers, [self = shared_from_this()](error_code error, std::size_t written) {
      self->written_bytes_ += written;
      self->writing_ = false;
      self->output_bytes_ -= self->output_.front().size();
      self->output_.pop_front();
      if (error)
        self->close("the peer takes no answers: " + error.message());
      else if (!self->output_.empty())
        self->write_next();
      self->wake();
    });
}

bool connection::send_break(const break_notification& n) {
  if (closed_)
    return false;
  const open_ptr o = opens.find(n.open);
  // A CREATE that was granted what is broken now may be on its way to being answered.
  const bool early =
    n.is_oplock ? !o && creating_ > 0 : !opens.has_lease(n.key) && creating_keys_.count(n.key) != 0;
  if (early && early_breaks_.size() < early_breaks_max) {
    early_breaks_.push_back(n);
    return true;
  }
  if (n.is_oplock && !o)
    return true; // it was closed, which has ended the break
  // MS-SMB2 2.2.23, 3.3.4.6, 3.3.4.7: message id all ones, no session, not signed.
  header h;
  h.command = command::oplock_break;
  h.flags = header_flag::response;
  h.message_id = UINT64_MAX;
  byte_writer out;
  encode(out, h);
  if (n.is_oplock) {
    encode(out, oplock_break_message{static_cast<std::uint8_t>(n.oplock_to()), o->id});
  } else {
    encode(out,
      lease_break_notification{n.epoch, n.ack_required, n.key.bytes, bits(n.from), bits(n.to)});
  }
  host_.log().info("{}: break {} {} {} -> {}{} ({})", peer_, n.is_oplock ? "oplock" : "lease",
    o ? o->path : to_string(n.key), to_string(n.from), to_string(n.to),
    n.ack_required ? ", to be acknowledged" : "", to_string(n.cause));
  send(out.take());
  watch_break();
  return true;
}

/// What the peer's TCP has acknowledged of all that was queued.
std::uint64_t connection::taken_bytes() {
  if (taken_forced_)
    return *taken_forced_;
  int waiting = 0;
  if (::ioctl(socket_.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting < 0)
    return written_bytes_;
  return written_bytes_ - std::min<std::uint64_t>(written_bytes_, static_cast<unsigned>(waiting));
}

void connection::pretend_stuck() {
  taken_forced_ = taken_bytes();
}

/// A peer that does not even take a break cannot answer it: its connection is given up, and with it
/// what it holds, long before the break would time out.
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
    if (self->taken_bytes() < end)
      self->close("the peer does not take a break");
    else if (self->break_end_ > end)
      self->watch_break();
  });
}

/// A peer that asks and takes no answers only fills the server's memory.
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
      self->close("the peer takes no answers");
    else
      self->watch_output();
  });
}

void connection::retry_breaks() {
  const std::vector<break_notification> waiting = std::exchange(early_breaks_, {});
  for (const break_notification& n : waiting)
    send_break(n);
}

} // namespace leasebreak::smb
