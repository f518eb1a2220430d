#include "file/snapshot_archive.hpp"

#include <leasebreak/model/internal/varint.hpp>

#include <algorithm>
#include <cstring>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

// -- writing

void snapshot_writer::number(std::uint64_t n) {
  put_varint(out_, n);
}

// A time at the start of the clock or before it means that there is none.
void snapshot_writer::value(time_point x) {
  const auto form = x == time_point{} ? time_form::none
    : x == time_point::max()          ? time_form::never
    : x < now_                        ? time_form::past
                                      : time_form::future;
  value(form);
  const auto from = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  const auto to = static_cast<std::uint64_t>(x.time_since_epoch().count());
  if (form == time_form::past)
    number(from - to);
  else if (form == time_form::future)
    number(to - from);
}

void snapshot_writer::value(const std::string& x) {
  number(x.size());
  out_.append(x);
}

void snapshot_writer::number_leases(std::vector<const lease_entry*> leases) {
  leases_.clear();
  for (std::size_t i = 0; i < leases.size(); ++i)
    leases_.emplace_back(leases[i], i + 1);
  std::sort(leases_.begin(), leases_.end());
}

void snapshot_writer::lease(const lease_entry* l) {
  const auto found = std::lower_bound(
    leases_.begin(), leases_.end(), l, [](const auto& a, const auto* b) { return a.first < b; });
  number(found != leases_.end() && found->first == l ? found->second : 0);
}

// Only a recovered record can have an id that is not made of its lease.
void snapshot_writer::record(const lease_entry& l, const record_name_ptr& record) {
  const bool differs = record != nullptr && record->id() != made_record_id(l, *file_id_);
  value(differs ? record->id() : std::string());
}

namespace {

template <std::size_t I, class Archive>
void write_pending(Archive& a, const command& what) {
  if constexpr (I < std::variant_size_v<pending_command>) {
    const auto* const c = std::get_if<std::variant_alternative_t<I, pending_command>>(&what);
    if (c == nullptr)
      return write_pending<I + 1>(a, what);
    a.byte(static_cast<std::uint8_t>(I));
    a(*c);
  }
}

template <std::size_t I, class Archive>
void read_pending(Archive& a, std::uint64_t kind, command& what) {
  if constexpr (I < std::variant_size_v<pending_command>) {
    if (kind != I)
      return read_pending<I + 1>(a, kind, what);
    a(what.emplace<std::variant_alternative_t<I, pending_command>>());
  }
}

} // namespace

void snapshot_writer::pending(const command& what) {
  write_pending<0>(*this, what);
}

// -- reading

void snapshot_reader::fail(const char* what) {
  if (problem_ == nullptr)
    problem_ = what;
}

std::uint8_t snapshot_reader::byte() {
  if (failed() || at_ == bytes_.size()) {
    fail("ends too early");
    return 0;
  }
  return static_cast<std::uint8_t>(bytes_[at_++]);
}

std::uint64_t snapshot_reader::number(std::uint64_t most) {
  if (failed())
    return 0;
  std::uint64_t n = 0;
  const auto end = get_varint(bytes_, at_, n);
  if (end == varint_end::cut)
    fail("ends too early");
  else if (end == varint_end::too_long)
    fail("a number that has too many bytes");
  else if (n > most)
    fail("a number that is out of range");
  return failed() ? 0 : n;
}

std::size_t snapshot_reader::size() {
  const auto n = number(std::numeric_limits<std::uint32_t>::max());
  if (n <= bytes_.size() - at_)
    return static_cast<std::size_t>(n);
  fail("a list that is longer than the snapshot");
  return 0;
}

void snapshot_reader::raw(std::uint8_t* to, std::size_t count) {
  if (failed() || bytes_.size() - at_ < count)
    return fail("ends too early");
  std::memcpy(to, bytes_.data() + at_, count);
  at_ += count;
}

void snapshot_reader::value(oplock_level& x) {
  x = static_cast<oplock_level>(number(0xff));
  if (x != oplock_level::none && x != oplock_level::level_ii && x != oplock_level::exclusive &&
    x != oplock_level::batch && x != oplock_level::lease)
    fail("an unknown oplock level");
}

void snapshot_reader::value(time_point& x) {
  const auto form = static_cast<time_form>(number(static_cast<std::uint64_t>(time_form::future)));
  x = form == time_form::never ? time_point::max() : time_point{};
  if (form == time_form::none || form == time_form::never)
    return;
  const duration away{
    static_cast<duration::rep>(number(std::numeric_limits<duration::rep>::max()))};
  // The first moment of the clock would mean that there is no time.
  constexpr time_point earliest{duration{1}};
  if (form == time_form::future)
    x = std::max(after(now_, away), earliest);
  else
    x = now_ - earliest > away ? now_ - away : earliest;
}

void snapshot_reader::value(duration& x) {
  x = duration{static_cast<duration::rep>(number(std::numeric_limits<duration::rep>::max()))};
}

void snapshot_reader::value(std::string& x) {
  const auto length = size();
  if (length > snapshot_text_max)
    fail("a text that is too long");
  if (failed())
    return;
  x.assign(bytes_.substr(at_, length));
  at_ += length;
}

void snapshot_reader::value(std::unique_ptr<held_notice>& x) {
  if (number(1) == 0)
    return;
  x = std::make_unique<held_notice>(*counts_);
  fields(*this, *x);
  if (const auto behind = std::exchange(x->behind, 0); behind != 0)
    x->stay_behind(behind);
}

void snapshot_reader::lease(lease_entry*& l) {
  const auto n = static_cast<std::size_t>(number(leases_.size()));
  l = n == 0 ? nullptr : leases_[n - 1];
}

void snapshot_reader::lease(const lease_entry*& l) {
  lease_entry* found = nullptr;
  lease(found);
  l = found;
}

void snapshot_reader::channels(const lease_entry&, const channel_list&) {
  value(channels_.emplace_back());
}

void snapshot_reader::record(const lease_entry&, record_name_ptr& record) {
  std::string id;
  value(id);
  if (!id.empty())
    record = make_record_name(std::move(id));
}

void snapshot_reader::pending(command& what) {
  constexpr auto kinds = std::variant_size_v<pending_command>;
  read_pending<0>(*this, number(kinds - 1), what);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
