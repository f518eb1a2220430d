// The shares of a server, and how they change while it runs.
#include <smb_server/service/served_shares.hpp>

#include <leasebreak/model/quoted.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace leasebreak::smb {

namespace {

/// ASCII letters only, as clients compare the names of shares.
std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string text_of(const share_definition& s) {
  return quoted(s.path) + (s.options.continuously_available ? ",ca" : "");
}

const share_definition& definition_of(
  const std::vector<share_definition>& all, const std::string& key) {
  return *std::find_if(
    all.begin(), all.end(), [&](const share_definition& s) { return lower(s.name) == key; });
}

} // namespace

/// Shares of one directory have it in common, so that each sees what comes through the others.
/// Paths of different roots cannot be compared, so that none may lie beneath another.
vfs::share_ptr server::open_root(const share_definition& s, const share_map& others) const {
  auto root = vfs::share::open_root(s.path, vfs_options_);
  if (!root)
    throw std::runtime_error(
      "cannot serve '" + s.path + "' as " + s.name + ": " + root.error().message());
  std::vector<std::pair<std::string, vfs::share_ptr>> roots;
  for (const auto& [name, other] : others)
    roots.emplace_back(other->name, other->files.core());
  for (const auto& [name, weak] : removed_roots_)
    if (auto there = weak.lock())
      roots.emplace_back(name, std::move(there));
  for (const auto& [name, there] : roots) {
    if ((*root)->is_same(*there))
      return there;
    if ((*root)->is_beneath(*there) || there->is_beneath(**root))
      throw std::runtime_error("cannot serve '" + s.path + "' as " + s.name + ": the share " +
        name + " is of a directory above or beneath it");
  }
  return std::move(*root);
}

/// `before`: further shares whose directories count.
void server::add_share(share_map& to, const share_definition& s, const share_map& before) const {
  share_map others = to;
  others.insert(before.begin(), before.end());
  auto root = open_root(s, others);
  auto served = std::make_shared<served_share>(served_share{s.name,
    vfs::async_share{std::move(root), *workers_, runtime_.get_executor()}, s.options, nullptr});
  if (lower(s.name) == "ipc$" || !to.emplace(lower(s.name), std::move(served)).second)
    throw std::runtime_error("the share name '" + s.name + "' is taken");
}

server::share_map server::shares() const {
  const std::lock_guard lock{mutex_};
  return shares_;
}

std::shared_ptr<const served_share> server::find_share(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  const auto found = shares_.find(lower(name));
  return found == shares_.end() ? nullptr : found->second;
}

server::wanted_shares server::change_shares(
  const server_options& wanted, std::vector<option_change>& changes) const {
  const share_map before = shares();
  wanted_shares next;
  for (const share_definition& s : wanted.shares) {
    const auto found = before.find(lower(s.name));
    if (found == before.end() && s.options.continuously_available && !persistent_) {
      changes.push_back({"share " + quoted(s.name) + ": the first with ca", true, false});
      continue;
    }
    if (found == before.end()) {
      add_share(next.served, s, before);
      changes.push_back({"share " + quoted(s.name) + " added: " + text_of(s), false, false});
      next.definitions.push_back(s);
      continue;
    }
    if (!next.served.insert(*found).second)
      throw std::runtime_error("the share name '" + s.name + "' is taken");
    const share_definition& old = definition_of(in_use_.shares, found->first);
    const bool is_same = old.path == s.path && found->second->name == s.name &&
      old.options.continuously_available == s.options.continuously_available;
    if (!is_same)
      changes.push_back(
        {"share " + quoted(s.name) + ": " + text_of(old) + " -> " + text_of(s), true, false});
    next.definitions.push_back(is_same ? s : old);
  }
  for (const auto& [key, share] : before)
    if (next.served.find(key) == next.served.end())
      changes.push_back(
        {"share " + quoted(share->name) + " removed; its connections stay", false, false});
  return next;
}

/// Puts them into use. A directory that has gone from the shares counts until its clients have
/// gone.
void server::use(wanted_shares shares, std::shared_ptr<const account_list> accounts) {
  std::vector<std::pair<std::string, std::weak_ptr<vfs::share>>> removed;
  for (const auto& old : removed_roots_)
    if (!old.second.expired())
      removed.push_back(old);
  for (const auto& [key, share] : shares_)
    if (shares.served.find(key) == shares.served.end())
      removed.emplace_back(share->name, share->files.core());
  const std::lock_guard lock{mutex_};
  removed_roots_ = std::move(removed);
  shares_.swap(shares.served);
  accounts_ = std::move(accounts);
  in_use_.shares = std::move(shares.definitions);
}

} // namespace leasebreak::smb
