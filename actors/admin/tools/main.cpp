// leasebreakctl: shows the holders and pending operations of a server through its admin service,
// and breaks leases.
//
// Exit status: 0 if something was found or done; 1 if nothing was found or done; 2 for a wrong
// command line, or if the service could not be reached or refused.
#include "client.hpp"
#include "settings.hpp"
#include "words.hpp"

#include <boost/json/object.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace ctl = leasebreak::ctl;
namespace json = boost::json;

constexpr int found = 0;
constexpr int nothing = 1;
constexpr int failed = 2;

struct settings {
  std::string where = "/run/leasebreak/admin.sock";
  std::string token_file;
  bool as_json = false;
  std::string path;
  std::string share;
  std::string client;
  std::string keep = "none";
  bool dry_run = false;
  bool as_metrics = false;
  ctl::setting_change change;
  std::string top_of = "blockers";
  bool all_events = false;
  std::size_t events_max = 0; ///< 0: no limit.
};

void print(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
}

void print(const ctl::lines& lines) {
  for (const auto& line : lines)
    print(line);
}

/// Prints a listing, or `otherwise` if it is empty.
template <class ToLines>
int show(const settings& s, const json::object& all, const char* name, ToLines to_lines,
  const std::string& otherwise) {
  const auto& elements = all.at(name).as_array();
  if (s.as_json)
    print(ctl::json_text(all));
  else if (elements.empty())
    print(otherwise);
  else
    print(to_lines(elements));
  return elements.empty() ? nothing : found;
}

std::string with_filters(const settings& s, std::string target, const char* path_filter) {
  const char* joint = "?";
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty())
      return;
    target += std::string(joint) + name + "=" + ctl::percent_encoded(value);
    joint = "&";
  };
  add(path_filter, s.path);
  add("share", s.share);
  return target;
}

int list_files(ctl::admin_client& c, const settings& s, const char* path_filter) {
  const auto all = c.get_all(with_filters(s, "/api/v1/files", path_filter), "entries");
  return show(s, all, "entries", ctl::lines_of_files,
    s.path.empty() ? "no file has holders" : s.path + ": no holders and no pending operations");
}

bool is_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

/// Returns whether `name` means a client with this label: the label, its user, or its address with
/// or without port.
bool is_meant(const std::string& label, const std::string& name) {
  const auto at = label.find(" at ");
  if (label == name || at == std::string::npos)
    return label == name;
  const auto address = label.substr(at + 4);
  return label.substr(0, at) == name || address == name ||
    address.substr(0, address.rfind(':')) == name;
}

/// Returns the id of the client that `name` means.
std::string find_client(ctl::admin_client& c, const std::string& name) {
  if (is_id(name))
    return name;
  const auto all = c.get_all("/api/v1/clients", "clients");
  std::vector<std::string> ids;
  for (const auto& one : all.at("clients").as_array())
    if (is_meant(std::string(one.at("label").as_string()), name))
      ids.emplace_back(one.at("client").as_string());
  if (ids.empty())
    throw ctl::api_error("unknown_client", "no client is called '" + name + "'");
  if (ids.size() > 1)
    throw ctl::api_error("ambiguous",
      std::to_string(ids.size()) + " clients are called '" + name + "'; give an id or an address");
  return ids.front();
}

int break_path(ctl::admin_client& c, const settings& s) {
  json::object body;
  body["path"] = s.path;
  body["keep"] = s.keep;
  body["dry_run"] = s.dry_run;
  if (!s.share.empty())
    body["share"] = s.share;
  if (!s.client.empty())
    body["client"] = find_client(c, s.client);
  const auto answer = c.post("/api/v1/break", body).as_object();
  if (s.as_json)
    print(ctl::json_text(answer));
  else
    print(ctl::lines_of_break(answer));
  const auto& outcome = answer.at("outcome").as_string();
  return outcome == "ended" || (outcome == "dry_run") ? found : nothing;
}

int disconnect(ctl::admin_client& c, const settings& s) {
  json::object body;
  body["client"] = find_client(c, s.client);
  body["dry_run"] = s.dry_run;
  const auto answer = c.post("/api/v1/disconnect", body).as_object();
  print(s.as_json ? ctl::json_text(answer) : ctl::line_of_disconnect(answer));
  return answer.at("outcome").as_string() == "no_connection" ? nothing : found;
}

int show_stats(ctl::admin_client& c, const settings& s) {
  if (s.as_metrics) {
    std::fputs(c.get_text("/metrics").c_str(), stdout);
    return found;
  }
  const auto stats = c.get("/api/v1/stats").as_object();
  if (s.as_json)
    print(ctl::json_text(stats));
  else
    print(ctl::lines_of_statistics(stats));
  return found;
}

int show_top(ctl::admin_client& c, const settings& s) {
  const auto all = c.get("/api/v1/top?of=" + s.top_of).as_object();
  return show(s, all, "top", ctl::lines_of_top, "no operation has waited in the last hour");
}

/// Nothing is found if the server is not a member at the moment.
int show_cluster(ctl::admin_client& c, const settings& s) {
  const auto cluster = c.get("/api/v1/cluster").as_object();
  if (s.as_json)
    print(ctl::json_text(cluster));
  else
    print(ctl::lines_of_cluster(cluster));
  return cluster.at("stage").as_string() == "member" ? found : nothing;
}

