// See tokens.hpp.
#include "tokens.hpp"

#include "text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <system_error>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace {

constexpr std::size_t token_min = 16;
constexpr std::size_t token_max = 1'024;
constexpr std::size_t file_max = std::size_t{64} << 10;

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw std::runtime_error("token file " + file + ": " + why);
}

/// Closes a file descriptor.
class descriptor {
public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

/// RFC 6750, 2.1: b64token.
bool is_token(std::string_view text) {
  return text.size() >= token_min && text.size() <= token_max &&
    std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        std::string_view("-._~+/=").find(c) != std::string_view::npos;
    });
}

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos)
    return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

} // namespace

token_list token_list::read(const std::string& file) {
  const auto failure = [] { return std::system_category().message(errno); };
  const descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0)
    refuse(file, failure());
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0)
    refuse(file, failure());
  if (!S_ISREG(about.st_mode))
    refuse(file, "it is not a regular file");
  if (about.st_uid != ::geteuid() && about.st_uid != 0)
    refuse(file, "it belongs to another user");
  if ((about.st_mode & 077U) != 0)
    refuse(file, "other users can read or change it; use chmod 600");
  std::string content;
  std::array<char, 4'096> part{};
  for (;;) {
    const auto n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      refuse(file, failure());
    if (n == 0)
      break;
    content.append(part.data(), static_cast<std::size_t>(n));
    if (content.size() > file_max)
      refuse(file, "it is too long");
  }
  return parse(content, file);
}

token_list token_list::parse(std::string_view content, const std::string& file) {
  token_list result;
  std::size_t number = 0;
  while (!content.empty()) {
    const auto end = content.find('\n');
    auto line = trimmed(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    ++number;
    if (line.empty() || line.front() == '#')
      continue;
    auto allows = right::act;
    if (line.starts_with("read ") || line.starts_with("act ")) {
      allows = line.starts_with("read ") ? right::read : right::act;
      line = trimmed(line.substr(line.find(' ')));
    }
    if (!is_token(line))
      refuse(file,
        "line " + std::to_string(number) + " has no token of " + std::to_string(token_min) +
          " to " + std::to_string(token_max) + " characters");
    result.tokens_.push_back({std::string(line), allows});
  }
  if (result.tokens_.empty())
    refuse(file, "it has no token");
  return result;
}

right token_list::right_of(std::string_view token) const noexcept {
  auto found = right::none;
  for (const auto& t : tokens_) // compare all of them, to take the same time
    if (equal_in_constant_time(t.token, token))
      found = std::max(found, t.allows);
  return found;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
