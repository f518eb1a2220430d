// The shared part of a service's connections: access to the coordinator, and the execution of
// calls.
#pragma once

#include "pace.hpp"
#include "router.hpp"

#include <leasebreak/admin/service.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// Used on the service's strand, except `detach`.
class core {
public:
  core(boost::asio::any_io_executor strand, coordinator& c, service_options options);
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  [[nodiscard]] const service_options& options() const noexcept { return options_; }
  [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return strand_; }

  /// The requests of all connections: few enough that even unauthorized ones, of which each takes
  /// some 50 us, leave the host's threads alone.
  [[nodiscard]] pace& requests() noexcept { return requests_; }

  /// Answers a request that came under `rules`.
  boost::asio::awaitable<http_response> answer(
    http_request r, const access_rules& rules, caller who);

  /// Prevents all further calls of the coordinator and of functions in the options. Any thread.
  void detach() noexcept;

private:
  class listing_turn;
  struct found_file;

  /// Calls `use` with the coordinator. Returns false if the coordinator is gone.
  template <class Use>
  bool with_coordinator(Use use);

  boost::asio::awaitable<http_response> carry_out(admin_call call, caller who);
  boost::asio::awaitable<http_response> list(show_files call);
  boost::asio::awaitable<error_code> list_page(list_request r, listed_page& page);
  boost::asio::awaitable<http_response> break_file(break_by_hand call, caller who);
  boost::asio::awaitable<std::optional<http_response>> find(list_request r, found_file& file);
  boost::asio::awaitable<error_code> force(force_break_request r);
  http_response disconnect(const disconnect_by_hand& call, const caller& who);
  boost::asio::awaitable<http_response> show_host_cluster();
  http_response show(const admin_call& call);
  http_response change_setting(const change_by_hand& call, const caller& who);
  http_response read_events(const show_events& call);
  http_response show_top_list(const show_top& call) const;
  void audit(const caller& who, const std::string& what, const std::string& outcome);

  const boost::asio::any_io_executor strand_;
  const service_options options_;
  const std::shared_ptr<spdlog::logger> logger_;
  const time_point started_;
  std::mutex mutex_; ///< Held during calls of the coordinator and the host, which do not block.
  coordinator* coordinator_;
  const std::shared_ptr<int> reader_slots_; ///< Each reader of events has a copy.
  pace requests_{std::chrono::milliseconds{2}, 64};
  /// Listings run one at a time. Those that ask few files do not wait for those that ask all.
  struct listing_line {
    explicit listing_line(const boost::asio::any_io_executor& strand);

    bool is_busy = false;
    boost::asio::steady_timer ended; ///< Never expires; cancelled to start the next listing.
  };
  listing_line long_listings_;
  listing_line short_listings_;
};

template <class Use>
bool core::with_coordinator(Use use) {
  const std::lock_guard lock(mutex_);
  if (coordinator_ == nullptr)
    return false;
  use(*coordinator_);
  return true;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