/// Prints events as they come.
int watch(ctl::admin_client& c, const settings& s) {
  std::size_t seen = 0;
  c.read_events(
    s.all_events ? "/api/v1/events?what=all" : "/api/v1/events", [&](const json::object& event) {
      print(s.as_json ? ctl::json_text(event) : ctl::line_of_event(event));
      std::fflush(stdout);
      return ++seen != s.events_max;
    });
  return seen != 0 ? found : nothing;
}

int carry_out(const std::string& command, const settings& s) {
  ctl::admin_client c(s.where, s.token_file);
  if (command == "who")
    return list_files(c, s, "path");
  if (command == "files")
    return list_files(c, s, "prefix");
  if (command == "waits")
    return show(s, c.get_all(with_filters(s, "/api/v1/waits", "path"), "waits"), "waits",
      ctl::lines_of_waits, "no pending operations");
  if (command == "breaks")
    return show(s, c.get_all(with_filters(s, "/api/v1/breaks", "path"), "entries"), "entries",
      ctl::lines_of_breaks, "no breaks in progress");
  if (command == "clients")
    return show(
      s, c.get_all("/api/v1/clients", "clients"), "clients", ctl::lines_of_clients, "no clients");
  if (command == "break")
    return break_path(c, s);
  if (command == "disconnect")
    return disconnect(c, s);
  if (command == "settings")
    return ctl::show_settings(c, s.as_json);
  if (command == "set")
    return ctl::change_setting(c, s.change, s.as_json);
  if (command == "top")
    return show_top(c, s);
  if (command == "cluster")
    return show_cluster(c, s);
  if (command == "watch")
    return watch(c, s);
  return show_stats(c, s);
}

void add_filters(CLI::App& to, settings& s, const char* about_path, bool needs_path) {
  to.add_option("path", s.path, about_path)->required(needs_path);
  to.add_option("--share", s.share, "Only files of this share");
}

void add_settings(CLI::App& to, settings& s) {
  to.add_subcommand("settings", "The settings that can change while the server runs");
  auto* const set = to.add_subcommand("set", "Change a setting until the server's next reload");
  set->add_option("name", s.change.name, "Its name, as `settings` shows it")->required();
  set->add_option("value", s.change.value, "Such as 20s, 1000, RH, or default for a share")
    ->required();
  set->add_option("--share", s.change.share, "Only of this share");
  set->add_flag("--dry-run", s.change.dry_run, "Only say what would change");
}

void define(CLI::App& app, settings& s) {
  app.add_option("--admin", s.where, "The service: the path of its socket, or HOST:PORT")
    ->envname("LEASEBREAK_ADMIN")
    ->capture_default_str();
  app.add_option("--token", s.token_file, "File with the token; for HOST:PORT")
    ->envname("LEASEBREAK_ADMIN_TOKEN_FILE");
  app.add_flag("--json", s.as_json, "Print JSON");
  app.require_subcommand(1);
  app.fallthrough();
  add_filters(
    *app.add_subcommand("who", "Show the holders of a file, breaks, and pending operations"), s,
    "The path of the file within its share, or its last components", true);
  add_filters(*app.add_subcommand("files", "List all files with holders"), s,
    "Only files whose path begins with this", false);
  add_filters(*app.add_subcommand("waits", "List the pending operations and their holders"), s,
    "Only this file", false);
  add_filters(
    *app.add_subcommand("breaks", "List the breaks in progress"), s, "Only this file", false);
  app.add_subcommand("clients", "List the clients with their opens and locks");
  auto* const breaks = app.add_subcommand("break",
    "Ask a file's holders to release their caching; a holder that was asked before and has not "
    "answered loses it at once");
  add_filters(*breaks, s, "The file's path, or its last components; must match one file", true);
  breaks->add_option("--client", s.client, "Only leases of this client: id, user, or address");
  breaks->add_option("--keep", s.keep, "The state that they may keep: none, R, RH, RW or RWH")
    ->capture_default_str();
  breaks->add_flag("--dry-run", s.dry_run, "Only print what would be done");
  add_settings(app, s);
  auto* const gone = app.add_subcommand("disconnect", "End a client's connections");
  gone->add_option("client", s.client, "Its id, user, or address")->required();
  gone->add_flag("--dry-run", s.dry_run, "Only print what would be done");
  app.add_subcommand("top", "List what made operations wait in the last hour, the longest first")
    ->add_option("of", s.top_of, "blockers: clients; files: files")
    ->check(CLI::IsMember({"blockers", "files"}))
    ->capture_default_str();
  app.add_subcommand("cluster", "Show the servers of the cluster, as this one sees them");
  auto* const watch = app.add_subcommand("watch", "Print breaks and waits as they happen");
  watch->add_flag("--all", s.all_events, "Opens and closes, too");
  watch->add_option("--count", s.events_max, "End after so many events; 0: never")
    ->capture_default_str();
  app.add_subcommand("stats", "Print counters and gauges")
    ->add_flag("--prometheus", s.as_metrics, "In the text format of Prometheus");
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{
    "Shows holders and pending operations of a server with leasebreak, and breaks leases",
    "leasebreakctl"};
  define(app, s);
  try {
    app.parse(argc, argv);
    return carry_out(app.get_subcommands().front()->get_name(), s);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out;
    const int status = app.exit(e, out, out);
    std::fputs(out.str().c_str(), status == 0 ? stdout : stderr);
    return status == 0 ? found : failed;
  } catch (const ctl::api_error& e) {
    std::fprintf(stderr, "leasebreakctl: %s\n", e.what());
    const bool is_missing = e.code() == "not_found" || e.code() == "unknown_client";
    return is_missing ? nothing : failed;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "leasebreakctl: %s\n", e.what());
    return failed;
  }
}
