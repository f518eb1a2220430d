#include "file/snapshot_archive.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

// -- writing

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
