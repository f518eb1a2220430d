// The identifiers of clients, files and opens. All are plain values.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/keyed_hash.hpp>

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// A 16-byte identifier. `Tag` makes identifiers of different kinds distinct types, such as lease
/// keys and ClientGuids. Compared byte by byte. The all-zero value stands for "none".
template <class Tag>
struct id128 {
  std::array<std::uint8_t, 16> bytes{}; ///< The bytes, in the order of the protocol.

  /// Compares all bytes.
  // Most compared values are equal, and a call of memcmp is measurable.
  friend bool operator==(const id128& a, const id128& b) noexcept { return a.words() == b.words(); }
  /// Orders ids byte by byte.
  friend std::strong_ordering operator<=>(const id128& a, const id128& b) noexcept {
    return a == b ? std::strong_ordering::equal : a.bytes <=> b.bytes;
  }

  /// Returns whether this is the all-zero value.
  [[nodiscard]] bool is_zero() const noexcept { return *this == id128{}; }

  /// Returns the bytes as two numbers in the byte order of the machine.
  [[nodiscard]] std::array<std::uint64_t, 2> words() const noexcept {
    return std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
  }

  /// Returns the id whose first eight bytes are `high` and whose last eight are `low`, both
  /// little-endian.
  [[nodiscard]] static constexpr id128 of(std::uint64_t high, std::uint64_t low = 0) noexcept {
    id128 result;
    for (std::size_t i = 0; i < 8; ++i) {
      result.bytes[i] = static_cast<std::uint8_t>(high >> (8 * i));
      result.bytes[i + 8] = static_cast<std::uint8_t>(low >> (8 * i));
    }
    return result;
  }
};

struct client_guid_tag;
struct lease_key_tag;

/// ClientGuid (MS-SMB2 2.2.3): identifies a client on all its connections. Zero: not an SMB client.
using client_guid = id128<client_guid_tag>;

/// LeaseKey (MS-SMB2 2.2.13.2.8). It identifies a lease only together with the ClientGuid.
using lease_key = id128<lease_key_tag>;

struct create_guid_tag;

/// CreateGuid (MS-SMB2 2.2.13.2.11): the client's name for a durable open. Zero: durable V1.
using create_guid = id128<create_guid_tag>;

struct app_instance_tag;

/// AppInstanceId (MS-SMB2 2.2.13.2.13): identifies an application that may move between clients.
/// Zero: none.
using app_instance_id = id128<app_instance_tag>;

/// An open of a file (MS-SMB2 3.3.1.10). Unique for the lifetime of a store, across restarts.
enum class open_id : std::uint64_t { none = 0 };

/// A connection of a client; chosen by the server. 0: unknown.
enum class connection_id : std::uint64_t { none = 0 };

/// A session of a client (MS-SMB2 3.3.1.8 SessionId); chosen by the server. 0: no session.
enum class session_id : std::uint64_t { none = 0 };

/// A tree connect of a session (MS-SMB2 3.3.1.9 TreeConnectId); chosen by the server. 0: none.
enum class tree_id : std::uint32_t { none = 0 };

/// One run of a node of a cluster. A node gets a new id each time that it joins. None: there is no
/// cluster, or the node is unknown.
enum class node_id : std::uint32_t { none = 0 };

/// A session on a connection (MS-SMB2 3.3.1.14 Channel), which carries requests and notifications.
/// Without a session it stands for the connection alone.
struct channel_id {
  connection_id connection{}; ///< The connection.
  session_id session{}; ///< The session, or none.
  /// The node that has the connection. Each node chooses its own connection and session ids.
  node_id node{};

  friend auto operator<=>(const channel_id&, const channel_id&) = default;
};

/// An operation in flight; chosen by the caller and returned with the completion. Unique among all
/// operations of the same file, from all nodes.
enum class operation_id : std::uint64_t { none = 0 };

/// One break of one lease or oplock. It tells a report about an older break from one about a newer.
/// Unique within its file, also if another node owned the file before.
enum class break_id : std::uint64_t { none = 0 };

/// A change hold: the guard that prevents new caching while an operation changes the file; see
/// `access_file`. Unique within its file, also if another node owned the file before.
enum class hold_id : std::uint64_t { none = 0 };

/// A guard of directory entries; see `entry_queue`.
enum class guard_id : std::uint64_t { none = 0 };

/// Returns 32 lower-case hexadecimal digits, in byte order.
[[nodiscard]] std::string to_hex(const std::array<std::uint8_t, 16>& bytes);

/// Parses the output of `to_hex`; digits may have either case. Returns nothing if `text` is not
/// exactly 32 digits.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> from_hex(std::string_view text);

/// Returns the id as 32 lower-case hexadecimal digits.
template <class Tag>
[[nodiscard]] std::string to_string(const id128<Tag>& id) {
  return to_hex(id.bytes);
}

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

/// Keyed, because clients choose these ids.
template <class Tag>
struct std::hash<leasebreak::id128<Tag>> {
  /// Returns the hash. It differs between processes.
  std::size_t operator()(const leasebreak::id128<Tag>& id) const noexcept {
    return static_cast<std::size_t>(leasebreak::keyed_hash(id.words()));
  }
};
