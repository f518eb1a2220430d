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

enum class action : std::uint8_t {
  create,
  close,
  read,
  write,
  lock,
  rename,
  link,
  set_deletion,
  write_at_one_go,
  delete_at_one_go,
  cancel,
  cut,
  connect,
  log_off,
};

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

std::string status_text(const answered& a) {
  return a ? fmt::format("{:#010x}", a->head.status) : std::string{"lost"};
}

bool is_good(const answered& a) {
  return a && a->head.status == status::success;
}

} // namespace

byte_vector rename_body(const file_id& id, const std::string& to) {
  return info_body(id, file_class::rename, target_of(to, false));
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
  const auto l = clients_[who].on;
  const auto what = actions[s.what % actions.size()];
  if (what == action::connect || !l || l->has_ended()) {
    connect(who, s);
    return;
  }
  if (what == action::cut)
    return cut(*l, s);
  if (what == action::cancel)
    return cancel(*l, s.b);
  if (!l->is_up || !l->has_credits(4))
    return;
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
    return act_on_directory(h, s);
  const std::string to = names[s.c % names.size()];
  switch (what) {
  case action::close:
    return spawn(close(h));
  case action::read:
    return spawn(read(h));
  case action::write:
    return spawn(write(h));
  case action::lock:
    return spawn(lock(h, s.c));
  case action::rename:
    return spawn(move(h, to, s.d % 2 == 0, false));
  case action::link:
    return spawn(move(h, to, s.d % 2 == 0, true));
  case action::set_deletion:
    return spawn(set_disposition(h, s.d % 4 != 0));
  default:
    return;
  }
}

void server_run::connect(std::size_t who, const step& s) {
  auto& c = clients_[who];
  if (c.on && !c.on->has_ended())
    return;
  const auto l = std::make_shared<link>(links_.size(), who, loop_, random_, *this);
  l->dialect = s.d % 3 == 0 ? dialect::smb_2_1 : dialect::smb_3_0_2;
  links_.push_back(l);
  c.on = l;
  l->open();
  machine_.entrance()->enter(l->on());
  spawn(set_up(l));
}

task<void> server_run::set_up(link_ptr l) {
  const auto failed = [&](const char* what, const answered& a) {
    if (a)
      complain(std::string{what} + " fails: " + status_text(a));
  };
  note(fmt::format("client {} connects by link {}", l->client, l->number));
  // Named values, because g++ 12 does not accept initializer lists within `co_await`.
  const std::vector<smb::dialect> offered(1, l->dialect);
  byte_vector offer = raw_client::negotiate_body(offered, clients_[l->client].id);
  const auto settled = co_await l->call(command::negotiate, std::move(offer), "NEGOTIATE");
  if (!is_good(settled))
    co_return failed("NEGOTIATE", settled);
  testing::initiator who{"user", "pass"};
  byte_vector token = who.step({});
  for (int round = 0; round < 3; ++round) {
    byte_vector body = raw_client::session_setup_body(token);
    const auto a = co_await l->call(command::session_setup, std::move(body), "SESSION_SETUP");
    if (a)
      l->session = a->head.session_id;
    if (is_good(a))
      break;
    if (!a || a->head.status != status::more_processing_required)
      co_return failed("SESSION_SETUP", a);
    token = who.step(raw_client::token_of(*a));
  }
  const byte_vector path = utf8_to_utf16("\\\\server\\share");
  byte_writer body;
  body.u16(9);
  body.u16(0);
  body.u16(72);
  body.u16(static_cast<std::uint16_t>(path.size()));
  body.append(path);
  const auto tree = co_await l->call(command::tree_connect, body.take(), "TREE_CONNECT");
  if (!is_good(tree))
    co_return failed("TREE_CONNECT", tree);
  l->tree = tree->head.tree_id;
  l->is_up = true;
  for (const auto& h : handles_)
    if (h->client == l->client && !h->on && h->create_guid && l->dialect >= dialect::smb_3_0)
      spawn(take_back(l, h));
}

server_run::handle_ptr server_run::pick(std::size_t who, std::uint16_t n) {
  std::vector<handle_ptr> usable;
  for (const auto& h : handles_)
    if (h->client == who && h->on && h->on->is_up && !h->is_closing)
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
    w.lease_version = clients_[who].on->dialect >= dialect::smb_3_0 && s.d / 8U % 4U != 0 ? 2 : 1;
    w.lease_state = states[s.d / 32U % states.size()];
  }
  }
  if (w.oplock == 0xff && !w.is_directory && clients_[who].on->dialect >= dialect::smb_3_0 &&
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
    false, false};
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
  const auto a = co_await l->call(std::move(ask));
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
  const auto h = opened(l, w, *a, shortly_before(sent));
  if (!h || !w.truncates())
    co_return;
  see_truncation(*h, began);
  distrust(cache_of(*h));
}

