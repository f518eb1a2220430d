// The tokens of TCP callers.
#pragma once

#include <leasebreak/admin/service.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// A list of tokens with their rights.
class token_list {
public:
  token_list() = default;

  /// Reads a file as described at `service_options::token_file`. If the file violates that
  /// description, throws `std::runtime_error`, whose text contains `file` and never a token.
  [[nodiscard]] static token_list read(const std::string& file);
  /// Parses the content of such a file.
  [[nodiscard]] static token_list parse(std::string_view content, const std::string& file);

  [[nodiscard]] bool empty() const noexcept { return tokens_.empty(); }

  /// Returns the right of a token. The time does not depend on where `token` differs from the
  /// tokens in the list.
  [[nodiscard]] right right_of(std::string_view token) const noexcept;

private:
  struct entry {
    std::string token;
    right allows = right::none;
  };
  std::vector<entry> tokens_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
