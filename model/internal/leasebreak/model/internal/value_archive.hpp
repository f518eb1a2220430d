// Writes and reads plain values as bytes: numbers, times, texts, lists, and what `fields` lists.
//
// Numbers are variable-length. Times are relative to one that the caller chooses, because the
// clocks of two nodes differ. Each value has one form. A reader accepts only what a writer can have
// written, as far as single values are concerned.
#pragma once

#include <leasebreak/model/after.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/internal/varint.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
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
inline constexpr auto last_of<end_cause> = static_cast<std::uint8_t>(end_cause::lost);
template <>
inline constexpr auto last_of<access_kind> = static_cast<std::uint8_t>(access_kind::overwrite_base);
template <>
inline constexpr auto last_of<errc> = static_cast<unsigned>(errc::store_closed);

/// The longest text, in bytes.
inline constexpr std::size_t archived_text_max = std::size_t{1} << 20;

/// How a time is given.
enum class time_form : std::uint8_t { none, never, past, future };

/// The base of a class `Self` that writes values to a string. `Self` may add overloads of `value`.
template <class Self>
class value_writer {
public:
  /// Times are written relative to `now`.
  explicit value_writer(time_point now) : now_(now) {}

  template <class... T>
  void operator()(const T&... x) {
    (self().value(x), ...);
  }

  void byte(std::uint8_t b) { out_.push_back(static_cast<char>(b)); }
  void number(std::uint64_t n) { put_varint(out_, n); }
  void bytes(std::string_view x) { out_.append(x); }
  [[nodiscard]] std::string take() { return std::move(out_); }

  void value(bool x) { byte(x ? 1 : 0); }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void value(T x) { number(x); }
  template <class E>
  requires std::is_enum_v<E>
  void value(E x) { number(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<E>>(x))); }
  void value(time_point x);
  void value(duration x) { number(static_cast<std::uint64_t>(x.count())); }
  void value(const std::string& x) {
    number(x.size());
    out_.append(x);
  }
  void value(std::monostate) {}
  template <std::size_t N>
  void value(const std::array<std::uint8_t, N>& x) {
    out_.append(reinterpret_cast<const char*>(x.data()), x.size());
  }
  template <class Tag>
  void value(const id128<Tag>& x) {
    value(x.bytes);
  }
  template <class T>
  void value(const std::optional<T>& x) {
    value(x.has_value());
    if (x)
      self().value(*x);
  }
  template <class T>
  void value(const std::vector<T>& x) {
    number(x.size());
    for (const auto& each : x)
      self().value(each);
  }
  template <class... T>
  void value(const std::variant<T...>& x) {
    number(x.index());
    std::visit([this](const auto& chosen) { self().value(chosen); }, x);
  }
  template <class T>
  requires requires(Self& a, const T& x) { fields(a, x); }
  void value(const T& x) { fields(self(), x); }

private:
  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }

  time_point now_;
  std::string out_;
};

// A time at the start of the clock or before it means that there is none.
template <class Self>
void value_writer<Self>::value(time_point x) {
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

/// The base of a class `Self` that reads values from bytes. After a failure it reads zeros and
/// empty values.
template <class Self>
class value_reader {
public:
  value_reader(std::string_view bytes, time_point now) : bytes_(bytes), now_(now) {}

  template <class... T>
  void operator()(T&... x) {
    (self().value(x), ...);
  }

  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint64_t number(std::uint64_t most);
  /// Reads the number of elements of a list, of which each takes at least one byte.
  [[nodiscard]] std::size_t size();

  /// Notes the first problem. `what` must be a literal.
  void fail(const char* what) noexcept {
    if (problem_ == nullptr)
      problem_ = what;
  }
  [[nodiscard]] bool failed() const noexcept { return problem_ != nullptr; }
  [[nodiscard]] const char* problem() const noexcept { return problem_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

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
  void value(duration& x) {
    x = duration{static_cast<duration::rep>(number(std::numeric_limits<duration::rep>::max()))};
  }
  void value(std::string& x) { text(x, archived_text_max); }
  void value(std::monostate&) {}
  template <std::size_t N>
  void value(std::array<std::uint8_t, N>& x) {
    raw(x.data(), N);
  }
  template <class Tag>
  void value(id128<Tag>& x) {
    value(x.bytes);
  }
  template <class T>
  void value(std::optional<T>& x) {
    if (number(1) != 0)
      self().value(x.emplace());
  }
  template <class T>
  void value(std::vector<T>& x) {
    for (auto left = size(); left != 0 && !failed(); --left)
      self().value(x.emplace_back());
  }
  template <class... T>
  void value(std::variant<T...>& x) {
    alternative<0>(x, number(sizeof...(T) - 1));
  }
  template <class T>
  requires requires(Self& a, T& x) { fields(a, x); }
  void value(T& x) { fields(self(), x); }

protected:
  /// Reads a text of at most `most` bytes.
  void text(std::string& x, std::size_t most);

private:
  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  void raw(std::uint8_t* to, std::size_t count);
  template <std::size_t I, class Variant>
  void alternative(Variant& x, std::uint64_t chosen) {
    if constexpr (I < std::variant_size_v<Variant>) {
      if (chosen != I)
        return alternative<I + 1>(x, chosen);
      self().value(x.template emplace<I>());
    }
  }

  std::string_view bytes_;
  time_point now_;
  std::size_t at_ = 0;
  const char* problem_ = nullptr;
};

template <class Self>
std::uint8_t value_reader<Self>::byte() {
  if (failed() || at_ == bytes_.size()) {
    fail("ends too early");
    return 0;
  }
  return static_cast<std::uint8_t>(bytes_[at_++]);
}

template <class Self>
std::uint64_t value_reader<Self>::number(std::uint64_t most) {
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

template <class Self>
std::size_t value_reader<Self>::size() {
  const auto n = number(std::numeric_limits<std::uint32_t>::max());
  if (n <= bytes_.size() - at_)
    return static_cast<std::size_t>(n);
  fail("a list that is longer than the bytes");
  return 0;
}

template <class Self>
void value_reader<Self>::raw(std::uint8_t* to, std::size_t count) {
  if (failed() || bytes_.size() - at_ < count)
    return fail("ends too early");
  std::memcpy(to, bytes_.data() + at_, count);
  at_ += count;
}

template <class Self>
void value_reader<Self>::text(std::string& x, std::size_t most) {
  const auto length = size();
  if (length > most)
    fail("a text that is too long");
  if (failed())
    return;
  x.assign(bytes_.substr(at_, length));
  at_ += length;
}

template <class Self>
void value_reader<Self>::value(oplock_level& x) {
  x = static_cast<oplock_level>(number(0xff));
  if (x != oplock_level::none && x != oplock_level::level_ii && x != oplock_level::exclusive &&
    x != oplock_level::batch && x != oplock_level::lease)
    fail("an unknown oplock level");
}

template <class Self>
void value_reader<Self>::value(time_point& x) {
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

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