task<void> server_run::close(handle_ptr h) {
  h->is_closing = true;
  const auto l = h->on;
  note(fmt::format("client {}: CLOSE {} of {}", h->client, h->number, h->name));
  distrust(cache_of(*h));
  const auto a =
    co_await l->call(command::close, raw_client::close_body(h->id), "CLOSE " + h->name);
  note(fmt::format("client {}: CLOSE {}: {}", h->client, h->number, status_text(a)));
  if (!a)
    co_return;
  forget(h);
  if (is_good(a))
    check_gone(h->base());
}

task<void> server_run::read(handle_ptr h) {
  const auto l = h->on;
  const auto began = ++last_moment_;
  const auto tellings = caches_[cache_of(*h)].tellings;
  const auto a =
    co_await l->call(command::read, raw_client::read_body(h->id, 8), "READ " + h->name);
  see_read(h, a, began, tellings);
}

task<void> server_run::write(handle_ptr h) {
  const auto l = h->on;
  const auto value = ++last_number_;
  contents_.begin(h->file, value, ++last_moment_);
  distrust(cache_of(*h));
  note(fmt::format("client {}: WRITE {} to {}", h->client, value, h->number));
  const auto a = co_await l->call(
    command::write, raw_client::write_body(h->id, text_of(value)), "WRITE " + h->name);
  note(fmt::format("client {}: WRITE {}: {}", h->client, value, status_text(a)));
  distrust(cache_of(*h)); // data read in the meantime may be older or newer
  if (a)
    contents_.end(h->file, value, is_good(a), ++last_moment_);
}

task<void> server_run::lock(handle_ptr h, std::uint16_t n) {
  const auto l = h->on;
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

task<void> server_run::move(handle_ptr h, std::string to, bool replaces, bool links) {
  if (h->is_stream()) // the name would be that of another stream
    co_return;
  const auto l = h->on;
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
  if (!is_good(a))
    co_return;
  check_name(to, h->file, shortly_before(sent), "a rename or link");
  if (!links)
    h->name = to;
}

task<void> server_run::set_disposition(handle_ptr h, bool deletes) {
  const auto l = h->on;
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

task<void> server_run::log_off(link_ptr l) {
  note(fmt::format("client {}: LOGOFF", l->client));
  l->is_up = false;
  for (const auto& h : std::vector<handle_ptr>{handles_})
    if (h->on == l) {
      h->is_closing = true;
      distrust(cache_of(*h));
    }
  byte_vector body = empty_body;
  const auto a = co_await l->call(command::logoff, std::move(body), "LOGOFF");
  note(fmt::format("client {}: LOGOFF: {}", l->client, status_text(a)));
  for (const auto& h : std::vector<handle_ptr>{handles_})
    if (h->on == l && !h->create_guid)
      forget(h);
  l->on()->cut(span{std::chrono::milliseconds{1}});
}

task<void> server_run::acknowledge(link_ptr l, smb::command c, byte_vector body, span after) {
  co_await loop_.async_sleep(after, asio::use_awaitable);
  if (l->has_ended() || !l->has_credits(1))
    co_return;
  const auto a = co_await l->call(c, std::move(body), "OPLOCK_BREAK");
  note(fmt::format("client {}: OPLOCK_BREAK: {}", l->client, status_text(a)));
}

task<void> server_run::take_back(link_ptr l, handle_ptr h) {
  h->on = l;
  h->is_closing = true; // and unusable until it is reconnected
  byte_writer body{raw_client::create_body_with(backslashed(h->name), 0xff,
    {lease_of(h->key, 0x7, h->lease_version), durable_return(h->id, *h->create_guid)})};
  const auto a = co_await l->call(command::create, body.take(), "CREATE again " + h->name);
  note(fmt::format("client {}: take {} back: {}", l->client, h->number, status_text(a)));
  if (!a)
    co_return;
  if (!is_good(a))
    co_return forget(h);
  h->id = raw_client::read_created(*a).id;
  h->is_closing = false;
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

void server_run::cut(link& l, const step& s) {
  last_cut_ = loop_.now();
  const span notices =
    s.d % 3 == 0 ? s.d % 100 * cut_unnoticed_max / 100 : span{std::chrono::microseconds{s.d}};
  note(fmt::format("link {} is cut", l.number));
  l.on()->cut(notices);
}

} // namespace leasebreak::smb::simulation
