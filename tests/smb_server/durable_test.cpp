// Durable opens on the wire: kept when the connection goes, given back to their client alone.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint8_t batch_level = 0x09;

/// A CREATE with one context.
byte_vector create_with(
  const std::string& name, std::uint8_t oplock, const std::string& context, bytes_view data) {
  byte_writer body{raw_client::create_body(name, oplock)};
  body.align(8);
  body.patch_u32(48, static_cast<std::uint32_t>(header_size + body.size()));
  body.patch_u32(52, static_cast<std::uint32_t>(24 + data.size()));
  body.u32(0);
  body.u16(16);
  body.u16(4);
  body.u16(0);
  body.u16(24);
  body.u32(static_cast<std::uint32_t>(data.size()));
  for (const char c : context)
    body.u8(static_cast<std::uint8_t>(c));
  body.u32(0);
  body.append(data);
  return body.take();
}

bool has_context(const answer& a, const std::string& name) {
  byte_reader in = a.body();
  in.skip(80);
  const std::size_t offset = in.u32();
  const std::size_t length = in.u32();
  const auto contexts = parse_create_contexts(slice(a.bytes, offset, length).value());
  for (const create_context& c : contexts.value()) {
    if (c.name == name)
      return true;
  }
  return false;
}

byte_vector reconnect_data(const file_id& id) {
  byte_writer out;
  write_file_id(out, id);
  return out.take();
}

TEST(DurableOpens, AreKeptAndGivenBack) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const answer opened =
    first->call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16)));
  const created c = raw_client::read_created(opened);
  ASSERT_EQ(c.status, status::success);
  EXPECT_TRUE(has_context(opened, "DHnQ"));

  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client second{server.port()};
  second.set_up({1});
  const answer back =
    second.call(command::create, create_with("", 0, "DHnC", reconnect_data(c.id)));

  ASSERT_EQ(back.head.status, status::success);
  EXPECT_EQ(raw_client::read_created(back).oplock, batch_level);
  EXPECT_FALSE(has_context(back, "DHnQ"));
  EXPECT_EQ(second.close(raw_client::read_created(back).id), status::success);
  EXPECT_EQ(server.get().kept().size(), 0U);
}

TEST(DurableOpens, NeedHandleCaching) {
  test_server server;
  raw_client client{server.port()};
  client.set_up({1});

  const answer opened =
    client.call(command::create, create_with("f", 0x01, "DHnQ", byte_vector(16)));

  ASSERT_EQ(opened.head.status, status::success);
  EXPECT_FALSE(has_context(opened, "DHnQ"));
}

TEST(DurableOpens, ThatAreConnectedOrUnknownAreNotGiven) {
  test_server server;
  raw_client client{server.port()};
  client.set_up({1});
  const created c = raw_client::read_created(
    client.call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16))));
  ASSERT_EQ(c.status, status::success);

  const auto reconnect = [&](const file_id& id) {
    return client.call(command::create, create_with("f", batch_level, "DHnC", reconnect_data(id)))
      .head.status;
  };

  EXPECT_EQ(reconnect(c.id), status::object_name_not_found);
  EXPECT_EQ(reconnect({12'345, 12'345}), status::object_name_not_found);
}

TEST(DurableOpens, GiveWayToOtherClients) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const created c = raw_client::read_created(
    first->call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16))));
  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client second{server.port()};
  second.set_up({2});

  EXPECT_EQ(second.create("f", batch_level).oplock, batch_level);
  raw_client third{server.port()};
  third.set_up({1});
  EXPECT_EQ(
    third.call(command::create, create_with("f", 0, "DHnC", reconnect_data(c.id))).head.status,
    status::object_name_not_found);
}

TEST(DurableContexts, OfBothVersionsDoNotMix) {
  const byte_vector data(36);
  const auto valid = [&](std::vector<std::string> names) {
    create_request r;
    for (std::string& name : names)
      r.contexts.push_back({std::move(name), data});
    return parse_durable_contexts(r).valid;
  };

  EXPECT_TRUE(valid({"DHnQ"}));
  EXPECT_TRUE(valid({"DH2C"}));
  EXPECT_TRUE(valid({"DHnQ", "DHnC"}));
  EXPECT_FALSE(valid({"DHnC", "DH2C"}));
  EXPECT_FALSE(valid({"DHnC", "DH2Q"}));
  EXPECT_FALSE(valid({"DH2C", "DHnQ"}));
  EXPECT_FALSE(valid({"DH2Q", "DH2C"}));
  EXPECT_FALSE(valid({"DH2Q", "DHnQ"}));
}

TEST(DurableContexts, ThatAreCutAreInvalid) {
  for (const std::string name : {"DHnQ", "DHnC", "DH2Q", "DH2C"}) {
    const byte_vector data(15);
    create_request r;
    r.contexts.push_back({name, data});
    EXPECT_FALSE(parse_durable_contexts(r).valid) << name;
  }
}

} // namespace
} // namespace leasebreak::smb
