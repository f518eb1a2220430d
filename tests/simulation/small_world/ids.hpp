// The ids of a small world's slots and holders in commands.
#pragma once

#include "ledger.hpp"

#include <leasebreak/model/ids.hpp>

namespace leasebreak::small_world {

[[nodiscard]] inline client_guid client_of_slot(std::size_t s) {
  return client_guid::of(s < 2 ? 0xA : 0xB);
}

[[nodiscard]] inline connection_id connection_of_slot(std::size_t s) {
  return connection_id{s + 1};
}

/// The client of a lease.
[[nodiscard]] inline client_guid client_of_holder(std::size_t holder) {
  return client_of_slot(holder);
}

/// The key of a lease.
[[nodiscard]] inline lease_key key_of_holder(std::size_t holder) {
  return lease_key::of(holder % 2 + 1);
}

/// Returns the holder of a lease's client and key.
[[nodiscard]] inline std::uint8_t holder_of(const client_guid& client, const lease_key& key) {
  return static_cast<std::uint8_t>(
    (client == client_of_slot(0) ? 0U : 2U) + (key == lease_key::of(1) ? 0U : 1U));
}

} // namespace leasebreak::small_world
