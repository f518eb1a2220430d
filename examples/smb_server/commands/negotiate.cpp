// NEGOTIATE: the dialect, capabilities and hashes of a connection (MS-SMB2 3.3.5.4).
#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/file_information.hpp>

#include <algorithm>
#include <array>

namespace leasebreak::smb::commands {

namespace {

constexpr std::array supported{
  dialect::smb_3_1_1, dialect::smb_3_0_2, dialect::smb_3_0, dialect::smb_2_1, dialect::smb_2_0_2};

template <class Container, class T>
bool contains(const Container& c, const T& value) {
  return std::find(c.begin(), c.end(), value) != c.end();
}

std::uint32_t capabilities_for(dialect d, std::uint32_t client, const connection& c) {
  if (d == dialect::smb_2_0_2)
    return 0;
  std::uint32_t result = capability::leasing | capability::large_mtu;
  if (d >= dialect::smb_3_0) {
    std::uint32_t more = capability::directory_leasing;
    if (c.host().is_continuously_available())
      more |= capability::persistent_handles;
    if (!c.group->client.is_zero()) // its group admits further channels
      more |= capability::multi_channel;
    result |= more & client;
  }
  // At 3.1.1, a context negotiates encryption (MS-SMB2 3.3.5.4).
  if (d == dialect::smb_3_0 || d == dialect::smb_3_0_2)
    result |= capability::encryption & client;
  return result;
}

signing_algorithm algorithm_for(dialect d, const negotiate_request& asked) {
  if (d < dialect::smb_3_0)
    return signing_algorithm::hmac_sha256;
  if (d < dialect::smb_3_1_1)
    return signing_algorithm::aes_cmac;
  // MS-SMB2 3.3.5.4: the first of the client's algorithms that the server supports.
  for (const std::uint16_t a : asked.signing_algorithms) {
    if (a <= static_cast<std::uint16_t>(signing_algorithm::aes_gmac))
      return static_cast<signing_algorithm>(a);
  }
  return signing_algorithm::aes_cmac;
}

/// Returns the first of the client's ciphers that the server supports.
cipher cipher_for(dialect d, const negotiate_request& asked) {
  if (d == dialect::smb_3_0 || d == dialect::smb_3_0_2)
    return (asked.capabilities & capability::encryption) != 0 ? cipher::aes_128_ccm : cipher::none;
  if (d == dialect::smb_3_1_1) {
    for (const std::uint16_t c : asked.ciphers) {
      if (c != 0 && c <= static_cast<std::uint16_t>(cipher::aes_256_gcm))
        return static_cast<cipher>(c);
    }
  }
  return cipher::none;
}

/// Clients are identified by ClientGuid. A dialect without it, or a client that sends zero, gets a
/// random id.
leasebreak::client_guid identity_of(const negotiate_request& asked, dialect d) {
  leasebreak::client_guid result;
  result.bytes = asked.client_guid;
  if (d == dialect::smb_2_0_2 || result.is_zero())
    fill_random(result.bytes);
  return result;
}

} // namespace

dialect greatest_common_dialect(const std::vector<dialect>& offered) {
  for (const dialect d : supported) {
    if (contains(offered, d))
      return d;
  }
  return dialect::none;
}

asio::awaitable<reply> negotiate(request& r) {
  connection& c = r.on();
  const auto asked = parse_negotiate(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const dialect d = greatest_common_dialect(asked->dialects);
  if (d == dialect::none)
    co_return fail(status::not_supported);
  if (d == dialect::smb_3_1_1 && asked->preauth_contexts != 1)
    co_return fail(status::invalid_parameter);
  if (d == dialect::smb_3_1_1 && !contains(asked->hash_algorithms, hash_sha512))
    co_return fail(status::no_preauth_integrity_hash_overlap);

  negotiated terms;
  terms.dialect = d;
  terms.client = identity_of(*asked, d);
  terms.client_guid = asked->client_guid;
  terms.client_security_mode = asked->security_mode;
  terms.client_capabilities = asked->capabilities;
  terms.security_mode = r.host().signing_mode();
  terms.capabilities = capabilities_for(d, asked->capabilities, c);
  terms.algorithm = algorithm_for(d, *asked);
  terms.cipher = cipher_for(d, *asked);
  terms.hash = extend(preauth_hash{}, r.bytes());
  if (!c.settle(terms))
    co_return fail(status::insufficient_resources);

  negotiate_response response;
  response.security_mode = terms.security_mode;
  response.dialect = d;
  response.server_guid = r.host().id();
  response.capabilities = terms.capabilities;
  const auto most = static_cast<std::uint32_t>(
    d == dialect::smb_2_0_2 ? 65'536 : r.host().options().limits.io_bytes);
  response.max_transact = response.max_read = response.max_write = most;
  response.system_time = to_filetime(r.host().runs_on().wall_now());
  response.start_time = r.host().start_time();
  response.security_buffer = r.host().offered_mechanisms();
  reply answer;
  if (d == dialect::smb_3_1_1) {
    response.preauth_salt_low.emplace();
    response.preauth_salt_high.emplace();
    fill_random(*response.preauth_salt_low);
    fill_random(*response.preauth_salt_high);
    if (!asked->signing_algorithms.empty())
      response.signing = terms.algorithm;
    if (!asked->ciphers.empty())
      response.cipher = static_cast<std::uint16_t>(terms.cipher);
    answer.hash = std::shared_ptr<preauth_hash>(c.shared_from_this(), &c.terms.hash);
  }
  encode(answer.out, response);
  co_return answer;
}

} // namespace leasebreak::smb::commands
