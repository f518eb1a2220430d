#include "tally.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

namespace leasebreak::simulated {

namespace {

// Distinct messages are few, but a run that fails everywhere must not fill the memory with them.
constexpr std::size_t unexpected_max = 50;

} // namespace

void shared_histogram::add(leasebreak::duration d) {
  const auto us =
    std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(d).count());
  const auto bucket = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(us)));
  ++count_[std::min(bucket, count_.size() - 1)];
}

leasebreak::latency_histogram shared_histogram::snapshot() const {
  leasebreak::latency_histogram result;
  for (std::size_t i = 0; i < count_.size(); ++i)
    result.count[i] = count_[i];
  return result;
}

void tally::failed(leasebreak::errc e) {
  const std::scoped_lock lock{mutex_};
  ++errors_[e];
}

void tally::unexpected(std::string what) {
  const std::scoped_lock lock{mutex_};
  if (unexpected_.size() < unexpected_max || unexpected_.contains(what))
    ++unexpected_[std::move(what)];
}

std::map<leasebreak::errc, std::uint64_t> tally::errors() const {
  const std::scoped_lock lock{mutex_};
  return errors_;
}

std::map<std::string, std::uint64_t> tally::unexpected() const {
  const std::scoped_lock lock{mutex_};
  return unexpected_;
}

} // namespace leasebreak::simulated
