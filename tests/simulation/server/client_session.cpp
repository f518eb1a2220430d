// See client_session.hpp.
#include "client_session.hpp"

#include <raw_client.hpp>

namespace leasebreak::smb::simulation {

namespace {

/// Appends a context with one number in a list (MS-SMB2 2.2.3.1.2, 2.2.3.1.7).
void append_choice(byte_writer& body, std::uint16_t type, std::uint16_t number) {
  body.align(8);
  body.u16(type);
  body.u16(4);
  body.u32(0);
  body.u16(1);
  body.u16(number);
}

} // namespace

byte_vector negotiation_of(const terms& t, const guid& client) {
  constexpr std::size_t contexts_count_at = 32;
  constexpr std::uint16_t encryption = 2;
  constexpr std::uint16_t signing = 8;
  byte_writer body{testing::raw_client::negotiate_body({t.dialect}, client)};
  if (t.dialect != dialect::smb_3_1_1)
    return body.take();
  append_choice(body, encryption, static_cast<std::uint16_t>(t.cipher));
  append_choice(body, signing, static_cast<std::uint16_t>(t.algorithm));
  body.patch_u32(contexts_count_at, 3);
  return body.take();
}

} // namespace leasebreak::smb::simulation
