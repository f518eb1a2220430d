#include "live_settings.hpp"

#include "live.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

template <class T>
void copy_live(T& to, const T& from) noexcept {
  if (to != from) // only `change` writes, so that a plain read is no race
    set_live(to, from);
}

void copy_limits(limits& to, const limits& from) noexcept {
  copy_live(to.locks_per_file, from.locks_per_file);
  copy_live(to.locks_per_client, from.locks_per_client);
  copy_live(to.locks_total, from.locks_total);
  copy_live(to.opens_per_file, from.opens_per_file);
  copy_live(to.opens_per_client, from.opens_per_client);
  copy_live(to.opens_total, from.opens_total);
  copy_live(to.channels_per_client, from.channels_per_client);
  copy_live(to.waiting_per_file, from.waiting_per_file);
  copy_live(to.waiting_total, from.waiting_total);
  copy_live(to.guards_per_directory, from.guards_per_directory);
  copy_live(to.entry_name_bytes, from.entry_name_bytes);
  copy_live(to.path_bytes, from.path_bytes);
  copy_live(to.file_id_bytes, from.file_id_bytes);
  copy_live(to.server_state_bytes, from.server_state_bytes);
  copy_live(to.ranges_per_lock, from.ranges_per_lock);
  copy_live(to.resilience_max, from.resilience_max);
}

settings settings_of(const coordinator_config& c) {
  settings s;
  s.break_timeout = c.break_timeout;
  s.wait_max = c.wait_max;
  s.answer_wait_max = c.answer_wait_max;
  s.limit = c.limit;
  return s;
}

} // namespace

live_settings::live_settings(const coordinator_config& config) : now_(settings_of(config)) {
  policy_.live = this;
  policy_.keep_records = config.store != nullptr;
  apply(now_);
}

// The names come from the server's operator, so no client can choose collisions.
const live_settings::bucket& live_settings::bucket_of(std::string_view share) const noexcept {
  return buckets_[std::hash<std::string_view>{}(share) % buckets_.size()];
}

live_settings::share_entry* live_settings::find_entry(std::string_view share) const noexcept {
  if (!any_share_.load(std::memory_order_acquire))
    return nullptr;
  auto* e = bucket_of(share).load(std::memory_order_acquire);
  while (e != nullptr && e->name != share)
    e = e->next;
  return e;
}

const file_policy& live_settings::policy_of(std::string_view share) const noexcept {
  const auto* const e = share.empty() ? nullptr : find_entry(share);
  return e != nullptr ? e->policy : policy_;
}

duration live_settings::get(duration file_policy::*which, std::string_view share) const noexcept {
  return live(policy_of(share).*which);
}

std::size_t live_settings::get(std::size_t limits::*which, std::string_view share) const noexcept {
  return live(policy_of(share).limit.*which);
}

duration live_settings::get(duration limits::*which, std::string_view share) const noexcept {
  return live(policy_of(share).limit.*which);
}

lease_state live_settings::caching_max(std::string_view share) const noexcept {
  const auto* const e = find_entry(share);
  return (e != nullptr ? e->caching_max : caching_max_).load(std::memory_order_relaxed);
}

settings live_settings::get() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

std::vector<std::unique_ptr<live_settings::share_entry>> live_settings::entries_for(
  const settings& s) const {
  std::vector<std::unique_ptr<share_entry>> added;
  for (const auto& [name, share] : s.shares)
    if (find_entry(name) == nullptr) {
      added.push_back(std::make_unique<share_entry>());
      added.back()->name = name;
    }
  return added;
}

settings_change live_settings::change(
  const std::function<void(settings&)>& edit, const std::function<void(const limits&)>& applied) {
  settings_change result;
  const std::lock_guard lock(mutex_);
  auto wanted = now_;
  edit(wanted);
  result.fault = wanted.validate();
  auto added = result.fault.empty() ? entries_for(wanted) : decltype(entries_){};
  if (added.size() > shares_max - entries_.size())
    result.fault = "shares: more than " + std::to_string(shares_max) + " different names";
  if (!result.fault.empty()) {
    result.error = make_error_code(errc::invalid_argument);
    return result;
  }
  result.changed = difference(now_, wanted);
  entries_.reserve(entries_.size() + added.size());
  // Nothing throws from here on. A new entry gets its values before readers can find it.
  now_ = std::move(wanted);
  const auto first_new = entries_.size();
  for (auto& e : added)
    entries_.push_back(std::move(e));
  apply(now_);
  for (auto i = first_new; i < entries_.size(); ++i) {
    auto& in = const_cast<bucket&>(bucket_of(entries_[i]->name));
    entries_[i]->next = in.load(std::memory_order_relaxed);
    in.store(entries_[i].get(), std::memory_order_release);
  }
  any_share_.store(!entries_.empty(), std::memory_order_release);
  applied(now_.limit);
  return result;
}

void live_settings::apply(const settings& s) noexcept {
  copy_live(policy_.break_timeout, s.break_timeout);
  copy_live(policy_.wait_max, s.wait_max);
  copy_live(policy_.answer_wait_max, s.answer_wait_max);
  copy_limits(policy_.limit, s.limit);
  caching_max_.store(s.caching_max, std::memory_order_relaxed);
  auto shortest = s.break_timeout;
  const share_settings none;
  for (const auto& e : entries_) {
    const auto found = s.shares.find(e->name);
    const auto& own = found != s.shares.end() ? found->second : none;
    copy_live(e->policy.break_timeout, own.break_timeout.value_or(s.break_timeout));
    shortest = std::min(shortest, e->policy.break_timeout);
    copy_live(e->policy.wait_max, own.wait_max.value_or(s.wait_max));
    copy_live(e->policy.limit.opens_per_file, own.opens_per_file.value_or(s.limit.opens_per_file));
    copy_live(e->policy.limit.locks_per_file, own.locks_per_file.value_or(s.limit.locks_per_file));
    e->caching_max.store(own.caching_max.value_or(s.caching_max), std::memory_order_relaxed);
  }
  shortest_break_timeout_.store(shortest, std::memory_order_relaxed);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
