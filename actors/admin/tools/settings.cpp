// See settings.hpp.
#include "settings.hpp"

#include <leasebreak/model/quoted.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& o, const char* name) {
  return std::string(o.at(name).as_string());
}

std::string named_setting(const json::object& o) {
  const auto* const share = o.if_contains("share");
  return text_at(o, "name") +
    (share != nullptr ? " of share " + quoted(std::string(share->as_string())) : "");
}

void print_line(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
}

} // namespace

int show_settings(admin_client& c, bool as_json) {
  const auto all = c.get("/api/v1/settings").as_object();
  if (as_json)
    print_line(json::serialize(all));
  else
    for (const auto& one : all.at("settings").as_array())
      print_line(named_setting(one.as_object()) + ": " + text_at(one.as_object(), "value"));
  return 0;
}

int change_setting(admin_client& c, const setting_change& what, bool as_json) {
  json::object body;
  body["name"] = what.name;
  body["value"] = what.value;
  if (!what.share.empty())
    body["share"] = what.share;
  body["dry_run"] = what.dry_run;
  const auto answer = c.post("/api/v1/settings", body).as_object();
  const auto& changed = answer.at("changed").as_array();
  if (as_json)
    print_line(json::serialize(answer));
  else if (changed.empty())
    print_line("unchanged");
  else
    for (const auto& one : changed) {
      const auto& o = one.as_object();
      print_line(named_setting(o) + ": " + text_at(o, "before") + " -> " + text_at(o, "after") +
        (what.dry_run ? " (dry run)" : ""));
    }
  return changed.empty() ? 1 : 0;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
