// Parses frames, and checks the results.
#include "frame_target.hpp"

#include "require.hpp"

#include <smb_server/crypto/sealing.hpp>
#include <smb_server/vfs/path.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/extended_attributes.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/header.hpp>
#include <smb_server/wire/negotiate.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/session.hpp>
#include <smb_server/wire/transform.hpp>

#include <functional>

namespace leasebreak::smb::fuzz {

namespace {

/// Whether `part` is empty or lies within `whole`.
bool lies_within(bytes_view part, bytes_view whole) {
  const std::less_equal<const std::uint8_t*> before;
  return part.empty() ||
    (before(whole.data(), part.data()) &&
      before(part.data() + part.size(), whole.data() + whole.size()));
}

void parse_creates(bytes_view message) {
  const create_parsed parsed = parse_create(message);
  if (parsed.status != 0)
    return;
  static_cast<void>(vfs::path::parse(parsed.request.name));
  static_cast<void>(parse_durable_contexts(parsed.request));
  for (const create_context& c : parsed.request.contexts) {
    require(lies_within(c.data, message), "a create context outside its message");
    if (const auto lease = parse_lease_context(c.data))
      require(encode_lease_context(*lease).size() <= c.data.size(),
        "a lease context longer than its source");
  }
}

void parse_data(bytes_view message) {
  static_cast<void>(parse_flush(message));
  static_cast<void>(parse_close(message));
  static_cast<void>(parse_read(message));
  if (const auto w = parse_write(message))
    require(lies_within(w->data, message), "a WRITE's data outside its message");
  if (const auto l = parse_lock(message))
    require(l->ranges.size() * 24 <= message.size(), "a LOCK with more ranges than its message");
  if (const auto i = parse_ioctl(message)) {
    require(lies_within(i->input, message), "an IOCTL's input outside its message");
    static_cast<void>(parse_validate_negotiate(i->input));
  }
  if (const auto b = parse_break_acknowledgement(message))
    require(b->oplock.has_value() != b->lease.has_value(),
      "an acknowledgement that is not of exactly one kind");
}

/// Checks that a valid list of extended attributes survives encoding and parsing.
void check_eas(bytes_view list) {
  static_cast<void>(parse_ea_names(list));
  const auto entries = parse_eas(list);
  if (!entries)
    return;
  std::size_t count = 0;
  const byte_vector again = encode_eas(*entries, SIZE_MAX / 2, count);
  const auto second = parse_eas(again);
  require(count == entries->size() && second && second->size() == count,
    "extended attributes that change when encoded again");
}

void parse_information(bytes_view message) {
  static_cast<void>(parse_query_directory(message));
  if (const auto q = parse_query_info(message))
    require(lies_within(q->input, message), "a QUERY_INFO's input outside its message");
  if (const auto s = parse_set_info(message)) {
    require(lies_within(s->data, message), "a SET_INFO's data outside its message");
    static_cast<void>(parse_basic(s->data));
    static_cast<void>(parse_rename(s->data));
    check_eas(s->data);
  }
}

void parse_setup(bytes_view message) {
  static_cast<void>(parse_negotiate(message));
  static_cast<void>(parse_empty(message));
  if (const auto s = parse_session_setup(message))
    require(lies_within(s->token, message), "a token outside its message");
  if (const auto t = parse_tree_connect(message))
    static_cast<void>(share_of(t->path));
}

/// Checks that a header survives encoding and parsing.
void check_header(const message& m) {
  byte_writer out;
  encode(out, m.head);
  const auto again = parse_header(out.view());
  require(again.has_value(), "a header that cannot be parsed when encoded again");
  require(again->message_id == m.head.message_id && again->command == m.head.command &&
      again->session_id == m.head.session_id && again->flags == m.head.flags,
    "a header that changes when encoded again");
}

void check_transform(bytes_view frame) {
  if (!parse_transform_header(frame))
    return;
  for (const cipher c :
    {cipher::aes_128_ccm, cipher::aes_128_gcm, cipher::aes_256_ccm, cipher::aes_256_gcm})
    require(!unseal(c, key32{}, frame), "a forged frame that decrypts");
}

} // namespace

void parse_everything(bytes_view frame) {
  static_cast<void>(parse_smb1_negotiate(frame));
  check_transform(frame);
  const auto messages = split_compound(frame);
  if (!messages)
    return;
  require(!messages->empty() && messages->size() <= compound_max, "a compound of invalid size");
  for (const message& m : *messages) {
    require(lies_within(m.bytes, frame) && m.bytes.size() >= header_size,
      "a message outside its frame or without header");
    check_header(m);
    parse_setup(m.bytes);
    parse_creates(m.bytes);
    parse_data(m.bytes);
    parse_information(m.bytes);
  }
}

} // namespace leasebreak::smb::fuzz
