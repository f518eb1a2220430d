// Suspicions, fences, and who leaves.
#include "membership.hpp"

#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

void disputes::read(const engine_document& d, time_point sent, time_point now) {
  std::map<pair, time_point> next;
  for (const auto& [node, suspects] : d.living)
    for (const auto other : suspects)
      if (node != other && d.living.contains(other) && d.current.find(node) != nullptr &&
        d.current.find(other) != nullptr) {
        const auto before = since_.find({node, other});
        next.emplace(pair{node, other}, before != since_.end() ? before->second : now);
      }
  since_ = std::move(next);
  sent_ = sent;
}

std::set<disputes::pair> disputes::of_age(duration age) const {
  const auto is_old = [this](time_point since, duration than) {
    return sent_ - since >= than || LEASEBREAK_MUTANT(the_dead_dispute);
  };
  std::set<pair> all;
  for (const auto& [suspicion, since] : since_) {
    const pair other{suspicion.second, suspicion.first};
    const auto back = since_.find(other);
    if (back != since_.end() ? is_old(since, age) && is_old(back->second, age)
                             : is_old(since, age + silence_)) {
      all.insert(suspicion);
      all.insert(other);
    }
  }
  return all;
}

bool disputes::must_leave(const engine_document& d, node_id self) const {
  const auto broken = of_age(lease_);
  const auto counted = of_age(LEASEBREAK_MUTANT(only_old_suspicions) ? lease_ : lease_ / 2);
  const auto count = [&](node_id n) {
    return std::count_if(
      counted.begin(), counted.end(), [n](const auto& p) { return p.first == n; });
  };
  return std::any_of(broken.begin(), broken.end(), [&](const auto& p) {
    if (p.first != self)
      return false;
    const auto mine = count(self);
    const auto others = count(p.second);
    return mine > others ||
      (mine == others && d.current.find(self)->name > d.current.find(p.second)->name);
  });
}

bool heard_nodes::is_heard(node_id node, time_point now, duration within) const {
  const auto found = heard_.find(node);
  return found != heard_.end() && now - found->second <= within;
}

void heard_nodes::forget_silent(time_point now) {
  std::erase_if(heard_, [&](const auto& h) { return now - h.second > timeout_; });
}

void heard_nodes::install(const view& v, node_id self, time_point now) {
  std::erase_if(heard_, [&](const auto& h) { return v.find(h.first) == nullptr; });
  for (const auto& m : v.members)
    if (m.node != self)
      heard_.emplace(m.node, now);
}

// A node that was paused itself has not heard any other. That is no reason to suspect them.
bool heard_nodes::look(const view& v, node_id self, time_point now) {
  if (last_look_ && now - *last_look_ > timeout_ / 2)
    for (auto& [node, when] : heard_)
      when = now;
  last_look_ = now;
  std::vector<node_id> silent;
  for (const auto& m : v.members)
    if (m.node != self && !is_heard(m.node, now, timeout_))
      silent.push_back(m.node);
  if (silent == suspected_)
    return false;
  suspected_ = std::move(silent);
  return true;
}

std::vector<node_id> fenced_nodes::install(const view* before, const view& v) {
  if (before != nullptr)
    for (const auto& m : before->members)
      if (v.find(m.node) == nullptr)
        ending_.insert(m.node);
  const auto is_over = [&](node_id n) { return !v.is_unfenced(n); };
  std::erase_if(asked_, is_over);
  std::erase_if(fenced_, is_over);
  std::vector<node_id> to_ask;
  for (const auto n : v.unfenced)
    if (asked_.insert(n).second)
      to_ask.push_back(n);
  return to_ask;
}

std::vector<node_id> fenced_nodes::take_ended(const view& v) {
  std::vector<node_id> ended;
  for (const auto n : ending_)
    if (!v.is_unfenced(n) || fenced_.contains(n) || LEASEBREAK_MUTANT(no_fence))
      ended.push_back(n);
  for (const auto n : ended)
    ending_.erase(n);
  return ended;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
