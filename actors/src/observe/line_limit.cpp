#include "line_limit.hpp"

#include <algorithm>
#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

constexpr std::chrono::seconds limited_span{1};

} // namespace

bool line_limit::second::is_over(time_point now) const noexcept {
  return now - began >= limited_span;
}

std::uint32_t line_limit::second::omitted() const noexcept {
  return lines > lines_per_second ? lines - lines_per_second : 0;
}

bool line_limit::admit(kind k, time_point now) {
  if (seconds_ == nullptr)
    seconds_ = std::make_unique<std::array<second, kinds>>();
  auto& s = (*seconds_)[static_cast<std::size_t>(k)];
  if (s.is_over(now))
    s = {now, 0};
  return ++s.lines <= lines_per_second;
}

std::optional<time_point> line_limit::due() const noexcept {
  std::optional<time_point> result;
  if (seconds_ == nullptr)
    return result;
  for (const auto& s : *seconds_)
    if (s.omitted() != 0)
      result = std::min(result.value_or(time_point::max()), s.began + limited_span);
  return result;
}

std::uint32_t line_limit::take(kind k, time_point now) noexcept {
  if (seconds_ == nullptr)
    return 0;
  auto& s = (*seconds_)[static_cast<std::size_t>(k)];
  const auto omitted = s.is_over(now) ? s.omitted() : 0;
  if (omitted != 0)
    s = {};
  return omitted;
}

void line_limit::tidy(time_point now) noexcept {
  if (seconds_ != nullptr && !due() &&
    std::all_of(
      seconds_->begin(), seconds_->end(), [now](const auto& s) { return s.is_over(now); }))
    seconds_.reset();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
