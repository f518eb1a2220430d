// Reports of what clients have through one node, and the file that is made of them after its owner
// has failed.
#include <leasebreak/model/file_state.hpp>

#include "file/snapshot_restore.hpp"
#include "file/snapshot_visit.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace detail {

namespace {

constexpr duration report_age_max = std::chrono::hours{24 * 366};

/// The members of the file itself in a report.
struct report_head {
  std::string file_id;
  bool is_directory = false;
  bool delete_pending = false;
  lease_key deletion_key;
  std::uint32_t last_change = 0;
  std::uint64_t last_lock = 0;
  std::uint64_t steps = 0;

  template <class Archive, class Head>
  static void visit(Archive& a, Head& h) {
    auto& [file_id, is_directory, delete_pending, deletion_key, last_change, last_lock, steps] = h;
    a(file_id, is_directory, delete_pending, deletion_key, last_change, last_lock, steps);
  }
};

} // namespace

/// What all reports together say. Of each part, keeps the latest version.
struct merged_reports {
  struct lease_part {
    std::uint64_t steps = 0;
    std::unique_ptr<lease_entry> entry;
    std::vector<channel_id> channels;
    bool used = false;
  };
  struct open_part {
    std::uint64_t steps = 0;
    std::unique_ptr<open_entry> entry;
    std::optional<lease_name> lease;
    std::vector<lock_table::entry> locks;
  };
  struct hold_part {
    std::uint64_t steps = 0;
    hold_entry hold;
  };

  explicit merged_reports(held_counts& c) : counts(c) {}

  /// Returns what is wrong with a report.
  [[nodiscard]] std::optional<snapshot_error> add(
    const std::string& file_id, const node_report& report, time_point now);

  held_counts& counts;
  std::optional<report_head> newest;
  std::optional<bool> is_directory; ///< Only opens say it.
  std::map<lease_name, lease_part> leases;
  std::map<open_id, open_part> opens;
  std::map<hold_id, hold_part> holds;
  std::uint32_t last_change = 0;
  std::uint64_t last_lock = 0;

private:
  struct parts {
    report_head head;
    std::vector<std::unique_ptr<lease_entry>> leases;
    std::vector<std::unique_ptr<open_entry>> opens;
    std::vector<lock_table::entry> locks;
    std::vector<hold_entry> holds;
  };

  void take(parts& read, std::vector<std::vector<channel_id>> channels);
};

std::optional<snapshot_error> merged_reports::add(
  const std::string& file_id, const node_report& report, time_point now) {
  parts read;
  const bool has_age = report.age >= duration{} && report.age <= report_age_max;
  snapshot_reader a(report.opens.bytes, has_age ? now - report.age : now, counts);
  if (!has_age)
    a.fail("a report that is too old");
  read_head(a, snapshot_kind::report);
  report_head::visit(a, read.head);
  visit_leases(a, read.leases);
  visit_opens(a, read.opens);
  a(read.locks, read.holds);
  if (!a.failed() && !a.at_end())
    a.fail("bytes after the end");
  if (read.head.last_lock > lock_id_max)
    a.fail("a byte-range lock with a number that is too great");
  if (read.head.file_id != file_id)
    a.fail("a report of another file");
  if (is_directory && !read.opens.empty() && *is_directory != read.head.is_directory)
    a.fail("a report of another kind of file");
  for (const auto& open : read.opens)
    if (open->channel.node != report.node)
      a.fail("an open of another node");
  for (const auto& hold : read.holds)
    if (hold.node != report.node)
      a.fail("a change hold of another node");
  const auto is_open = [&](open_id id) {
    const auto at = std::lower_bound(read.opens.begin(), read.opens.end(), id,
      [](const auto& open, open_id i) { return open->id < i; });
    return at != read.opens.end() && (*at)->id == id;
  };
  if (!std::all_of(
        read.locks.begin(), read.locks.end(), [&](const auto& e) { return is_open(e.open); }))
    a.fail("a byte-range lock of another open");
  if (a.failed())
    return snapshot_error{0, a.position(), a.problem()};
  take(read, a.take_channels());
  return std::nullopt;
}

