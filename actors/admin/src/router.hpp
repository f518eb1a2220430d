// Finds the call that a request makes, and checks that its sender may make it. A pure function,
// without a socket, a coordinator or a clock.
#pragma once

#include "feed.hpp"
#include "http.hpp"
#include "page.hpp"
#include "tokens.hpp"

#include <leasebreak/admin/service.hpp>
#include <leasebreak/requests.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// The tokens with their rights, and the accepted host names.
struct access_rules {
  token_list tokens; ///< For TCP.
  std::vector<std::string> hosts; ///< Without port, IPv6 addresses in brackets.
  std::uint16_t port = 0; ///< The port that a Host header may contain; 0: any.
  std::size_t page_entries_max = 1'000;
};

// The calls.
struct show_page {
  const page_file* file = nullptr;
};
struct show_health {};
struct show_readiness {};
struct show_metrics {};
struct show_stats {};
struct show_clients {
  std::size_t limit = 0;
  client_guid after;
};
struct show_files {
  enum class view { files, breaks, waits };
  view as = view::files;
  list_request what;
};
struct show_events {
  bool all = false; ///< Opens and closes, too.
};
struct show_top {
  top_of what = top_of::blockers;
  std::size_t limit = 0;
};
struct break_by_hand {
  /// The file: `what.matching.file_id`, or `what.path_tail`, which must match one file only.
  list_request what;
  std::optional<client_guid> client;
  std::optional<lease_key> key;
  lease_state keep = lease_state::none;
  bool dry_run = false;
};
struct disconnect_by_hand {
  client_guid client;
  bool dry_run = false;
};
struct show_settings {};
struct show_cluster {};
struct change_by_hand {
  std::string name;
  std::string value;
  std::string share; ///< Empty: all files.
  bool dry_run = false;
};
using admin_call = std::variant<show_page, show_health, show_readiness, show_metrics, show_stats,
  show_clients, show_files, show_events, show_top, break_by_hand, disconnect_by_hand, show_settings,
  change_by_hand, show_cluster>;

/// A call, or the response to a request that is refused. `route` sets `who.granted`.
using routed = std::variant<http_response, admin_call>;
[[nodiscard]] routed route(const http_request& r, const access_rules& rules, caller& who);

/// The right that a call needs.
[[nodiscard]] right needed_for(const admin_call& call) noexcept;

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
