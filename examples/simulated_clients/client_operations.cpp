// The operations of a simulated client's user, one after the other.
#include "client.hpp"

#include "canceller.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::simulated {

namespace asio = boost::asio;

namespace {

constexpr auto reading = access::read_data;
constexpr auto writing = access::read_data | access::write_data;
constexpr auto deleting = writing | access::delete_file;

// Locks cover a small part of the file, so that they conflict often.
constexpr std::uint64_t lock_offsets = 16;

} // namespace

client::task<void> client::one_operation() {
  // A few files are busier than others, and each client has a favourite file.
  std::size_t file = random_() % world_.files;
  if (const auto where = random_() % 100; where < 30)
    file %= std::min<std::size_t>(world_.files, 4);
  else if (where < 60)
    file = number_ % world_.files;
  if (slot_of(file).ignoring_until) {
    co_await go_on_ignoring(file);
    co_return;
  }
  const auto what = random_() % 200;
  if (what < 132)
    co_await read(file);
  else if (what < 168)
    co_await write(file);
  else if (what < 175)
    co_await flush(file);
  else if (what < 180)
    co_await overwrite(file);
  else if (what < 187)
    co_await lock(file);
  else if (what < 191)
    co_await rename(file);
  else if (what < 192)
    co_await remove(file);
  else if (what < 194)
    co_await open_exclusively(file);
  else
    co_await close_file(file);
}

client::task<void> client::go_on_ignoring(std::size_t file) {
  auto& f = slot_of(file);
  if (now() < *f.ignoring_until) {
    // It still believes in its lease. The oracle excludes these reads.
    if (const auto seen = f.cache.read())
      observe(file, *seen, f.cache.id(), now());
    co_return;
  }
  f.ignoring_until.reset();
  revoked(file);
  co_await close_file(file);
}

void client::observe(std::size_t file, content seen, cache_id cache, time_point began) {
  ++world_.counts.reads;
  if (cache != 0)
    ++world_.counts.cache_hits;
  const bool exclusive = cache != 0 && slot_of(file).cache.may(lease_state::write);
  world_.judge.read({file, number_, cache, seen, began, exclusive});
}

client::task<void> client::done_with(std::size_t file, open_id open) {
  auto& f = slot_of(file);
  const auto found = std::find_if(
    f.handles.begin(), f.handles.end(), [open](const handle& h) { return h.open == open; });
  if (found == f.handles.end())
    co_return;
  found->in_use = false;
  // Handle caching: the application has closed the file, but the client keeps its handle.
  const bool keep = f.cache.may(lease_state::handle) && chance(random_, 80);
  if (!keep)
    co_await close(file, open);
}

client::task<void> client::read(std::size_t file) {
  const auto open = co_await handle_for(file, reading);
  if (!open)
    co_return;
  const auto connection = connection_;
  for (auto times = 1 + random_() % 4; times > 0 && connection == connection_; --times) {
    co_await read_once(file, *open);
    if (times > 1)
      co_await pause(up_to(random_, std::chrono::milliseconds{1}));
  }
  co_await done_with(file, *open);
}

client::task<void> client::read_once(std::size_t file, open_id open) {
  auto& f = slot_of(file);
  const auto began = now();
  notice_deadline(file);
  if (const auto seen = f.cache.read())
    observe(file, *seen, f.cache.id(), began);
  else
    co_await read_through(file, open);
}

client::task<void> client::read_through(std::size_t file, open_id open) {
  const auto connection = connection_; // the open's connection, which may be lost while flushing
  co_await flush(file); // so that the client reads its own buffered write
  auto& f = slot_of(file);
  const auto ticket = f.cache.ticket();
  const auto began = now();
  const auto reply = co_await world_.host.read(self(), file, open);
  if (!count(reply.error, "read", connection))
    co_return;
  f.cache.fill(ticket, reply.value);
  observe(file, reply.value, 0, began);
}

client::task<void> client::write(std::size_t file) {
  const auto open = co_await handle_for(file, writing);
  if (!open)
    co_return;
  // A buffered write is applied to the cached content, so fetch that first.
  if (slot_of(file).cache.may(lease_state::rw) && !slot_of(file).cache.read())
    co_await read_through(file, *open);
  {
    const auto alone = co_await slot_of(file).busy.lock();
    auto& f = slot_of(file);
    ++world_.counts.writes;
    notice_deadline(file);
    const auto mark = world_.host.disk().next_stamp();
    // Buffer only if an open handle can write the data back.
    const bool still_open = std::any_of(
      f.handles.begin(), f.handles.end(), [&](const handle& h) { return h.open == *open; });
    if (still_open && f.cache.buffer(mark)) {
      ++world_.counts.writes_buffered;
      world_.judge.buffered(file, number_, mark, now());
    } else if (still_open) {
      co_await write_through(file, *open);
    }
  }
  co_await done_with(file, *open);
}

