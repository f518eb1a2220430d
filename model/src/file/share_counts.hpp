// Counts of a file's opens by what they use and what they deny. Private.
#pragma once

#include <leasebreak/model/access.hpp>

#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Answers in constant time whether share modes permit an open: a new open conflicts if and only if
/// its access is denied by some open, or it denies the access of some open (MS-FSA 2.1.5.1.2.2).
class share_counts {
public:
  /// What an open takes part with.
  struct use {
    std::uint32_t access = 0; ///< Access rights; see `leasebreak::access`.
    std::uint32_t share_access = 0; ///< See `leasebreak::share`.
    bool of_stream = false; ///< Stands at the file for an open of one of its named streams.
  };

  void add(const use& u) noexcept { count(u, 1); }
  /// Precondition: `u` was added, and not removed since.
  void remove(const use& u) noexcept { count(u, static_cast<std::uint32_t>(-1)); }

  /// Returns whether an open with this use must be refused.
  [[nodiscard]] bool conflict_with(const use& u) const noexcept;
  /// Returns whether a rename into this directory must be refused: it opens the directory for
  /// writing, and shares reading and writing (MS-FSA 2.1.5.15.11).
  [[nodiscard]] bool conflict_with_rename_into() const noexcept {
    return deleting_ != 0 || denying_write_ != 0;
  }

  friend bool operator==(const share_counts&, const share_counts&) = default;

private:
  void count(const use& u, std::uint32_t by) noexcept;

  std::uint32_t reading_ = 0; ///< Opens by the access that share modes can deny.
  std::uint32_t writing_ = 0;
  std::uint32_t deleting_ = 0;
  std::uint32_t denying_read_ = 0; ///< Opens by the access that they do not share.
  std::uint32_t denying_write_ = 0;
  std::uint32_t denying_delete_ = 0;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
