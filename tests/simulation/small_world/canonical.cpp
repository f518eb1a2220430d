// The canonical form of a state. It is equal for two histories if the same can happen after both.
//
// Opens are named by age, clients and keys by the first open that uses them. Times are relative to
// now, epochs to the last one sent. The form must contain everything that decides a later step. It
// must not contain data that only informs, such as the time of a grant or the first cause of a
// break. The search compares the futures of merged histories, and thus finds omissions.
#include "ids.hpp"
#include "peek.hpp"
#include "scene.hpp"

#include <algorithm>
#include <chrono>

namespace leasebreak::small_world {

namespace {

class writer {
public:
  writer(const file_state& file, const ledger& l, bool with_obstacles)
    : file_(file), l_(l), with_obstacles_(with_obstacles) {
    name_all();
  }

  // -- the file's state ---------------------------------------------------------------------------

  std::string write_file() {
    const auto& s = file_state_peek::of(file_);
    put(static_cast<std::uint8_t>(s.is_directory | (s.delete_pending << 1) |
      (s.waiters_may_go << 2) | (s.detached_may_end << 3) | (s.deletion_is_untold << 4)));
    put_time(file_.next_deadline());
    for (const auto& open : s.opens)
      put_open(*open);
    for (const auto* lease : leases_)
      put_lease(*lease);
    put(0xfe);
    s.locks.for_each([&](const auto& lock) {
      put(name_of_open(lock.open));
      put(lock.exclusive);
    });
    put(0xfe);
    if (s.rare) {
      for (const auto& w : s.rare->waiting)
        put_waiting(w);
      put(0xfe);
      for (const auto& hold : s.rare->holds)
        put_hold(hold);
    }
    return std::move(out_);
  }

  // -- the clients' state -------------------------------------------------------------------------

  std::string write_ledger() {
    put(l_.doomed);
    for (const auto s : slots_)
      put_slot(s);
    put(0xfe);
    for (const auto s : slots_)
      if (l_.slots[s].is != slot::status::free)
        put_view(l_.holder_of(s));
    for (const auto& o : l_.operations)
      put_operation(o);
    put(0xfe);
    for (const auto& c : l_.changes) {
      put(static_cast<std::uint8_t>(c.is));
      put_holder(c.holder);
    }
    return std::move(out_);
  }

private:
  // -- names --------------------------------------------------------------------------------------

  void name_all() {
    const auto& s = file_state_peek::of(file_);
    // Pending opens have an age, too, which counts once they are granted.
    std::vector<std::uint8_t> by_age;
    for (std::uint8_t slot = 0; slot < slot_count; ++slot)
      if (l_.slots[slot].is != slot::status::free)
        by_age.push_back(slot);
    std::ranges::sort(by_age, {}, [&](std::uint8_t slot) { return l_.slots[slot].id; });
    for (const auto slot : by_age)
      name_slot(slot);
    for (const auto& open : s.opens)
      if (open->lease != nullptr && std::ranges::find(leases_, open->lease) == leases_.end())
        leases_.push_back(open->lease);
  }

  void name_slot(std::uint8_t s) {
    if (s >= slot_count || std::ranges::find(slots_, s) != slots_.end())
      return;
    slots_.push_back(s);
    if (first_client_ == nothing)
      first_client_ = s / 2;
    const auto key = l_.choice_of(s).key;
    if (key != 0 && first_key_ == nothing)
      first_key_ = key;
  }

  [[nodiscard]] std::uint8_t slot_of(open_id id) const {
    for (std::uint8_t s = 0; s < slot_count; ++s)
      if (l_.slots[s].id == id)
        return s;
    return nothing;
  }

  [[nodiscard]] std::uint8_t name_of_slot(std::uint8_t s) const {
    const auto found = std::ranges::find(slots_, s);
    if (found != slots_.end())
      return static_cast<std::uint8_t>(found - slots_.begin());
    // A free slot is named by its client; the other slot is in use where this matters.
    return s < slot_count ? static_cast<std::uint8_t>(0x80U | name_of_client(s / 2)) : nothing;
  }

  [[nodiscard]] std::uint8_t name_of_open(open_id id) const { return name_of_slot(slot_of(id)); }

  [[nodiscard]] std::uint8_t name_of_client(std::uint8_t client) const {
    return client == first_client_ ? 0 : 1;
  }

  [[nodiscard]] std::uint8_t name_of_client(const client_guid& client) const {
    return client.is_zero() ? 2 : name_of_client(client == client_of_slot(0) ? 0 : 1);
  }

