// Replies of etcd's JSON gateway. A reply is not trusted: it may come from another program, and
// what etcd has may have been edited.
#pragma once

#include "etcd_bodies.hpp"
#include "http_client.hpp"

#include <leasebreak/cluster/engine.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// A reply that is an error of etcd.
struct etcd_failure {
  bool needs_logon = false; ///< The token has expired, or there is none.
  bool is_not_found = false; ///< The lease does not exist.
  engine_error error;
};

/// Returns the object in the body, or why there is none.
[[nodiscard]] std::variant<boost::json::object, etcd_failure> object_in(const http_answer& answer);

/// Returns a member that is a text, or an empty text.
[[nodiscard]] std::string text_in(const boost::json::object& o, std::string_view name);
/// Returns a number that is given as a text; nothing if it is not one, 0 if it is missing.
[[nodiscard]] std::optional<std::uint64_t> number_in(
  const boost::json::object& o, std::string_view name);

/// A key as it was read.
struct etcd_value {
  std::string key;
  std::string value;
  std::uint64_t revision = 0; ///< 0: there is no such key.
};

/// Returns the only key in the reply to `read_key`.
[[nodiscard]] engine_result<etcd_value> value_in(const boost::json::object& reply);

/// The document, and the revision of its view.
struct etcd_document {
  engine_document document;
  std::uint64_t revision = 0; ///< 0: there is no view.
};

/// Returns what the reply to `read_document_of` says.
[[nodiscard]] engine_result<etcd_document> document_in(
  const boost::json::object& reply, const etcd_keys& keys);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
