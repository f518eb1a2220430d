// What all engines have in common: settings, numbers as text, and what they store for a living
// node.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// Returns what is wrong with the name of a cluster or the length of a lease, or an empty text.
[[nodiscard]] std::string problem_of(std::string_view cluster, std::chrono::seconds lease);

/// Returns the value of a decimal number without a sign; nothing if the text is something else.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

/// Returns the nodes that a node suspects, as bytes.
[[nodiscard]] std::string encode_suspected(const std::vector<node_id>& nodes);
/// Returns what `encode_suspected` has written; nothing if it is something else.
[[nodiscard]] std::optional<std::vector<node_id>> decode_suspected(std::string_view bytes);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
