#include <leasebreak/persistence/record_json.hpp>

#include "rfc3339.hpp"
#include "utf8.hpp"
#include <leasebreak/model/internal/base64.hpp>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

namespace json = boost::json;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Writes the members of one object. The functions with `_if` omit what Go's omitempty omits.
class writer {
public:
  explicit writer(std::string& out) : out_(out) {}

  void text(std::string_view name, std::string_view value) {
    key(name);
    detail::append_json_string(out_, value);
    if (!detail::is_utf8(value)) {
      key(std::string{name} + "_bytes");
      base64(bytes_of(value));
    }
  }

  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty())
      text(name, value);
  }

  void number(std::string_view name, std::uint64_t value) {
    key(name);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
  }

  void number_if(std::string_view name, std::uint64_t value) {
    if (value != 0)
      number(name, value);
  }

  void flag_if(std::string_view name, bool value) {
    if (!value)
      return;
    key(name);
    out_ += "true";
  }

  void bytes_if(std::string_view name, std::span<const std::uint8_t> value) {
    if (value.empty())
      return;
    key(name);
    base64(value);
  }

  void time(std::string_view name, time_point value) {
    key(name);
    out_.push_back('"');
    detail::append_rfc3339(out_, value);
    out_.push_back('"');
  }

private:
  void key(std::string_view name) {
    out_.push_back(first_ ? '{' : ',');
    first_ = false;
    out_.push_back('"');
    out_ += name;
    out_ += "\":";
  }

  void base64(std::span<const std::uint8_t> value) {
    out_.push_back('"');
    detail::append_base64(out_, value);
    out_.push_back('"');
  }

  std::string& out_;
  bool first_ = true;
};

// Reads the members of one object. Keeps the first error.
class reader {
public:
  explicit reader(const json::object& object) : object_(object) {}

  void text(std::string_view name, std::string& out) {
    if (const auto* value = find(name, "a string", &json::value::is_string))
      out.assign(value->get_string().data(), value->get_string().size());
    const std::string bytes_name = std::string{name} + "_bytes";
    std::vector<std::uint8_t> raw;
    bytes(bytes_name, raw);
    if (raw.empty())
      return;
    std::string exact(raw.begin(), raw.end());
    if (detail::replace_invalid_utf8(exact) != out)
      fail(bytes_name, "are not the bytes of " + std::string{name});
    out = std::move(exact);
  }

  template <class Number>
  void number(std::string_view name, Number& out) {
    const auto* value = member(name);
    if (value == nullptr)
      return;
    std::uint64_t number = 0;
    if (value->is_uint64())
      number = value->get_uint64();
    else if (value->is_int64() && value->get_int64() >= 0)
      number = static_cast<std::uint64_t>(value->get_int64());
    else
      return fail_number(name, std::numeric_limits<Number>::max());
    if (number > std::numeric_limits<Number>::max())
      return fail_number(name, std::numeric_limits<Number>::max());
    out = static_cast<Number>(number);
  }

  void flag(std::string_view name, bool& out) {
    if (const auto* value = find(name, "true or false", &json::value::is_bool))
      out = value->get_bool();
  }

  void bytes(std::string_view name, std::vector<std::uint8_t>& out) {
    const auto* value = find(name, "a string of base64", &json::value::is_string);
    if (value == nullptr)
      return;
    auto decoded = detail::decode_base64({value->get_string().data(), value->get_string().size()});
    if (!decoded)
      return fail(name, "is not base64");
    out = std::move(*decoded);
  }

  void time(std::string_view name, time_point& out) {
    const auto* value = find(name, "a string with a time", &json::value::is_string);
    if (value == nullptr)
      return;
    const auto parsed =
      detail::parse_rfc3339({value->get_string().data(), value->get_string().size()});
    if (!parsed)
      return fail(name, "is not an RFC 3339 time between 1677 and 2262");
    out = *parsed;
  }

