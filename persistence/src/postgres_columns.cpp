#include "postgres_columns.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

void append_hex(std::string& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0x0f]);
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The server's output format of bytea: \x and lower-case digits.
std::optional<std::string> decode_bytea(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0)
    return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc{} && read.ptr == end;
}

template <auto Member>
constexpr postgres_column text(std::string_view name) {
  return {name, name, "bytea",
    [](std::string& out, const persisted_lock& r) { append_bytea_element(out, r.*Member); },
    [](std::string_view value, persisted_lock& r) {
      auto bytes = decode_bytea(value);
      if (bytes)
        r.*Member = std::move(*bytes);
      return bytes.has_value();
    }};
}

template <auto Member>
constexpr postgres_column bytes(std::string_view name) {
  return {name, name, "bytea",
    [](std::string& out, const persisted_lock& r) {
      const auto& value = r.*Member;
      append_bytea_element(out, {reinterpret_cast<const char*>(value.data()), value.size()});
    },
    [](std::string_view value, persisted_lock& r) {
      const auto decoded = decode_bytea(value);
      if (decoded)
        (r.*Member).assign(decoded->begin(), decoded->end());
      return decoded.has_value();
    }};
}

template <auto Member>
constexpr postgres_column number(
  std::string_view name, std::string_view field, std::string_view type) {
  return {name, field, type,
    [](std::string& out, const persisted_lock& r) {
      out += std::to_string(static_cast<std::uint64_t>(r.*Member));
    },
    [](std::string_view value, persisted_lock& r) { return read_number(value, r.*Member); }};
}

template <auto Member>
constexpr postgres_column flag(std::string_view name) {
  return {name, name, "boolean",
    [](std::string& out, const persisted_lock& r) { out += r.*Member ? "t" : "f"; },
    [](std::string_view value, persisted_lock& r) {
      r.*Member = value == "t";
      return value == "t" || value == "f";
    }};
}

// timestamptz has microseconds; records have nanoseconds.
template <auto Member>
constexpr postgres_column time(std::string_view name, std::string_view field) {
  return {name, field, "bigint",
    [](std::string& out, const persisted_lock& r) {
      out += std::to_string((r.*Member).time_since_epoch().count());
    },
    [](std::string_view value, persisted_lock& r) {
      std::int64_t nanos = 0;
      const bool good = read_number(value, nanos);
      r.*Member = time_point{duration{nanos}};
      return good;
    }};
}

// The members of an open. Records of locks lack them; their columns are zero or empty. A record has
// an open if the open's id is not zero.
const persisted_open& open_in(const persisted_lock& r) {
  static const persisted_open none;
  return r.open ? *r.open : none;
}

persisted_open& open_of(persisted_lock& r) {
  return r.open ? *r.open : r.open.emplace();
}

constexpr int with_opens = 3; // versions of the tables
constexpr int with_applications = 4;

template <auto Member>
constexpr postgres_column open_bytes(std::string_view name, int since = with_opens) {
  return {name, name, "bytea",
    [](std::string& out, const persisted_lock& r) {
      const auto& value = open_in(r).*Member;
      append_bytea_element(out, {reinterpret_cast<const char*>(value.data()), value.size()});
    },
    [](std::string_view value, persisted_lock& r) {
      const auto decoded = decode_bytea(value);
      if (decoded)
        (open_of(r).*Member).assign(decoded->begin(), decoded->end());
      return decoded.has_value();
    },
    since, "''"};
}

template <auto Member>
constexpr postgres_column open_number(
  std::string_view name, std::string_view type, int since = with_opens) {
  return {name, name, type,
    [](std::string& out, const persisted_lock& r) {
      out += std::to_string(static_cast<std::uint64_t>(open_in(r).*Member));
    },
    [](
      std::string_view value, persisted_lock& r) { return read_number(value, open_of(r).*Member); },
    since, "0"};
}

template <auto Member>
constexpr postgres_column open_flag(std::string_view name, int since = with_opens) {
  return {name, name, "boolean",
    [](std::string& out, const persisted_lock& r) { out += open_in(r).*Member ? "t" : "f"; },
    [](std::string_view value, persisted_lock& r) {
      open_of(r).*Member = value == "t";
      return value == "t" || value == "f";
    },
    since, "false"};
}

