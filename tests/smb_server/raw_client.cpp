// A blocking client.
#include "raw_client.hpp"

#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/time.h>

#include <algorithm>
#include <stdexcept>

namespace leasebreak::smb::testing {

namespace asio = boost::asio;

namespace {

/// Appends contexts to the body of a CREATE, and sets their offset and length (MS-SMB2 2.2.13.2).
void append_contexts(byte_writer& body, const std::vector<context>& contexts) {
  constexpr std::size_t place_at = 48;
  body.align(8);
  const std::size_t first = body.size();
  std::size_t last = first;
  for (const auto& [name, data] : contexts) {
    body.align(8);
    if (body.size() != first)
      body.patch_u32(last, static_cast<std::uint32_t>(body.size() - last));
    last = body.size();
    body.u32(0);
    body.u16(16);
    body.u16(static_cast<std::uint16_t>(name.size()));
    body.u16(0);
    body.u16(static_cast<std::uint16_t>((16 + name.size() + 7) / 8 * 8));
    body.u32(static_cast<std::uint32_t>(data.size()));
    for (const char c : name)
      body.u8(static_cast<std::uint8_t>(c));
    body.align(8);
    body.append(data);
  }
  body.patch_u32(place_at, static_cast<std::uint32_t>(header_size + first));
  body.patch_u32(place_at + 4, static_cast<std::uint32_t>(body.size() - first));
}

} // namespace

raw_client::raw_client(std::uint16_t port, int window_bytes) : socket_{io_} {
  socket_.open(asio::ip::tcp::v4());
  if (window_bytes > 0)
    socket_.set_option(asio::socket_base::receive_buffer_size{window_bytes});
  socket_.connect({asio::ip::address_v4::loopback(), port});
  const timeval limit{20, 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void raw_client::send_raw(bytes_view bytes) {
  boost::system::error_code ignored; // a disconnect is detected when reading
  asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
}

void raw_client::send_frame(bytes_view frame) {
  const auto length = make_nbt_header(frame.size());
  byte_writer out;
  out.append(length);
  out.append(frame);
  send_raw(out.view());
}

bool raw_client::read_exactly(std::span<std::uint8_t> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::recv(socket_.native_handle(), into.data() + done, into.size() - done, 0);
    if (n <= 0)
      return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<byte_vector> raw_client::receive_frame() {
  std::array<std::uint8_t, nbt_header_size> nbt{};
  if (!read_exactly(nbt))
    return std::nullopt;
  byte_vector frame(parse_nbt_header(nbt).value());
  if (!read_exactly(frame))
    return std::nullopt;
  return frame;
}

std::optional<answer> raw_client::receive() {
  auto frame = receive_frame();
  if (!frame)
    return std::nullopt;
  const auto h = parse_header(*frame);
  if (!h)
    throw std::runtime_error("the server sent a malformed header");
  return answer{*h, std::move(*frame)};
}

std::optional<answer> raw_client::receive_final() {
  auto a = receive();
  while (a && a->head.status == status::pending)
    a = receive();
  return a;
}

std::vector<answer> raw_client::receive_compound(std::size_t requests) {
  std::vector<answer> answers;
  while (answers.size() < requests) {
    const auto frame = receive_frame();
    const auto messages = frame ? split_compound(*frame) : std::nullopt;
    if (!messages)
      break;
    for (const message& m : *messages) {
      if (m.head.status != status::pending)
        answers.push_back({m.head, byte_vector(m.bytes.begin(), m.bytes.end())});
    }
  }
  return answers;
}

byte_vector raw_client::make_message(
  command c, bytes_view body, std::uint32_t flags, std::uint16_t charge) {
  header h;
  h.credit_charge = charge;
  h.status = channel_sequence;
  h.command = c;
  h.credits = credits_wanted;
  h.flags = flags | (signs ? header_flag::signed_message : 0);
  h.message_id = last_message_ = next_message;
  next_message += charge;
  h.tree_id = tree_id;
  h.session_id = session_id;
  byte_writer out;
  encode(out, h);
  out.append(body);
  byte_vector message = out.take();
  if (signs) {
    const auto algorithm =
      spoken < dialect::smb_3_0 ? signing_algorithm::hmac_sha256 : signing_algorithm::aes_cmac;
    const signature s = sign(algorithm, key, message);
    std::copy(s.begin(), s.end(), message.begin() + signature_offset);
  }
  return message;
}

std::uint64_t raw_client::send(command c, bytes_view body, std::uint32_t flags) {
  const std::uint64_t id = next_message;
  send_frame(make_message(c, body, flags));
  return id;
}

byte_vector raw_client::notify_body(
  const file_id& id, std::uint32_t filter, bool recursive, std::uint32_t room) {
  byte_writer body;
  body.u16(32);
  body.u16(recursive ? 1 : 0);
  body.u32(room);
  write_file_id(body, id);
  body.u32(filter);
  body.u32(0);
  return body.take();
}

byte_vector raw_client::cancel_frame(std::uint64_t message_id, std::uint64_t async_id) const {
  header h;
  h.command = command::cancel;
  h.message_id = message_id;
  h.session_id = session_id;
  if (async_id != 0) {
    h.flags = header_flag::async;
    h.async_id = async_id;
  } else {
    h.tree_id = tree_id;
  }
  byte_writer out;
  encode(out, h);
  out.u16(4);
  out.u16(0);
  return out.take();
}

byte_vector raw_client::write_body(const file_id& id, const std::string& data) {
  byte_writer body;
  body.u16(49);
  body.u16(header_size + 48);
  body.u32(static_cast<std::uint32_t>(data.size()));
  body.u64(0);
  write_file_id(body, id);
  body.zeros(16);
  for (const char c : data)
    body.u8(static_cast<std::uint8_t>(c));
  return body.take();
}

byte_vector raw_client::lock_body(const file_id& id, const std::vector<lock_range>& ranges) {
  byte_writer body;
  body.u16(48);
  body.u16(static_cast<std::uint16_t>(ranges.size()));
  body.u32(0);
  write_file_id(body, id);
  for (const lock_range& range : ranges) {
    body.u64(range.offset);
    body.u64(range.length);
    body.u32(range.flags);
    body.u32(0);
  }
  return body.take();
}

byte_vector raw_client::read_body(const file_id& id, std::uint32_t length, std::uint64_t offset) {
  byte_writer body;
  body.u16(49);
  body.u16(0);
  body.u32(length);
  body.u64(offset);
  write_file_id(body, id);
  body.zeros(17);
  return body.take();
}

byte_vector raw_client::set_info_body(const file_id& id, std::uint8_t info_class, bytes_view data) {
  byte_writer body;
  body.u16(33);
  body.u8(1);
  body.u8(info_class);
  body.u32(static_cast<std::uint32_t>(data.size()));
  body.u16(96);
  body.u16(0);
  body.u32(0);
  write_file_id(body, id);
  body.append(data);
  return body.take();
}

byte_vector raw_client::names_body(const file_id& id, const std::string& pattern) {
  constexpr std::uint8_t names_information = 12;
  const byte_vector name = utf8_to_utf16(pattern);
  byte_writer body;
  body.u16(33);
  body.u8(names_information);
  body.u8(0);
  body.u32(0);
  write_file_id(body, id);
  body.u16(96);
  body.u16(static_cast<std::uint16_t>(name.size()));
  body.u32(65'536);
  body.append(name);
  return body.take();
}

byte_vector raw_client::rename_body(const file_id& id, const std::string& to) {
  constexpr std::uint8_t rename_information = 10;
  const byte_vector name = utf8_to_utf16(to);
  byte_writer data;
  data.zeros(16);
  data.u32(static_cast<std::uint32_t>(name.size()));
  data.append(name);
  return set_info_body(id, rename_information, data.view());
}

answer raw_client::call(command c, bytes_view body, std::uint32_t flags) {
  send(c, body, flags);
  return await_answer();
}

answer raw_client::await_answer() {
  while (auto a = receive()) {
    if (a->head.message_id == last_message_ && a->head.status != status::pending)
      return *a;
  }
  return {};
}

bool raw_client::is_closed_by_peer() {
  return !receive_frame().has_value();
}

byte_vector raw_client::negotiate_body(
  const std::vector<dialect>& offered, const guid& client, std::uint16_t hash_algorithm) {
  constexpr std::size_t contexts_at = 28;
  byte_writer body;
  body.u16(36);
  body.u16(static_cast<std::uint16_t>(offered.size()));
  body.u16(security_mode::signing_enabled);
  body.u16(0);
  body.u32(0x7f);
  body.append(client);
  body.u64(0);
  for (const dialect d : offered)
    body.u16(static_cast<std::uint16_t>(d));
  if (std::find(offered.begin(), offered.end(), dialect::smb_3_1_1) == offered.end())
    return body.take();
  body.align(8);
  body.patch_u32(contexts_at, static_cast<std::uint32_t>(header_size + body.size()));
  body.patch_u32(contexts_at + 4, 1);
  body.u16(1); // SMB2_PREAUTH_INTEGRITY_CAPABILITIES
  body.u16(6);
  body.u32(0);
  body.u16(1);
  body.u16(0);
  body.u16(hash_algorithm);
  return body.take();
}

answer raw_client::negotiate(dialect d, const guid& client) {
  return negotiate(std::vector{d}, client);
}

answer raw_client::negotiate(const std::vector<dialect>& offered, const guid& client) {
  const byte_vector message = make_message(command::negotiate, negotiate_body(offered, client));
  send_frame(message);
  answer a = await_answer();
  if (a.bytes.empty())
    throw std::runtime_error("NEGOTIATE has no response");
  if (a.head.status != status::success)
    throw std::runtime_error("NEGOTIATE failed: status " + std::to_string(a.head.status));
  byte_reader in = a.body();
  in.skip(4);
  spoken = static_cast<dialect>(in.u16());
  hash_ = extend(extend({}, message), a.bytes);
  return a;
}

void raw_client::negotiate_alone(dialect d, const guid& client) {
  constexpr std::size_t capabilities_at = 8;
  byte_writer body{negotiate_body({d}, client)};
  body.patch_u32(capabilities_at, 0x77); // without SMB2_GLOBAL_CAP_MULTI_CHANNEL
  if (call(command::negotiate, body.view()).head.status != status::success)
    throw std::runtime_error("NEGOTIATE failed");
  spoken = d;
}

std::uint32_t raw_client::log_on(const std::string& user, const std::string& password,
  std::uint8_t flags, std::uint64_t previous_session) {
  logon_script script;
  script.user = user;
  script.password = password;
  return log_on(script, flags, previous_session);
}

byte_vector raw_client::session_setup_body(
  bytes_view token, std::uint8_t flags, std::uint64_t previous_session, std::uint8_t mode) {
  byte_writer body;
  body.u16(25);
  body.u8(flags);
  body.u8(mode);
  body.u32(0);
  body.u32(0);
  body.u16(88);
  body.u16(static_cast<std::uint16_t>(token.size()));
  body.u64(previous_session);
  body.append(token);
  return body.take();
}

byte_vector raw_client::token_of(const answer& a) {
  byte_reader in = a.body();
  in.skip(4);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u16();
  const auto token = slice(a.bytes, offset, length).value();
  return {token.begin(), token.end()};
}

std::uint32_t raw_client::log_on(
  const logon_script& script, std::uint8_t flags, std::uint64_t previous_session) {
  initiator who{script};
  byte_vector token = who.step({});
  preauth_hash hash = hash_;
  for (;;) {
    const byte_vector message = make_message(
      command::session_setup, session_setup_body(token, flags, previous_session, security_mode));
    hash = extend(hash, message);
    send_frame(message);
    const answer a = await_answer();
    if (a.bytes.empty())
      return UINT32_MAX;
    session_id = a.head.session_id;
    if (status::is_error(a.head.status) && a.head.status != status::more_processing_required)
      return a.head.status;
    const byte_vector theirs = token_of(a);
    if (a.head.status == status::success) {
      if (!theirs.empty())
        who.step(theirs);
      key = signing_key(spoken, who.session_key(), hash);
      return status::success;
    }
    hash = extend(hash, a.bytes);
    token = who.step(theirs);
  }
}

std::uint32_t raw_client::bind_to(
  const raw_client& other, const std::string& user, const std::string& password) {
  session_id = other.session_id;
  tree_id = other.tree_id;
  key = other.key;
  signs = true;
  return log_on(user, password, session_flag_binding);
}

byte_vector raw_client::tree_connect_body(const std::string& share) {
  const byte_vector path = utf8_to_utf16("\\\\127.0.0.1\\" + share);
  byte_writer body;
  body.u16(9);
  body.u16(0);
  body.u16(72);
  body.u16(static_cast<std::uint16_t>(path.size()));
  body.append(path);
  return body.take();
}

std::uint32_t raw_client::connect_tree(const std::string& share) {
  const answer a = call(command::tree_connect, tree_connect_body(share));
  if (a.bytes.empty())
    return UINT32_MAX;
  tree_id = a.head.tree_id;
  if (a.head.status == status::success) {
    byte_reader in = a.body();
    in.skip(8);
    share_capabilities = in.u32();
  }
  return a.head.status;
}

void raw_client::set_up(const guid& client) {
  negotiate(dialect::smb_2_1, client);
  if (log_on() != status::success || connect_tree() != status::success)
    throw std::runtime_error("cannot log on");
}

byte_vector raw_client::create_body(const std::string& name, std::uint8_t oplock,
  const std::optional<lease_context>& lease, disposition how, std::uint32_t options) {
  const byte_vector text = utf8_to_utf16(name);
  byte_writer body;
  body.u16(57);
  body.u8(0);
  body.u8(oplock);
  body.u32(2);
  body.zeros(16);
  body.u32(0x0012'019f); // read and write
  body.u32(0);
  body.u32(7);
  body.u32(static_cast<std::uint32_t>(how));
  body.u32(options);
  body.u16(120);
  body.u16(static_cast<std::uint16_t>(text.size()));
  body.u64(0); // offset of the contexts, if any
  body.append(text);
  if (lease)
    append_contexts(body, {{"RqLs", encode_lease_context(*lease)}});
  return body.take();
}

byte_vector raw_client::create_body_with(
  const std::string& name, std::uint8_t oplock, const std::vector<context>& contexts) {
  byte_writer body{create_body(name, oplock)};
  append_contexts(body, contexts);
  return body.take();
}

context raw_client::durable_query(
  const guid& create_guid, std::uint32_t timeout_ms, std::uint32_t flags) {
  byte_writer data;
  data.u32(timeout_ms);
  data.u32(flags);
  data.u64(0);
  data.append(create_guid);
  return {"DH2Q", data.take()};
}

context raw_client::lease_query(std::uint8_t key, std::uint32_t state, std::uint16_t epoch) {
  lease_context l;
  l.version = 2;
  l.key.fill(key);
  l.state = state;
  l.epoch = epoch;
  return {"RqLs", encode_lease_context(l)};
}

context raw_client::application(std::uint8_t id) {
  byte_writer data;
  data.u16(20);
  data.u16(0);
  data.append(guid{id});
  return {{"\x45\xbc\xa6\x6a\xef\xa7\xf7\x4a\x90\x08\xfa\x46\x2e\x14\x4d\x74", 16}, data.take()};
}

context raw_client::application_version(std::uint64_t high, std::uint64_t low) {
  byte_writer data;
  data.u16(24);
  data.zeros(6);
  data.u64(high);
  data.u64(low);
  return {{"\xb9\x82\xd0\xb7\x3b\x56\x07\x4f\xa0\x7b\x52\x4a\x81\x16\xa0\x10", 16}, data.take()};
}

std::optional<byte_vector> raw_client::context_of(const answer& a, const std::string& name) {
  byte_reader in = a.body();
  in.skip(80);
  const std::size_t offset = in.u32();
  const std::size_t length = in.u32();
  const auto contexts = parse_create_contexts(slice(a.bytes, offset, length).value());
  for (const create_context& c : contexts.value()) {
    if (c.name == name)
      return byte_vector(c.data.begin(), c.data.end());
  }
  return std::nullopt;
}

created raw_client::read_created(const answer& a) {
  created result;
  result.status = a.head.status;
  if (a.bytes.empty() || a.head.status != status::success)
    return result;
  byte_reader in = a.body();
  in.skip(2);
  result.oplock = in.u8();
  in.skip(1);
  result.action = in.u32();
  in.skip(56);
  result.id = read_file_id(in);
  if (const auto lease = context_of(a, "RqLs"))
    result.lease = parse_lease_context(*lease);
  return result;
}

created raw_client::create(const std::string& name, std::uint8_t oplock,
  const std::optional<lease_context>& lease, disposition how) {
  return read_created(call(command::create, create_body(name, oplock, lease, how)));
}

byte_vector raw_client::ioctl_output(const answer& a) {
  byte_reader in = a.body();
  in.skip(32);
  const std::size_t offset = in.u32();
  const std::size_t size = in.u32();
  const bytes_view all{a.bytes};
  if (!in.ok() || offset > all.size() || size > all.size() - offset)
    return {};
  const bytes_view output = all.subspan(offset, size);
  return {output.begin(), output.end()};
}

byte_vector raw_client::ioctl_body(
  std::uint32_t code, bytes_view input, std::uint32_t output_max, const file_id& id) {
  byte_writer body;
  body.u16(57);
  body.u16(0);
  body.u32(code);
  write_file_id(body, id);
  body.u32(header_size + 56);
  body.u32(static_cast<std::uint32_t>(input.size()));
  body.zeros(12);
  body.u32(output_max);
  body.u32(1);
  body.u32(0);
  body.append(input);
  return body.take();
}

byte_vector raw_client::close_body(const file_id& id) {
  byte_writer body;
  body.u16(24);
  body.u16(0);
  body.u32(0);
  write_file_id(body, id);
  return body.take();
}

std::uint32_t raw_client::close(const file_id& id) {
  return call(command::close, close_body(id)).head.status;
}

std::uint32_t raw_client::echo() {
  byte_writer body;
  body.u16(4);
  body.u16(0);
  const answer a = call(command::echo, body.view());
  return a.bytes.empty() ? UINT32_MAX : a.head.status;
}

} // namespace leasebreak::smb::testing
