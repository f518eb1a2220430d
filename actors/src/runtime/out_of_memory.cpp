#include "out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

thread_local initiating* initiating::current_ = nullptr;

namespace {

/// Appends `text` to the line in `to`, as far as there is room.
template <std::size_t Size>
std::size_t append(std::array<char, Size>& to, std::size_t at, const char* text) noexcept {
  const auto length = std::min(std::strlen(text), Size - at);
  std::memcpy(to.data() + at, text, length);
  return at + length;
}

} // namespace

void end_without_memory(const char* where) noexcept {
  std::array<char, 256> line{};
  auto size = append(line, 0, "leasebreak: no memory left ");
  size = append(line, size, where);
  size = append(line, size, "; ending the process, because the state of clients would be lost\n");
  static_cast<void>(::write(STDERR_FILENO, line.data(), size));
  std::abort();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
