// The operators' page: static files, embedded when the library is built.
#pragma once

#include <leasebreak/model/export.hpp>

#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

struct page_file {
  std::string_view path;
  std::string_view content_type;
  std::string_view content;
};

/// Returns the file with this path, or null.
[[nodiscard]] const page_file* find_page(std::string_view path) noexcept;

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
