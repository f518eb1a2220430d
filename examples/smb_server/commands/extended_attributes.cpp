#include <smb_server/commands/extended_attributes.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/set_info.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/server.hpp>
#include <smb_server/vfs/ascii.hpp>

#include <leasebreak/model/access.hpp>

#include <algorithm>

namespace leasebreak::smb::commands {

namespace {

/// Limit of loaded names and values of a file. Linux lists at most 64 KiB of names.
constexpr std::size_t eas_bytes_max = std::size_t{1} << 20;

/// MS-FSA 2.1.5.12.11: a requested name that does not exist has an empty value.
std::vector<ea_entry> pick(
  const std::vector<ea_entry>& there, const std::vector<std::string>& names) {
  std::vector<ea_entry> result;
  for (const std::string& name : names) {
    const auto found = std::find_if(there.begin(), there.end(),
      [&](const ea_entry& e) { return vfs::equal_ignoring_case(e.name, name); });
    result.push_back(found == there.end() ? ea_entry{name, {}} : *found);
  }
  return result;
}

reply answer_with(const std::vector<ea_entry>& entries, std::size_t room) {
  if (entries.empty())
    return fail(status::no_eas_on_file);
  std::size_t count = 0;
  const byte_vector list = encode_eas(entries, room, count);
  if (count == 0)
    return fail(status::buffer_too_small);
  reply answer;
  answer.status = count < entries.size() ? status::buffer_overflow : status::success;
  encode_buffer_response(answer.out, list);
  return answer;
}

} // namespace

std::vector<vfs::extended_attribute> to_attributes(std::vector<ea_entry> entries) {
  std::vector<vfs::extended_attribute> result;
  result.reserve(entries.size());
  for (ea_entry& e : entries)
    result.push_back({std::move(e.name), std::move(e.value)});
  return result;
}

vfs::result<std::vector<ea_entry>> load_eas(const vfs::open_file& file) {
  bool cut = false; // ignored: clients get the first ones
  auto found = file.extended_attributes(eas_bytes_max, cut);
  if (!found)
    return found.error();
  std::vector<ea_entry> result;
  result.reserve(found->size());
  for (vfs::extended_attribute& each : *found)
    result.push_back({std::move(each.name), std::move(each.value)});
  return result;
}

asio::awaitable<reply> query_eas(query_info_request asked, open_ptr o) {
  if (!o->may(access::read_ea))
    co_return fail(status::access_denied);
  const auto names = parse_ea_names(asked.input);
  if (!names)
    co_return fail(status::ea_list_inconsistent);
  vfs::detail::work<std::vector<ea_entry>> job = [file = o->vfs_open] { return load_eas(*file); };
  auto [error, there] = co_await o->tree_connect->share->files.async_run<std::vector<ea_entry>>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  if (names->empty())
    co_return answer_with(there, asked.output_max);
  co_return answer_with(pick(there, *names), asked.output_max);
}

asio::awaitable<reply> set_eas(request& r, const set_info_request& asked, open_ptr o) {
  if (!o->may(access::write_ea))
    co_return fail(status::access_denied);
  auto entries = parse_eas(asked.data);
  if (!entries)
    co_return fail(status::ea_list_inconsistent);
  if (entries->empty()) // no change, thus no break
    co_return set_info_done();
  vfs::detail::work<void> job = [file = o->vfs_open, wanted = to_attributes(std::move(*entries))] {
    return file->set_extended_attributes(wanted);
  };
  auto [error] = co_await o->tree_connect->share->files.async_run<void>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  co_await tell_parent_of(
    r.host(), *o, {change_action::modified, notify_filter::extended_attributes}, &r);
  co_return set_info_done();
}

} // namespace leasebreak::smb::commands