client::task<void> client::write_through(std::size_t file, open_id open) {
  co_await flush_locked(file);
  auto& f = slot_of(file);
  const auto connection = connection_;
  const auto ticket = f.cache.ticket();
  const auto mark = world_.host.disk().next_stamp();
  const auto reply = co_await world_.host.write(self(), file, open, mark);
  if (count(reply.error, "write", connection))
    f.cache.fill(ticket, reply.value);
}

client::task<void> client::flush(std::size_t file) {
  if (!slot_of(file).cache.dirty())
    co_return;
  const auto alone = co_await slot_of(file).busy.lock();
  co_await flush_locked(file);
}

client::task<void> client::flush_locked(std::size_t file) {
  auto& f = slot_of(file);
  notice_deadline(file);
  const auto mark = f.cache.dirty();
  if (!mark)
    co_return;
  const auto connection = connection_;
  const auto through = std::find_if(f.handles.begin(), f.handles.end(),
    [](const handle& h) { return (h.access & access::write_data) != 0; });
  if (through == f.handles.end()) {
    world_.counts.unexpected("a buffered write without a handle to write it back");
    revoked(file);
    co_return;
  }
  const auto open = through->open;
  const auto reply = co_await world_.host.write(self(), file, open, *mark);
  ++world_.counts.flushes;
  if (connection != connection_)
    co_return; // `cut` has discarded the buffered write
  if (count(reply.error, "flush", connection))
    f.cache.flushed(*mark, reply.value);
  else
    revoked(file);
}

client::task<void> client::overwrite(std::size_t file) {
  co_await flush(file);
  if (traits_.uses_oplocks)
    co_await close_file(file);
  const auto open = co_await this->open(file, writing, false, true);
  if (open)
    co_await done_with(file, *open);
}

client::task<void> client::lock(std::size_t file) {
  const auto open = co_await handle_for(file, writing);
  if (!open)
    co_return;
  const auto connection = connection_;
  lock_element element;
  element.range = {random_() % lock_offsets, random_() % lock_offsets};
  element.exclusive = chance(random_, 50);
  bool locked = false;
  {
    const canceller give_up{strand_, random_, world_.break_timeout / 4, world_.counts};
    const auto reply =
      co_await world_.host.lock(self(), file, *open, element, chance(random_, 50), give_up.slot());
    locked = count(reply.error, "lock", connection);
  }
  if (locked) {
    ++world_.counts.locks;
    if (element.exclusive && connection == connection_) {
      const auto alone = co_await slot_of(file).busy.lock();
      ++world_.counts.writes;
      co_await write_through(file, *open);
    }
    const auto reply = co_await world_.host.unlock(self(), file, *open, element.range);
    count(reply.error, "unlock", connection);
  }
  co_await done_with(file, *open);
}

client::task<void> client::rename(std::size_t file) {
  const auto open = co_await handle_for(file, deleting);
  if (!open)
    co_return;
  const auto connection = connection_;
  const auto reply = co_await world_.host.change(self(), file, access_kind::rename, *open);
  if (count(reply.error, "rename", connection))
    ++world_.counts.renames;
  co_await done_with(file, *open);
}

client::task<void> client::remove(std::size_t file) {
  const auto open = co_await handle_for(file, deleting);
  if (!open)
    co_return;
  const auto connection = connection_;
  const auto marked = co_await world_.host.change(self(), file, access_kind::set_delete, *open);
  if (count(marked.error, "set delete", connection) && chance(random_, 30)) {
    const auto taken_back =
      co_await world_.host.change(self(), file, access_kind::clear_delete, *open);
    count(taken_back.error, "clear delete", connection);
  }
  co_await close_file(file);
}

client::task<void> client::open_exclusively(std::size_t file) {
  co_await close_file(file);
  const auto open = co_await this->open(file, writing, true, false);
  if (!open)
    co_return;
  co_await read_through(file, *open);
  co_await close(file, *open);
}

} // namespace leasebreak::simulated
