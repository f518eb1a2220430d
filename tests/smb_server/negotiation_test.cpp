// What client and server negotiate, and detection of a third party that modifies the negotiation.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/negotiate.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::raw_client;
using testing::test_server;

std::uint16_t dialect_of(const answer& negotiated) {
  byte_reader in = negotiated.body();
  in.skip(4);
  return in.u16();
}

constexpr std::uint32_t fsctl_validate_negotiate = 0x0014'0204;

/// VALIDATE_NEGOTIATE_INFO for a NEGOTIATE that offered these dialects.
byte_vector validation_of(const std::vector<dialect>& offered) {
  byte_writer input;
  input.u32(0x7f);
  input.append(guid{1});
  input.u16(security_mode::signing_enabled);
  input.u16(static_cast<std::uint16_t>(offered.size()));
  for (const dialect d : offered)
    input.u16(static_cast<std::uint16_t>(d));
  return raw_client::ioctl_body(fsctl_validate_negotiate, input.view(), 1'024);
}

const std::vector<dialect> all_but_311{
  dialect::smb_2_0_2, dialect::smb_2_1, dialect::smb_3_0, dialect::smb_3_0_2};

TEST(Validations, OfTheSameOfferReturnTheDialect) {
  test_server server;
  for (std::size_t count = 1; count <= all_but_311.size(); ++count) {
    const std::vector<dialect> offered(all_but_311.data(), all_but_311.data() + count);
    raw_client client{server.port()};
    client.negotiate(offered);
    ASSERT_EQ(client.log_on(), status::success);
    client.signs = true;
    ASSERT_EQ(client.connect_tree(), status::success);

    const answer a = client.call(command::ioctl, validation_of(offered));

    ASSERT_EQ(a.head.status, status::success);
    byte_reader out{bytes_view{a.bytes}.subspan(header_size + 48 + 22)};
    EXPECT_EQ(out.u16(), static_cast<std::uint16_t>(offered.back()));
  }
}

/// Returns whether the server disconnects a client that offered `said` if the server received
/// `came`.
bool is_cut_off(
  const test_server& server, const std::vector<dialect>& came, const std::vector<dialect>& said) {
  raw_client client{server.port()};
  client.negotiate(came);
  EXPECT_EQ(client.log_on(), status::success);
  client.signs = true;
  EXPECT_EQ(client.connect_tree(), status::success);
  client.send(command::ioctl, validation_of(said));
  return client.is_closed_by_peer();
}

TEST(Validations, ThatWouldHaveLedToAnotherDialectEndTheConnection) {
  test_server server;

  EXPECT_TRUE(is_cut_off(server, {dialect::smb_2_0_2}, all_but_311));
  EXPECT_TRUE(is_cut_off(server, {dialect::smb_2_0_2, dialect::smb_2_1}, all_but_311));
  EXPECT_TRUE(is_cut_off(
    server, {dialect::smb_2_1, dialect::smb_3_0}, {dialect::smb_3_0, dialect::smb_3_1_1}));
  EXPECT_TRUE(is_cut_off(server, {dialect::smb_2_1}, {dialect::smb_2_0_2}));
  EXPECT_TRUE(is_cut_off(server, {dialect::smb_2_1}, {static_cast<dialect>(0xdead)}));
}

TEST(Validations, At311EndTheConnection) {
  test_server server;

  EXPECT_TRUE(is_cut_off(server, {dialect::smb_3_1_1}, {dialect::smb_3_1_1}));
}

TEST(Negotiations, At311NeedAHashThatTheServerHas) {
  test_server server;
  const auto status_with = [&](std::uint16_t hash_algorithm) {
    raw_client client{server.port()};
    const byte_vector body =
      raw_client::negotiate_body({dialect::smb_2_1, dialect::smb_3_1_1}, {1}, hash_algorithm);
    return client.call(command::negotiate, body).head.status;
  };

  EXPECT_EQ(status_with(hash_sha512), status::success);
  EXPECT_EQ(status_with(0x0999), status::no_preauth_integrity_hash_overlap);
}

/// The SMB1 NEGOTIATE of a client that offers these dialects.
byte_vector smb1_negotiate(const std::vector<std::string>& names) {
  byte_writer out;
  for (const int b : std::array<int, 5>{0xff, 'S', 'M', 'B', 0x72})
    out.u8(static_cast<std::uint8_t>(b));
  out.zeros(28);
  std::string text;
  for (const std::string& name : names)
    text += "\x02" + name + std::string(1, '\0');
  out.u16(static_cast<std::uint16_t>(text.size()));
  out.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return out.take();
}

/// A client that starts with an SMB1 NEGOTIATE, and the dialect in the response.
struct smb1_beginner {
  smb1_beginner(const test_server& server, const std::vector<std::string>& names)
    : client{server.port()} {
    client.send_frame(smb1_negotiate(names));
    client.next_message = 1;
    const auto a = client.receive();
    if (a && a->head.status == status::success)
      told = dialect_of(*a);
  }

  raw_client client;
  std::uint16_t told = 0;
};

TEST(Smb1Negotiations, WithTheWildcardContinueWithSmb2) {
  test_server server;
  smb1_beginner both{server, {"NT LM 0.12", "SMB 2.002", "SMB 2.???"}};

  EXPECT_EQ(both.told, 0x02ff);
  EXPECT_EQ(dialect_of(both.client.negotiate(dialect::smb_3_0_2)), 0x0302);
  EXPECT_EQ(both.client.log_on(), status::success);
  both.client.signs = true;
  ASSERT_EQ(both.client.connect_tree(), status::success);
  EXPECT_EQ(both.client.call(command::ioctl, validation_of({dialect::smb_3_0_2})).head.status,
    status::success);
}

TEST(Smb1Negotiations, Of202OnlyAreComplete) {
  test_server server;
  smb1_beginner old{server, {"NT LM 0.12", "SMB 2.002"}};
  old.client.spoken = dialect::smb_2_0_2;

  EXPECT_EQ(old.told, 0x0202);
  ASSERT_EQ(old.client.log_on(), status::success);
  old.client.signs = true;
  EXPECT_EQ(old.client.connect_tree(), status::success);
  EXPECT_EQ(old.client.create("f").status, status::success);
  old.client.send(command::negotiate, raw_client::negotiate_body({dialect::smb_2_1}));
  EXPECT_TRUE(old.client.is_closed_by_peer());
}

TEST(Smb1Negotiations, WithoutAnySmb2EndTheConnection) {
  test_server server;
  raw_client client{server.port()};
  client.send_frame(smb1_negotiate({"NT LM 0.12"}));

  EXPECT_TRUE(client.is_closed_by_peer());
}

// MS-SMB2 2.2.1.2, 3.3.5.2.3: CreditCharge is reserved.
TEST(Dialect202, HasNoCreditCharges) {
  test_server server;
  raw_client client{server.port()};
  client.negotiate(dialect::smb_2_0_2);
  ASSERT_EQ(client.log_on(), status::success);
  constexpr std::uint16_t charge = 2;
  const std::uint64_t next = client.next_message + 1;

  client.send_frame(client.make_message(command::echo, empty_body, 0, charge));
  ASSERT_TRUE(client.receive_final());
  client.next_message = next;

  EXPECT_EQ(client.echo(), status::success);
}

} // namespace
} // namespace leasebreak::smb