using lock = persisted_lock;
using open = persisted_open;

constexpr std::string_view small = "smallint";
constexpr std::string_view u32 = "bigint";
constexpr std::string_view u64 = "numeric(20)";

constexpr std::array columns{
  text<&lock::id>("id"),
  text<&lock::share_name>("share_name"),
  text<&lock::file_id>("file_id"),
  text<&lock::owner_id>("owner_id"),
  text<&lock::client_id>("client_id"),
  number<&lock::lock_type>("lock_type", "lock_type", small),
  number<&lock::offset>("byte_offset", "offset", u64),
  number<&lock::length>("byte_length", "length", u64),
  flag<&lock::is_zero_byte>("is_zero_byte"),
  flag<&lock::is_legacy_byte_range>("is_legacy_byte_range"),
  number<&lock::share_reservation>("share_reservation", "share_reservation", small),
  time<&lock::acquired_at>("acquired_at_ns", "acquired_at"),
  number<&lock::server_epoch>("server_epoch", "server_epoch", u64),
  bytes<&lock::lease_key>("lease_key"),
  number<&lock::lease_state>("lease_state", "lease_state", u32),
  number<&lock::lease_epoch>("lease_epoch", "lease_epoch", "integer"),
  number<&lock::break_to_state>("break_to_state", "break_to_state", u32),
  number<&lock::breaking_to_required>("breaking_to_required", "breaking_to_required", u32),
  flag<&lock::breaking>("breaking"),
  time<&lock::break_started>("break_started_ns", "break_started"),
  bytes<&lock::parent_lease_key>("parent_lease_key"),
  flag<&lock::is_directory>("is_directory"),
  flag<&lock::is_traditional_oplock>("is_traditional_oplock"),
  text<&lock::delegation_id>("delegation_id"),
  number<&lock::deleg_type>("deleg_type", "deleg_type", small),
  flag<&lock::deleg_breaking>("deleg_breaking"),
  flag<&lock::deleg_recalled>("deleg_recalled"),
  flag<&lock::deleg_revoked>("deleg_revoked"),
  number<&lock::deleg_notification_mask>("deleg_notification_mask", "deleg_notification_mask", u32),
  number<&lock::lease_version>("lease_version", "lease_version", small),
  flag<&lock::broken_via_timeout>("broken_via_timeout"),
  open_number<&open::id>("open_id", u64),
  open_number<&open::access>("open_access", u32),
  open_number<&open::share_access>("open_share_access", u32),
  open_flag<&open::delete_on_close>("open_delete_on_close"),
  open_flag<&open::delete_pending>("open_delete_pending"),
  open_bytes<&open::create_guid>("open_create_guid"),
  open_number<&open::timeout_ms>("open_timeout_ms", u64),
  open_bytes<&open::lease_key>("open_lease_key"),
  open_bytes<&open::server_state>("open_server_state"),
  open_bytes<&open::app_instance>("open_app_instance", with_applications),
  open_flag<&open::app_versioned>("open_app_versioned", with_applications),
  open_number<&open::app_version_high>("open_app_version_high", u64, with_applications),
  open_number<&open::app_version_low>("open_app_version_low", u64, with_applications),
};

} // namespace

std::span<const postgres_column> postgres_columns() {
  return columns;
}

std::string column_names() {
  std::string names;
  for (const auto& column : columns) {
    if (!names.empty())
      names += ',';
    names += column.name;
  }
  return names;
}

std::string bytea_literal(std::string_view bytes) {
  std::string out = "'\\x";
  append_hex(out, bytes);
  out += '\'';
  return out;
}

void append_bytea_element(std::string& out, std::string_view bytes) {
  out += "\"\\\\x";
  append_hex(out, bytes);
  out += '"';
}

parsed_record read_row(const std::function<std::string_view(std::size_t)>& value) {
  persisted_lock record;
  std::optional<record_error> fault;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].read(value(i), record) && !fault)
      fault = record_error{{}, std::string{columns[i].field}, "is out of range"};
  }
  if (record.open && record.open->id == 0)
    record.open.reset();
  if (!fault)
    fault = validate(record);
  if (!fault)
    return {std::move(record), {}};
  fault->record = record.id;
  return {std::nullopt, std::move(*fault)};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
