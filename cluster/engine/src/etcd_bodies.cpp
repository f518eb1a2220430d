// Keys and values are base64; numbers are texts, as the gateway writes them.
#include "etcd_bodies.hpp"

#include "json_text.hpp"
#include <leasebreak/model/internal/base64.hpp>

#include <boost/json/array.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace json = boost::json;

namespace {

std::string base64(std::string_view bytes) {
  std::string out;
  detail::append_base64(out, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return out;
}

/// Condition of a transaction: the key has this revision; 0: it does not exist.
json::object has_revision(std::string_view key, std::uint64_t revision) {
  json::object is;
  is["key"] = base64(key);
  is["target"] = "MOD";
  is["result"] = "EQUAL";
  is["mod_revision"] = std::to_string(revision);
  return is;
}

json::object exists(std::string_view key) {
  json::object is;
  is["key"] = base64(key);
  is["target"] = "CREATE";
  is["result"] = "GREATER";
  is["create_revision"] = "0";
  return is;
}

json::object put(std::string_view key, std::string_view value) {
  json::object what;
  what["key"] = base64(key);
  what["value"] = base64(value);
  return what;
}

/// Part of a transaction: `kind` is `request_put` or `request_range`.
json::object operation(std::string_view kind, json::object what) {
  json::object result;
  result[kind] = std::move(what);
  return result;
}

etcd_request transaction(json::array conditions, json::array operations) {
  json::object body;
  if (!conditions.empty())
    body["compare"] = std::move(conditions);
  body["success"] = std::move(operations);
  return {"/v3/kv/txn", text_of(body)};
}

json::object of_lease(std::string_view lease) {
  json::object body;
  body["ID"] = lease;
  return body;
}

std::string hexadecimal(std::uint32_t n) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(8, '0');
  for (auto at = text.rbegin(); n != 0; n >>= 4U)
    *at++ = digits[n & 0xfU];
  return text;
}

} // namespace

// The end of the keys with a prefix is the prefix with a greater last character.
etcd_keys::etcd_keys(const std::string& cluster)
  : view("leasebreak/" + cluster + "/view"), last_node("leasebreak/" + cluster + "/last_node"),
    nodes("leasebreak/" + cluster + "/nodes/"), nodes_end("leasebreak/" + cluster + "/nodes0") {
  static_assert('0' == '/' + 1);
}

std::string etcd_keys::of_node(node_id node) const {
  return nodes + hexadecimal(static_cast<std::uint32_t>(node));
}

etcd_request authenticate(std::string_view user, std::string_view password) {
  json::object body;
  body["name"] = user;
  body["password"] = password;
  return {"/v3/auth/authenticate", text_of(body)};
}

etcd_request grant_lease(std::chrono::seconds how_long) {
  json::object body;
  body["TTL"] = std::to_string(how_long.count());
  return {"/v3/lease/grant", text_of(body)};
}

etcd_request keep_lease(std::string_view lease) {
  return {"/v3/lease/keepalive", text_of(of_lease(lease))};
}

etcd_request revoke_lease_of(std::string_view lease) {
  return {"/v3/lease/revoke", text_of(of_lease(lease))};
}

etcd_request read_key(std::string_view key) {
  json::object body;
  body["key"] = base64(key);
  return {"/v3/kv/range", text_of(body)};
}

etcd_request replace_key(std::string_view key, std::string_view value, std::uint64_t revision) {
  return transaction({has_revision(key, revision)}, {operation("request_put", put(key, value))});
}

etcd_request put_node(std::string_view key, std::string_view value, std::string_view lease) {
  auto body = put(key, value);
  body["lease"] = lease;
  return {"/v3/kv/put", text_of(body)};
}

etcd_request read_document_of(const etcd_keys& keys) {
  json::object view;
  view["key"] = base64(keys.view);
  json::object nodes;
  nodes["key"] = base64(keys.nodes);
  nodes["range_end"] = base64(keys.nodes_end);
  return transaction({},
    {operation("request_range", std::move(view)), operation("request_range", std::move(nodes))});
}

etcd_request replace_view(
  const etcd_keys& keys, std::string_view value, std::uint64_t revision, node_id by) {
  return transaction({has_revision(keys.view, revision), exists(keys.of_node(by))},
    {operation("request_put", put(keys.view, value))});
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
