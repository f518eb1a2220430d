// See core.hpp.
#include "core.hpp"

#include "event_reader.hpp"
#include "feed.hpp"
#include "json.hpp"
#include "text.hpp"

#include <leasebreak/admin/encode.hpp>
#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>

#include <spdlog/logger.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

http_response failed(const error_code& error) {
  if (to_errc(error) == errc::shutting_down || to_errc(error) == errc::not_started)
    return error_response(503, "not_serving", error.message());
  return error_response(409, "failed", error.message());
}

std::string name_of(const caller& who) {
  return who.is_local ? "uid " + std::to_string(who.uid) : "address " + who.address;
}

/// Returns the greatest id below `id`.
client_guid before(client_guid id) {
  for (auto byte = id.bytes.rbegin(); byte != id.bytes.rend(); ++byte)
    if ((*byte)-- != 0)
      break;
  return id;
}

/// Returns whether a listing asks only files that the coordinator can look up.
bool asks_few_files(const list_request& r) noexcept {
  return !r.matching.file_id.empty() || !r.path_prefix.empty() || !r.path_tail.empty();
}

bool is_held(const listed_entry& e) {
  return (e.kind == entry_kind::lease || e.kind == entry_kind::oplock) && e.lease.has_value();
}

} // namespace

core::listing_line::listing_line(const asio::any_io_executor& strand)
  : ended(strand, asio::steady_timer::time_point::max()) {}

/// Held during a listing.
class core::listing_turn {
public:
  explicit listing_turn(listing_line& of) noexcept : of_(of) { of_.is_busy = true; }
  ~listing_turn() {
    of_.is_busy = false;
    try {
      of_.ended.cancel_one();
    } catch (...) {
      // the end of the next listing wakes the waiting one
    }
  }
  listing_turn(const listing_turn&) = delete;
  listing_turn& operator=(const listing_turn&) = delete;

private:
  listing_line& of_;
};

/// The entries of the file that a break is for.
struct core::found_file {
  std::vector<listed_entry> entries;
  time_point now{};
};

core::core(asio::any_io_executor strand, coordinator& c, service_options options)
  : strand_(std::move(strand)), options_(std::move(options)),
    logger_(options_.logger != nullptr ? options_.logger : spdlog::get("leasebreak")),
    started_(std::chrono::system_clock::now()), coordinator_(&c),
    reader_slots_(std::make_shared<int>()), long_listings_(strand_), short_listings_(strand_) {}

void core::detach() noexcept {
  const std::lock_guard lock(mutex_);
  coordinator_ = nullptr;
}

asio::awaitable<http_response> core::answer(http_request r, const access_rules& rules, caller who) {
  auto what = route(r, rules, who);
  if (auto* const refused = std::get_if<http_response>(&what); refused != nullptr)
    co_return std::move(*refused);
  auto& call = std::get<admin_call>(what);
  const auto needed = needed_for(call);
  bool may = true;
  const bool is_there = with_coordinator([&](coordinator&) {
    may = needed == right::none || !options_.authorize || options_.authorize(who, needed);
  });
  if (!is_there)
    co_return stopping();
  if (!may)
    co_return error_response(403, "forbidden", "the host does not allow it");
  co_return co_await carry_out(std::move(call), std::move(who));
}

asio::awaitable<http_response> core::carry_out(admin_call call, caller who) {
  if (auto* const files = std::get_if<show_files>(&call); files != nullptr)
    co_return co_await list(std::move(*files));
  if (auto* const broken = std::get_if<break_by_hand>(&call); broken != nullptr)
    co_return co_await break_file(std::move(*broken), std::move(who));
  if (const auto* const gone = std::get_if<disconnect_by_hand>(&call); gone != nullptr)
    co_return disconnect(*gone, who);
  if (const auto* const set = std::get_if<change_by_hand>(&call); set != nullptr)
    co_return change_setting(*set, who);
  if (std::holds_alternative<show_cluster>(call))
    co_return co_await show_host_cluster();
  if (const auto* const events = std::get_if<show_events>(&call); events != nullptr)
    co_return read_events(*events);
  if (const auto* const top = std::get_if<show_top>(&call); top != nullptr)
    co_return show_top_list(*top);
  co_return show(call);
}