  std::optional<record_error> take_error() { return std::move(error_); }

private:
  // Null counts as missing, as in Go.
  const json::value* member(std::string_view name) const {
    const auto* value = object_.if_contains({name.data(), name.size()});
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  const json::value* find(
    std::string_view name, const char* expected, bool (json::value::*has_kind)() const noexcept) {
    const auto* value = member(name);
    if (value == nullptr || (value->*has_kind)())
      return value;
    fail(name, std::string("must be ") + expected);
    return nullptr;
  }

  void fail_number(std::string_view name, std::uint64_t most) {
    fail(name, "must be a whole number from 0 to " + std::to_string(most));
  }

  void fail(std::string_view name, std::string what) {
    if (!error_)
      error_ = record_error{{}, std::string{name}, std::move(what)};
  }

  const json::object& object_;
  std::optional<record_error> error_;
};

// The fields of an open are on the same level as the others, so that one list of names describes
// all.
void read_open(reader& in, persisted_lock& r) {
  persisted_open open;
  std::vector<std::uint8_t> server_state;
  in.number("open_id", open.id);
  in.number("open_access", open.access);
  in.number("open_share_access", open.share_access);
  in.flag("open_delete_on_close", open.delete_on_close);
  in.flag("open_delete_pending", open.delete_pending);
  in.bytes("open_create_guid", open.create_guid);
  in.number("open_timeout_ms", open.timeout_ms);
  in.bytes("open_lease_key", open.lease_key);
  in.bytes("open_server_state", server_state);
  in.bytes("open_app_instance", open.app_instance);
  in.flag("open_app_versioned", open.app_versioned);
  in.number("open_app_version_high", open.app_version_high);
  in.number("open_app_version_low", open.app_version_low);
  if (open.id == 0)
    return;
  open.server_state.assign(server_state.begin(), server_state.end());
  r.open = std::move(open);
}

void write_open(writer& out, const persisted_open& open) {
  out.number_if("open_id", open.id);
  out.number_if("open_access", open.access);
  out.number_if("open_share_access", open.share_access);
  out.flag_if("open_delete_on_close", open.delete_on_close);
  out.flag_if("open_delete_pending", open.delete_pending);
  out.bytes_if("open_create_guid", open.create_guid);
  out.number_if("open_timeout_ms", open.timeout_ms);
  out.bytes_if("open_lease_key", open.lease_key);
  out.bytes_if("open_server_state", bytes_of(open.server_state));
  out.bytes_if("open_app_instance", open.app_instance);
  out.flag_if("open_app_versioned", open.app_versioned);
  out.number_if("open_app_version_high", open.app_version_high);
  out.number_if("open_app_version_low", open.app_version_low);
}

void read_fields(reader& in, persisted_lock& r) {
  in.text("id", r.id);
  in.text("share_name", r.share_name);
  in.text("file_id", r.file_id);
  in.text("owner_id", r.owner_id);
  in.text("client_id", r.client_id);
  in.number("lock_type", r.lock_type);
  in.number("offset", r.offset);
  in.number("length", r.length);
  in.flag("is_zero_byte", r.is_zero_byte);
  in.flag("is_legacy_byte_range", r.is_legacy_byte_range);
  in.number("share_reservation", r.share_reservation);
  in.time("acquired_at", r.acquired_at);
  in.number("server_epoch", r.server_epoch);
  in.bytes("lease_key", r.lease_key);
  in.number("lease_state", r.lease_state);
  in.number("lease_epoch", r.lease_epoch);
  in.number("break_to_state", r.break_to_state);
  in.number("breaking_to_required", r.breaking_to_required);
  in.flag("breaking", r.breaking);
  in.time("break_started", r.break_started);
  in.bytes("parent_lease_key", r.parent_lease_key);
  in.flag("is_directory", r.is_directory);
  in.flag("is_traditional_oplock", r.is_traditional_oplock);
  in.text("delegation_id", r.delegation_id);
  in.number("deleg_type", r.deleg_type);
  in.flag("deleg_breaking", r.deleg_breaking);
  in.flag("deleg_recalled", r.deleg_recalled);
  in.flag("deleg_revoked", r.deleg_revoked);
  in.number("deleg_notification_mask", r.deleg_notification_mask);
  in.number("lease_version", r.lease_version);
  in.flag("broken_via_timeout", r.broken_via_timeout);
  read_open(in, r);
}

parsed_record failed(std::string_view name, std::string field, std::string what) {
  return {std::nullopt, {std::string{name}, std::move(field), std::move(what)}};
}

} // namespace

std::string to_json(const persisted_lock& r) {
  std::string text;
  text.reserve(512);
  writer out(text);
  // The fields that stores index come first, and together.
  out.text("id", r.id);
  out.text("share_name", r.share_name);
  out.text("file_id", r.file_id);
  out.text("owner_id", r.owner_id);
  out.text("client_id", r.client_id);
  out.number("lock_type", r.lock_type);
  out.number("offset", r.offset);
  out.number("length", r.length);
  out.flag_if("is_zero_byte", r.is_zero_byte);
  out.flag_if("is_legacy_byte_range", r.is_legacy_byte_range);
  out.number("share_reservation", r.share_reservation);
  out.time("acquired_at", r.acquired_at);
  out.number("server_epoch", r.server_epoch);
  out.bytes_if("lease_key", r.lease_key);
  out.number_if("lease_state", r.lease_state);
  out.number_if("lease_epoch", r.lease_epoch);
  out.number_if("break_to_state", r.break_to_state);
  out.number_if("breaking_to_required", r.breaking_to_required);
  out.flag_if("breaking", r.breaking);
  // Go's omitempty has no effect on a time, so it is always written.
  out.time("break_started", r.break_started);
  out.bytes_if("parent_lease_key", r.parent_lease_key);
  out.flag_if("is_directory", r.is_directory);
  out.flag_if("is_traditional_oplock", r.is_traditional_oplock);
  out.text_if("delegation_id", r.delegation_id);
  out.number_if("deleg_type", r.deleg_type);
  out.flag_if("deleg_breaking", r.deleg_breaking);
  out.flag_if("deleg_recalled", r.deleg_recalled);
  out.flag_if("deleg_revoked", r.deleg_revoked);
  out.number_if("deleg_notification_mask", r.deleg_notification_mask);
  out.number_if("lease_version", r.lease_version);
  out.flag_if("broken_via_timeout", r.broken_via_timeout);
  if (r.open)
    write_open(out, *r.open);
  text.push_back('}');
  return text;
}

parsed_record parse_record(std::string_view text, std::string_view name) {
  if (text.size() > record_json_bytes_max)
    return failed(name, "", "is longer than " + std::to_string(record_json_bytes_max) + " bytes");
  unsigned char buffer[8192];
  json::monotonic_resource memory(buffer, sizeof buffer);
  boost::system::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error, &memory);
  if (error)
    return failed(name, "", "is not valid JSON: " + error.message());
  if (!parsed.is_object())
    return failed(name, "", "is not a JSON object");
  persisted_lock record;
  reader in(parsed.get_object());
  read_fields(in, record);
  auto fault = in.take_error();
  if (!fault)
    fault = validate(record);
  if (!fault)
    return {std::move(record), {}};
  fault->record = record.id.empty() ? std::string{name} : record.id;
  return {std::nullopt, std::move(*fault)};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
