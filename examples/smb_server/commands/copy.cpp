#include <smb_server/commands/copy.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace leasebreak::smb::commands {

namespace {

// The limits of Windows (MS-SMB2 3.3.3).
constexpr std::uint32_t chunks_max = 256;
constexpr std::uint32_t chunk_bytes_max = 1 << 20;
constexpr std::uint32_t total_bytes_max = 16 << 20;
constexpr std::uint32_t answer_size = 12;

struct chunk {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t length = 0;
};

struct copy_request {
  file_id source;
  std::uint32_t count = 0; ///< As sent by the client.
  std::vector<chunk> chunks; ///< Up to `chunks_max`.
};

std::optional<copy_request> parse(bytes_view input) {
  byte_reader in{input};
  copy_request r;
  r.source = read_file_id(in);
  in.skip(8);
  r.count = in.u32();
  in.skip(4);
  for (std::uint32_t i = 0; in.ok() && i < std::min(r.count, chunks_max); ++i) {
    chunk c;
    c.from = in.u64();
    c.to = in.u64();
    c.length = in.u32();
    in.skip(4);
    r.chunks.push_back(c);
  }
  return in.ok() ? std::optional{std::move(r)} : std::nullopt;
}

/// Returns whether the request is within the limits.
bool is_bounded(const copy_request& asked) {
  std::uint64_t total = 0;
  for (const chunk& c : asked.chunks) {
    if (c.length == 0 || c.length > chunk_bytes_max)
      return false;
    total += c.length;
  }
  return asked.count <= chunks_max && total <= total_bytes_max;
}

reply answer_with(const ioctl_request& asked, const open& target, std::uint32_t status,
  std::uint32_t chunks, std::uint32_t chunk_bytes, std::uint32_t total_bytes) {
  byte_writer out;
  out.u32(chunks);
  out.u32(chunk_bytes);
  out.u32(total_bytes);
  reply answer;
  answer.status = status;
  encode_ioctl_response(answer.out, asked.code, target.id, out.view());
  return answer;
}

/// MS-SMB2 3.3.5.15.6.2: the response contains the limits.
reply refuse_copy(const ioctl_request& asked, const open& target) {
  return answer_with(
    asked, target, status::invalid_parameter, chunks_max, chunk_bytes_max, total_bytes_max);
}

/// Returns the session's open with this resume key, from any tree, or null.
open_ptr find_source(const request& r, const file_id& id) {
  for (const open_ptr& o : r.on().opens.of_session(r.user->id)) {
    if (o->id == id)
      return o;
  }
  return nullptr;
}

std::uint32_t check_access(const ioctl_request& asked, const open& source, const open& target) {
  if (source.is_directory || target.is_directory)
    return status::invalid_device_request;
  const bool reads_target = asked.code == fsctl_copy_chunk;
  if (!source.may(access::read_data | access::execute) ||
    !target.may(access::write_data | access::append_data) ||
    (reads_target && !target.may(access::read_data)))
    return status::access_denied;
  return status::success;
}

/// Copies one chunk. Returns the status, and the number of bytes in `copied`.
asio::awaitable<std::uint32_t> copy_chunk(
  request& r, const open_ptr& source, const open_ptr& target, chunk c, std::uint32_t& copied) {
  if (reaches_too_far(c.from, c.length) || reaches_too_far(c.to, c.length))
    co_return status::invalid_parameter;
  if (const std::uint32_t bad = co_await check_locks(r, source, {c.from, c.length}, false);
      bad != status::success)
    co_return bad;
  if (const std::uint32_t bad = co_await check_locks(r, target, {c.to, c.length}, true);
      bad != status::success)
    co_return bad;
  if (!r.still_has(*source) || !r.still_has(*target))
    co_return status::file_closed;
  vfs::detail::work<std::size_t> job = [from = source->vfs_open, to = target->vfs_open, c] {
    return to->copy_from(*from, c.from, c.to, c.length);
  };
  auto [error, bytes] = co_await target->tree_connect->share->files.async_run<std::size_t>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  copied = static_cast<std::uint32_t>(bytes);
  co_return status_of(error);
}

} // namespace

reply request_resume_key(const ioctl_request& asked, const open& o) {
  constexpr std::size_t size = 32;
  if (asked.output_max < size)
    return fail(status::invalid_parameter);
  byte_writer out;
  write_file_id(out, o.id);
  out.zeros(size - out.size());
  reply answer;
  encode_ioctl_response(answer.out, asked.code, o.id, out.view());
  return answer;
}

asio::awaitable<reply> copy_chunks(request& r, const ioctl_request& asked, open_ptr target) {
  const auto copy = parse(asked.input);
  if (!copy || asked.output_max < answer_size)
    co_return fail(status::invalid_parameter);
  const open_ptr source = find_source(r, copy->source);
  if (!source)
    co_return fail(status::object_name_not_found);
  if (const std::uint32_t bad = check_access(asked, *source, *target); bad != status::success)
    co_return fail(bad);
  if (!is_bounded(*copy))
    co_return refuse_copy(asked, *target);
  if (copy->chunks.empty()) // no change, thus no break
    co_return answer_with(asked, *target, status::success, 0, 0, 0);
  announced change = co_await announce(r, target->file, access_kind::write, target->handle);
  if (change.status != status::success)
    co_return fail(change.status);
  std::uint32_t total = 0;
  std::uint32_t chunks = 0;
  for (const chunk& c : copy->chunks) {
    std::uint32_t copied = 0;
    const std::uint32_t bad = co_await copy_chunk(r, source, target, c, copied);
    if (bad == status::invalid_parameter) // with which a client takes the numbers for the limits
      co_return refuse_copy(asked, *target);
    if (bad != status::success) // MS-SMB2 3.3.5.15.6.1
      co_return answer_with(asked, *target, bad, chunks, copied, total + copied);
    target->wrote = true;
    total += copied;
    ++chunks;
  }
  change.hold.release();
  co_return answer_with(asked, *target, status::success, chunks, 0, total);
}

} // namespace leasebreak::smb::commands
