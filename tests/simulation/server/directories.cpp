// Directories: clients open, list, rename and delete them, and cache their listings.
#include "server_run.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <algorithm>
#include <filesystem>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;
using testing::raw_client;

namespace {

/// How long the notification of a change may be on its way.
constexpr span notice_max = 20s;

byte_vector listing_body(const file_id& id) {
  constexpr std::uint8_t restarts = 1;
  const byte_vector pattern = utf8_to_utf16("*");
  byte_writer body;
  body.u16(33);
  body.u8(static_cast<std::uint8_t>(file_class::names));
  body.u8(restarts);
  body.u32(0);
  write_file_id(body, id);
  body.u16(96);
  body.u16(static_cast<std::uint16_t>(pattern.size()));
  body.u32(65'536);
  body.append(pattern);
  return body.take();
}

/// Parses FileNamesInformation (MS-FSCC 2.4.32), without the entries for the directory and its
/// parent.
std::set<std::string> names_in(bytes_view found) {
  std::set<std::string> names;
  for (std::size_t at = 0; at < found.size();) {
    byte_reader in{found.subspan(at)};
    const std::size_t next = in.u32();
    in.skip(4);
    const std::size_t length = in.u32();
    const auto name = utf16_to_utf8(in.bytes(length));
    if (name && *name != "." && *name != "..")
      names.insert(*name);
    at = next == 0 ? found.size() : at + next;
  }
  return names;
}

std::set<std::string> entries_of(const std::string& path) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator{path, none})
    names.insert(each.path().filename());
  return names;
}

} // namespace

void server_run::act_on_directory(const link_ptr& l, const handle_ptr& h, const step& s) {
  switch (s.c % 8) {
  case 0:
    return spawn(close(l, h));
  case 1:
    return spawn(move_directory(l, h));
  case 2:
    return spawn(set_disposition(l, h, s.d % 4 != 0));
  default:
    return spawn(list(l, h));
  }
}

/// Turns the parameters of a CREATE into those of a directory's CREATE.
void server_run::make_directory_wish(wish& w, const step& s) const {
  constexpr std::array hows{
    disposition::open_if, disposition::open_if, disposition::open, disposition::create};
  w.is_directory = true;
  w.name = directory_names[s.b % directory_names.size()];
  w.how = hows[s.c % hows.size()];
}

task<void> server_run::list(link_ptr l, handle_ptr h) {
  const auto tellings = caches_[cache_of(*h)].tellings;
  const auto a =
    co_await l->call(command::query_directory, listing_body(h->id), "QUERY_DIRECTORY " + h->name);
  if (!a || a->head.status != status::success)
    co_return;
  byte_reader in = a->body();
  in.skip(2);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u32();
  const auto data = slice(a->bytes, offset, length);
  if (!data)
    co_return complain("the response to a QUERY_DIRECTORY is malformed");
  auto& c = caches_[cache_of(*h)];
  const bool is_there = std::find(handles_.begin(), handles_.end(), h) != handles_.end();
  if (!is_there || c.tellings != tellings || (c.state & 1) == 0)
    co_return;
  c.listing = names_in(*data);
  c.outdated.reset();
  note(fmt::format("client {}: caches the {} entries of {} ({})", h->client, c.listing->size(),
    h->number, h->name));
}

/// Renames a directory to the other name of a directory.
task<void> server_run::move_directory(link_ptr l, handle_ptr h) {
  if (!h->is_name_known)
    co_return;
  const auto sent = loop_.now();
  const std::string from = h->name;
  const std::string to = directory_names[from == directory_names[0] ? 1 : 0];
  const auto what = fmt::format("rename directory {} ({}) to {}", h->number, from, to);
  note(fmt::format("client {}: {}", h->client, what));
  const auto known = ++last_number_;
  const auto beneath = files_beneath(from);
  const auto a = co_await l->call(command::set_info, rename_body(h->id, to), what);
  note(fmt::format("client {}: {}: {}", h->client, what,
    a ? fmt::format("{:#010x}", a->head.status) : std::string{"lost"}));
  if (!a)
    h->is_name_known = false;
  if (!a || a->head.status != status::success)
    co_return;
  check_name(to, h->file, shortly_before(sent), "a rename of a directory");
  h->name = to;
  // MS-FSA 2.1.5.15.11: no file beneath is open.
  const auto now_beneath = files_beneath(to);
  for (const auto& other : handles_)
    if (other->number < known && other->in && !channels_of(*other->in, 0).empty() &&
      !other->is_closing && other->is_name_known && beneath.contains(other->base()) &&
      now_beneath.contains(other->base()) && other->name.starts_with(from + "/"))
      complain(fmt::format("directory {} is renamed while {} beneath is open", from, other->name));
}

std::set<std::uint64_t> server_run::files_beneath(const std::string& directory) const {
  std::set<std::uint64_t> result;
  for (const auto& name : the_disk().names())
    if (name.starts_with(directory + "/"))
      result.insert(the_disk().at(name));
  result.erase(0);
  return result;
}

/// A client that caches a listing must hear of each change of the directory.
void server_run::check_listings() {
  const auto is_busy = [this](std::size_t who) {
    return std::any_of(links_.begin(), links_.end(), [who](const auto& l) {
      return l->client == who && !l->has_ended() && !l->in_flight().empty();
    });
  };
  for (auto& [name, c] : caches_) {
    if (!c.listing)
      continue;
    const auto* const found = std::find_if(directory_names.begin(), directory_names.end(),
      [file = c.file](const char* d) { return the_disk().at(d) == file; });
    // A client's own changes may be told behind its last response, and all changes behind the
    // acknowledgement of the break in progress.
    const bool is_known = found == directory_names.end() || c.asked || is_busy(std::get<0>(name)) ||
      entries_of(the_disk().path() + "/" + *found) == *c.listing;
    if (is_known)
      c.outdated.reset();
    else if (!c.outdated)
      c.outdated = loop_.now();
    else if (loop_.now() - *c.outdated > notice_max)
      complain(
        fmt::format("stale: client {} has an outdated listing of {} in its cache: {}, not {}",
          std::get<0>(name), *found, fmt::join(*c.listing, " "),
          fmt::join(entries_of(the_disk().path() + "/" + *found), " ")));
  }
}

} // namespace leasebreak::smb::simulation
