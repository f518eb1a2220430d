#include "operation_ledger.hpp"

namespace leasebreak::simulated {

namespace {

// The operation that this thread is initiating.
thread_local const void* starting = nullptr;

std::uint64_t sum(const std::array<std::atomic<std::uint64_t>, operation_kinds>& counts) {
  std::uint64_t result = 0;
  for (const auto& count : counts)
    result += count.load();
  return result;
}

} // namespace

std::string_view to_string(operation_kind kind) noexcept {
  constexpr std::array<std::string_view, operation_kinds> names{
    "open", "close", "lock", "unlock", "acknowledge", "access", "check_io", "disconnect"};
  return names[static_cast<std::size_t>(kind)];
}

void operation_ledger::ticket::enter() {
  starting = this;
}

void operation_ledger::ticket::leave() {
  starting = nullptr;
}

void operation_ledger::ticket::complete() {
  if (starting == this)
    ++ledger_.inside_;
  if (completions_++ == 0)
    ++ledger_.completed_[static_cast<std::size_t>(kind_)];
  else
    ++ledger_.twice_;
}

std::shared_ptr<operation_ledger::ticket> operation_ledger::begin(operation_kind kind) {
  ++started_[static_cast<std::size_t>(kind)];
  return std::make_shared<ticket>(*this, kind);
}

std::uint64_t operation_ledger::started() const {
  return sum(started_);
}

std::uint64_t operation_ledger::started(operation_kind kind) const {
  return started_[static_cast<std::size_t>(kind)];
}

std::uint64_t operation_ledger::completed() const {
  return sum(completed_);
}

std::string operation_ledger::outstanding() const {
  std::string text;
  for (std::size_t i = 0; i < operation_kinds; ++i) {
    const auto open = started_[i].load() - completed_[i].load();
    if (open == 0)
      continue;
    text += (text.empty() ? "" : ", ") + std::to_string(open) + ' ' +
      std::string{to_string(static_cast<operation_kind>(i))};
  }
  return text;
}

} // namespace leasebreak::simulated
