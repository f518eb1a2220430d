// READ, WRITE, FLUSH, LOCK, OPLOCK_BREAK (MS-SMB2 3.3.5.11 to 3.3.5.14, 3.3.5.22).
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/quoted.hpp>

#include <algorithm>

namespace leasebreak::smb::commands {

namespace {

/// The largest file of NTFS, which clients expect as the limit.
constexpr std::uint64_t file_bytes_max = 0x0fff'ffff'0000;

} // namespace

asio::awaitable<reply> read(request& r) {
  const auto asked = parse_read(r.bytes());
  if (!asked || asked->length > r.host().options().limits.io_bytes || !r.pays_for(asked->length))
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  if (o->is_directory)
    co_return fail(status::invalid_device_request);
  if (!o->may(access::read_data | access::execute))
    co_return fail(status::access_denied);
  if (reaches_too_far(asked->offset, asked->length))
    co_return fail(status::invalid_parameter);
  if (const std::uint32_t bad = co_await check_locks(r, o, {asked->offset, asked->length}, false);
      bad != status::success)
    co_return fail(bad);
  auto [error, data] = co_await o->tree_connect->share->files.async_read(
    o->vfs_open, asked->offset, asked->length, asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  // MS-SMB2 3.3.5.12: no data although some was requested, or less than MinimumCount.
  if ((data.empty() && asked->length > 0) || data.size() < asked->minimum)
    co_return fail(status::end_of_file);
  o->position = asked->offset + data.size();
  reply answer;
  encode_read_response(answer.out, data);
  co_return answer;
}

asio::awaitable<reply> write(request& r) {
  const auto asked = parse_write(r.bytes());
  if (!asked || asked->data.size() > r.host().options().limits.io_bytes ||
    !r.pays_for(asked->data.size()))
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  if (o->is_directory)
    co_return fail(status::invalid_device_request);
  if (!o->may(access::write_data | access::append_data))
    co_return fail(status::access_denied);
  if (reaches_too_far(asked->offset, asked->data.size()) ||
    (!asked->data.empty() && asked->offset + asked->data.size() > file_bytes_max))
    co_return fail(status::invalid_parameter);
  // MS-FSA 2.1.5.4: an empty write succeeds before anything is broken.
  if (asked->data.empty()) {
    reply nothing;
    encode_write_response(nothing.out, 0);
    co_return nothing;
  }
  // MS-FSA 2.1.4.10. A write that fails breaks nothing. Check again after the wait, in which
  // another client may have locked the range.
  const byte_range range{asked->offset, asked->data.size()};
  if (const std::uint32_t bad = co_await check_locks(r, o, range, true); bad != status::success)
    co_return fail(bad);
  announced change = co_await announce(r, o->file, access_kind::write, o->handle);
  if (change.status != status::success)
    co_return fail(change.status);
  if (const std::uint32_t bad = co_await check_locks(r, o, range, true); bad != status::success)
    co_return fail(bad);
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  if (LEASEBREAK_MUTANT(writes_are_not_done)) {
    reply nothing;
    encode_write_response(nothing.out, static_cast<std::uint32_t>(asked->data.size()));
    co_return nothing;
  }
  // The message, which contains the data, outlives the request.
  auto [error, written] = co_await o->tree_connect->share->files.async_write(
    o->vfs_open, asked->offset, asked->data, nullptr, asio::as_tuple(asio::use_awaitable));
  change.hold.release();
  if (error)
    co_return fail(status_of(error));
  o->wrote = true;
  o->position = asked->offset + written;
  reply answer;
  encode_write_response(answer.out, static_cast<std::uint32_t>(written));
  co_return answer;
}

asio::awaitable<reply> flush(request& r) {
  const auto asked = parse_flush(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(*asked);
  if (!o)
    co_return fail(r.no_open());
  if (!o->may(access::write_data | access::append_data))
    co_return fail(status::access_denied);
  auto [error] = co_await o->tree_connect->share->files.async_flush(
    o->vfs_open, asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  co_return done();
}

namespace {

constexpr std::uint32_t lock_kinds = lock_flag::shared | lock_flag::exclusive | lock_flag::unlock;

/// Returns the number that identifies a resent request (MS-SMB2 3.3.5.14). Used for durable and
/// resilient opens, and if there can be several channels.
std::optional<lock_sequence> sequence_of(
  const request& r, const lock_message& asked, const open& o) {
  const negotiated& terms = r.on().terms;
  const bool channels = (terms.capabilities & capability::multi_channel) != 0;
  if (terms.dialect == dialect::smb_2_0_2 || (!o.may_be_kept() && !channels))
    return std::nullopt;
  return lock_sequence{asked.sequence >> 4, static_cast<std::uint8_t>(asked.sequence & 0xf)};
}

/// MS-SMB2 3.3.5.14.1: the elements are processed in order up to the first failure. A malformed
/// element does not affect the elements before it.
asio::awaitable<reply> unlock(request& r, const lock_message& asked, open_ptr o) {
  unlock_request ask;
  ask.file = o->file;
  ask.open = o->handle;
  ask.sequence = sequence_of(r, asked, *o);
  for (const lock_range& range : asked.ranges) {
    if (range.flags != lock_flag::unlock)
      break;
    ask.ranges.push_back({range.offset, range.length});
  }
  const bool all_well_formed = ask.ranges.size() == asked.ranges.size();
  if (!ask.ranges.empty()) {
    auto [error, count] = co_await r.host().coordinator().async_unlock(
      std::move(ask), asio::as_tuple(asio::use_awaitable));
    o->locks.give_back(count);
    if (error)
      co_return fail(status_of(error));
  }
  co_return all_well_formed ? done() : fail(status::invalid_parameter);
}

/// MS-FSA 2.1.5.8: locks beyond AllocationSize break nothing. Files rarely shrink, thus a lock
/// below the allocation at the time of the open needs no disk access.
asio::awaitable<std::uint64_t> allocation_for(
  const open& o, const std::vector<lock_element>& elements) {
  if (std::any_of(elements.begin(), elements.end(),
        [&](const lock_element& e) { return e.range.offset < o.allocation; }))
    co_return unknown_allocation;
  auto [error, info] = co_await o.tree_connect->share->files.async_info(
    o.vfs_open, asio::as_tuple(asio::use_awaitable));
  co_return error ? unknown_allocation : locked_end(info);
}

/// MS-SMB2 3.3.5.14.2.
asio::awaitable<reply> lock_all(request& r, const lock_message& asked, open_ptr o) {
  leasebreak::lock_request ask;
  ask.file = o->file;
  ask.open = o->handle;
  ask.connection = r.on().id();
  ask.sequence = sequence_of(r, asked, *o);
  for (const lock_range& range : asked.ranges) {
    const std::uint32_t kind = range.flags & lock_kinds;
    const bool known = (range.flags & ~(lock_kinds | lock_flag::fail_immediately)) == 0;
    const bool fails = (range.flags & lock_flag::fail_immediately) != 0;
    const bool one = kind == lock_flag::shared || kind == lock_flag::exclusive;
    ask.elements.push_back({{range.offset, range.length}, kind == lock_flag::exclusive,
      known && one && (fails || asked.ranges.size() == 1)});
    ask.fail_immediately = fails || asked.ranges.size() > 1;
  }
  ask.allocation_size = co_await allocation_for(*o, ask.elements);
  // Count before the grant: an unlock that follows immediately releases the count.
  const std::size_t count = asked.ranges.size();
  taken_share taken = taken_share::take(r.user->share.locks, count);
  if (taken.count() == 0)
    co_return fail(status::insufficient_resources);
  o->locks.merge(std::move(taken));
  // A replayed request takes none.
  auto [error, added] = co_await r.wait_for(r.host().coordinator().async_lock(std::move(ask)));
  o->locks.give_back(count - added);
  co_return error ? fail(status_of(error)) : done();
}

} // namespace

asio::awaitable<reply> lock(request& r) {
  const auto asked = parse_lock(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  if (asked->ranges.empty())
    co_return fail(status::invalid_parameter);
  if ((asked->ranges.front().flags & lock_flag::unlock) != 0)
    co_return co_await unlock(r, *asked, o);
  co_return co_await lock_all(r, *asked, o);
}

namespace {

asio::awaitable<reply> acknowledge(request& r, lease_break_message m) {
  lease_acknowledgement ask;
  ask.client = r.on().terms.client;
  ask.key.bytes = m.key;
  if ((m.state & ~std::uint32_t{0x07}) != 0)
    co_return fail(status::request_not_accepted);
  ask.state = static_cast<lease_state>(m.state);
  auto [error, left] = co_await r.host().coordinator().async_acknowledge(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  r.host().log().info("{}: acknowledge lease {} {}: {}", r.on().peer(),
    to_string(leasebreak::lease_key{m.key}), to_string(static_cast<lease_state>(m.state)),
    error ? error.message() : "accepted");
  if (error)
    co_return fail(status_of(error));
  reply answer;
  encode(answer.out, lease_break_message{m.key, bits(left)});
  co_return answer;
}

asio::awaitable<reply> acknowledge(request& r, oplock_break_message m) {
  // MS-SMB2 3.3.5.2.11. The acknowledgement of a lease needs no tree.
  const bool related = r.head().has(header_flag::related);
  if (!r.user->trees.contains(related ? r.compound().tree_id : r.head().tree_id))
    co_return fail(status::network_name_deleted);
  const file_id id = r.resolve(m.id);
  open_ptr o;
  for (const open_ptr& candidate : r.on().opens.of_session(r.user->id)) {
    if (candidate->id == id)
      o = candidate;
  }
  if (!o)
    co_return fail(r.no_open());
  oplock_acknowledgement ask;
  ask.file = o->file;
  ask.client = r.on().terms.client;
  ask.open = o->handle;
  ask.level = static_cast<oplock_level>(m.level);
  auto [error, left] = co_await r.host().coordinator().async_acknowledge(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  r.host().log().info("{}: acknowledge oplock {} {}: {}", r.on().peer(), quoted(o->path),
    to_string(static_cast<oplock_level>(m.level)), error ? error.message() : "accepted");
  if (error)
    co_return fail(status_of(error));
  reply answer;
  encode(answer.out, oplock_break_message{static_cast<std::uint8_t>(left), o->id});
  co_return answer;
}

} // namespace

asio::awaitable<reply> oplock_break(request& r) {
  const auto asked = parse_break_acknowledgement(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  if (asked->lease)
    co_return co_await acknowledge(r, *asked->lease);
  co_return co_await acknowledge(r, *asked->oplock);
}

} // namespace leasebreak::smb::commands