  [[nodiscard]] std::uint8_t name_of_key(std::uint8_t key) const {
    return key == 0 ? 0 : key == first_key_ ? 1 : 2;
  }

  [[nodiscard]] std::uint8_t name_of_key(const lease_key& key) const {
    return key.is_zero() ? 0 : name_of_key(key == lease_key::of(1) ? 1 : 2);
  }

  [[nodiscard]] std::uint8_t name_of_connection(connection_id c) const {
    return c == connection_id::none ? nothing
                                    : name_of_slot(static_cast<std::uint8_t>(c) - std::uint8_t{1});
  }

  // -- values -------------------------------------------------------------------------------------

  void put(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void put(lease_state s) { put(bits(s)); }

  void put_number(std::uint64_t value) {
    put(static_cast<std::uint8_t>(value));
    put(static_cast<std::uint8_t>(value >> 8U));
  }

  // Seconds from now. All times of the policy are whole seconds.
  void put_time(std::optional<time_point> at) {
    using std::chrono::duration_cast;
    put_number(!at || *at == time_point{} || *at == time_point::max()
        ? 0x7fffU
        : static_cast<std::uint64_t>(
            duration_cast<std::chrono::seconds>(*at - l_.now).count() + 0x1000));
  }

  void put_name(const detail::lease_name& name) {
    put(name.is_oplock);
    put(name.is_oplock ? name_of_open(open_id{name.key.words()[0]}) : name_of_client(name.client));
    if (!name.is_oplock)
      put(name_of_key(name.key));
  }

  // -- the file's parts ---------------------------------------------------------------------------

  void put_held(const detail::held_notice* held) {
    put(held != nullptr);
    if (held == nullptr)
      return;
    put_time(held->overdue);
    put(static_cast<std::uint8_t>(
      held->breaking | (held->keeps_time << 1) | (held->immediate.has_value() << 2)));
    put(static_cast<std::uint8_t>(held->epochs));
    if (held->immediate) {
      put(held->immediate->from);
      put(held->immediate->to);
      put(held->immediate->ack_required);
    }
  }

  void put_open(const detail::open_entry& open) {
    put(name_of_client(open.client));
    put_number(open.access);
    put(static_cast<std::uint8_t>(open.access >> 16U));
    const auto flag = [](bool set, unsigned bit) { return static_cast<unsigned>(set) << bit; };
    put(static_cast<std::uint8_t>(open.share_access | flag(open.delete_on_close, 3) |
      flag(open.of_stream, 4) | flag(open.oplock_timed_out, 5) | flag(open.unknown, 6)));
    put(static_cast<std::uint8_t>(open.unanswered));
    put(static_cast<std::uint8_t>(open.answers - open.settled));
    put(name_of_connection(open.channel.connection));
    put(open.durable != nullptr);
    if (open.durable) {
      put(static_cast<std::uint8_t>(open.durable->persistent | (open.durable->detached << 1)));
      put_time(open.durable->detached ? std::optional{open.durable->expires} : std::nullopt);
    }
    put_held(open.held.get());
    const auto lease = std::ranges::find(leases_, open.lease);
    put(open.lease == nullptr ? nothing : static_cast<std::uint8_t>(lease - leases_.begin()));
  }

  void put_lease(const detail::lease_entry& l) {
    put_name(l.name());
    put(l.info.state);
    put(l.info.break_to);
    put(l.info.required);
    put(static_cast<std::uint8_t>(l.info.breaking | (l.info.timed_out << 1) |
      (l.maybe_unheard << 2) | (l.recovered << 3) | (l.stored << 4) | (l.late << 5)));
    put(l.info.version);
    put_time(l.info.breaking ? std::optional{l.info.break_started + l_.policy->break_timeout}
                             : std::nullopt);
    put(name_of_open(l.first_open));
    for (const auto& channel : l.channels.all())
      put(name_of_connection(channel.connection));
    put(name_of_connection(l.info.breaking ? l.told_on : connection_id::none));
    put(static_cast<std::uint8_t>(l.unanswered));
    put(static_cast<std::uint8_t>(l.unknown));
    put_held(l.held.get());
  }

  void put_waiting(const detail::waiting_operation& w) {
    const auto o = std::ranges::find(l_.operations, w.id, &operation::id);
    if (o != l_.operations.end())
      put_operation(*o);
    put(name_of_client(w.client));
    put(name_of_connection(w.channel.connection));
    put(w.open == open_id::none ? nothing : name_of_open(w.open));
    put_time(w.deadline);
    if (with_obstacles_ && w.held_up_by)
      put_obstacle(*w.held_up_by);
    put(w.spared.has_value());
    if (w.spared)
      put_name(*w.spared);
  }

  // A break that has ended has no name.
  void put_obstacle(const detail::obstacle& o) {
    const auto* const lease = file_state_peek::of(file_).find_lease(o.lease);
    const bool is_current = lease != nullptr && lease->current_break == o.id;
    put(is_current);
    if (is_current)
      put_name(o.lease);
  }

  void put_hold(const detail::hold_entry& hold) {
    put(hold.withheld);
    put(hold.deleting);
    put(name_of_client(hold.client));
    put(name_of_key(hold.key));
  }

  // -- the clients' parts -------------------------------------------------------------------------

  void put_choice(std::uint8_t which) {
    const auto& choice = l_.world->opens[which];
    put(choice.key == 2 ? which - std::uint8_t{1} : which);
    put(name_of_key(choice.key));
  }

  void put_slot(std::uint8_t s) {
    const auto& at = l_.slots[s];
    put(name_of_client(s / 2));
    put(static_cast<std::uint8_t>(at.is));
    if (at.is == slot::status::free)
      return;
    put_choice(at.choice);
    put(static_cast<std::uint8_t>(at.gone | (at.told << 1) | (at.durable << 2) |
      (at.exclusive_lock << 3) | (at.was_told << 4)));
    put(at.shared_locks);
    put(at.answer.number != 0);
    if (at.answer.number == 0)
      return;
    const auto* const open = file_state_peek::of(file_).find_open(at.id);
    put(static_cast<std::uint8_t>(open != nullptr ? open->answers - at.answer.number : nothing));
    put(at.answer.state);
    put(at.answer.breaking);
    put_time(at.answer.since);
    put_number(
      static_cast<std::uint64_t>(at.answer.epoch - l_.views[l_.holder_of(s)].server_epoch));
  }

  void put_view(std::uint8_t holder) {
    const auto& v = l_.views[holder];
    put(v.uses);
    put(v.told_from);
    put(v.told_to);
    put(v.version);
    put(static_cast<std::uint8_t>(v.heard | (v.must_answer << 1) | (v.time_runs << 2) |
      (v.may_be_told_again << 3) | (v.may_know_less << 4) | (v.is_overdue << 5)));
    put_time(v.time_runs ? std::optional{v.told_at} : std::nullopt);
    put_number(static_cast<std::uint64_t>(v.epoch - v.server_epoch));
    if (const auto* const entry = ledger::is_oplock(holder)
        ? nullptr
        : file_state_peek::of(file_).find_lease(client_of_holder(holder), key_of_holder(holder)))
      put_number(static_cast<std::uint64_t>(entry->info.epoch - v.server_epoch));
  }

  void put_operation(const operation& o) {
    put(static_cast<std::uint8_t>(o.what.what));
    put(o.what.slot < slot_count ? name_of_slot(o.what.slot) : o.what.slot);
    if (o.what.what == verb::open)
      put_choice(o.what.which);
    else
      put(o.what.which);
    put_time(o.since);
  }

  void put_holder(std::uint8_t holder) {
    if (holder == nothing)
      return put(nothing);
    if (ledger::is_oplock(holder))
      return put(name_of_slot(static_cast<std::uint8_t>(holder - lease_count)));
    put(static_cast<std::uint8_t>(0x10U + name_of_client(static_cast<std::uint8_t>(holder / 2))));
    put(name_of_key(static_cast<std::uint8_t>(holder % 2 + 1)));
  }

  const file_state& file_;
  const ledger& l_;
  bool with_obstacles_;
  std::vector<std::uint8_t> slots_; ///< In the order of their names.
  std::vector<const detail::lease_entry*> leases_;
  std::uint8_t first_client_ = nothing;
  std::uint8_t first_key_ = nothing;
  std::string out_;
};

} // namespace

std::string scene::canonical_file() const {
  return writer(file_.file(), ledger_, true).write_file();
}

void scene::check_copy() {
  const auto exported = file_.file().export_state(ledger_.now);
  auto imported = file_state::import_state(policy(), exported, ledger_.now);
  if (const auto* const error = std::get_if<snapshot_error>(&imported))
    return fail("the file cannot be imported: " + to_string(*error));
  const auto& copy = std::get<file_state>(imported);
  if (copy.export_state(ledger_.now) != exported ||
    writer(copy, ledger_, true).write_file() != canonical_file())
    fail("the file is not the same after an export and an import");
}

std::string scene::canonical(bool with_obstacles) const {
  writer w(file_.file(), ledger_, with_obstacles);
  auto text = w.write_file();
  return text + w.write_ledger();
}

} // namespace leasebreak::small_world
