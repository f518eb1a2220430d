// The settings of the coordinator: shown, and changed by hand.
#include "core.hpp"

#include "json.hpp"
#include "text.hpp"

#include <leasebreak/model/quoted.hpp>
#include <leasebreak/settings.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace json = boost::json;

namespace {

json::object json_of_setting(const changed_setting& s) {
  json::object o;
  if (!s.share.empty())
    o["share"] = to_utf8(s.share);
  o["name"] = s.name;
  return o;
}

json::array json_of_changes(const std::vector<changed_setting>& changed) {
  json::array all;
  for (const auto& c : changed) {
    auto o = json_of_setting(c);
    o["before"] = c.before;
    o["after"] = c.after;
    all.push_back(std::move(o));
  }
  return all;
}

/// What would change, and why not.
settings_change try_out(const settings& now, const change_by_hand& call) {
  settings_change result;
  auto wanted = now;
  result.fault = set_by_name(wanted, call.name, call.value, call.share);
  if (result.fault.empty())
    result.fault = wanted.validate();
  if (result.fault.empty())
    result.changed = difference(now, wanted);
  else
    result.error = make_error_code(errc::invalid_argument);
  return result;
}

/// The fault of the name or the value, or that of the settings as a whole.
settings_change change_one(coordinator& c, const change_by_hand& call) {
  std::string fault;
  auto result = c.change_settings(
    [&](settings& s) { fault = set_by_name(s, call.name, call.value, call.share); });
  if (!result.error && !fault.empty()) {
    result.error = make_error_code(errc::invalid_argument);
    result.fault = std::move(fault);
  }
  return result;
}

std::string text_of_changes(const change_by_hand& call, const settings_change& change) {
  if (change.changed.empty())
    return call.name + (call.share.empty() ? "" : " of share " + quoted(call.share)) + " to " +
      quoted(call.value);
  std::string text;
  for (const auto& c : change.changed)
    text += (text.empty() ? "" : ", ") + to_string(c);
  return text;
}

} // namespace

std::string settings_to_json(const settings& s) {
  json::array all;
  for (const auto& one : list_settings(s)) {
    auto o = json_of_setting(one);
    o["value"] = one.after;
    all.push_back(std::move(o));
  }
  json::object answer;
  answer["settings"] = std::move(all);
  return text_of(answer);
}

http_response core::change_setting(const change_by_hand& call, const caller& who) {
  settings_change change;
  const bool is_there = with_coordinator([&](coordinator& c) {
    change = call.dry_run ? try_out(c.current_settings(), call) : change_one(c, call);
  });
  if (!is_there)
    return stopping();
  const std::string outcome = change.error ? "refused"
    : call.dry_run                         ? "dry_run"
    : change.changed.empty()               ? "unchanged"
                                           : "changed";
  audit(
    who, "set of " + text_of_changes(call, change) + (call.dry_run ? ", dry run" : ""), outcome);
  if (to_errc(change.error) == errc::shutting_down)
    return error_response(503, "not_serving", change.fault);
  if (change.error)
    return error_response(400, "bad_setting", change.fault);
  json::object answer;
  answer["changed"] = json_of_changes(change.changed);
  answer["dry_run"] = call.dry_run;
  answer["outcome"] = outcome;
  return ok(text_of(answer));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
