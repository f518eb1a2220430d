// The create contexts of durable opens (MS-SMB2 2.2.13.2.3, 2.2.13.2.4, 2.2.13.2.11, 2.2.13.2.12).
#pragma once

#include <smb_server/wire/create.hpp>

#include <cstdint>
#include <optional>

namespace leasebreak::smb {

/// DHnQ or DH2Q: requests that the open survives the loss of its connection.
struct durable_query {
  std::uint8_t version = 1;
  std::uint32_t timeout_ms = 0; ///< V2; 0: the server chooses.
  bool persistent = false; ///< V2
  guid create_guid{}; ///< V2
};

/// DHnC or DH2C: reconnects the open.
struct durable_reconnect {
  std::uint8_t version = 1;
  file_id id;
  bool persistent = false; ///< V2
  guid create_guid{}; ///< V2
};

/// The durability contexts of a CREATE.
struct durable_contexts {
  bool valid = true; ///< False if contexts are malformed or exclude each other.
  std::optional<durable_query> query;
  std::optional<durable_reconnect> reconnect;
};

[[nodiscard]] durable_contexts parse_durable_contexts(const create_request& r);

/// SMB2_CREATE_APP_INSTANCE_VERSION (MS-SMB2 2.2.13.2.15).
struct app_version {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

/// SMB2_CREATE_APP_INSTANCE_ID (MS-SMB2 2.2.13.2.13) and its version.
struct app_instance_context {
  guid id{}; ///< Not zero.
  std::optional<app_version> version;
};

/// Returns nothing if the id is absent or malformed. Ignores a malformed version.
[[nodiscard]] std::optional<app_instance_context> parse_app_instance(const create_request& r);

/// Returns the response context for the query (MS-SMB2 2.2.14.2.3, 2.2.14.2.12).
[[nodiscard]] response_context encode_durable_response(
  const durable_query& q, std::uint32_t timeout_ms, bool persistent);

} // namespace leasebreak::smb
