// Writes and reads the members of a file's state (snapshot_fields.hpp). Internal to the model.
//
// Numbers are variable-length, seven bits to a byte. Times are relative to the time of the export,
// because the clocks of two nodes differ. A reader accepts only what a writer can have written, as
// far as single members are concerned; snapshot_check.cpp checks how they fit together.
#pragma once

#include "file/snapshot_fields.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The greatest value of an enumeration that a reader accepts. Identifiers may have any value.
template <class E>
inline constexpr auto last_of = std::numeric_limits<std::underlying_type_t<E>>::max();
template <>
inline constexpr auto last_of<lease_state> = bits(lease_state::rwh);
template <>
inline constexpr auto last_of<break_cause> = static_cast<std::uint8_t>(break_cause::security);
template <>
inline constexpr auto last_of<access_kind> = static_cast<std::uint8_t>(access_kind::overwrite_base);
template <>
inline constexpr auto last_of<stream_link::stage> = static_cast<std::uint8_t>(
  stream_link::stage::closed);

/// The longest text in a snapshot, in bytes.
inline constexpr std::size_t snapshot_text_max = std::size_t{1} << 20;

/// The commands that can be pending, in the order of their numbers in a snapshot.
using pending_command = std::variant<open_file, close_open, lock_ranges, access_file, force_break>;

/// How a time is given.
enum class time_form : std::uint8_t { none, never, past, future };

/// Writes members to a string.
class snapshot_writer {
public:
  explicit snapshot_writer(time_point now) : now_(now) {}

  template <class... T>
  void operator()(const T&... x) {
    (value(x), ...);
  }
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

  void byte(std::uint8_t b) { out_.push_back(static_cast<char>(b)); }
  void number(std::uint64_t n);
  [[nodiscard]] std::string take() { return std::move(out_); }

private:
  void value(bool x) { byte(x ? 1 : 0); }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void value(T x) { number(x); }
  template <class E>
  requires std::is_enum_v<E>
  void value(E x) { number(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<E>>(x))); }
  void value(time_point x);
  void value(duration x) { number(static_cast<std::uint64_t>(x.count())); }
  void value(const std::string& x);
  template <std::size_t N>
  void value(const std::array<std::uint8_t, N>& x) {
    out_.append(reinterpret_cast<const char*>(x.data()), x.size());
  }
  template <class Tag>
  void value(const id128<Tag>& x) {
    value(x.bytes);
  }
  void value(const lock_sequences& x) { value(x.all()); }
  template <class T>
  void value(const std::optional<T>& x) {
    value(x.has_value());
    if (x)
      value(*x);
  }
  template <class T>
  void value(const std::unique_ptr<T>& x) {
    value(x != nullptr);
    if (x)
      value(*x);
  }
  template <class T>
  void value(const std::vector<T>& x) {
    number(x.size());
    for (const auto& each : x)
      value(each);
  }
  template <class T>
  requires requires(snapshot_writer& a, const T& x) { fields(a, x); }
  void value(const T& x) { fields(*this, x); }

  time_point now_;
  const std::string* file_id_ = nullptr;
  std::vector<std::pair<const lease_entry*, std::size_t>> leases_; ///< Ordered by address.
  std::string out_;
};

/// Reads members from bytes. After a failure it reads zeros and empty values.
class snapshot_reader {
public:
  snapshot_reader(std::string_view bytes, time_point now, held_counts& counts)
    : bytes_(bytes), now_(now), counts_(&counts) {}

  template <class... T>
  void operator()(T&... x) {
    (value(x), ...);
  }
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

  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint64_t number(std::uint64_t most);
  /// Reads the number of elements of a list, of which each takes at least one byte.
  [[nodiscard]] std::size_t size();
  [[nodiscard]] std::vector<std::vector<channel_id>> take_channels() {
    return std::move(channels_);
  }

  /// Notes the first problem. `what` must be a literal.
  void fail(const char* what);
  [[nodiscard]] bool failed() const noexcept { return problem_ != nullptr; }
  [[nodiscard]] const char* problem() const noexcept { return problem_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

private:
  void value(bool& x) { x = number(1) != 0; }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void value(T& x) {
    x = static_cast<T>(number(std::numeric_limits<T>::max()));
  }
  template <class E>
  requires std::is_enum_v<E>
  void value(E& x) { x = static_cast<E>(number(last_of<E>)); }
  void value(oplock_level& x);
  void value(time_point& x);
  void value(duration& x);
  void value(std::string& x);
  void raw(std::uint8_t* to, std::size_t count);
  template <std::size_t N>
  void value(std::array<std::uint8_t, N>& x) {
    raw(x.data(), N);
  }
  template <class Tag>
  void value(id128<Tag>& x) {
    value(x.bytes);
  }
  void value(lock_sequences& x) { value(x.all()); }
  template <class T>
  void value(std::optional<T>& x) {
    if (number(1) != 0)
      value(x.emplace());
  }
  template <class T>
  void value(std::unique_ptr<T>& x) {
    if (number(1) != 0)
      value(*(x = std::make_unique<T>()));
  }
  void value(std::unique_ptr<held_notice>& x);
  template <class T>
  void value(std::vector<T>& x) {
    for (auto left = size(); left != 0 && !failed(); --left)
      value(x.emplace_back());
  }
  template <class T>
  requires requires(snapshot_reader& a, T& x) { fields(a, x); }
  void value(T& x) { fields(*this, x); }

  std::string_view bytes_;
  time_point now_;
  held_counts* counts_;
  std::size_t at_ = 0;
  const char* problem_ = nullptr;
  std::vector<lease_entry*> leases_;
  std::vector<std::vector<channel_id>> channels_; ///< Those of each lease, in the order of reading.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
