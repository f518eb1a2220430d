// What a connection's two ends agree upon, and what comes of somebody between them who changes it.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/negotiate.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t fsctl_validate_negotiate = 0x0014'0204;

/// What VALIDATE_NEGOTIATE_INFO says of a NEGOTIATE that offered these.
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

TEST(Validations, OfWhatWasOfferedTellTheDialect) {
  test_server server;
  for (std::size_t count = 1; count <= all_but_311.size(); ++count) {
    const std::vector<dialect> offered(all_but_311.begin(), all_but_311.begin() + count);
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

/// Whether a client that offered `said` is cut off when only `came` has come to the server.
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

} // namespace
} // namespace leasebreak::smb
