#include <leasebreak/cluster/etcd_engine.hpp>

#include "engine_values.hpp"
#include "etcd_bodies.hpp"
#include "etcd_replies.hpp"
#include "http_client.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

bool is_port(std::string_view text) {
  std::uint16_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc{} && end == text.data() + text.size() && n != 0;
}

std::optional<etcd_endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view tls = "https://";
  etcd_endpoint e;
  e.is_tls = text.starts_with(tls);
  if (!e.is_tls && !text.starts_with(plain))
    return std::nullopt;
  text.remove_prefix(e.is_tls ? tls.size() : plain.size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1)))
    return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  if (host.empty() || host.find_first_of("/[] ") != std::string_view::npos)
    return std::nullopt;
  e.host = host;
  e.port = text.substr(colon + 1);
  return e;
}

class etcd_engine final : public engine {
public:
  etcd_engine(asio::any_io_executor on, etcd_settings settings)
    : settings_(std::move(settings)), keys_(settings_.cluster),
      client_(std::move(on), settings_.endpoints, settings_.tls, settings_.timeout) {}

  asio::awaitable<engine_result<node_id>> start_run() override;
  asio::awaitable<engine_result<bool>> renew(std::vector<node_id> suspected) override;
  asio::awaitable<engine_result<engine_document>> read() override;
  asio::awaitable<engine_result<bool>> propose(view next) override;
  asio::awaitable<engine_result<bool>> revoke() override;

private:
  using reply = std::variant<json::object, etcd_failure>;

  asio::awaitable<reply> ask(etcd_request what);
  asio::awaitable<reply> ask_once(const etcd_request& what);
  asio::awaitable<std::optional<engine_error>> log_on();
  asio::awaitable<engine_result<bool>> create_lease(const std::string& suspected);
  asio::awaitable<engine_result<bool>> keep(const std::string& suspected);

  etcd_settings settings_;
  etcd_keys keys_;
  http_client client_;
  std::string token_;
  node_id node_{};
  std::string lease_;
  std::optional<std::string> stored_; ///< What this run's key has.
  std::uint64_t view_number_ = 0; ///< Of the view that was read last.
  std::uint64_t view_revision_ = 0;
};

bool has_succeeded(const json::object& reply) {
  const auto* const v = reply.if_contains("succeeded");
  return v != nullptr && v->is_bool() && v->get_bool();
}

asio::awaitable<etcd_engine::reply> etcd_engine::ask_once(const etcd_request& what) {
  auto answer = co_await client_.post(what.path, what.body, token_);
  if (auto* const why = std::get_if<std::string>(&answer))
    co_return etcd_failure{
      false, false, {engine_problem::unreachable, "etcd is not reachable: " + *why}};
  co_return object_in(std::get<http_answer>(answer));
}

// A token expires after some minutes, and when etcd has started again.
asio::awaitable<etcd_engine::reply> etcd_engine::ask(etcd_request what) {
  if (!settings_.user.empty() && token_.empty())
    if (auto failed = co_await log_on())
      co_return etcd_failure{false, false, *std::move(failed)};
  auto first = co_await ask_once(what);
  const auto* const failure = std::get_if<etcd_failure>(&first);
  if (failure == nullptr || !failure->needs_logon || settings_.user.empty())
    co_return first;
  if (auto failed = co_await log_on())
    co_return etcd_failure{false, false, *std::move(failed)};
  co_return co_await ask_once(what);
}

asio::awaitable<std::optional<engine_error>> etcd_engine::log_on() {
  token_.clear();
  auto answer = co_await ask_once(authenticate(settings_.user, settings_.password));
  if (auto* const failure = std::get_if<etcd_failure>(&answer)) {
    if (failure->error.problem == engine_problem::refused)
      failure->error.what = "etcd refuses the user " + settings_.user + ", or the password";
    co_return failure->error;
  }
  token_ = text_in(std::get<json::object>(answer), "token");
  co_return std::nullopt;
}

asio::awaitable<engine_result<node_id>> etcd_engine::start_run() {
  for (;;) {
    auto before = co_await ask(read_key(keys_.last_node));
    if (auto* const failure = std::get_if<etcd_failure>(&before))
      co_return std::move(failure->error);
    auto value = value_in(std::get<json::object>(before));
    if (auto* const failed = std::get_if<engine_error>(&value))
      co_return std::move(*failed);
    const auto& last = std::get<etcd_value>(value);
    std::uint32_t n = 0;
    const auto* const end = last.value.data() + last.value.size();
    const auto parsed = std::from_chars(last.value.data(), end, n);
    if (last.revision != 0 && (parsed.ec != std::errc{} || parsed.ptr != end))
      co_return engine_error{engine_problem::damaged,
        "the key " + keys_.last_node + " is not a number. Set it to that of the last node."};
    if (n >= node_number_max)
      co_return engine_error{engine_problem::exhausted,
        "no numbers are left for nodes of the cluster " + settings_.cluster};
    auto done = co_await ask(replace_key(keys_.last_node, std::to_string(n + 1), last.revision));
    if (auto* const failure = std::get_if<etcd_failure>(&done))
      co_return std::move(failure->error);
    if (!has_succeeded(std::get<json::object>(done)))
      continue; // another node was faster
    node_ = node_id{n + 1};
    co_return node_;
  }
}

