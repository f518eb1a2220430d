// The response of CREATE and its contexts (MS-SMB2 2.2.14).
#include <smb_server/commands/create_answer.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/durable_create.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/quoted.hpp>

namespace leasebreak::smb::commands {

namespace {

void add_contexts(const create_request& asked, const vfs::file_info& info,
  const open_result& granted, std::vector<response_context>& contexts) {
  if (granted.oplock == oplock_level::lease) {
    lease_context lease;
    lease.version = granted.version;
    lease.key = granted.key.bytes;
    lease.state = bits(granted.state);
    lease.flags = granted.break_in_progress ? lease_flag::break_in_progress : 0;
    lease.epoch = granted.epoch;
    if (granted.parent_key) {
      lease.flags |= lease_flag::parent_key_set;
      lease.parent_key = granted.parent_key->bytes;
    }
    contexts.push_back({"RqLs", encode_lease_context(lease)});
  }
  if (asked.context("MxAc") != nullptr) {
    byte_writer out;
    out.u32(status::success);
    out.u32(access::all);
    contexts.push_back({"MxAc", out.take()});
  }
  if (asked.context("QFid") != nullptr) {
    byte_writer out;
    out.u64(info.id.inode);
    out.u64(info.id.device);
    out.zeros(16);
    contexts.push_back({"QFid", out.take()});
  }
}

void log_grant(const request& r, const open& o, const open_result& granted) {
  if (granted.oplock == oplock_level::none || !r.host().log().should_log(spdlog::level::info))
    return;
  r.host().log().info("{}: grant {} {} {}{}{}", r.on().peer(), quoted(o.path),
    granted.oplock == oplock_level::lease ? "lease" : "oplock", to_string(granted.state),
    granted.oplock == oplock_level::lease ? " key " + to_string(granted.key) : std::string{},
    granted.break_in_progress ? ", a break is in progress" : "");
}

} // namespace

reply enter(request& r, const create_request& asked, const open_ptr& o, const vfs::opened& opened,
  open_result& granted) {
  if (o->place.count() == 0)
    o->place = std::move(r.place);
  r.on().opens.add(o);
  if (o->is_attached())
    r.host().kept().attach(o, r.on().one_of(*r.user));
  log_grant(r, *o, granted);
  return answer_of(asked, *o, opened, granted);
}

reply answer_of(
  const create_request& asked, const open& o, const vfs::opened& opened, open_result& granted) {
  create_response response;
  response.oplock_level = static_cast<std::uint8_t>(granted.oplock);
  response.action = static_cast<create_action>(opened.action);
  response.metadata = to_metadata(opened.info);
  response.id = o.id;
  add_contexts(asked, opened.info, granted, response.contexts);
  const bool reconnects = asked.context("DHnC") != nullptr || asked.context("DH2C") != nullptr;
  if (granted.durable && !reconnects) {
    const auto ms = static_cast<std::uint32_t>(durable_time(*o.durable).count());
    response.contexts.push_back(encode_durable_response(*o.durable, ms, granted.persistent));
  }
  reply answer;
  answer.file = o.id;
  answer.granted = std::move(granted.answer);
  encode(answer.out, 0, response);
  return answer;
}

asio::awaitable<bool> is_superseded(request& r, open_ptr o) {
  if (!o->has_instance)
    co_return false;
  io_request ask{o->file, o->handle, byte_range{}};
  auto [error] = co_await r.host().coordinator().async_check_io(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  const open_ptr mine = error == errc::unknown_open ? r.on().opens.remove(o->id) : nullptr;
  if (mine)
    co_await r.on().close_open(mine);
  co_return error == errc::unknown_open;
}

} // namespace leasebreak::smb::commands
