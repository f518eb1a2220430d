// Writes and reads the members of a file's state (snapshot_fields.hpp). Internal to the model.
//
// Times are relative to the time of the export. A reader accepts only what a writer can have
// written, as far as single members are concerned; snapshot_check.cpp checks how they fit together.
#pragma once

#include "file/snapshot_fields.hpp"

#include <leasebreak/model/internal/value_archive.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

template <>
inline constexpr auto last_of<stream_link::stage> = static_cast<std::uint8_t>(
  stream_link::stage::closed);

/// The commands that can be pending, in the order of their numbers in a snapshot.
using pending_command = std::variant<open_file, close_open, lock_ranges, access_file, force_break>;

/// Writes members to a string.
class snapshot_writer : public value_writer<snapshot_writer> {
public:
  using value_writer::value;
  using value_writer::value_writer;

  template <class... T>
  void derived(const T&...) {}

  /// Numbers the leases, to which opens refer. Leases come before opens.
  void number_leases(std::vector<const lease_entry*> leases);
  void lease(const lease_entry* l);
  void channels(const lease_entry&, const channel_list& list) { value(list.all()); }
  void record(const lease_entry& l, const record_name_ptr& record);
  void pending(const command& what);
  template <class T, class Function>
  void contended(const std::unique_ptr<T>& x, const Function& f) {
    value(x != nullptr);
    if (x)
      f(*x);
  }
  /// Sets the id of the file, from which ids of records are made.
  void of_file(const std::string& id) { file_id_ = &id; }

  void value(const lock_sequences& x) { value(x.all()); }
  template <class T>
  void value(const std::unique_ptr<T>& x) {
    value(x != nullptr);
    if (x)
      value(*x);
  }

private:
  const std::string* file_id_ = nullptr;
  std::vector<std::pair<const lease_entry*, std::size_t>> leases_; ///< Ordered by address.
};

/// Reads members from bytes. After a failure it reads zeros and empty values.
class snapshot_reader : public value_reader<snapshot_reader> {
public:
  using value_reader::value;

  snapshot_reader(std::string_view bytes, time_point now, held_counts& counts)
    : value_reader(bytes, now), counts_(&counts) {}

  template <class... T>
  void derived(const T&...) {}

  void number_leases(std::vector<lease_entry*> leases) { leases_ = std::move(leases); }
  void lease(lease_entry*& l);
  void lease(const lease_entry*& l);
  void channels(const lease_entry&, const channel_list&);
  void record(const lease_entry& l, record_name_ptr& record);
  void pending(command& what);
  template <class T, class Function>
  void contended(std::unique_ptr<T>& x, const Function& f) {
    if (number(1) != 0)
      f(*(x = std::make_unique<T>()));
  }
  [[nodiscard]] std::vector<std::vector<channel_id>> take_channels() {
    return std::move(channels_);
  }

  void value(lock_sequences& x) { value(x.all()); }
  template <class T>
  void value(std::unique_ptr<T>& x) {
    if (number(1) != 0)
      value(*(x = std::make_unique<T>()));
  }
  void value(std::unique_ptr<held_notice>& x);

private:
  held_counts* counts_;
  std::vector<lease_entry*> leases_;
  std::vector<std::vector<channel_id>> channels_; ///< Those of each lease, in the order of reading.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
