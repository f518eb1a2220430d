// See words.hpp.
#include "words.hpp"

#include "src/plain_json.hpp"

#include <leasebreak/model/quoted.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

namespace json = boost::json;

namespace {

std::string text(const json::object& o, const char* name) {
  const auto* const found = o.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

double number(const json::object& o, const char* name) {
  const auto* const found = o.if_contains(name);
  return found != nullptr && found->is_number() ? found->to_number<double>() : 0;
}

bool flag(const json::object& o, const char* name) {
  const auto* const found = o.if_contains(name);
  return found != nullptr && found->is_bool() && found->as_bool();
}

std::string count(const json::object& o, const char* name) {
  return std::to_string(std::llround(number(o, name)));
}

std::string count_words(double n, const std::string& one) {
  const auto digits = std::to_string(std::llround(n));
  return digits + " " + one + (digits == "1" ? "" : "s");
}

/// Quotes a name only if that is necessary.
std::string shown(const std::string& name) {
  auto careful = quoted(name);
  return careful == "\"" + name + "\"" ? name : careful;
}

/// Returns a client's label, or its id.
std::string who(const json::object& o) {
  const auto label = text(o, "label");
  return label.empty() ? "client " + text(o, "client") : shown(label);
}

std::string file_words(const json::object& o) {
  const auto path = text(o, "path");
  const auto share = text(o, "share");
  if (path.empty())
    return (share.empty() ? "" : shown(share) + "/") + "file " + text(o, "file");
  return shown(share.empty() ? path : share + "/" + path);
}

std::string state_words(const std::string& state) {
  return state == "none" ? "nothing" : state;
}

std::string break_words(const json::object& breaking) {
  return "told to keep " + state_words(text(breaking, "to")) + " " +
    duration_words(number(breaking, "seconds")) + " ago, " +
    duration_words(number(breaking, "seconds_left")) + " left";
}

bool is_kind(const json::object& o, const char* kind) {
  return text(o, "kind") == kind;
}

bool is_lease(const json::object& o) {
  return is_kind(o, "lease") || is_kind(o, "oplock");
}

/// Returns the words for one entry of a file, or nothing if another entry covers it.
std::string entry_words(const json::object& e, const std::set<std::string>& holders) {
  const auto age = duration_words(number(e, "seconds"));
  if (is_lease(e)) {
    if (text(e, "state") == "none")
      return {};
    auto words = who(e) + " holds " + text(e, "state") + " for " + age;
    if (const auto* const breaking = e.if_contains("breaking"); breaking != nullptr)
      words += ", " + break_words(breaking->as_object());
    return words;
  }
  if (is_kind(e, "waiting"))
    return who(e) + " waits for " + age + " (" + text(e, "operation") + ")";
  if (is_kind(e, "byte-range lock"))
    return who(e) + " locks " + count_words(number(e, "length"), "byte") + " at " +
      count(e, "offset") + " for " + age;
  if (is_kind(e, "recovered"))
    return "a client before the restart held something";
  if (holders.contains(text(e, "client")))
    return {};
  return who(e) + (flag(e, "disconnected") ? " is disconnected, and has" : " has") +
    " it open for " + age;
}

std::string words_of_file(const std::vector<const json::object*>& entries) {
  std::set<std::string> holders;
  for (const auto* e : entries)
    if (is_lease(*e) && text(*e, "state") != "none")
      holders.insert(text(*e, "client"));
  std::string first;
  std::string waiting;
  std::set<std::string> said; // several opens of a client count as one
  for (const auto* e : entries) {
    const auto words = entry_words(*e, holders);
    if (words.empty() || !said.insert(words).second)
      continue;
    auto& to = is_kind(*e, "waiting") ? waiting : first;
    to += "; " + words;
  }
  const auto all = first + waiting;
  return file_words(*entries.front()) + ": " + (all.empty() ? "no holders" : all.substr(2));
}

std::string padded(std::string word, std::size_t width) {
  word.resize(std::max(width, word.size()), ' ');
  return word + "  ";
}

} // namespace

std::string duration_words(double seconds) {
  std::array<char, 48> out{};
  const auto whole = std::llround(std::max(seconds, 0.0));
  if (whole < 60)
    std::snprintf(out.data(), out.size(), "%.1f s", std::max(seconds, 0.0));
  else if (whole < 3'600)
    std::snprintf(out.data(), out.size(), "%lld min %lld s", whole / 60, whole % 60);
  else if (whole < 86'400)
    std::snprintf(out.data(), out.size(), "%lld h %lld min", whole / 3'600, whole / 60 % 60);
  else
    std::snprintf(out.data(), out.size(), "%lld d %lld h", whole / 86'400, whole / 3'600 % 24);
  return out.data();
}

lines lines_of_files(const json::array& entries) {
  std::vector<std::vector<const json::object*>> files;
  for (const auto& value : entries) {
    const auto& e = value.as_object();
    if (files.empty() || text(*files.back().front(), "file") != text(e, "file"))
      files.emplace_back();
    files.back().push_back(&e);
  }
  lines result;
  for (const auto& file : files)
    result.push_back(words_of_file(file));
  std::sort(result.begin(), result.end());
  return result;
}

lines lines_of_waits(const json::array& waits) {
  lines result;
  for (const auto& value : waits) {
    const auto& w = value.as_object();
    const auto& holder = w.at("holder");
    auto line = file_words(w) + ": " + who(w.at("waiter").as_object()) + " waits for " +
      duration_words(number(w, "seconds")) + " (" + text(w, "operation") + ")";
    if (holder.is_object())
      line += " for " + who(holder.as_object());
    if (w.contains("seconds_left"))
      line += ", at most " + duration_words(number(w, "seconds_left")) + " more";
    result.push_back(std::move(line));
  }
  return result;
}

lines lines_of_breaks(const json::array& entries) {
  lines result;
  for (const auto& value : entries) {
    const auto& e = value.as_object();
    const auto* const breaking = e.if_contains("breaking");
    if (breaking != nullptr)
      result.push_back(file_words(e) + ": " + who(e) + " holds " + text(e, "state") + ", " +
        break_words(breaking->as_object()));
  }
  return result;
}

lines lines_of_clients(const json::array& clients) {
  lines result = {padded("CLIENT", 32) + padded("OPENS", 8) + padded("LOCKS", 8) + "LABEL"};
  for (const auto& value : clients) {
    const auto& c = value.as_object();
    result.push_back(padded(text(c, "client"), 32) + padded(count(c, "opens"), 8) +
      padded(count(c, "locks"), 8) + shown(text(c, "label")));
  }
  return result;
}

lines lines_of_break(const json::object& answer) {
  const auto outcome = text(answer, "outcome");
  const auto waiting = number(answer, "waiting");
  lines result;
  for (const auto& value : answer.at("holders").as_array()) {
    const auto& e = value.as_object();
    const auto* const breaking = e.if_contains("breaking");
    std::string line = who(e) + " holds " + text(e, "state");
    if (breaking != nullptr)
      line +=
        ", " + break_words(breaking->as_object()) + "; it loses what it caches and has not written";
    else
      line += "; it is asked to keep " + state_words(text(answer, "keep"));
    result.push_back(std::move(line));
  }
  const auto file = file_words(answer);
  if (outcome == "dry_run")
    result.push_back(
      file + ": nothing done (dry run); " + count_words(waiting, "operation") + " waiting");
  else if (outcome == "ended")
    result.push_back(file + ": broken; " + count_words(waiting, "operation") + " waited");
  else if (outcome == "pending")
    result.push_back(file + ": asked, and not answered yet; the same command again ends it");
  else
    result.push_back(file + ": nothing to break");
  return result;
}

std::string line_of_disconnect(const json::object& answer) {
  const auto outcome = text(answer, "outcome");
  auto line = who(answer) + ", " + count_words(number(answer, "opens"), "open") + ": ";
  if (outcome == "dry_run")
    return line + "nothing done (dry run)";
  return line + (outcome == "disconnected" ? "disconnected" : "it has no connection");
}

lines lines_of_top(const json::array& top) {
  lines result = {padded("WAITED", 12) + padded("BREAKS", 8) + "WHO"};
  if (!top.empty() && !top.front().as_object().contains("client"))
    result = {padded("WAITED", 12) + padded("WAITS", 8) + "FILE"};
  for (const auto& value : top) {
    const auto& e = value.as_object();
    const bool is_exact = number(e, "error_seconds") == 0;
    result.push_back(padded((is_exact ? "" : "<= ") + duration_words(number(e, "seconds")), 12) +
      padded(count(e, "count"), 8) + (e.contains("client") ? who(e) : file_words(e)));
  }
  return result;
}

lines lines_of_cluster(const json::object& cluster) {
  if (text(cluster, "stage") == "none")
    return {"the server is not in a cluster"};
  lines result = {shown(text(cluster, "name")) + ": " + text(cluster, "stage") + ", view " +
    count(cluster, "view") + ", serves " + count(cluster, "served") + " of " +
    count(cluster, "slots") + " slots; " + count_words(number(cluster, "pending"), "operation") +
    " without a result"};
  const auto& servers = cluster.at("servers").as_array();
  if (!servers.empty())
    result.push_back(padded("SERVER", 24) + padded("RUN", 8) + padded("SLOTS", 8) +
      padded("STATE", 8) + "ADDRESS");
  for (const auto& value : servers) {
    const auto& s = value.as_object();
    result.push_back(padded(shown(text(s, "name")), 24) + padded(count(s, "run"), 8) +
      padded(count(s, "slots"), 8) + padded(flag(s, "silent") ? "silent" : "heard", 8) +
      shown(text(s, "address")));
  }
  return result;
}

namespace {

/// What happened, after the file's name.
std::string event_words(const json::object& e) {
  const auto kind = text(e, "kind");
  const auto lasted = duration_words(number(e, "seconds"));
  if (kind == "break_begun")
    return who(e) + " must release " + text(e, "from") + " to " + state_words(text(e, "to")) +
      " (" + text(e, "cause") + ")";
  if (kind == "break_notified")
    return who(e) + " is told to keep " + state_words(text(e, "to")) +
      (flag(e, "needs_acknowledgement") ? "" : "; no answer is needed");
  if (kind == "break_overdue")
    return who(e) + " has not answered for " + lasted + "; " +
      count_words(number(e, "waiting"), "operation") + " waiting";
  if (kind == "acknowledged")
    return who(e) + " answered after " + lasted + " and keeps " + state_words(text(e, "left"));
  if (kind == "expired")
    return who(e) + " did not answer for " + lasted + " and loses its lease";
  if (kind == "break_ended")
    return "the break of " + who(e) + " ended after " + lasted + " (" + text(e, "outcome") + ")";
  if (kind == "acknowledgement_refused")
    return "an acknowledgement of " + who(e) + " was refused: " + text(e, "error");
  if (kind == "wait_began")
    return who(e) + " waits (" + text(e, "wait") + ")";
  if (kind == "wait_ended")
    return who(e) + " waited for " + lasted + " (" + text(e, "wait") + ")" +
      (e.contains("error") ? ": " + text(e, "error") : "");
  if (kind == "opened")
    return who(e) + " opened it";
  if (kind == "granted")
    return who(e) + " may cache " + text(e, "state");
  if (kind == "open_refused")
    return who(e) + " was refused: " + text(e, "error");
  if (kind == "closed")
    return who(e) + " closed it (" + text(e, "cause") + ")";
  if (kind == "client_lost")
    return who(e) + " lost its connection";
  if (kind == "client_unresponsive")
    return who(e) + " let " + count_words(number(e, "breaks"), "break") +
      " time out within an hour";
  if (kind == "dropped")
    return count_words(number(e, "count"), "event") + " lost, because they were not read in time";
  return kind;
}

/// Keeps the fraction of a number that has none, so that it stays one of that kind.
std::string fraction_text(double d) {
  std::array<char, 48> number{};
  std::snprintf(number.data(), number.size(), "%.6f", d);
  std::string text = number.data();
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text + "0" : text;
}

} // namespace

std::string line_of_event(const json::object& event) {
  auto line = text(event, "time");
  if (!line.empty())
    line += " ";
  if (event.contains("file"))
    line += file_words(event) + ": ";
  return line + event_words(event);
}

std::string json_text(const json::value& value) {
  std::string text;
  admin::write_plain(text, value, fraction_text);
  return text;
}

lines lines_of_statistics(const json::object& stats) {
  lines result;
  for (const auto& member : stats)
    if (!member.value().is_array())
      result.push_back(padded(std::string(member.key()), 28) + json::serialize(member.value()));
  return result;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