http_response core::read_events(const show_events& call) {
  if (options_.events == nullptr)
    return error_response(501, "not_supported", "the host does not offer events");
  const auto most = std::min(options_.event_readers_max, options_.connections_max - 1);
  if (static_cast<std::size_t>(reader_slots_.use_count()) > most)
    return error_response(503, "too_many_readers", "there are too many readers of events");
  http_response r;
  r.content_type = "text/event-stream";
  r.events =
    std::make_shared<event_reader>(strand_, options_.events_queued_max, call.all, reader_slots_);
  r.events->subscribe(options_.events);
  return r;
}

http_response core::show_top_list(const show_top& call) const {
  if (options_.events == nullptr)
    return error_response(501, "not_supported", "the host does not offer events");
  const auto now = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
  json::array top;
  for (const auto& e : options_.events->inside().top(call.what, now, call.limit)) {
    json::object one;
    if (call.what == top_of::blockers) {
      one["client"] = e.key;
      one["label"] = to_utf8(e.name);
    } else {
      one["file"] = bytes_to_hex(e.key);
      one["path"] = to_utf8(e.name);
    }
    one["seconds"] = static_cast<double>(e.us) / 1e6;
    one["error_seconds"] = static_cast<double>(e.error_us) / 1e6;
    one["count"] = e.count;
    top.push_back(std::move(one));
  }
  json::object o;
  o["now"] = to_rfc3339(now);
  o["minutes"] = top_list::minutes;
  o["of"] = call.what == top_of::blockers ? "blockers" : "files";
  o["top"] = std::move(top);
  return ok(text_of(o));
}

http_response core::show(const admin_call& call) {
  auto result = stopping();
  with_coordinator([&](coordinator& c) {
    if (const auto* const page = std::get_if<show_page>(&call); page != nullptr) {
      result = ok(std::string(page->file->content));
      result.content_type = page->file->content_type;
    } else if (std::holds_alternative<show_metrics>(call)) {
      result = ok(to_prometheus(c.stats(), {options_.version, started_}));
      result.content_type = prometheus_content_type;
    } else if (std::holds_alternative<show_settings>(call)) {
      result = ok(settings_to_json(c.current_settings()));
    } else if (std::holds_alternative<show_stats>(call)) {
      result = ok(leasebreak::to_json(c.stats()));
    } else if (const auto* const clients = std::get_if<show_clients>(&call); clients != nullptr) {
      auto found = c.list_clients(clients->limit + 1, clients->after);
      const bool is_last = found.size() <= clients->limit;
      if (!is_last)
        found.pop_back();
      result = ok(to_json(found, is_last));
    } else if (std::holds_alternative<show_readiness>(call) && options_.is_ready &&
      !options_.is_ready()) {
      result = error_response(503, "not_ready", "the host is not ready");
    } else {
      result = ok("{\"status\":\"ok\"}\n");
    }
  });
  return result;
}

