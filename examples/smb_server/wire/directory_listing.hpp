// The entries of QUERY_DIRECTORY (MS-FSCC 2.4).
#pragma once

#include <smb_server/wire/file_information.hpp>

#include <string_view>

namespace leasebreak::smb {

/// Whether QUERY_DIRECTORY supports the class.
[[nodiscard]] bool is_directory_class(file_class c) noexcept;

/// Fills a response with entries, each aligned to 8 bytes.
class directory_listing {
public:
  directory_listing(file_class c, std::size_t room) noexcept : class_{c}, room_{room} {}

  /// Appends an entry. Returns false and changes nothing if it does not fit.
  bool add(std::string_view name, const file_metadata& m);

  [[nodiscard]] bool empty() const noexcept { return out_.size() == 0; }
  [[nodiscard]] byte_vector take() noexcept { return out_.take(); }

private:
  file_class class_;
  std::size_t room_;
  std::size_t last_ = 0;
  byte_writer out_;
};

} // namespace leasebreak::smb
