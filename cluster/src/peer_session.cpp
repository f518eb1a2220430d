// Numbers, repetitions and confirmations of messages.
#include <leasebreak/cluster/peer_session.hpp>

#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

void peer_session::send(std::uint64_t view, message_body body) {
  outgoing_.push_back({++last_number_, view, std::move(body)});
}

void peer_session::greet(bool wants_answer) noexcept {
  is_due_ = true;
  wants_answer_ = wants_answer_ || wants_answer;
}

std::optional<packet> peer_session::take_packet(time_point now) {
  seen_.resize(outgoing_.size(), now);
  packet p{self_, peer_, std::exchange(wants_answer_, false), consumed_, {}};
  const auto count = std::min(outgoing_.size(), settings_.window);
  const bool repeats = !outgoing_.empty() && last_sent_ >= outgoing_.front().number &&
    now >= sent_at_ + settings_.repetition;
  for (std::size_t i = 0; i < count; ++i)
    if (repeats || outgoing_[i].number > last_sent_)
      p.messages.push_back(outgoing_[i]);
  if (!std::exchange(is_due_, false) && p.messages.empty())
    return std::nullopt;
  if (!p.messages.empty()) {
    last_sent_ = std::max(last_sent_, p.messages.back().number);
    sent_at_ = now;
  }
  return p;
}

void peer_session::receive(const packet& p) {
  while (!outgoing_.empty() && outgoing_.front().number <= p.consumed)
    drop_first();
  for (const auto& m : p.messages) {
    is_due_ = true; // a confirmation, also if the message is known: the last one may be lost
    if (LEASEBREAK_MUTANT(messages_taken_twice) && m.number <= consumed_)
      incoming_.emplace(m.number, m);
    if (m.number > consumed_ && m.number <= consumed_ + settings_.window)
      incoming_.emplace(m.number, m);
  }
  is_due_ = is_due_ || p.wants_answer;
}

void peer_session::drop_first() noexcept {
  outgoing_.pop_front();
  if (!seen_.empty())
    seen_.pop_front();
}

std::optional<time_point> peer_session::oldest_since() const noexcept {
  return seen_.empty() ? std::nullopt : std::optional(seen_.front());
}

const message* peer_session::front() const noexcept {
  if (incoming_.empty() || incoming_.begin()->first > consumed_ + 1)
    return nullptr;
  return &incoming_.begin()->second;
}

message peer_session::pop() {
  auto next = incoming_.extract(incoming_.begin());
  consumed_ = std::max(consumed_, next.key());
  is_due_ = true;
  return std::move(next.mapped());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
