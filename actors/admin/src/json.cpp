// See json.hpp and leasebreak/admin/encode.hpp.
#include "json.hpp"

#include "plain_json.hpp"
#include "text.hpp"

#include <leasebreak/admin/encode.hpp>

#include <boost/json/array.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace json = boost::json;

namespace {

json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

/// Rounds to milliseconds.
double seconds(duration d) {
  return std::round(std::chrono::duration<double, std::milli>(d).count()) / 1'000;
}

void add_since(json::object& o, const char* age, time_point since, time_point now) {
  o["since"] = to_rfc3339(since);
  o[age] = seconds(now - since);
}

void add_deadline(json::object& o, time_point deadline, time_point now) {
  if (deadline == time_point{})
    return;
  o["deadline"] = to_rfc3339(deadline);
  o["seconds_left"] = seconds(std::max(deadline - now, duration::zero()));
}

void add_lease(json::object& o, const listed_entry& e, time_point now) {
  const auto& l = *e.lease;
  o["state"] = view(to_string(l.state));
  if (!l.is_oplock) {
    o["key"] = to_string(l.key);
    o["epoch"] = l.epoch;
    o["version"] = l.version;
    if (!l.parent_key.is_zero())
      o["parent_key"] = to_string(l.parent_key);
  }
  o["directory"] = l.is_directory;
  o["opens"] = e.opens;
  if (l.timed_out)
    o["timed_out"] = true;
  if (!l.breaking)
    return;
  json::object breaking;
  breaking["to"] = view(to_string(l.break_to));
  breaking["required"] = view(to_string(l.required));
  add_since(breaking, "seconds", l.break_started, now);
  add_deadline(breaking, e.deadline, now);
  o["breaking"] = std::move(breaking);
}

void add_open(json::object& o, const listed_entry& e, time_point now) {
  o["access"] = e.access;
  o["share_access"] = e.share_access;
  if (e.kind == entry_kind::waiting)
    return;
  o["delete_on_close"] = e.delete_on_close;
  o["durable"] = e.durable;
  o["resilient"] = e.resilient;
  o["persistent"] = e.persistent;
  if (e.deadline != time_point{}) { // a disconnected open
    o["disconnected"] = true;
    add_deadline(o, e.deadline, now);
  }
}

void add_waiting(json::object& o, const listed_entry& e, time_point now) {
  o["operation"] = to_utf8(e.reason);
  o["waits_for"] = to_utf8(e.waits_for);
  o["holder"] = e.blocker.is_zero() ? json::value(nullptr)
                                    : json::value(json_of_client(e.blocker, e.blocker_label));
  add_deadline(o, e.deadline, now);
}

void add_range(json::object& o, const listed_entry& e) {
  o["offset"] = e.range.offset;
  o["length"] = e.range.length;
  o["exclusive"] = e.exclusive;
}

void add_file(json::object& o, const listed_entry& e) {
  o["file"] = bytes_to_hex(e.file_id);
  o["share"] = to_utf8(e.share);
  o["path"] = to_utf8(e.path);
}

/// Fractions are of seconds; milliseconds are enough.
std::string milliseconds_text(double d) {
  const auto ms = std::llround(d * 1'000);
  auto text = std::to_string(std::llabs(ms) / 1'000) + "." +
    std::to_string(1'000 + std::llabs(ms) % 1'000).substr(1);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return (ms < 0 ? "-" : "") + text;
}

json::value next_of(const listed_page& page) {
  return page.next.empty() ? json::value(nullptr) : json::value(bytes_to_hex(page.next));
}

} // namespace

std::string hex_of(std::uint64_t id) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(id >> shift);
  return bytes_to_hex(bytes);
}

json::object json_of_client(const client_guid& id, const std::string& label) {
  json::object o;
  o["client"] = to_string(id);
  o["label"] = to_utf8(label);
  return o;
}

std::string text_of(const json::object& o) {
  std::string text;
  write_plain(text, o, milliseconds_text);
  return without_markup(text) + "\n";
}

json::object json_of(const listed_entry& e, time_point now) {
  json::object o;
  o["kind"] = view(to_string(e.kind));
  add_file(o, e);
  o["client"] = to_string(e.client);
  o["label"] = to_utf8(e.label);
  if (e.open != open_id::none)
    o["open"] = hex_of(static_cast<std::uint64_t>(e.open));
  if (e.delete_pending)
    o["delete_pending"] = true;
  add_since(o, "seconds", e.since, now);
  if (e.lease)
    add_lease(o, e, now);
  if (e.kind == entry_kind::open || e.kind == entry_kind::waiting)
    add_open(o, e, now);
  if (e.kind == entry_kind::waiting)
    add_waiting(o, e, now);
  if (e.kind == entry_kind::byte_range_lock || e.range.length != 0)
    add_range(o, e);
  return o;
}

std::string to_json(const listed_entry& entry, time_point now) {
  return text_of(json_of(entry, now));
}

namespace {

void add_break(json::object& o, const event& e) {
  o["break"] = static_cast<std::uint64_t>(e.break_number);
  o["cause"] = view(to_string(e.cause));
  o["from"] = view(to_string(e.from));
  o["to"] = view(to_string(e.to));
  if (e.kind == event_kind::break_notified)
    o["needs_acknowledgement"] = e.needs_acknowledgement;
  if (e.kind == event_kind::break_begun || e.kind == event_kind::break_notified)
    return;
  o["seconds"] = seconds(e.lasted);
  o["waiting"] = e.waiting;
  if (e.kind == event_kind::break_overdue)
    return;
  o["outcome"] = view(to_string(e.outcome));
  o["left"] = view(to_string(e.left));
}

void add_details(json::object& o, const event& e) {
  switch (e.kind) {
  case event_kind::opened:
  case event_kind::granted:
    o["state"] = view(to_string(e.to));
    return;
  case event_kind::closed:
    o["cause"] = view(to_string(e.ended_by));
    return;
  case event_kind::wait_began:
    o["wait"] = view(to_string(e.wait));
    return;
  case event_kind::wait_ended:
    o["wait"] = view(to_string(e.wait));
    o["seconds"] = seconds(e.lasted);
    return;
  case event_kind::client_unresponsive:
    o["breaks"] = e.waiting;
    return;
  case event_kind::open_refused:
  case event_kind::acknowledgement_refused:
  case event_kind::client_lost:
    return;
  default:
    add_break(o, e);
  }
}

} // namespace

std::string to_json(const event& e) {
  json::object o;
  o["time"] = to_rfc3339(e.time);
  o["kind"] = view(to_string(e.kind));
  if (!e.file_id.empty()) {
    o["file"] = bytes_to_hex(e.file_id);
    o["path"] = to_utf8(e.path);
  }
  if (!e.client.is_zero()) {
    o["client"] = to_string(e.client);
    o["label"] = to_utf8(e.label);
  }
  if (e.operation != operation_id{})
    o["operation"] = hex_of(static_cast<std::uint64_t>(e.operation));
  if (e.open != open_id::none)
    o["open"] = hex_of(static_cast<std::uint64_t>(e.open));
  if (!e.key.is_zero())
    o["key"] = to_string(e.key);
  add_details(o, e);
  if (e.error != errc::success)
    o["error"] = leasebreak::to_string(e.error);
  return text_of(o);
}

std::string to_json(const listed_page& page) {
  json::array entries;
  for (const auto& e : page.entries)
    entries.push_back(json_of(e, page.now));
  json::object o;
  o["now"] = to_rfc3339(page.now);
  o["entries"] = std::move(entries);
  o["next"] = next_of(page);
  return text_of(o);
}

std::string waits_to_json(const listed_page& page) {
  json::array waits;
  for (const auto& e : page.entries) {
    if (e.kind != entry_kind::waiting)
      continue;
    json::object edge;
    edge["waiter"] = json_of_client(e.client, e.label);
    add_file(edge, e);
    add_since(edge, "seconds", e.since, page.now);
    add_waiting(edge, e, page.now);
    waits.push_back(std::move(edge));
  }
  json::object o;
  o["now"] = to_rfc3339(page.now);
  o["waits"] = std::move(waits);
  o["next"] = next_of(page);
  return text_of(o);
}

std::string to_json(const std::vector<listed_client>& clients, bool is_last) {
  json::array all;
  for (const auto& c : clients) {
    auto one = json_of_client(c.client, c.label);
    one["opens"] = c.opens;
    one["locks"] = c.locks;
    all.push_back(std::move(one));
  }
  json::object o;
  o["clients"] = std::move(all);
  o["next"] = is_last || clients.empty() ? json::value(nullptr)
                                         : json::value(to_string(clients.back().client));
  return text_of(o);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
