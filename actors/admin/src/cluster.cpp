// The cluster of the host, as it reports it.
#include "core.hpp"

#include "json.hpp"
#include "text.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

json::object json_of_server(const cluster_server& s) {
  json::object o;
  o["name"] = to_utf8(s.name);
  o["run"] = s.run;
  o["address"] = to_utf8(s.address);
  o["slots"] = s.slots;
  o["silent"] = s.is_silent;
  return o;
}

std::string cluster_to_json(const cluster_report& r) {
  json::array servers;
  for (const auto& s : r.servers)
    servers.push_back(json_of_server(s));
  json::object o;
  o["name"] = to_utf8(r.name);
  o["stage"] = to_utf8(r.stage);
  o["run"] = r.run;
  o["view"] = r.view;
  o["slots"] = r.slots;
  o["served"] = r.served;
  o["pending"] = r.pending;
  o["servers"] = std::move(servers);
  return text_of(o);
}

cluster_report no_cluster() {
  cluster_report r;
  r.stage = "none";
  return r;
}

} // namespace

// If the host drops what it was given, the coroutine ends with it, and its connection closes.
asio::awaitable<http_response> core::show_host_cluster() {
  if (!options_.cluster)
    co_return ok(cluster_to_json(no_cluster()));
  const auto ask = [this](auto handler) {
    const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    const auto on = asio::get_associated_executor(*kept, strand_);
    const bool is_there = with_coordinator([&](coordinator&) {
      options_.cluster([kept, on](cluster_report r) {
        asio::post(on,
          [kept, r = std::move(r)]() mutable { std::move (*kept)(std::optional(std::move(r))); });
      });
    });
    if (!is_there)
      asio::post(on, [kept] { std::move (*kept)(std::optional<cluster_report>()); });
  };
  const auto report = co_await asio::async_initiate<const asio::use_awaitable_t<>,
    void(std::optional<cluster_report>)>(ask, asio::use_awaitable);
  if (!report)
    co_return stopping();
  co_return ok(cluster_to_json(*report));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
