// The tokens that TCP callers show.
#pragma once

#include <leasebreak/admin/service.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::admin {

/// A list of tokens and what each allows.
class token_list {
public:
  token_list() = default;

  /// Reads what `service_options::token_file` describes. Throws `std::runtime_error`, which names
  /// `file` and never a token, if it is not as said there.
  [[nodiscard]] static token_list read(const std::string& file);
  /// The same from the file's content.
  [[nodiscard]] static token_list parse(std::string_view content, const std::string& file);

  [[nodiscard]] bool empty() const noexcept { return tokens_.empty(); }

  /// What `token` allows. Takes the same time wherever it differs from those in the list.
  [[nodiscard]] right right_of(std::string_view token) const noexcept;

private:
  struct entry {
    std::string token;
    right allows = right::none;
  };
  std::vector<entry> tokens_;
};

} // namespace leasebreak::admin
