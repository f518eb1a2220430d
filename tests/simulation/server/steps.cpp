// The actions of simulated clients.
#include "server_run.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <leasebreak/model/access.hpp>

#include <algorithm>
#include <cstring>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;
using testing::raw_client;

namespace {

constexpr auto& names = file_names;
constexpr const char* stream_suffix = ":s";
constexpr std::uint32_t all_access = 0x0013'019f; // with DELETE

/// Each action is chosen as often as it is listed.
constexpr std::array actions{action::create, action::create, action::create, action::create,
  action::create, action::create, action::create, action::close, action::close, action::close,
  action::read, action::read, action::read, action::read, action::write, action::write,
  action::write, action::lock, action::rename, action::rename, action::link, action::set_deletion,
  action::write_at_one_go, action::delete_at_one_go, action::cancel, action::cancel, action::cut,
  action::connect, action::connect, action::log_off};

guid guid_of(std::uint64_t a, std::uint64_t b) {
  guid result{};
  std::memcpy(result.data(), &a, sizeof a);
  std::memcpy(result.data() + sizeof a, &b, sizeof b);
  return result;
}

std::string backslashed(std::string name) {
  std::replace(name.begin(), name.end(), '/', '\\');
  return name;
}

std::string text_of(std::uint64_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

byte_vector target_of(const std::string& to, bool replaces) {
  const byte_vector name = utf8_to_utf16(backslashed(to));
  byte_writer data;
  data.u8(replaces ? 1 : 0);
  data.zeros(15);
  data.u32(static_cast<std::uint32_t>(name.size()));
  data.append(name);
  return data.take();
}

byte_vector info_body(const file_id& id, file_class what, bytes_view data) {
  return raw_client::set_info_body(id, static_cast<std::uint8_t>(what), data);
}

byte_vector deletion_body(const file_id& id, bool deletes) {
  const byte_vector data{static_cast<std::uint8_t>(deletes ? 1 : 0)};
  return info_body(id, file_class::disposition, data);
}

testing::context durable_return(const file_id& id, const guid& create_guid) {
  byte_writer data;
  write_file_id(data, id);
  data.append(create_guid);
  data.u32(0);
  return {"DH2C", data.take()};
}

testing::context lease_of(const guid& key, std::uint32_t state, std::uint8_t version) {
  lease_context l;
  l.version = version;
  l.key = key;
  l.state = state;
  return {"RqLs", encode_lease_context(l)};
}

} // namespace

byte_vector rename_body(const file_id& id, const std::string& to) {
  return info_body(id, file_class::rename, target_of(to, false));
}

byte_vector server_run::reconnect_body(const handle& h) {
  return raw_client::create_body_with(backslashed(h.name), 0xff,
    {lease_of(h.key, 0x7, h.lease_version), durable_return(h.id, *h.create_guid)});
}

scene scene_of(std::uint64_t seed) {
  random_source random(seed);
  scene result{random.next(), {}};
  result.steps.resize(20 + random.below(80));
  for (auto& s : result.steps) {
    s = leasebreak::simulation::random_step(random);
    s.gap = leasebreak::simulation::random_gap(random, 3'000);
  }
  return result;
}

bool server_run::wish::truncates() const noexcept {
  return how == disposition::supersede || how == disposition::overwrite ||
    how == disposition::overwrite_if;
}

void server_run::act(const step& s) {
  const std::size_t who = s.a % clients_count;
  const auto& c = clients_[who];
  const auto what = actions[s.what % actions.size()];
  const auto is_usable = [&c](std::size_t credits, const server_run& run) {
    return c.in && !c.in->is_over && !run.channels_of(*c.in, credits).empty();
  };
  if (what == action::connect || !is_usable(0, *this))
    return connect(who, s);
  if (what == action::cut)
    return cut(who, s);
  const auto l = channel_of(*c.in, s.a / clients_count, 4);
  if (!l)
    return;
  if (what == action::cancel)
    return cancel(*l, s.b);
  if (what == action::create)
    return spawn(create(l, wish_of(who, s)));
  if (what == action::write_at_one_go) {
    auto w = wish_of(who, s);
    return w.is_directory ? spawn(create(l, std::move(w)))
                          : spawn(write_at_one_go(l, std::move(w)));
  }
  if (what == action::delete_at_one_go)
    return spawn(delete_at_one_go(l, names[s.b % names.size()]));
  if (what == action::log_off && s.b % 3 == 0)
    return spawn(log_off(l));
  const auto h = pick(who, s.b);
  if (!h)
    return spawn(create(l, wish_of(who, s)));
  if (h->is_directory)
    return act_on_directory(l, h, s);
  act_on_file(what, l, h, s);
}

void server_run::act_on_file(action what, const link_ptr& l, const handle_ptr& h, const step& s) {
  const std::string to = names[s.c % names.size()];
  switch (what) {
  case action::close:
    return spawn(close(l, h));
  case action::read:
    return spawn(read(l, h));
  case action::write:
    return spawn(write(l, h));
  case action::lock:
    return spawn(lock(l, h, s.c));
  case action::rename:
    return spawn(move(l, h, to, s.d % 2 == 0, false));
  case action::link:
    return spawn(move(l, h, to, s.d % 2 == 0, true));
  case action::set_deletion:
    return spawn(set_disposition(l, h, s.d % 4 != 0));
  default:
    return;
  }
}

server_run::handle_ptr server_run::pick(std::size_t who, std::uint16_t n) {
  std::vector<handle_ptr> usable;
  for (const auto& h : handles_)
    if (h->client == who && h->in && h->in == clients_[who].in && !h->is_closing)
      usable.push_back(h);
  return usable.empty() ? nullptr : usable[n % usable.size()];
}

server_run::wish server_run::wish_of(std::size_t who, const step& s) {
  constexpr std::array hows{disposition::open_if, disposition::open_if, disposition::open_if,
    disposition::open_if, disposition::open, disposition::open, disposition::create,
    disposition::overwrite_if, disposition::overwrite, disposition::supersede};
  constexpr std::array<std::uint32_t, 6> states{0x7, 0x7, 0x3, 0x5, 0x1, 0x7};
  wish w;
  w.name = names[s.b % names.size()];
  if (s.b / 64U % 6U == 0)
    w.name += stream_suffix;
  w.how = hows[s.c % hows.size()];
  if (s.b / 512U % 5U == 0)
    make_directory_wish(w, s);
  w.access = s.c / 16U % 4U == 0 ? 0x0012'0089 : all_access; // read only
  w.share = s.c / 64U % 8U == 0 ? 1 + s.c / 512U % 2U * 2 : 7;
  const bool writes = (w.access & access::write_data) != 0;
  if (w.truncates() && !writes)
    w.how = disposition::open_if;
  if (writes && s.c / 1'024U % 12U == 0)
    w.options |= create_option::delete_on_close;
  switch (w.is_directory ? 3 : s.d % 4) {
  case 0:
    break;
  case 1: {
    constexpr std::array<std::uint8_t, 3> levels{0x01, 0x08, 0x09};
    w.oplock = levels[s.d / 4U % levels.size()];
    break;
  }
  default: {
    // A key belongs to one file, and is used as long as an open has it.
    auto& key = clients_[who].keys[w.name];
    const bool is_used = std::any_of(handles_.begin(), handles_.end(),
      [&](const auto& h) { return h->client == who && h->key == key; });
    if (key == guid{} || (!is_used && s.d / 4U % 2U == 0))
      key = guid_of(++last_number_, who + 1);
    w.key = key;
    w.oplock = 0xff;
    w.lease_version = clients_[who].in->has_channels() && s.d / 8U % 4U != 0 ? 2 : 1;
    w.lease_state = states[s.d / 32U % states.size()];
  }
  }
  if (w.oplock == 0xff && !w.is_directory && clients_[who].in->has_channels() &&
    s.d / 256U % 3U == 0)
    w.create_guid = guid_of(++last_number_, 99);
  return w;
}

asked server_run::create_of(const wish& w) const {
  std::vector<testing::context> contexts;
  if (w.oplock == 0xff)
    contexts.push_back(lease_of(w.key, w.lease_state, w.lease_version));
  if (w.create_guid)
    contexts.push_back(raw_client::durable_query(*w.create_guid));
  contexts.push_back({"QFid", {}});
  byte_writer body{raw_client::create_body_with(backslashed(w.name), w.oplock, contexts)};
  body.patch_u32(24, w.access);
  body.patch_u32(32, w.share);
  body.patch_u32(36, static_cast<std::uint32_t>(w.how));
  body.patch_u32(
    40, w.options | (w.is_directory ? create_option::directory : create_option::non_directory));
  return {command::create, body.take(),
    fmt::format("CREATE {} how {} access {:#x} share {} options {:#x} level {:#x} state {}", w.name,
      static_cast<int>(w.how), w.access, w.share, w.options, w.oplock, w.lease_state),
    false, false, false, w.create_guid, w.key};
}

task<void> server_run::create(link_ptr l, wish w) {
  const auto began = ++last_moment_;
  const auto sent = loop_.now();
  auto ask = create_of(w);
  note(fmt::format("client {}: {}", l->client, ask.what));
  if (w.truncates()) {
    contents_.float_value(no_content);
    distrust({l->client, w.key, 0});
  }
  const bool dooms = w.deletes() && !w.is_stream();
  if (dooms)
    doom(w.name);
  answered a;
  const auto asking = asking_.insert({l->client, w.key, 0});
  if (w.create_guid)
    a = co_await call_again(l, std::move(ask));
  else
    a = co_await l->call(std::move(ask));
  asking_.erase(asking);
  if (dooms)
    doom(w.name, !a);
  note(fmt::format("client {}: CREATE {}: {}", l->client, w.name, status_text(a)));
  // The session may end after the file was truncated.
  if (a && a->head.status != status::user_session_deleted && w.truncates())
    contents_.settle_value(no_content);
  if (!is_good(a)) {
    if (!a && w.key != guid{})
      excused_.insert({l->client, w.key, 0});
    co_return;
  }
  // A replay is answered like the original, which may have looked the name up long ago.
  const bool is_quick = !w.create_guid || !l->has_ended();
  const auto h = opened(l, w, *a, is_quick ? shortly_before(sent) : sent);
  if (!h || !w.truncates())
    co_return;
  see_truncation(*h, began);
  distrust(cache_of(*h));
}

task<void> server_run::close(link_ptr l, handle_ptr h) {
  h->is_closing = true;
  note(fmt::format("client {}: CLOSE {} of {}", h->client, h->number, h->name));
  distrust(cache_of(*h));
  const auto a =
    co_await call_again(l, command::close, raw_client::close_body(h->id), "CLOSE " + h->name);
  note(fmt::format("client {}: CLOSE {}: {}", h->client, h->number, status_text(a)));
  if (!a)
    co_return;
  forget(h);
  if (is_good(a))
    check_gone(h->base());
}

task<void> server_run::read(link_ptr l, handle_ptr h) {
  const auto began = ++last_moment_;
  const auto tellings = caches_[cache_of(*h)].tellings;
  const auto a =
    co_await l->call(command::read, raw_client::read_body(h->id, 8), "READ " + h->name);
  see_read(h, a, began, tellings);
}

task<void> server_run::write(link_ptr l, handle_ptr h) {
  const auto value = ++last_number_;
  contents_.begin(h->file, value, ++last_moment_);
  distrust(cache_of(*h));
  note(fmt::format("client {}: WRITE {} to {}", h->client, value, h->number));
  const auto a = co_await call_again(
    l, command::write, raw_client::write_body(h->id, text_of(value)), "WRITE " + h->name);
  note(fmt::format("client {}: WRITE {}: {}", h->client, value, status_text(a)));
  distrust(cache_of(*h)); // data read in the meantime may be older or newer
  if (a)
    contents_.end(h->file, value, is_good(a), ++last_moment_);
}

task<void> server_run::lock(link_ptr l, handle_ptr h, std::uint16_t n) {
  constexpr std::array<std::uint32_t, 4> kinds{lock_flag::exclusive,
    lock_flag::exclusive | lock_flag::fail_immediately,
    lock_flag::shared | lock_flag::fail_immediately, lock_flag::unlock};
  const auto kind = kinds[n % kinds.size()];
  // Outside of the bytes that are read and written.
  const std::vector<lock_range> ranges(1, lock_range{1'000 + n / 4U % 2U, 1, kind});
  byte_vector body = raw_client::lock_body(h->id, ranges);
  const auto a = co_await l->call(
    command::lock, std::move(body), "LOCK " + h->name, kind == lock_flag::exclusive);
  note(
    fmt::format("client {}: LOCK {} kind {:#x}: {}", h->client, h->number, kind, status_text(a)));
}

task<void> server_run::move(link_ptr l, handle_ptr h, std::string to, bool replaces, bool links) {
  if (h->is_stream()) // the name would be that of another stream
    co_return;
  const auto sent = loop_.now();
  const auto what = fmt::format("{} {} ({}) to {}{}", links ? "link" : "rename", h->number, h->name,
    to, replaces ? ", replacing" : "");
  note(fmt::format("client {}: {}", h->client, what));
  if (replaces)
    doom(to);
  if (links)
    spared_.insert(h->file); // it may keep a name
  const auto a = co_await l->call(command::set_info,
    info_body(h->id, links ? file_class::link : file_class::rename, target_of(to, replaces)), what);
  note(fmt::format("client {}: {}: {}", h->client, what, status_text(a)));
  if (replaces)
    doom(to, !a);
  if (!a)
    h->is_name_known = false;
  if (!is_good(a))
    co_return;
  check_name(to, h->file, shortly_before(sent), "a rename or link");
  if (!links) {
    h->name = to;
    h->is_name_known = true;
  }
}

task<void> server_run::set_disposition(link_ptr l, handle_ptr h, bool deletes) {
  if (deletes)
    doom_open(*h);
  note(fmt::format("client {}: deletion of {} ({}): {}", h->client, h->number, h->name, deletes));
  if (!deletes)
    spared_.insert(h->file);
  const auto a = co_await l->call(
    command::set_info, deletion_body(h->id, deletes), "SET_INFO disposition " + h->name);
  note(fmt::format("client {}: deletion of {}: {}", h->client, h->number, status_text(a)));
  if (is_good(a) && deletes)
    deleted_.insert(h->file);
}

task<void> server_run::write_at_one_go(link_ptr l, wish w) {
  w.oplock = 0;
  w.key = {};
  w.create_guid.reset();
  w.options = 0;
  w.access = all_access;
  const auto value = ++last_number_;
  const auto began = ++last_moment_;
  const auto sent = loop_.now();
  contents_.float_value(value);
  if (w.truncates())
    contents_.float_value(no_content);
  note(fmt::format("client {}: CREATE, WRITE {}, CLOSE {}", l->client, value, w.name));
  std::vector<asked> frame;
  frame.push_back(create_of(w));
  frame.push_back({command::write, raw_client::write_body(related_file_id, text_of(value)),
    "WRITE " + w.name, true, false});
  frame.push_back(
    {command::close, raw_client::close_body(related_file_id), "CLOSE " + w.name, true, false});
  const auto answers = co_await l->call(std::move(frame));
  note(fmt::format("client {}: CREATE, WRITE {}, CLOSE {}: {} {} {}", l->client, value, w.name,
    status_text(answers[0]), status_text(answers[1]), status_text(answers[2])));
  if (!answers[0] || !answers[1])
    co_return;
  // The session may end after the file was truncated or written.
  if (answers[0]->head.status == status::user_session_deleted ||
    answers[1]->head.status == status::user_session_deleted)
    co_return;
  contents_.settle_value(value);
  if (w.truncates())
    contents_.settle_value(no_content);
  if (!is_good(answers[0]))
    co_return;
  const auto h = opened(l, w, *answers[0], sent);
  if (!h)
    co_return;
  if (w.truncates())
    see_truncation(*h, began);
  if (is_good(answers[1]))
    contents_.add(h->file, value, began, ++last_moment_);
  if (is_good(answers[2]))
    forget(h);
}

task<void> server_run::delete_at_one_go(link_ptr l, std::string name) {
  wish w;
  w.name = std::move(name);
  w.how = disposition::open;
  w.access = access::delete_file | access::read_attributes;
  doom(w.name);
  const auto sent = loop_.now();
  note(fmt::format("client {}: CREATE, delete, CLOSE {}", l->client, w.name));
  std::vector<asked> frame;
  frame.push_back(create_of(w));
  frame.push_back({command::set_info, deletion_body(related_file_id, true),
    "SET_INFO disposition " + w.name, true, false});
  frame.push_back(
    {command::close, raw_client::close_body(related_file_id), "CLOSE " + w.name, true, false});
  const auto answers = co_await l->call(std::move(frame));
  note(fmt::format("client {}: CREATE, delete, CLOSE {}: {} {} {}", l->client, w.name,
    status_text(answers[0]), status_text(answers[1]), status_text(answers[2])));
  doom(w.name, !answers[0] || !answers[1]);
  if (!is_good(answers[0]))
    co_return;
  const auto h = opened(l, w, *answers[0], sent);
  if (!h)
    co_return;
  doom_open(*h);
  if (is_good(answers[1]))
    deleted_.insert(h->file);
  if (!is_good(answers[2]))
    co_return;
  forget(h);
  check_gone(h->file);
}

void server_run::cancel(link& l, std::uint16_t n) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, r] : l.in_flight())
    if (!r.cancelled)
      ids.push_back(id);
  if (ids.empty() || !l.is_up)
    return;
  const auto id = ids[n % ids.size()];
  note(fmt::format("client {}: CANCEL {}", l.client, l.in_flight().at(id).what));
  l.cancel(id);
}

} // namespace leasebreak::smb::simulation