void merged_reports::take(parts& read, std::vector<std::vector<channel_id>> channels) {
  const auto steps = read.head.steps;
  // The first report counts if nothing is known; of two that are equally old, either.
  const auto is_later = [steps](const auto& part) { return part.steps <= steps; };
  for (const auto& open : read.opens) {
    auto& part = opens[open->id];
    if (part.entry != nullptr && !is_later(part))
      continue;
    part.steps = steps;
    part.lease = open->lease != nullptr ? std::optional(open->lease->name()) : std::nullopt;
    part.locks.clear();
  }
  for (auto& lock : read.locks)
    if (auto& part = opens.at(lock.open); part.steps == steps)
      part.locks.push_back(std::move(lock));
  for (auto& open : read.opens)
    if (auto& part = opens.at(open->id); part.steps == steps)
      part.entry = std::move(open);
  for (std::size_t i = 0; i < read.leases.size(); ++i) {
    auto& part = leases[read.leases[i]->name()];
    if (part.entry == nullptr || is_later(part))
      part = {steps, std::move(read.leases[i]), std::move(channels[i])};
  }
  for (const auto& hold : read.holds)
    if (auto& part = holds[hold.id]; is_later(part))
      part = {steps, hold};
  if (!read.opens.empty())
    is_directory = read.head.is_directory;
  last_change = std::max(last_change, read.head.last_change);
  last_lock = std::max(last_lock, read.head.last_lock);
  if (!newest || newest->steps <= steps)
    newest = std::move(read.head);
}

} // namespace detail

using detail::hold_entry;
using detail::lease_entry;
using detail::lock_table;
using detail::merged_reports;
using detail::open_entry;

std::string file_state::impl::report(
  const std::vector<const open_entry*>& of, std::optional<node_id> node, time_point now) const {
  detail::snapshot_writer a(now);
  detail::write_head(a, detail::snapshot_kind::report);
  a.of_file(file_id);
  const detail::report_head head{
    file_id, is_directory, delete_pending, deletion_key, last_change, locks.last_id(), steps};
  detail::report_head::visit(a, head);
  std::vector<const lease_entry*> used;
  for (const auto* const open : of)
    if (open->lease != nullptr)
      used.push_back(open->lease);
  const auto is_before = [](const auto* l, const auto* m) { return l->name() < m->name(); };
  std::sort(used.begin(), used.end(), is_before);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  detail::visit_leases(a, used);
  detail::visit_opens(a, of);
  std::vector<lock_table::entry> held;
  for (const auto* const open : of)
    locks.for_each_of(open->id, [&](const auto& e) { held.push_back(e); });
  std::vector<hold_entry> holds;
  if (node && rare)
    std::copy_if(rare->holds.begin(), rare->holds.end(), std::back_inserter(holds),
      [&](const auto& hold) { return hold.node == *node; });
  a(held, holds);
  return a.take();
}

file_snapshot file_state::report_client(
  node_id node, const client_guid& client, time_point now) const {
  if (client.is_zero())
    return {impl_->report({}, node, now)};
  std::vector<const open_entry*> of;
  for (const auto& open : impl_->opens)
    if (open->client == client && open->channel.node == node)
      of.push_back(open.get());
  return {impl_->report(of, std::nullopt, now)};
}

bool file_state::is_used_by(node_id node, const client_guid& client) const noexcept {
  if (client.is_zero())
    return impl_->rare != nullptr &&
      std::any_of(impl_->rare->holds.begin(), impl_->rare->holds.end(),
        [node](const auto& hold) { return hold.node == node; });
  return std::any_of(impl_->opens.begin(), impl_->opens.end(),
    [&](const auto& open) { return open->client == client && open->channel.node == node; });
}

std::optional<file_snapshot> file_state::report_open(open_id open, time_point now) const {
  const auto* const found = impl_->find_open(open);
  if (found == nullptr)
    return std::nullopt;
  return file_snapshot{impl_->report({found}, std::nullopt, now)};
}

