#include "engine_values.hpp"

#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/internal/value_archive.hpp>

#include <algorithm>
#include <charconv>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

constexpr std::size_t cluster_name_max = 64;
constexpr std::chrono::seconds lease_max{3600};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= cluster_name_max &&
    std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        c == '.' || c == '_' || c == '-';
    });
}

class suspects_writer : public detail::value_writer<suspects_writer> {
public:
  suspects_writer() : value_writer(time_point{}) {}
};

class suspects_reader : public detail::value_reader<suspects_reader> {
public:
  explicit suspects_reader(std::string_view bytes) : value_reader(bytes, time_point{}) {}
};

} // namespace

std::string problem_of(std::string_view cluster, std::chrono::seconds lease) {
  if (!is_name(cluster))
    return "the name of a cluster has 1 to 64 letters, digits, '.', '_' and '-'";
  if (lease < std::chrono::seconds{1} || lease > lease_max)
    return "a lease lives for 1 s to an hour";
  return {};
}

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return n;
}

std::string encode_suspected(const std::vector<node_id>& all) {
  suspects_writer out;
  out(all);
  return out.take();
}

std::optional<std::vector<node_id>> decode_suspected(std::string_view bytes) {
  suspects_reader in(bytes);
  std::vector<node_id> nodes;
  in(nodes);
  if (in.failed() || !in.at_end() || nodes.size() > members_max)
    return std::nullopt;
  return nodes;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
