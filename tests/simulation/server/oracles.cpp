// Invariants, and what a run concludes from what it observes.
#include "server_run.hpp"

#include <smb_server/wire/status.hpp>

#include <algorithm>
#include <cstring>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;
using testing::raw_client;

namespace {

/// How long an operation that waits for no client may take: some trips over a bad network, and a
/// slow disk.
constexpr span slack = 20s;

/// Maximum time between the server's last look at a name and its response.
constexpr span look_max = 2s;

} // namespace

/// Returns what an oplock's holder may cache, as a lease state.
std::uint32_t state_of_level(std::uint32_t level) {
  return level == 0 ? 0 : level == 1 ? 0x1 : 0x5;
}

server_run::cache_name server_run::cache_of(const handle& h) const {
  if (h.key != guid{})
    return {h.client, h.key, 0};
  return {h.client, guid{}, h.id.volatile_id};
}

void server_run::on_written(link& l, const answer& a) {
  if (a.head.command == command::create && a.head.status == status::success) {
    const auto made = raw_client::read_created(a);
    see_created(l, a, made.id);
    if (made.lease) {
      const cache_name name{l.client, made.lease->key, 0};
      told_.insert(name);
      for (auto& n : notices_)
        n.may_come_again = n.may_come_again || n.of == name;
      // The response contains the current state; a break that follows takes from it.
      auto& c = caches_[name];
      if (c.state != made.lease->state)
        ++c.tellings;
      // During a break, the response contains the state before the break.
      if ((made.lease->flags & lease_flag::break_in_progress) == 0)
        c.state = made.lease->state;
    } else if (made.oplock != 0) {
      const cache_name name{l.client, guid{}, made.id.volatile_id};
      told_.insert(name);
      caches_[name].state = state_of_level(made.oplock);
    }
    return;
  }
  if (a.head.command == command::oplock_break)
    see_break(a, l);
}

/// A CREATE that is sent again must not open its file twice, unless its client has used the open
/// before (MS-SMB2 3.3.5.9.10): the original may arrive after that.
void server_run::see_created(const link& l, const answer& a, const file_id& id) {
  const guid* const create_guid = l.create_guid_of(a.head.message_id);
  if (create_guid == nullptr)
    return;
  const auto [first, is_first] = created_.try_emplace(*create_guid, id.persistent);
  if (!is_first && first->second != id.persistent && !known_creates_.contains(*create_guid))
    complain(fmt::format("client {}: a CREATE opens its file twice", l.client));
}

server_run::handle_ptr server_run::opened(
  const link_ptr& l, const wish& w, const answer& a, span since) {
  const auto made = raw_client::read_created(a);
  const auto id = raw_client::context_of(a, "QFid");
  if (!id) {
    complain("no QFid");
    return nullptr;
  }
  auto h = std::make_shared<handle>();
  h->number = ++last_number_;
  h->client = l->client;
  h->in = l->in;
  h->since = loop_.now();
  h->id = made.id;
  std::memcpy(&h->file, id->data(), sizeof h->file);
  if (w.is_stream())
    h->file |= stream_bit;
  h->name = w.name;
  h->is_directory = w.is_directory;
  if (w.create_guid)
    known_creates_.insert(*w.create_guid);
  if (made.lease) {
    h->key = made.lease->key;
    see_arrived({l->client, h->key, 0}, loop_.now());
  }
  h->lease_version = w.lease_version;
  if (w.create_guid && raw_client::context_of(a, "DH2Q"))
    h->create_guid = w.create_guid;
  check_name(w.base(), h->base(), since, "an open");
  files_.insert(h->base());
  if (w.deletes()) {
    doom_open(*h);
    if (!w.is_directory) // which may not be empty
      deleted_.insert(h->file);
  }
  auto& c = caches_[cache_of(*h)];
  c.file = h->file;
  note(fmt::format("client {}: open {} of {} is file {}, caches {:#x}", l->client, h->number,
    h->name, h->file, c.state));
  if (!l->in->is_over)
    handles_.push_back(h);
  return h;
}

/// A disposition has emptied a file, and removed its stream, or has emptied a stream.
void server_run::see_truncation(const handle& h, moment began) {
  const auto now = ++last_moment_;
  contents_.add(h.file, no_content, began, now);
  if (!h.is_stream())
    contents_.add(h.file | stream_bit, no_content, began, now);
}

/// Marks what is open as possibly deleted. A later stream may have the same number.
void server_run::doom_open(const handle& h) {
  if (h.is_stream())
    contents_.add(h.file, no_content, ++last_moment_, never);
  else
    doomed_.insert(h.file);
}

/// Invalidates what the client has read so far.
void server_run::distrust(const cache_name& name) {
  auto& c = caches_[name];
  ++c.tellings;
  c.drop();
}

void server_run::forget(const handle_ptr& h) {
  const auto name = cache_of(*h);
  std::erase(handles_, h);
  const bool is_used = std::any_of(
    handles_.begin(), handles_.end(), [&](const auto& other) { return cache_of(*other) == name; });
  if (!is_used)
    caches_[name].drop();
}