namespace {

// Returns the leases that are still in use, in order, with the orders of their channels.
std::vector<std::vector<channel_id>> move_leases(
  merged_reports& from, std::vector<std::unique_ptr<lease_entry>>& to) {
  std::vector<std::vector<channel_id>> orders;
  for (const auto& [id, part] : from.opens)
    if (part.lease)
      from.leases.at(*part.lease).used = true;
  for (auto& [name, part] : from.leases)
    if (part.used) {
      to.push_back(std::move(part.entry));
      orders.push_back(std::move(part.channels));
    }
  return orders;
}

// Adds the locks of all opens in the order in which they were taken. Returns what is wrong.
const char* move_locks(merged_reports& from, lock_table& to) {
  std::vector<lock_table::entry> locks;
  for (auto& [id, part] : from.opens)
    std::move(part.locks.begin(), part.locks.end(), std::back_inserter(locks));
  std::sort(locks.begin(), locks.end(), [](const auto& x, const auto& y) { return x.id < y.id; });
  for (const auto& lock : locks)
    if (const auto* const problem = detail::restore_lock(lock, to); problem != nullptr)
      return problem;
  if (from.last_lock != 0)
    to.keep_above(from.last_lock);
  return nullptr;
}

} // namespace

// Adds all parts. Returns what is wrong.
std::string file_state::impl::take_reports(merged_reports& from, time_point now, effects& out) {
  if (!from.newest)
    return "";
  is_directory = from.is_directory.value_or(from.newest->is_directory);
  delete_pending = from.newest->delete_pending && !from.opens.empty();
  deletion_key = from.newest->deletion_key;
  last_change = from.last_change;
  restoration restored{*this, move_leases(from, leases), &out, now};
  for (auto& [id, part] : from.opens) {
    part.entry->lease = part.lease ? find_lease(*part.lease) : nullptr;
    opens.push_back(std::move(part.entry));
  }
  if (const auto* const problem = move_locks(from, locks); problem != nullptr)
    return problem;
  for (const auto& l : leases)
    last_break = std::max(last_break, static_cast<std::uint64_t>(l->current_break));
  for (const auto& [id, part] : from.holds) {
    contended().holds.push_back(part.hold);
    last_hold = std::max(last_hold, static_cast<std::uint64_t>(id));
  }
  from.leases.clear(); // notifications that are held back for older leases no longer count
  return restored.complete();
}

void file_state::tell_breaks_again(time_point now, effects& out) {
  impl_->tell_breaks_again(now, out);
}

// A client may hear of its break only now.
void file_state::impl::tell_breaks_again(time_point now, effects& out) {
  for (const auto& l : leases)
    if (l->info.breaking) {
      l->maybe_unheard = true;
      if (const auto least = after(now, break_timeout_of(*l) / 2);
          l->break_due < least && !LEASEBREAK_MUTANT(no_time_when_told_again)) {
        l->break_due = least;
        push_deadline(detail::deadline_entry::for_break(l->break_due, l->name()));
      }
      notify_again(*l, now, out);
    }
}

namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

void append(effects& to, effects& from) {
  auto& [notifications, completions, records, ended, facts, recovered, asked] = from;
  append(to.notifications, notifications);
  append(to.completions, completions);
  append(to.records, records);
  append(to.ended, ended);
  append(to.facts, facts);
  append(to.recovered, recovered);
  append(to.asked, asked);
}

} // namespace

std::variant<file_state, snapshot_error> file_state::rebuild(const file_policy& policy,
  std::string file_id, std::uint64_t view, std::span<const node_report> reports, time_point now,
  effects& out) {
  auto state = std::make_unique<impl>(policy, std::move(file_id), view);
  merged_reports merged(state->held_back);
  for (std::size_t i = 0; i < reports.size(); ++i)
    if (auto error = merged.add(state->file_id, reports[i], now); error) {
      error->snapshot = i;
      return *std::move(error);
    }
  effects following;
  if (auto problem = state->take_reports(merged, now, following); !problem.empty())
    return snapshot_error{reports.size(), 0, std::move(problem)};
  append(out, following);
  return file_state(std::move(state));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