asio::awaitable<engine_result<bool>> etcd_engine::create_lease(const std::string& suspected) {
  auto granted = co_await ask(grant_lease(settings_.lease));
  if (auto* const failure = std::get_if<etcd_failure>(&granted))
    co_return std::move(failure->error);
  lease_ = text_in(std::get<json::object>(granted), "ID");
  co_return co_await keep(suspected);
}

// Stores what has changed, or else renews. A lease that does not exist has expired.
asio::awaitable<engine_result<bool>> etcd_engine::keep(const std::string& suspected) {
  const bool is_new = !stored_ || *stored_ != suspected;
  if (is_new) {
    auto stored = co_await ask(put_node(keys_.of_node(node_), suspected, lease_));
    if (auto* const failure = std::get_if<etcd_failure>(&stored)) {
      if (failure->is_not_found)
        co_return false;
      co_return std::move(failure->error);
    }
    stored_ = suspected;
  }
  auto kept = co_await ask(keep_lease(lease_));
  if (auto* const failure = std::get_if<etcd_failure>(&kept))
    co_return std::move(failure->error);
  const auto* const result = std::get<json::object>(kept).if_contains("result");
  const auto* const o = result != nullptr ? result->if_object() : nullptr;
  co_return o != nullptr&& number_in(*o, "TTL").value_or(0) != 0;
}

asio::awaitable<engine_result<bool>> etcd_engine::renew(std::vector<node_id> suspected) {
  const auto bytes = encode_suspected(suspected);
  if (lease_.empty())
    co_return co_await create_lease(bytes);
  co_return co_await keep(bytes);
}

asio::awaitable<engine_result<engine_document>> etcd_engine::read() {
  auto answer = co_await ask(read_document_of(keys_));
  if (auto* const failure = std::get_if<etcd_failure>(&answer))
    co_return std::move(failure->error);
  auto found = document_in(std::get<json::object>(answer), keys_);
  if (auto* const failed = std::get_if<engine_error>(&found))
    co_return std::move(*failed);
  auto& document = std::get<etcd_document>(found);
  view_number_ = document.document.current.number;
  view_revision_ = document.revision;
  co_return std::move(document.document);
}

asio::awaitable<engine_result<bool>> etcd_engine::propose(view next) {
  if (next.number != view_number_ + 1)
    co_return false;
  auto done = co_await ask(replace_view(keys_, encode(next), view_revision_, node_));
  if (auto* const failure = std::get_if<etcd_failure>(&done))
    co_return std::move(failure->error);
  co_return has_succeeded(std::get<json::object>(done));
}

asio::awaitable<engine_result<bool>> etcd_engine::revoke() {
  if (lease_.empty())
    co_return false;
  auto done = co_await ask(revoke_lease_of(lease_));
  if (auto* const failure = std::get_if<etcd_failure>(&done)) {
    if (failure->is_not_found)
      co_return false;
    co_return std::move(failure->error);
  }
  co_return true;
}

} // namespace

std::variant<std::vector<etcd_endpoint>, std::string> parse_etcd_endpoints(std::string_view list) {
  std::vector<etcd_endpoint> all;
  for (;;) {
    const auto comma = list.find(',');
    const auto text = list.substr(0, comma);
    auto e = parse_endpoint(text);
    if (!e)
      return "not an endpoint such as http://host:2379: " + std::string(text);
    all.push_back(*std::move(e));
    if (comma == std::string_view::npos)
      return all;
    list.remove_prefix(comma + 1);
  }
}

namespace {

bool is_loopback(const std::string& host) {
  boost::system::error_code is_name;
  const auto address = asio::ip::make_address(host, is_name);
  return is_name ? host == "localhost" : address.is_loopback();
}

} // namespace

std::string problem_of(const etcd_settings& s) {
  if (s.endpoints.empty())
    return "no endpoint of etcd is given";
  if (auto problem = problem_of(s.cluster, s.lease); !problem.empty())
    return problem;
  if (s.timeout <= std::chrono::milliseconds{0})
    return "the timeout of etcd must be positive";
  const bool needs_tls =
    std::any_of(s.endpoints.begin(), s.endpoints.end(), [](const auto& e) { return e.is_tls; });
  if (needs_tls && s.tls == nullptr)
    return "https needs certificates that are trusted";
  const bool is_overheard = std::any_of(s.endpoints.begin(), s.endpoints.end(),
    [](const auto& e) { return !e.is_tls && !is_loopback(e.host); });
  if (is_overheard && !s.user.empty())
    return "the password would be sent in clear text to another machine; use https";
  return {};
}

std::unique_ptr<engine> make_etcd_engine(asio::any_io_executor on, etcd_settings settings) {
  if (const auto problem = problem_of(settings); !problem.empty())
    throw std::invalid_argument(problem);
  return std::make_unique<etcd_engine>(std::move(on), std::move(settings));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
