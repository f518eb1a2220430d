// IOCTL (MS-SMB2 3.3.5.15).
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/commands/copy.hpp>
#include <smb_server/commands/file_ranges.hpp>
#include <smb_server/commands/network_interfaces.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <algorithm>
#include <chrono>

namespace leasebreak::smb::commands {

namespace {

constexpr std::uint32_t fsctl_validate_negotiate = 0x0014'0204;
/// Treat the connection as if its peer's TCP acknowledged no more bytes.
constexpr std::uint32_t fsctl_force_unacked = 0x8384'8003;
constexpr std::uint32_t fsctl_create_or_get_object_id = 0x0009'00c0;
constexpr std::uint32_t fsctl_get_object_id = 0x0009'009c;
constexpr std::uint32_t fsctl_get_compression = 0x0009'003c;
constexpr std::uint32_t fsctl_lmr_request_resiliency = 0x0014'01d4;
constexpr std::uint32_t fsctl_dfs_get_referrals = 0x0006'0194;
constexpr std::uint32_t fsctl_dfs_get_referrals_ex = 0x0006'01b0;

/// MS-FSCC 2.3.2: the id of a file is constant; the birth ids are zero.
asio::awaitable<reply> object_id(ioctl_request asked, open_ptr o) {
  auto [error, info] = co_await o->tree_connect->share->files.info(o->vfs_open);
  if (error)
    co_return fail(status_of(error));
  byte_writer out;
  out.u64(info.id.inode);
  out.u64(info.id.device);
  out.zeros(48);
  if (asked.output_max < out.size())
    co_return fail(status::buffer_too_small);
  asked.id = o->id;
  reply answer;
  encode_ioctl_response(answer.out, asked.code, asked.id, out.view());
  co_return answer;
}

/// MS-FSCC 2.3.22: nothing is compressed.
reply get_compression(const ioctl_request& asked, const open& o) {
  byte_writer out;
  out.u16(0);
  if (asked.output_max < out.size())
    return fail(status::invalid_parameter);
  reply answer;
  encode_ioctl_response(answer.out, asked.code, o.id, out.view());
  return answer;
}

/// MS-SMB2 3.3.5.15.12: detects that a third party has modified the negotiation.
reply validate_negotiate(request& r, const ioctl_request& asked) {
  const negotiated& terms = r.on().terms;
  const auto said = parse_validate_negotiate(asked.input);
  byte_writer out;
  out.u32(terms.capabilities);
  out.append(r.host().id());
  out.u16(terms.security_mode);
  out.u16(static_cast<std::uint16_t>(terms.dialect));
  if (!said || said->client_guid != terms.client_guid ||
    said->capabilities != terms.client_capabilities ||
    said->security_mode != terms.client_security_mode ||
    greatest_common_dialect(said->dialects) != terms.dialect || asked.output_max < out.size() ||
    terms.dialect == dialect::smb_3_1_1) {
    r.on().close("a negotiation that cannot be validated");
    return hang_up();
  }
  reply answer;
  encode_ioctl_response(answer.out, asked.code, asked.id, out.view());
  return answer;
}

/// MS-SMB2 3.3.5.15.9. A timeout above the coordinator's maximum is refused.
asio::awaitable<reply> request_resiliency(request& r, const ioctl_request& asked, open_ptr o) {
  constexpr std::chrono::seconds usual{120};
  byte_reader in{asked.input};
  const std::chrono::milliseconds wanted{in.u32()};
  in.skip(4);
  if (r.on().terms.dialect == dialect::smb_2_0_2)
    co_return fail(status::invalid_device_request);
  if (!in.ok())
    co_return fail(status::invalid_parameter);
  // Implementation specific: opens of streams are not durable.
  if (o->is_stream)
    co_return fail(status::not_supported);
  resilience_request ask{o->file, o->handle, wanted.count() == 0 ? usual : wanted};
  auto [error] = co_await r.host().coordinator().async_make_resilient(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  o->resilient = true;
  // Not if it is being closed, or if its connection has ended meanwhile.
  if (r.on().opens.find(o->handle) == o)
    r.host().kept().attach(o, r.on().one_of(*r.user));
  reply answer;
  encode_ioctl_response(answer.out, asked.code, o->id, {});
  co_return answer;
}

} // namespace

bool is_connection_control(const request& r) {
  if (r.head().command != command::ioctl)
    return false;
  const auto asked = parse_ioctl(r.bytes());
  return asked && asked->code == fsctl_force_unacked;
}

asio::awaitable<reply> ioctl(request& r) {
  const auto asked = parse_ioctl(r.bytes());
  if (!asked || !r.pays_for(std::max<std::size_t>(asked->input.size(), asked->output_max)))
    co_return fail(status::invalid_parameter);
  switch (asked->code) {
  case fsctl_validate_negotiate:
    co_return validate_negotiate(r, *asked);
  case fsctl_force_unacked: {
    r.on().pretend_stuck();
    reply answer;
    encode_ioctl_response(answer.out, asked->code, asked->id, {});
    co_return answer;
  }
  case fsctl_dfs_get_referrals:
  case fsctl_dfs_get_referrals_ex:
    co_return fail(status::fs_driver_required);
  case fsctl_query_network_interfaces:
    co_return co_await query_network_interfaces(r, *asked);
  default:
    break;
  }
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  switch (asked->code) {
  case fsctl_create_or_get_object_id:
  case fsctl_get_object_id:
    co_return co_await object_id(*asked, o);
  case fsctl_lmr_request_resiliency:
    co_return co_await request_resiliency(r, *asked, o);
  case fsctl_get_compression:
    co_return get_compression(*asked, *o);
  case fsctl_set_sparse:
    co_return co_await set_sparse(r, *asked, o);
  case fsctl_set_zero_data:
    co_return co_await set_zero_data(r, *asked, o);
  case fsctl_query_allocated_ranges:
    co_return co_await query_allocated_ranges(*asked, o);
  case fsctl_request_resume_key:
    co_return request_resume_key(*asked, *o);
  case fsctl_copy_chunk:
  case fsctl_copy_chunk_write:
    co_return co_await copy_chunks(r, *asked, o);
  default:
    co_return fail(status::invalid_device_request);
  }
}

} // namespace leasebreak::smb::commands
