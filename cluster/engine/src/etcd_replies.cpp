#include "etcd_replies.hpp"

#include "engine_values.hpp"
#include "json_text.hpp"
#include <leasebreak/model/internal/base64.hpp>
#include <leasebreak/model/quoted.hpp>

#include <boost/json/array.hpp>

#include <charconv>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace json = boost::json;

namespace {

engine_error damaged(std::string what) {
  return {engine_problem::damaged, std::move(what)};
}

engine_error unknown_reply() {
  return damaged("etcd's reply is not understood; is this address that of an etcd 3.4 or later?");
}

const json::object* object_at(const json::object& o, std::string_view name) {
  const auto* const v = o.if_contains(name);
  return v != nullptr ? v->if_object() : nullptr;
}

const json::array* array_at(const json::object& o, std::string_view name) {
  const auto* const v = o.if_contains(name);
  return v != nullptr ? v->if_array() : nullptr;
}

std::optional<std::string> bytes_at(const json::object& o, std::string_view name) {
  const auto bytes = detail::decode_base64(text_in(o, name));
  if (!bytes)
    return std::nullopt;
  return std::string(bytes->begin(), bytes->end());
}

std::optional<etcd_value> value_of(const json::value& v) {
  const auto* const o = v.if_object();
  if (o == nullptr)
    return std::nullopt;
  auto key = bytes_at(*o, "key");
  auto value = bytes_at(*o, "value");
  const auto revision = number_in(*o, "mod_revision");
  if (!key || !value || !revision || *revision == 0)
    return std::nullopt;
  return etcd_value{*std::move(key), *std::move(value), *revision};
}

/// Returns the keys of a range. `kvs` is missing if there are none.
std::optional<std::vector<etcd_value>> values_of(const json::object& range) {
  std::vector<etcd_value> all;
  if (!range.contains("kvs"))
    return all;
  const auto* const kvs = array_at(range, "kvs");
  if (kvs == nullptr)
    return std::nullopt;
  for (const auto& each : *kvs) {
    auto v = value_of(each);
    if (!v)
      return std::nullopt;
    all.push_back(*std::move(v));
  }
  return all;
}

std::optional<node_id> node_of_key(std::string_view key, const etcd_keys& keys) {
  if (!key.starts_with(keys.nodes))
    return std::nullopt;
  key.remove_prefix(keys.nodes.size());
  std::uint32_t n = 0;
  const auto [end, failed] = std::from_chars(key.data(), key.data() + key.size(), n, 16);
  if (failed != std::errc{} || end != key.data() + key.size() || n == 0 || n > node_number_max ||
    keys.of_node(node_id{n}) != keys.nodes + std::string(key))
    return std::nullopt;
  return node_id{n};
}

/// Returns the ranges of a reply to a transaction that reads only.
std::optional<std::vector<const json::object*>> ranges_in(const json::object& reply) {
  const auto* const responses = array_at(reply, "responses");
  if (responses == nullptr)
    return std::nullopt;
  std::vector<const json::object*> all;
  for (const auto& r : *responses) {
    const auto* const o = r.if_object();
    const auto* const range = o != nullptr ? object_at(*o, "response_range") : nullptr;
    if (range == nullptr)
      return std::nullopt;
    all.push_back(range);
  }
  return all;
}

engine_error damaged_view(const etcd_keys& keys, const view_error& why) {
  return damaged("the key " + keys.view + " has no view: " + why.what + " near byte " +
    std::to_string(why.at) + ". Stop all nodes, delete the key, and start them again.");
}

} // namespace

std::variant<json::object, etcd_failure> object_in(const http_answer& answer) {
  constexpr unsigned ok = 200;
  constexpr std::uint64_t not_found = 5;
  constexpr std::uint64_t unauthenticated = 16;
  auto o = object_of(answer.body);
  if (o && answer.status == ok)
    return *std::move(o);
  etcd_failure failure;
  failure.error = unknown_reply();
  if (!o)
    return failure;
  const auto* const code = o->if_contains("code");
  const auto number = code != nullptr && code->is_int64() ? code->get_int64() : 0;
  failure.needs_logon = number == unauthenticated;
  failure.is_not_found = number == not_found;
  failure.error = {
    engine_problem::refused, "etcd refuses a request: " + quoted(text_in(*o, "error"))};
  return failure;
}

std::string text_in(const json::object& o, std::string_view name) {
  const auto* const v = o.if_contains(name);
  const auto* const text = v != nullptr ? v->if_string() : nullptr;
  return text != nullptr ? std::string(text->data(), text->size()) : std::string();
}

std::optional<std::uint64_t> number_in(const json::object& o, std::string_view name) {
  if (!o.contains(name))
    return 0;
  return parse_number(text_in(o, name));
}

engine_result<etcd_value> value_in(const json::object& reply) {
  const auto all = values_of(reply);
  if (!all || all->size() > 1)
    return unknown_reply();
  return all->empty() ? etcd_value{} : all->front();
}

engine_result<etcd_document> document_in(const json::object& reply, const etcd_keys& keys) {
  const auto ranges = ranges_in(reply);
  if (!ranges || ranges->size() != 2)
    return unknown_reply();
  const auto views = values_of(*ranges->front());
  const auto nodes = values_of(*ranges->back());
  if (!views || !nodes || views->size() > 1)
    return unknown_reply();
  etcd_document result;
  if (!views->empty()) {
    auto decoded = decode_view(views->front().value);
    if (const auto* const why = std::get_if<view_error>(&decoded))
      return damaged_view(keys, *why);
    result.document.current = std::get<view>(std::move(decoded));
    result.revision = views->front().revision;
  }
  for (const auto& n : *nodes) {
    const auto node = node_of_key(n.key, keys);
    auto suspected = decode_suspected(n.value);
    if (!node || !suspected)
      return damaged("the key " + quoted(n.key) + " is none of a node. Delete it.");
    result.document.living.emplace(*node, *std::move(suspected));
  }
  return result;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