/// Returns the time since when a name must match a response that arrives now.
span server_run::shortly_before(span sent) const {
  return std::max(sent, loop_.now() - look_max);
}

/// Checks that the file had the name at some time since `since`.
void server_run::check_name(
  const std::string& name, std::uint64_t file, span since, const char* what) {
  the_disk().look(loop_.now());
  if (!the_disk().was_at(name, file, since, loop_.now()))
    complain(fmt::format("{} succeeds, but file {} is not at {}", what, file, name));
}

/// Checks a file after a close: if it must be deleted, and no client can have it open, it must be
/// gone.
void server_run::check_gone(std::uint64_t file) {
  const bool is_open =
    std::any_of(handles_.begin(), handles_.end(), [&](const auto& h) { return h->base() == file; });
  const bool is_coming = std::any_of(links_.begin(), links_.end(), [](const auto& l) {
    return std::any_of(l->in_flight().begin(), l->in_flight().end(),
      [](const auto& r) { return r.second.command != command::read; });
  });
  const bool is_known = server_->coordinator().stats().opens_now == handles_.size();
  // A connection whose loss the server has not noticed may have the file open.
  const bool is_lost = loop_.now() - last_cut_ < cut_unnoticed_max + slack;
  if (is_open || is_coming || !is_known || is_lost || !deleted_.contains(file) ||
    spared_.contains(file))
    return;
  for (const auto& name : the_disk().names())
    if (the_disk().at(name) == file)
      complain(fmt::format("file {} was deleted and closed, but is at {}", file, name));
}

/// Marks all files that ever had this name as possibly deleted. With `for_good`, also those that
/// will have it, since the time of the deletion is unknown.
void server_run::doom(const std::string& name, bool for_good) {
  const auto all = the_disk().all_at(name);
  doomed_.insert(all.begin(), all.end());
  if (for_good)
    doomed_names_.insert(name);
}

void server_run::see_read(
  const handle_ptr& h, const answered& a, moment began, std::uint64_t tellings) {
  if (!a || (a->head.status != status::success && a->head.status != status::end_of_file))
    return;
  std::uint64_t value = no_content;
  if (a->head.status == status::success) {
    byte_reader in = a->body();
    in.skip(2);
    const std::size_t offset = in.u8();
    in.skip(1);
    const std::size_t length = in.u32();
    const auto data = slice(a->bytes, offset, length);
    if (!data || data->size() != sizeof value)
      return complain("the response to a READ is malformed");
    std::memcpy(&value, data->data(), sizeof value);
  }
  note(fmt::format("client {}: READ {} of {}", h->client, value, h->number));
  if (!contents_.may_read(h->file, value, began, ++last_moment_))
    complain(fmt::format("stale: client {} reads {} of file {}", h->client, value, h->file));
  auto& c = caches_[cache_of(*h)];
  // A client that has asked to close the handle keeps nothing more.
  const bool is_there =
    !h->is_closing && std::find(handles_.begin(), handles_.end(), h) != handles_.end();
  if (is_there && c.tellings == tellings && (c.state & 1) != 0)
    c.value = value;
}

void server_run::check_quiet() {
  check_times();
  check_notices();
  check_caches();
  check_listings();
}

void server_run::check_times() {
  const auto now = loop_.now();
  for (const auto& l : links_) {
    if (l->has_ended())
      continue;
    for (const auto& [id, r] : l->in_flight()) {
      const bool waits = r.command == command::create || r.command == command::set_info ||
        r.command == command::write || r.command == command::close || r.command == command::lock ||
        r.command == command::logoff;
      const auto most = (waits ? 2 * span{options_.break_timeout} : span{}) + slack;
      if (!r.waits_for_ever && now - r.sent > most)
        complain("takes too long: " + r.what);
      const bool ends = r.command != command::close && r.command != command::logoff;
      if (r.cancelled && r.is_alone && ends && now - *r.cancelled > slack)
        complain("was cancelled, but goes on: " + r.what);
    }
  }
}

/// Returns whether a break may wait for the response to a CREATE with the same lease.
bool server_run::is_held_back(const cache_name& name) const {
  return std::any_of(links_.begin(), links_.end(), [&name](const auto& l) {
    return l->client == std::get<0>(name) &&
      std::any_of(l->in_flight().begin(), l->in_flight().end(),
        [](const auto& r) { return r.second.command == command::create && !r.second.is_written; });
  });
}

/// No client may read overwritten data from its cache.
void server_run::check_caches() {
  for (auto& [name, c] : caches_) {
    // A holder that does not acknowledge in time loses its cache.
    if (c.asked && loop_.now() - *c.asked >= options_.break_timeout)
      c.drop();
    const auto now = last_moment_ + 1;
    if (c.value && !is_held_back(name) && !contents_.may_read(c.file, *c.value, now, now))
      complain(fmt::format(
        "stale: client {} has {} of file {} in its cache", std::get<0>(name), *c.value, c.file));
  }
}

} // namespace leasebreak::smb::simulation