asio::awaitable<error_code> core::list_page(list_request r, listed_page& page) {
  auto& line = asks_few_files(r) ? short_listings_ : long_listings_;
  while (line.is_busy) {
    error_code woken;
    co_await line.ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  const listing_turn turn(line);
  // A deferred operation may outlive the coordinator.
  using operation = decltype(std::declval<coordinator&>().async_list_page(list_request()));
  std::optional<operation> asked;
  if (!with_coordinator([&](coordinator& c) { asked.emplace(c.async_list_page(std::move(r))); }))
    co_return make_error_code(errc::shutting_down);
  auto [error, found] = co_await std::move(*asked)(asio::as_tuple(asio::use_awaitable));
  page = std::move(found);
  co_return error;
}

asio::awaitable<http_response> core::list(show_files call) {
  listed_page page;
  const auto error = co_await list_page(std::move(call.what), page);
  if (error)
    co_return failed(error);
  co_return ok(call.as == show_files::view::waits ? waits_to_json(page) : to_json(page));
}

/// Lists the entries of the requested file, or returns an error if not exactly one file matches.
asio::awaitable<std::optional<http_response>> core::find(list_request r, found_file& file) {
  r.limit = options_.page_entries_max;
  do {
    listed_page page;
    const auto error = co_await list_page(r, page);
    if (error)
      co_return failed(error);
    for (auto& e : page.entries) {
      if (!file.entries.empty() && file.entries.front().file_id != e.file_id)
        co_return error_response(
          409, "ambiguous", "several files match; give a longer path, a share or a file");
      file.entries.push_back(std::move(e));
    }
    file.now = page.now;
    r.after = page.next;
  } while (!r.after.empty());
  if (file.entries.empty())
    co_return error_response(404, "not_found", "no such file has holders or pending operations");
  co_return std::nullopt;
}

asio::awaitable<error_code> core::force(force_break_request r) {
  using operation = decltype(std::declval<coordinator&>().async_force_break(force_break_request()));
  std::optional<operation> asked;
  if (!with_coordinator([&](coordinator& c) { asked.emplace(c.async_force_break(std::move(r))); }))
    co_return make_error_code(errc::shutting_down);
  // After `action_time`, stop waiting for the break, which continues.
  const auto stop = std::make_shared<asio::cancellation_signal>();
  asio::steady_timer enough(strand_, options_.action_time);
  enough.async_wait([stop](const error_code& error) {
    if (!error)
      stop->emit(asio::cancellation_type::total);
  });
  const auto [error] = co_await std::move(*asked)(
    asio::bind_cancellation_slot(stop->slot(), asio::as_tuple(asio::use_awaitable)));
  enough.cancel();
  co_return error;
}

asio::awaitable<http_response> core::break_file(break_by_hand call, caller who) {
  found_file file;
  auto missing = co_await find(call.what, file);
  if (missing)
    co_return std::move(*missing);
  json::object answer;
  json::array holders;
  std::size_t waiting = 0;
  for (const auto& e : file.entries) {
    waiting += e.kind == entry_kind::waiting ? 1 : 0;
    if (is_held(e) && (!call.client || *call.client == e.client) &&
      (!call.key || *call.key == e.lease->key) && !is_subset(e.lease->state, call.keep))
      holders.push_back(json_of(e, file.now));
  }
  const auto& first = file.entries.front();
  const auto holders_count = holders.size();
  answer["file"] = bytes_to_hex(first.file_id);
  answer["share"] = to_utf8(first.share);
  answer["path"] = to_utf8(first.path);
  answer["keep"] = std::string(to_string(call.keep));
  answer["dry_run"] = call.dry_run;
  answer["holders"] = std::move(holders);
  answer["waiting"] = waiting;
  std::string outcome = "dry_run";
  error_code error;
  if (holders_count == 0) {
    outcome = "nothing_to_break";
  } else if (!call.dry_run) {
    force_break_request request(first.file_id, call.client, call.key, call.keep, true);
    error = co_await force(std::move(request));
    outcome = !error ? "ended" : to_errc(error) == errc::cancelled ? "pending" : error.message();
  }
  const bool has_failed = error && to_errc(error) != errc::cancelled;
  audit(who,
    "break of file " + bytes_to_hex(first.file_id) + ", path " + quoted(first.path) + ", client " +
      (call.client ? to_string(*call.client) : "any") + ", key " +
      (call.key ? to_string(*call.key) : "any") + ", keep " + std::string(to_string(call.keep)) +
      (call.dry_run ? ", dry run" : "") + ", " + std::to_string(holders_count) + " holders, " +
      std::to_string(waiting) + " waiting",
    outcome);
  if (has_failed)
    co_return failed(error);
  answer["outcome"] = outcome;
  co_return ok(text_of(answer));
}

http_response core::disconnect(const disconnect_by_hand& call, const caller& who) {
  std::vector<listed_client> found;
  bool was_connected = false;
  const bool acts = options_.disconnect && !call.dry_run;
  const bool is_there = with_coordinator([&](coordinator& c) {
    if (!call.client.is_zero())
      found = c.list_clients(1, before(call.client));
    if (!found.empty() && found.front().client != call.client)
      found.clear();
    if (!found.empty() && acts)
      was_connected = options_.disconnect(call.client);
  });
  if (!is_there)
    return stopping();
  if (found.empty())
    return error_response(404, "unknown_client", "the client is not registered");
  if (!options_.disconnect)
    return error_response(501, "not_supported", "the host does not support disconnecting clients");
  const std::string outcome = call.dry_run ? "dry_run"
    : was_connected                        ? "disconnected"
                                           : "no_connection";
  const auto& client = found.front();
  audit(who,
    "disconnect of client " + to_string(client.client) + ", label " + quoted(client.label) +
      (call.dry_run ? ", dry run" : "") + ", " + std::to_string(client.opens) + " opens",
    outcome);
  auto answer = json_of_client(client.client, client.label);
  answer["opens"] = client.opens;
  answer["locks"] = client.locks;
  answer["dry_run"] = call.dry_run;
  answer["outcome"] = outcome;
  return ok(text_of(answer));
}

void core::audit(const caller& who, const std::string& what, const std::string& outcome) {
  if (logger_ != nullptr)
    logger_->info("audit: {}: {}: {}", name_of(who), what, outcome);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
