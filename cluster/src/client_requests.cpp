// Requests, their answers, and reports.
#include "client_requests.hpp"

#include "release_requests.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

void client_requests::install(
  const view* before, const view& v, const std::vector<slot_number>& released, time_point now) {
  view_ = v;
  for (const auto slot : released)
    moving_[slot] = {true, {}, {}};
  // A node may see its first view late. Then it reports that it has nothing, to owners that have
  // moved since it joined.
  const auto joined = v.find(self_)->joined;
  for (std::size_t i = 0; i < v.slots.size(); ++i) {
    const auto term = v.slots[i].term;
    if (before != nullptr ? term != before->slots[i].term : term > joined)
      report(static_cast<slot_number>(i), now);
  }
}

void client_requests::take(const slot_released& released, time_point now) {
  const auto found = moving_.find(released.slot);
  if (found == moving_.end() || !found->second.is_releasing)
    return;
  auto& slot = found->second;
  slot.is_releasing = false;
  slot.released_at = now;
  for (const auto& f : released.files)
    if (f.node == self_)
      mirror_[released.slot][f.file_id][f.client] = {f.version, now, f.part};
    else if (view_.find(f.node) == nullptr)
      slot.of_failed_nodes.push_back(f);
  report(released.slot, now);
}

void client_requests::report(slot_number slot, time_point now) {
  const auto moving = moving_.find(slot);
  if (moving != moving_.end() && moving->second.is_releasing)
    return;
  const auto& owner = view_.slots[slot];
  slot_report r{slot, owner.term, self_, {}, {}};
  if (const auto files = mirror_.find(slot); files != mirror_.end())
    for (const auto& [file_id, parts] : files->second)
      for (const auto& [client, f] : parts)
        r.files.push_back({file_id, self_, client, f.version, now - f.received, f.part});
  if (moving != moving_.end())
    for (auto f : moving->second.of_failed_nodes) {
      f.age = now - moving->second.released_at;
      r.files.push_back(std::move(f));
    }
  for (auto& [number, p] : pending_)
    if (p.what.slot == slot && !LEASEBREAK_MUTANT(requests_not_repeated)) {
      p.what.term = owner.term;
      r.pending.push_back(p.what);
    }
  sender_->send(owner.node, std::move(r));
}

void client_requests::submit(const std::string& file_id, command what, break_id about) {
  const auto slot = slot_of(file_id, view_.slots.size());
  const auto operation = operation_of(what);
  request r{slot, view_.slots[slot].term, ++last_number_, file_id, std::move(what), about};
  if (operation != operation_id::none)
    numbers_[operation] = r.number;
  const auto& p = pending_[r.number] = {std::move(r), operation, false};
  // A report that is not made yet will contain the request.
  if (const auto moving = moving_.find(slot);
      moving == moving_.end() || !moving->second.is_releasing)
    sender_->send(view_.slots[slot].node, p.what);
}

void client_requests::take(node_id from, file_news news, time_point now, node_effects& out) {
  if (news.slot >= view_.slots.size())
    return;
  // An answer of a former owner is not accepted: a later one may have granted something else.
  if (news.term != view_.slots[news.slot].term && !LEASEBREAK_MUTANT(terms_not_checked))
    return;
  moving_.erase(news.slot);
  if (from != self_)
    mirror(news, now);
  if (!news.parts.empty() || !news.ended.empty())
    out.emplace_back(part_changed{news.file_id, std::move(news.ended), std::move(news.parts)});
  for (const auto& client : news.lost)
    out.emplace_back(opens_lost{news.file_id, client});
  for (auto& n : news.notifications)
    out.emplace_back(break_arrived{news.slot, news.term, news.file_id, std::move(n)});
  for (auto& c : news.completions)
    complete(news, std::move(c), out);
  if (const auto done = pending_.find(news.done);
      done != pending_.end() && done->second.operation == operation_id::none)
    pending_.erase(done);
}

void client_requests::mirror(const file_news& news, time_point now) {
  if (news.parts.empty())
    return;
  auto& parts = mirror_[news.slot][news.file_id];
  for (const auto& [client, part] : news.parts)
    if (part)
      parts[client] = {news.version, now, *part};
    else
      parts.erase(client);
  if (parts.empty())
    mirror_[news.slot].erase(news.file_id);
}

void client_requests::complete(const file_news& news, completion what, node_effects& out) {
  const auto number = numbers_.find(what.operation);
  if (number == numbers_.end())
    return;
  const auto found = pending_.find(number->second);
  const bool is_wanted = !found->second.is_abandoned;
  pending_.erase(found);
  numbers_.erase(number);
  if (is_wanted) {
    out.emplace_back(operation_completed{news.slot, news.term, news.file_id, std::move(what)});
    return;
  }
  // The client does not use the grant, so that it is given back.
  const auto* const granted = std::get_if<open_granted>(&what.result);
  const auto* const access = std::get_if<access_granted>(&what.result);
  if (granted != nullptr && !LEASEBREAK_MUTANT(unwanted_grants_are_kept)) {
    close_open close;
    close.operation = new_operation();
    close.open = granted->open;
    close.node = self_;
    submit(news.file_id, close);
    pending_.at(numbers_.at(close.operation)).is_abandoned = true;
  }
  const auto hold = granted != nullptr ? granted->hold
    : access != nullptr                ? access->hold
                                       : hold_id::none;
  if (hold != hold_id::none)
    submit(news.file_id, end_hold{hold});
}

void client_requests::abandon(operation_id operation) {
  const auto number = numbers_.find(operation);
  if (number == numbers_.end())
    return;
  auto& p = pending_.at(number->second);
  p.is_abandoned = true;
  submit(p.what.file_id, cancel_operation{operation});
}

std::size_t client_requests::mirrored() const noexcept {
  std::size_t count = 0;
  for (const auto& [slot, files] : mirror_)
    count += files.size();
  return count;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
