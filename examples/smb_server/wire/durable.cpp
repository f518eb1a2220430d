// Durable create contexts.
#include <smb_server/wire/durable.hpp>

#include <string_view>

namespace leasebreak::smb {

namespace {

constexpr std::uint32_t persistent_flag = 0x2;

bool parse_query(const create_context& c, durable_contexts& out) {
  byte_reader in{c.data};
  durable_query q;
  if (c.name == "DHnQ") {
    in.skip(16);
  } else {
    q.version = 2;
    q.timeout_ms = in.u32();
    q.persistent = (in.u32() & persistent_flag) != 0;
    in.skip(8);
    q.create_guid = in.guid16();
  }
  out.query = q;
  return in.ok();
}

bool parse_reconnect(const create_context& c, durable_contexts& out) {
  byte_reader in{c.data};
  durable_reconnect d;
  d.id = read_file_id(in);
  if (c.name == "DH2C") {
    d.version = 2;
    d.create_guid = in.guid16();
    d.persistent = (in.u32() & persistent_flag) != 0;
  }
  out.reconnect = d;
  return in.ok();
}

} // namespace

durable_contexts parse_durable_contexts(const create_request& r) {
  durable_contexts result;
  const create_context* query1 = r.context("DHnQ");
  const create_context* query2 = r.context("DH2Q");
  const create_context* reconnect1 = r.context("DHnC");
  const create_context* reconnect2 = r.context("DH2C");
  // MS-SMB2 3.3.5.9.6 to 3.3.5.9.12: versions must not be mixed, and only one V2 context is
  // allowed. A V1 query beside a V1 reconnect is ignored.
  const bool mixed = (reconnect1 && (reconnect2 || query2)) || (reconnect2 && (query1 || query2)) ||
    (query1 && query2);
  result.valid = !mixed;
  if (reconnect1 || reconnect2)
    result.valid = result.valid && parse_reconnect(reconnect1 ? *reconnect1 : *reconnect2, result);
  else if (query1 || query2)
    result.valid = result.valid && parse_query(query1 ? *query1 : *query2, result);
  return result;
}

namespace {

std::optional<app_version> parse_app_version(const create_request& r) {
  // B982D0B7-3B56-074F-A07B-524A8116A010, in the byte order of the wire
  constexpr std::string_view name{
    "\xb9\x82\xd0\xb7\x3b\x56\x07\x4f\xa0\x7b\x52\x4a\x81\x16\xa0\x10", 16};
  const create_context* context = r.context(name);
  if (context == nullptr)
    return std::nullopt;
  byte_reader in{context->data};
  const std::uint16_t size = in.u16();
  in.skip(6);
  app_version version;
  version.high = in.u64();
  version.low = in.u64();
  return in.ok() && size == 24 ? std::optional{version} : std::nullopt;
}

} // namespace

std::optional<app_instance_context> parse_app_instance(const create_request& r) {
  // 45BCA66A-EFA7-F74A-9008-FA462E144D74, in the byte order of the wire
  constexpr std::string_view name{
    "\x45\xbc\xa6\x6a\xef\xa7\xf7\x4a\x90\x08\xfa\x46\x2e\x14\x4d\x74", 16};
  const create_context* context = r.context(name);
  if (context == nullptr)
    return std::nullopt;
  byte_reader in{context->data};
  const std::uint16_t size = in.u16();
  in.skip(2);
  const guid id = in.guid16();
  if (!in.ok() || size != 20 || id == guid{})
    return std::nullopt;
  return app_instance_context{id, parse_app_version(r)};
}

response_context encode_durable_response(
  const durable_query& q, std::uint32_t timeout_ms, bool persistent) {
  byte_writer out;
  if (q.version == 1) {
    out.u64(0);
    return {"DHnQ", out.take()};
  }
  out.u32(timeout_ms);
  out.u32(persistent ? persistent_flag : 0);
  return {"DH2Q", out.take()};
}

} // namespace leasebreak::smb
