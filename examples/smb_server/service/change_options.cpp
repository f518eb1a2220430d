// Options that change while the server runs.
#include <smb_server/service/run_settings.hpp>
#include <smb_server/service/served_shares.hpp>

#include <leasebreak/model/quoted.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

namespace leasebreak::smb {

namespace {

std::string text_of(const std::string& value) {
  return value.empty() ? "none" : value;
}

std::string text_of(bool value) {
  return value ? "true" : "false";
}

template <class T>
std::string text_of(const T& value) {
  return std::to_string(value);
}

/// Appends a change if the values differ.
template <class T>
void compare(std::vector<option_change>& to, const char* name, const T& before, const T& after,
  bool needs_restart) {
  if (before != after)
    to.push_back(
      {std::string(name) + ": " + text_of(before) + " -> " + text_of(after), needs_restart, false});
}

std::string endpoint_of(const std::string& address, std::uint16_t port) {
  return address.empty() ? "" : address + ":" + std::to_string(port);
}

/// What is in use since the start.
void compare_fixed(
  std::vector<option_change>& to, const server_options& old, const server_options& now) {
  const auto fixed = [&](const char* name, const auto& before, const auto& after) {
    compare(to, name, before, after, true);
  };
  fixed("listen", endpoint_of(old.address, old.port), endpoint_of(now.address, now.port));
  fixed("domain", old.domain, now.domain);
  if (old.store != now.store) // it may contain a password
    to.push_back({"store: it is another", true, false});
  fixed("require-signing", old.require_signing, now.require_signing);
  fixed("answer-timeout", old.limits.answer_taken_time.count() / 1000,
    now.limits.answer_taken_time.count() / 1000);
  fixed("threads", old.threads, now.threads);
  fixed("poll-us", old.poll_time.count(), now.poll_time.count());
  fixed("disk-threads", old.disk_threads, now.disk_threads);
  fixed("log-format", old.log_format, now.log_format);
  fixed("admin", old.admin.socket_path + endpoint_of(old.admin.address, old.admin.port),
    now.admin.socket_path + endpoint_of(now.admin.address, now.admin.port));
  fixed("admin-token", old.admin.token_file, now.admin.token_file);
  fixed("cluster", old.cluster.engine, now.cluster.engine);
  if (old.cluster.user != now.cluster.user) // it contains a password
    to.push_back({"cluster-user: it is another", true, false});
  fixed("cluster-name", old.cluster.name, now.cluster.name);
  fixed("cluster-node", old.cluster.node, now.cluster.node);
  fixed("cluster-listen", old.cluster.listen, now.cluster.listen);
  fixed("cluster-certificate", old.cluster.certificate, now.cluster.certificate);
  fixed("cluster-key", old.cluster.key, now.cluster.key);
  fixed("cluster-authority", old.cluster.authority, now.cluster.authority);
  fixed("cluster-lease", old.cluster.lease.count() / 1000, now.cluster.lease.count() / 1000);
}

void compare_users(std::vector<option_change>& to, const std::vector<user_account>& before,
  const std::vector<user_account>& after) {
  const std::map<std::string, std::string> old(before.begin(), before.end());
  const std::map<std::string, std::string> now(after.begin(), after.end());
  for (const auto& [name, password] : now) {
    const auto found = old.find(name);
    if (found == old.end())
      to.push_back({"user " + quoted(name) + " added", false, false});
    else if (found->second != password)
      to.push_back({"user " + quoted(name) + " has another password", false, false});
  }
  for (const auto& [name, password] : old)
    if (now.find(name) == now.end())
      to.push_back({"user " + quoted(name) + " removed; sessions go on", false, false});
}

} // namespace

std::shared_ptr<const account_list> server::accounts() const {
  const std::lock_guard lock{mutex_};
  return accounts_;
}

std::vector<option_change> server::change_options(const server_options& wanted) {
  std::vector<option_change> changes;
  auto users = std::make_shared<const account_list>(wanted.users, options_.domain);
  compare_users(changes, in_use_.users, wanted.users);
  auto shares = change_shares(wanted, changes);
  compare(changes, "log-level", in_use_.log_level, wanted.log_level, false);
  compare_fixed(changes, options_, wanted);
  const auto settings_wanted = settings_of(wanted, first_settings_);
  const auto level = spdlog::level::from_str(wanted.log_level);
  server_options now = in_use_;
  now.users = wanted.users;
  now.log_level = wanted.log_level;
  // Nothing of the server has changed so far, and only a lack of memory could stop what follows.
  const auto set =
    coordinator_->change_settings([&](leasebreak::settings& s) { s = settings_wanted; });
  if (set.error)
    throw std::runtime_error(set.fault);
  for (const auto& c : set.changed)
    changes.push_back({to_string(c), false, true});
  in_use_ = std::move(now);
  use(std::move(shares), std::move(users));
  logger_->set_level(level);
  return changes;
}

} // namespace leasebreak::smb
