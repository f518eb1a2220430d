// See feed.hpp.
#include "feed.hpp"

#include <leasebreak/admin/encode.hpp>

#include <chrono>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace {

std::uint64_t us_of(duration d) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(d).count();
  return us < 0 ? 0 : static_cast<std::uint64_t>(us);
}

bool ends_break(event_kind kind) {
  return kind == event_kind::acknowledged || kind == event_kind::expired ||
    kind == event_kind::break_ended;
}

} // namespace

event_feed::event_feed() : state_(std::make_unique<state>()) {}

event_feed::~event_feed() = default;

void event_feed::publish(const event& e) {
  state_->publish(e);
}

void event_feed::state::publish(const event& e) {
  if (ends_break(e.kind) && e.waiting != 0) {
    const std::lock_guard lock(top_mutex_);
    blockers_.add(e.time, to_string(e.client), e.label, us_of(e.lasted));
  } else if (e.kind == event_kind::wait_ended) {
    const std::lock_guard lock(top_mutex_);
    files_.add(e.time, e.file_id, e.path, us_of(e.lasted));
  }
  if (readers_count_.load() == 0)
    return;
  event_text text;
  const std::lock_guard lock(readers_mutex_);
  for (auto* const r : readers_) {
    if (!r->wants(e.kind))
      continue;
    if (text == nullptr)
      text = std::make_shared<const std::string>(
        "event: " + std::string(to_string(e.kind)) + "\ndata: " + to_json(e) + "\n");
    r->push(text);
  }
}

void event_feed::state::add(event_reader& reader) {
  const std::lock_guard lock(readers_mutex_);
  readers_.push_back(&reader);
  readers_count_.store(readers_.size());
}

void event_feed::state::remove(event_reader& reader) {
  const std::lock_guard lock(readers_mutex_);
  std::erase(readers_, &reader);
  readers_count_.store(readers_.size());
}

std::vector<top_list::entry> event_feed::state::top(top_of what, time_point now, std::size_t most) {
  const std::lock_guard lock(top_mutex_);
  return (what == top_of::blockers ? blockers_ : files_).top(now, most);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
