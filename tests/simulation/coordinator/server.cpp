// What the simulated server does, following docs/embedding.md.
#include "ask.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

/// Lists a tree while it may be renamed.
template <class Trees>
class renaming {
public:
  renaming(Trees& all, typename Trees::value_type what)
    : all_(all), own_(all.insert(all.end(), std::move(what))) {}
  renaming(const renaming&) = delete;
  renaming& operator=(const renaming&) = delete;
  ~renaming() { all_.erase(own_); }

private:
  Trees& all_;
  typename Trees::iterator own_;
};

namespace {

constexpr const char* root_name = "root";

bool is_beneath(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

std::string text(open_id id) {
  return std::to_string(static_cast<std::uint64_t>(id));
}

} // namespace

void coordinator_run::forget_open(open_id id) {
  // It is unknown whether the client was told of the open, so its breaks are not checked.
  if (const auto h = opens_.find(id); h != opens_.end() && answers_held_.contains(id))
    known_.insert(h->second.name);
  const auto found = opens_.find(id);
  if (found == opens_.end())
    return;
  const auto name = found->second.name;
  opens_.erase(found);
  answers_held_.erase(id);
  forget(name);
}

coordinator_run::task<coordinator_run::answer<entry_guard>> coordinator_run::guard(
  inode directory, std::string name, std::string also) {
  entry_guard_request r;
  r.directory = disk::id_of(directory);
  r.name = std::move(name);
  r.also = std::move(also);
  co_return co_await ask<entry_guard>(std::move(r), patience::bounded, "guard an entry");
}

// -- CREATE

coordinator_run::task<void> coordinator_run::open(create what) {
  const auto key = what.ask.lease ? what.ask.lease->key : lease_key{};
  ++key_uses_[key];
  bool again = true;
  for (int attempts = 0; again && attempts < 5; ++attempts)
    again = co_await open_once(what);
  --key_uses_[key];
}

// Returns true if the name has changed its meaning in the meantime, and the CREATE must be
// repeated.
coordinator_run::task<bool> coordinator_run::open_once(create what) {
  auto where = disk_.look_up(what.path);
  if (!where || disk_.at(where->directory).is_gone)
    co_return false;
  entry_guard name;
  inode file = where->file.value_or(0);
  if (!where->file) {
    auto guarded = co_await guard(where->directory, where->name);
    if (guarded.error != errc::success)
      co_return false;
    name = std::move(guarded.value);
    const auto again = disk_.look_up(what.path);
    if (!again || again->directory != where->directory || again->file)
      co_return true;
    file = disk_.make(false);
    what.ask.created = true;
  }
  if (find(what.ask.connection) == nullptr)
    co_return false; // the connection is lost: no client would receive the answer
  auto ask_for = what.ask;
  ask_for.file = disk::id_of(file);
  ask_for.path = what.path;
  ask_for.is_directory = disk_.at(file).is_directory;
  if (ask_for.is_directory) {
    ask_for.overwrites = ask_for.delete_on_close = false;
    ask_for.access &= ~(access::write_data | access::delete_file);
    if (ask_for.lease)
      ask_for.lease->state = ask_for.lease->state - lease_state::write;
  }
  const auto began = loop_.now();
  const auto wants = ask_for;
  note("client " + std::to_string(what.client) + " opens " + what.path + ", file " +
    std::to_string(file) + (what.ask.created ? " (new)" : ""));
  auto [error, granted] =
    co_await ask<open_result>(std::move(ask_for), patience::bounded, "open " + what.path);
  note("    " +
    (error == errc::success ? "open " + text(granted.open) + " has " +
          std::string(to_string(granted.state)) + (granted.waited ? ", waited" : "")
                            : to_string(error)));
  if (error != errc::success)
    co_return false;
  if (!granted.waited && !config_.durable && loop_.now() != began)
    complain("open " + text(granted.open) + " waited, but does not report it");
  handle h;
  h.client = what.client;
  h.connection = what.ask.connection;
  h.session = what.ask.session;
  h.tree = what.ask.tree;
  h.name = wants.lease ? cache_name{what.client, wants.lease->key, open_id::none}
                       : cache_name{what.client, {}, granted.open};
  h.file = file;
  if (!granted.waited) { // otherwise the path is not certain yet
    const auto now = what.ask.created ? where : disk_.find(file);
    h.path = now ? disk_.path_of(*now) : what.path;
  }
  h.access = wants.access;
  h.lease = wants.lease;
  h.oplock = wants.oplock;
  h.is_durable = granted.durable;
  h.is_persistent = granted.persistent;
  if (wants.durable)
    h.guid = wants.durable->guid;
  const auto id = granted.open;
  h.is_gone = !reaches(h);
  // If the connection was lost before the grant arrived, the open has ended, or is kept. If the
  // coordinator does not know of the loss yet, it will report which. If it does, several threads
  // may have overtaken this handler with its reports.
  const bool is_lost = h.is_gone && find(h.connection) == nullptr;
  h.is_detached = is_lost && ended_connections_.contains(h.connection);
  if ((is_lost && !h.is_durable) || (h.is_detached && !kept_.contains(id)) || lost_.contains(id))
    co_return false;
  opens_[id] = h;
  answers_held_[id] = loop_.now();
  exchange response{*this, h};
  if (what.ask.created) {
    disk_.link(*where, file);
    co_await children_changed(where->directory, &response);
  }
  if (granted.waited) {
    const auto same = co_await same_name(what, file, name);
    if (!same.value_or(false)) {
      // Its answer is never sent, so the breaks that the open caused are not checked.
      co_await close(id, true);
      co_return same.has_value();
    }
    if (const auto again = opens_.find(id); again != opens_.end())
      again->second.path = what.path;
  }
  // As an open that waits, a file may be renamed into the tree meanwhile. An open that was lost
  // while its name was looked up keeps no rename off.
  for (const auto& tree : renamed_trees_)
    if (tree.run == run_ && opens_.contains(id) && is_beneath(what.path, tree.path) &&
      !(moved_.contains(file) && moved_[file] >= tree.asked))
      complain("open " + text(id) + " is granted while " + tree.path + " is renamed");
  if (wants.overwrites) {
    co_await sleep(delay());
    auto& content = disk_.at(file);
    content.stored = content.newest = disk_.next_version();
    note(
      "file " + std::to_string(file) + " is truncated: version " + std::to_string(content.newest));
    if (const auto c = caches_.find(h.name); c != caches_.end()) {
      c->second.data.reset();
      c->second.is_dirty = false;
    }
    granted.hold.release();
  }
  name.release();
  co_await send_answer(id, what.ask.connection, std::move(granted));
  co_await respond(response);
  co_return false;
}

// Returns whether the name still means the file, or nothing if that is unknown. Keeps the guard in
// `name`.
coordinator_run::task<std::optional<bool>> coordinator_run::same_name(
  const create& what, inode file, entry_guard& name) {
  const auto where = disk_.look_up(what.path);
  if (!where)
    co_return false;
  if (!name) {
    auto guarded = co_await guard(where->directory, where->name);
    if (guarded.error == errc::delete_pending)
      co_return false;
    if (guarded.error != errc::success)
      co_return std::nullopt;
    name = std::move(guarded.value);
  }
  const auto again = disk_.look_up(what.path);
  co_return again && again->file == file;
}

// Sends the answer, maybe later with the other answers of a compound.
coordinator_run::task<void> coordinator_run::send_answer(
  open_id id, connection_id on, open_result granted) {
  const auto asked = opens_.find(id);
  const cache_name name = asked == opens_.end() ? cache_name{} : asked->second.name;
  if (holds_answers_ && random_.one_in(4))
    co_await sleep(random_.one_in(10) ? span{6s} : delay());
  const auto held = answers_held_.find(id);
  const bool is_late =
    held != answers_held_.end() && loop_.now() - held->second >= config_.answer_wait_max;
  if (held != answers_held_.end())
    answers_held_.erase(held);
  const auto h = opens_.find(id);
  auto* const way = find(on);
  if (h == opens_.end() || h->second.is_gone || way == nullptr) {
    known_.insert(name); // the answer may have been lost, so breaks of the holder are not checked
    co_return; // the answer is dropped
  }
  if (is_late) // breaks may precede it, and their time is running
    caches_[h->second.name].is_excused = true;
  const bool counts = told(id, granted);
  note("the answer of open " + text(id) + " is sent");
  const auto message = ++last_message_;
  put(
    *way,
    [this, id, state = granted.state, message, counts] { believe(id, state, message, counts); },
    [] {});
  granted.answer.sent();
}

// -- CLOSE

coordinator_run::task<void> coordinator_run::close(open_id id, bool keep) {
  const auto found = opens_.find(id);
  if (found == opens_.end())
    co_return;
  auto& h = found->second;
  const auto name = h.name;
  const auto file = h.file;
  const auto path = h.path;
  exchange response{*this, h};
  const bool is_known = h.is_told && !h.is_gone;
  h.is_gone = true;
  h.locks.clear();
  if (is_known) {
    // With its last open, a client releases its cache, and writes back what it has cached.
    const bool is_last = std::ranges::none_of(
      opens_, [&](const auto& o) { return o.second.name == name && !o.second.is_gone; });
    const auto c = caches_.find(name);
    if (is_last && c != caches_.end() && c->second.is_dirty) {
      auto allowed =
        co_await ask<access_result>(access_request{disk::id_of(file), access_kind::write, id},
          patience::bounded, "write back before a close");
      if (const auto now = caches_.find(name); now != caches_.end() && now->second.is_dirty) {
        if (allowed.error == errc::success) {
          disk_.at(file).stored = *now->second.data;
          now->second.is_dirty = false;
        } else {
          forget_dirty(now->second);
        }
      }
    }
    forget(name);
  }
  note("open " + text(id) + " is closed");
  if (const auto now = opens_.find(id); now != opens_.end())
    now->second.is_closing = true;
  close_request r{disk::id_of(file), id};
  r.keep_file = keep;
  auto [error, closed] =
    co_await ask<close_result>(std::move(r), patience::bounded, "close open " + text(id));
  note("    " + to_string(error) + (closed.delete_file ? ", the file is deleted" : ""));
  forget_open(id);
  if (error == errc::success && closed.delete_file)
    co_await carry_out_deletion(
      file, path, std::move(closed.names), std::move(closed.hold), closed.parent_key, &response);
  co_await respond(response);
}

coordinator_run::task<void> coordinator_run::carry_out_deletion(inode file, std::string path,
  std::vector<deleted_name> names, hold h, std::optional<lease_key> parent, exchange* by) {
  if (names.empty() && !path.empty())
    names.push_back({root_name, path});
  for (const auto& [id, open] : opens_)
    if (open.file == file && open.is_told && !open.is_gone)
      complain("file " + std::to_string(file) + " is deleted while open " + text(id) + " has it");
  for (const auto& each : names) {
    auto where = disk_.look_up(each.path);
    if (!where || where->file != file)
      continue;
    const auto guarded = co_await guard(where->directory, where->name);
    where = disk_.look_up(each.path);
    if (guarded.error != errc::success || !where || where->file != file)
      continue;
    note(each.path + " is removed");
    disk_.unlink(*where);
    if (by != nullptr)
      co_await children_changed(where->directory, by);
    else
      spawn(children_changed(where->directory));
  }
  static_cast<void>(parent);
  h.release();
}

// -- data

// The client may use the key of a lease for another file meanwhile.
std::map<coordinator_run::cache_name, coordinator_run::cache>::iterator coordinator_run::cache_of(
  const cache_name& name, inode file) {
  const auto c = caches_.find(name);
  return c != caches_.end() && c->second.file == file ? c : caches_.end();
}

coordinator_run::task<void> coordinator_run::write(open_id id) {
  const auto found = opens_.find(id);
  if (found == opens_.end())
    co_return;
  const auto file = found->second.file;
  const auto name = found->second.name;
  auto c = caches_.find(name);
  if (c != caches_.end() && intersects(c->second.state, lease_state::write) && !random_.one_in(4)) {
    auto& content = disk_.at(file);
    content.newest = disk_.next_version();
    c->second.data = content.newest;
    c->second.is_dirty = true;
    note(
      "write through " + text(id) + " into the cache: version " + std::to_string(content.newest));
    co_return;
  }
  if (c != caches_.end() && c->second.is_dirty)
    co_return; // the cached write must be written back first
  const auto range = byte_range{random_.below(4) * 10, 10};
  auto may = co_await ask<nothing>(
    io_request{disk::id_of(file), id, range, true}, patience::none, "check a write");
  if (may.error != errc::success)
    co_return;
  auto allowed = co_await ask<access_result>(
    access_request{disk::id_of(file), access_kind::write, id}, patience::bounded, "write");
  note("write through " + text(id) + ": " + to_string(allowed.error));
  if (allowed.error != errc::success)
    co_return;
  if (random_.one_in(2))
    co_await sleep(delay());
  auto& content = disk_.at(file);
  expire_breaks();
  const bool was_dirty = content.newest != content.stored;
  c = cache_of(name, file);
  if (was_dirty && (c == caches_.end() || !c->second.is_dirty))
    complain("a write is admitted while another client caches one, file " + std::to_string(file));
  content.stored = content.newest = disk_.next_version();
  note("file " + std::to_string(file) + " has version " + std::to_string(content.newest));
  if (c != caches_.end()) {
    c->second.is_dirty = false;
    c->second.data.reset();
    if (intersects(c->second.state, lease_state::read))
      c->second.data = content.newest;
  }
}

coordinator_run::task<void> coordinator_run::read_through(open_id id, byte_range range) {
  if (!opens_.contains(id))
    co_return;
  const auto file = opens_.at(id).file;
  const auto name = opens_.at(id).name;
  auto may =
    co_await ask<nothing>(io_request{disk::id_of(file), id, range}, patience::none, "check a read");
  const auto h = opens_.find(id);
  if (may.error != errc::success || h == opens_.end() || h->second.is_gone)
    co_return;
  expire_breaks();
  const auto& content = disk_.at(file);
  note("read through " + text(id) + ": version " + std::to_string(content.stored));
  const auto c = cache_of(name, file);
  if (c != caches_.end() && c->second.is_dirty)
    co_return;
  if (is_kept_back(file))
    complain("a read through open " + text(id) + " sees version " + std::to_string(content.stored) +
      " while " + std::to_string(content.newest) + " is cached");
  if (c != caches_.end() && intersects(c->second.state, lease_state::read))
    c->second.data = content.stored;
}

coordinator_run::task<void> coordinator_run::write_without_open() {
  const auto file = static_cast<inode>(random_.below(disk_.size()));
  if (disk_.at(file).is_directory || disk_.at(file).is_gone)
    co_return;
  auto allowed = co_await ask<access_result>(access_request{disk::id_of(file), access_kind::write},
    patience::bounded, "write without an open");
  if (allowed.error != errc::success)
    co_return;
  co_await sleep(delay());
  expire_breaks();
  auto& content = disk_.at(file);
  if (is_kept_back(file))
    complain("a write without an open is admitted while a client caches one");
  content.stored = content.newest = disk_.next_version();
  note("file " + std::to_string(file) + " is written without an open: version " +
    std::to_string(content.newest));
}

coordinator_run::task<void> coordinator_run::read_without_open(inode file) {
  auto allowed = co_await ask<access_result>(access_request{disk::id_of(file), access_kind::read},
    patience::bounded, "read without an open");
  expire_breaks();
  const auto& content = disk_.at(file);
  if (allowed.error == errc::success && is_kept_back(file))
    complain("a read without an open is admitted while version " + std::to_string(content.newest) +
      " of file " + std::to_string(file) + " is cached");
}

coordinator_run::task<void> coordinator_run::lock(
  open_id id, byte_range range, bool exclusive, bool waits) {
  if (!opens_.contains(id))
    co_return;
  lock_request r{disk::id_of(opens_.at(id).file), id, {{range, exclusive}}, !waits};
  r.connection = opens_.at(id).connection;
  auto done = co_await ask<std::size_t>(
    std::move(r), waits ? patience::unbounded : patience::bounded, "lock through " + text(id));
  note("lock through " + text(id) + ": " + to_string(done.error));
  const auto h = opens_.find(id);
  if (done.error != errc::success || h == opens_.end() || h->second.is_gone)
    co_return;
  if (done.value != 1)
    complain("a lock through " + text(id) + " took " + std::to_string(done.value) + " locks");
  check_lock(id, range, exclusive);
  h->second.locks.emplace_back(range, exclusive);
}

coordinator_run::task<void> coordinator_run::unlock(open_id id, byte_range range) {
  if (!opens_.contains(id))
    co_return;
  auto& h = opens_.at(id);
  const auto held =
    std::ranges::find_if(h.locks, [&](const auto& l) { return l.first.offset == range.offset; });
  if (held == h.locks.end())
    co_return;
  unlock_request r{disk::id_of(h.file), id, {held->first}};
  h.locks.erase(held);
  auto done = co_await ask<std::size_t>(std::move(r), patience::none, "unlock through " + text(id));
  const auto now = opens_.find(id);
  if (done.error != errc::success && done.error != errc::shutting_down && now != opens_.end() &&
    !now->second.is_gone)
    complain("a lock is missing: " + to_string(done.error));
}

// -- names

void coordinator_run::was_renamed(const std::string& from, const std::string& to) {
  for (auto& [id, h] : opens_)
    if (h.path == from) {
      h.path = to;
      h.moved = loop_.now();
    } else if (is_beneath(h.path, from))
      h.path = to + h.path.substr(from.size());
  c().renamed(root_name, from, to);
}

// With `by`, its client is notified, too, after the response.
coordinator_run::task<void> coordinator_run::children_changed(inode directory, exchange* by) {
  access_request r{disk::id_of(directory), access_kind::change_children};
  if (by != nullptr) {
    r.client = clients_[by->client].guid;
    r.connection = by->on;
    own_changes_[++last_change_] = {by->client, directory, loop_.now(),
      time_point{loop_.wall_now().time_since_epoch()}, is_breaking(by->client, directory), false};
    by->changes.push_back(last_change_);
  }
  const auto key = std::pair(directory, by != nullptr ? by->client : no_client);
  ++changes_[key].in_flight;
  auto heard = co_await ask<access_result>(std::move(r), patience::bounded, "tell of a change");
  --changes_[key].in_flight;
  changes_[key].last = loop_.now();
  if (by != nullptr)
    by->answers.push_back(std::move(heard.value.answer));
}

bool coordinator_run::is_breaking(std::size_t client, inode file) const {
  return std::ranges::any_of(caches_, [&](const auto& c) {
    return c.first.client == client && c.second.file == file &&
      (!c.second.breaks.empty() || c.second.answering != 0);
  });
}

// Responds, maybe later with the other responses of a compound.
coordinator_run::task<void> coordinator_run::respond(exchange& e) {
  if (!e.changes.empty() && holds_answers_ && random_.one_in(4))
    co_await sleep(random_.one_in(10) ? span{6s} : delay());
  end(e);
}

void coordinator_run::end(exchange& e) {
  for (const auto change : std::exchange(e.changes, {}))
    if (const auto own = own_changes_.find(change); own != own_changes_.end()) {
      changes_[{own->second.directory, no_client}].last = loop_.now();
      own_changes_.erase(own);
    }
  e.answers.clear();
}

coordinator_run::task<void> coordinator_run::rename(open_id id, std::string to) {
  if (!opens_.contains(id))
    co_return;
  const auto file = opens_.at(id).file;
  const auto from = opens_.at(id).path;
  const auto own = opens_.at(id).name;
  exchange response{*this, opens_.at(id)};
  auto target = disk_.look_up(to);
  if (!target || from == to)
    co_return;
  note("rename of " + from + " to " + to + " through " + text(id));
  auto moved = co_await ask<access_result>(
    access_request{disk::id_of(file), access_kind::rename, id}, patience::bounded, "rename");
  if (moved.error != errc::success)
    co_return;
  answer<access_result> replaced;
  const auto under_it = target->file;
  if (under_it && *under_it != file && !disk_.at(*under_it).is_directory)
    replaced = co_await ask<access_result>(
      access_request{disk::id_of(*under_it), access_kind::replace}, patience::bounded, "replace");
  if (replaced.error != errc::success || (under_it && disk_.at(*under_it).is_directory))
    co_return;
  auto source = disk_.look_up(from);
  target = disk_.look_up(to);
  if (!source || !target)
    co_return;
  answer<entry_guard> first;
  answer<entry_guard> second;
  if (source->directory == target->directory) {
    first = co_await guard(source->directory, source->name, target->name);
  } else {
    const bool in_order = disk::id_of(source->directory) < disk::id_of(target->directory);
    const auto& lesser = in_order ? *source : *target;
    const auto& greater = in_order ? *target : *source;
    first = co_await guard(lesser.directory, lesser.name);
    if (first.error == errc::success)
      second = co_await guard(greater.directory, greater.name);
  }
  const auto source_now = disk_.look_up(from);
  const auto target_now = disk_.look_up(to);
  if (first.error != errc::success || second.error != errc::success || !source_now || !target_now ||
    source_now->file != file || target_now->file != under_it ||
    source_now->directory != source->directory || target_now->directory != target->directory)
    co_return;
  if (random_.one_in(2))
    co_await sleep(delay());
  if (disk_.entry(*source_now) != file || disk_.entry(*target_now) != under_it)
    complain("a name changes under a guard: " + from + " or " + to);
  for (const auto& [name, c] : caches_)
    if (c.file == file && name != own && !c.is_excused && intersects(held(c), lease_state::handle))
      complain(from + " is renamed while " + describe(name) + " caches handles");
  // The directories may have been renamed in the meantime; their entries are the same.
  const auto from_now = disk_.path_of(*source_now);
  const auto to_now = disk_.path_of(*target_now);
  note(from_now + " is renamed to " + to_now);
  disk_.rename(*source_now, *target_now);
  moved_[file] = loop_.now();
  was_renamed(from_now, to_now);
  co_await children_changed(source_now->directory, &response);
  if (source_now->directory != target_now->directory)
    co_await children_changed(target_now->directory, &response);
  co_await respond(response);
}

coordinator_run::task<void> coordinator_run::make_directory(std::string path) {
  const auto where = disk_.look_up(path);
  if (!where || where->file)
    co_return;
  const auto guarded = co_await guard(where->directory, where->name);
  if (guarded.error != errc::success || disk_.look_up(path)->file)
    co_return;
  disk_.link(*where, disk_.make(true));
  note(path + " is created");
  spawn(children_changed(where->directory));
}

coordinator_run::task<void> coordinator_run::rename_directory(
  std::size_t who, std::string from, std::string to) {
  const auto source = disk_.look_up(from);
  const auto target = disk_.look_up(to);
  if (!source || !source->file || !target || target->file)
    co_return;
  rename_tree_request r;
  r.root = root_name;
  r.from = from;
  r.directory = disk::id_of(*source->file);
  r.client = clients_[who].guid;
  note("rename of the directory " + from + " to " + to);
  const auto asked = loop_.now();
  auto tree = co_await ask<tree_guard>(std::move(r), patience::bounded, "rename " + from);
  note("rename of the directory " + from + ": " + to_string(tree.error));
  if (tree.error != errc::success)
    co_return;
  {
    const renaming now(renamed_trees_, {run_, from, asked});
    for (const auto& [id, h] : opens_)
      // An open that was renamed into the tree since then does not count.
      if (is_beneath(h.path, from) && !h.is_gone && h.moved < asked)
        complain("the tree " + from + " may be renamed while open " + text(id) + " is beneath");
    const auto guarded = co_await guard(disk::root, from, to);
    co_await sleep(delay());
    const auto source_now = disk_.look_up(from);
    const auto target_now = disk_.look_up(to);
    if (guarded.error != errc::success || source_now->file != source->file || target_now->file)
      co_return;
    disk_.rename(*source_now, *target_now);
    note(from + " is renamed to " + to);
    was_renamed(from, to);
  }
  tree.value.release();
  spawn(children_changed(disk::root));
}

coordinator_run::task<void> coordinator_run::set_delete(open_id id, bool set) {
  if (!opens_.contains(id))
    co_return;
  const auto file = opens_.at(id).file;
  auto done =
    co_await ask<access_result>(access_request{disk::id_of(file),
                                  set ? access_kind::set_delete : access_kind::clear_delete, id},
      patience::bounded, "set the deletion");
  note((set ? "deletion set through " : "deletion cleared through ") + text(id) + ": " +
    to_string(done.error));
}

coordinator_run::task<void> coordinator_run::force(inode file, lease_state keep) {
  static_cast<void>(
    co_await ask<nothing>(force_break_request{disk::id_of(file), std::nullopt, std::nullopt, keep},
      patience::bounded, "break by force"));
}

// -- reconnect and replay

coordinator_run::task<void> coordinator_run::reconnect(open_id id, link* on) {
  if (!opens_.contains(id) || find(on->id) == nullptr)
    co_return;
  auto& h = opens_.at(id);
  const auto client = clients_[on->client].guid;
  reconnect_request r{disk::id_of(h.file), id, client, on->id};
  if (h.lease)
    r.key = h.lease->key;
  if (!h.guid.is_zero())
    r.guid = h.guid;
  r.session = on->session;
  const auto connection = on->id;
  const auto session = on->session;
  ++h.reconnects;
  note("reconnect of open " + text(id));
  auto [error, granted] =
    co_await ask<open_result>(std::move(r), patience::none, "reconnect open " + text(id));
  note("    " + to_string(error) + ", " + std::string(to_string(granted.state)));
  const auto found = opens_.find(id);
  if (found == opens_.end())
    co_return;
  --found->second.reconnects;
  if (error != errc::success)
    co_return; // it ends by its timeout, or has ended
  auto& back = found->second;
  back.is_detached = false;
  back.connection = connection;
  back.session = session;
  back.is_told = false;
  back.is_gone = !reaches(back);
  // The lease may have changed: the client forgot its state with the connection.
  answers_held_[id] = loop_.now();
  co_await send_answer(id, connection, std::move(granted));
}

// The client has not received the answer, and sends the CREATE again on another connection.
coordinator_run::task<void> coordinator_run::replay(open_id id, link* on) {
  if (!opens_.contains(id) || find(on->id) == nullptr)
    co_return;
  auto& h = opens_.at(id);
  replay_request r{disk::id_of(h.file), id, clients_[h.client].guid, h.lease, h.oplock, on->id};
  const auto connection = on->id;
  auto [error, granted] =
    co_await ask<open_result>(std::move(r), patience::none, "replay open " + text(id));
  note("replay of open " + text(id) + ": " + to_string(error));
  const auto found = opens_.find(id);
  if (error != errc::success || found == opens_.end())
    co_return;
  found->second.connection = connection;
  answers_held_.try_emplace(id, loop_.now());
  co_await send_answer(id, connection, std::move(granted));
}

coordinator_run::task<void> coordinator_run::end_session(
  std::size_t who, session_id session, tree_id tree) {
  std::vector<open_id> ending;
  for (auto& [id, h] : opens_)
    if (h.client == who && h.session == session && (tree == tree_id::none || h.tree == tree)) {
      h.locks.clear();
      h.is_gone = true;
    }
  std::set<cache_name> names;
  for (const auto& [id, h] : opens_)
    names.insert(h.name);
  for (const auto& name : names)
    forget(name);
  note("session " + std::to_string(static_cast<std::uint64_t>(session)) + " ends" +
    (tree == tree_id::none ? "" : ", one tree of it"));
  answer<disconnect_result> done;
  if (tree == tree_id::none)
    done = co_await ask<disconnect_result>(
      end_session_request{clients_[who].guid, session}, patience::none, "end a session");
  else
    done = co_await ask<disconnect_result>(
      end_tree_request{clients_[who].guid, session, tree}, patience::none, "end a tree");
  if (done.error != errc::success)
    co_return;
  gone(
    [&](const handle& h) {
      return h.client == who && h.session == session && (tree == tree_id::none || h.tree == tree);
    },
    done.value);
  for (auto& each : done.value.to_delete)
    for (inode i = 0; i < disk_.size(); ++i)
      if (disk::id_of(i) == each.file)
        spawn(
          carry_out_deletion(i, {}, std::move(each.names), std::move(each.hold), each.parent_key));
}

// Unregisters the client if nothing is left of it, and registers it again.
coordinator_run::task<void> coordinator_run::leave_and_return(std::size_t who) {
  const auto run = run_;
  if (defers_sinks_) {
    // What breaks until the client is unregistered, its sink is told later.
    clients_[who].late->are_held = true;
    co_await sleep(delay());
    if (run != run_)
      co_return;
  }
  co_await connection_lost(who, connection_id::none);
  if (run != run_ || !clients_[who].is_registered)
    co_return;
  const auto error = c().unregister_client(clients_[who].guid);
  note("client " + std::to_string(who) + " is unregistered: " + error.message());
  if (!error) {
    clients_[who].is_registered = false;
    register_client(who);
  }
  make_late_calls(who); // none, if the client is unregistered
  for (std::size_t slot = 0; slot < clients_[who].links.size(); ++slot)
    connect(who, slot);
}

coordinator_run::task<void> coordinator_run::list() {
  const auto all = co_await ask<std::vector<listed_entry>>(lock_query{}, patience::none, "list");
  for (const auto& each : all.value)
    if (each.lease && each.lease->breaking && each.client != client_guid{} &&
      loop_.now() > config_.break_timeout && each.deadline.time_since_epoch().count() != 0 &&
      each.deadline < time_point{loop_.wall_now().time_since_epoch()} - 1s)
      complain("a break is listed after its deadline: file " + each.file_id);
}

} // namespace leasebreak::simulation
