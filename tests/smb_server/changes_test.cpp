// CHANGE_NOTIFY: which changes of directories clients get.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/notify.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

file_id open_directory(raw_client& client, const std::string& name) {
  return raw_client::read_created(
    client.call(command::create,
      raw_client::create_body(name, 0, {}, disposition::open_if, directory_option)))
    .id;
}

/// Returns the changes of a response, as "action name".
std::vector<std::string> changes_of(const answer& a) {
  byte_reader in = a.body();
  in.skip(2);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u32();
  auto rest = slice(a.bytes, offset, length);
  std::vector<std::string> result;
  while (rest && !rest->empty()) {
    byte_reader entry{*rest};
    const std::size_t next = entry.u32();
    const std::uint32_t action = entry.u32();
    const std::size_t size = entry.u32();
    const auto name = slice(*rest, 12, size);
    result.push_back(std::to_string(action) + " " + utf16_to_utf8(name.value()).value_or("?"));
    rest = next == 0 ? std::nullopt : std::optional{rest->subspan(next)};
  }
  return result;
}

/// Waits for the final response to a request.
answer wait_for(raw_client& client, std::uint64_t id) {
  while (auto a = client.receive()) {
    if (a->head.message_id == id && a->head.status != status::pending)
      return *a;
  }
  return {};
}

class Changes : public ::testing::Test {
protected:
  Changes() {
    watcher.set_up({1});
    actor.set_up({2});
    directory = open_directory(watcher, "d");
  }

  /// Starts a watch, and returns when its request is pending.
  std::uint64_t watch(std::uint32_t filter, bool recursive = false, std::uint32_t room = 4'096) {
    const std::uint64_t id = watcher.send(
      command::change_notify, raw_client::notify_body(directory, filter, recursive, room));
    const auto interim = watcher.receive();
    EXPECT_TRUE(interim && interim->head.message_id == id);
    EXPECT_EQ(interim->head.status, status::pending);
    return id;
  }

  void make(const std::string& name) {
    const created c = actor.create(name);
    ASSERT_EQ(c.status, status::success);
    ASSERT_EQ(actor.close(c.id), status::success);
  }

  static server_options with_two_shares() {
    server_options options;
    options.shares = {{"share", {}, {}}, {"again", {}, {}}};
    return options;
  }

  test_server server{with_two_shares()};
  raw_client watcher{server.port()};
  raw_client actor{server.port()};
  file_id directory;
};

TEST_F(Changes, OfNamesAreToldByNameBelowTheDirectory) {
  const std::uint64_t id = watch(notify_filter::file_name);

  make("d\\new");

  const answer a = wait_for(watcher, id);
  EXPECT_EQ(a.head.status, status::success);
  EXPECT_EQ(changes_of(a), std::vector<std::string>{"1 new"});
}

TEST_F(Changes, ThroughAnotherShareOfTheDirectoryAreTold) {
  const std::uint64_t id = watch(notify_filter::file_name);
  ASSERT_EQ(actor.connect_tree("again"), status::success);

  make("d\\new");

  EXPECT_EQ(changes_of(wait_for(watcher, id)), std::vector<std::string>{"1 new"});
}

TEST_F(Changes, OfARenameThroughAnotherShareAreTold) {
  ASSERT_EQ(actor.connect_tree("again"), status::success);
  byte_writer body{raw_client::create_body("d\\old")};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const created c = raw_client::read_created(actor.call(command::create, body.view()));
  ASSERT_EQ(c.status, status::success);
  const std::uint64_t id = watch(notify_filter::file_name);

  ASSERT_EQ(actor.call(command::set_info, raw_client::rename_body(c.id, "d\\new")).head.status,
    status::success);

  EXPECT_EQ(changes_of(wait_for(watcher, id)), (std::vector<std::string>{"4 old", "5 new"}));
}

// A watch is of the directory, not of its name (MS-FSA 2.1.5.10).
TEST_F(Changes, AreFollowedWhenTheDirectoryIsRenamed) {
  const std::uint64_t id = watch(notify_filter::file_name);
  byte_writer body{raw_client::create_body("d", 0, {}, disposition::open_if, directory_option)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const created d = raw_client::read_created(actor.call(command::create, body.view()));
  ASSERT_EQ(d.status, status::success);

  ASSERT_EQ(
    actor.call(command::set_info, raw_client::rename_body(d.id, "e")).head.status, status::success);
  const file_id another = open_directory(actor, "d");
  make("d\\of-another-directory");
  make("e\\new");

  EXPECT_EQ(changes_of(wait_for(watcher, id)), std::vector<std::string>{"1 new"});
  EXPECT_EQ(actor.close(another), status::success);
}

TEST_F(Changes, OfASecurityDescriptorAreTold) {
  byte_writer body{raw_client::create_body("d\\f")};
  body.patch_u32(24, 0x0016'019f); // DesiredAccess, with WRITE_DAC
  const created c = raw_client::read_created(actor.call(command::create, body.view()));
  const std::uint64_t id = watch(notify_filter::security);
  byte_vector security = raw_client::set_info_body(c.id, 0, open_security_descriptor());
  security[2] = static_cast<std::uint8_t>(info_type::security);

  ASSERT_EQ(actor.call(command::set_info, security).head.status, status::success);

  EXPECT_EQ(changes_of(wait_for(watcher, id)), std::vector<std::string>{"3 f"});
}

TEST_F(Changes, BetweenTwoRequestsAreRemembered) {
  const std::uint64_t first = watch(notify_filter::file_name);
  make("d\\a");
  wait_for(watcher, first);
  make("d\\b");
  make("d\\c");

  const answer a = watcher.call(
    command::change_notify, raw_client::notify_body(directory, notify_filter::file_name));

  EXPECT_EQ(a.head.status, status::success);
  EXPECT_EQ(changes_of(a).front(), "1 b");
}

TEST_F(Changes, InSubdirectoriesAreReportedOnRequest) {
  open_directory(actor, "d\\e");
  const std::uint64_t id = watch(notify_filter::file_name, true);

  make("d\\e\\deep");

  EXPECT_EQ(changes_of(wait_for(watcher, id)), std::vector<std::string>{"1 e\\deep"});
}

TEST_F(Changes, ThatDoNotFitRequireAListing) {
  const std::uint64_t id = watch(notify_filter::file_name, false, 8);

  make("d\\something");

  EXPECT_EQ(wait_for(watcher, id).head.status, status::notify_enum_dir);
}

TEST_F(Changes, EndWithTheOpen) {
  const std::uint64_t id = watch(notify_filter::file_name);

  watcher.send(command::close, raw_client::close_body(directory));

  EXPECT_EQ(wait_for(watcher, id).head.status, status::notify_cleanup);
}

TEST_F(Changes, EndWhenTheDirectoryIsToBeDeleted) {
  constexpr std::uint32_t delete_on_close = 0x1000;
  const std::uint64_t id = watch(notify_filter::file_name);
  byte_writer body{
    raw_client::create_body("d", 0, {}, disposition::open_if, directory_option | delete_on_close)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const created c = raw_client::read_created(actor.call(command::create, body.view()));
  ASSERT_EQ(c.status, status::success);

  ASSERT_EQ(actor.close(c.id), status::success);

  EXPECT_EQ(wait_for(watcher, id).head.status, status::delete_pending);
}

TEST_F(Changes, AreForDirectoriesAndNeedAFilter) {
  const created f = watcher.create("file");
  const auto ask = [this](const file_id& id, std::uint32_t filter) {
    return watcher.call(command::change_notify, raw_client::notify_body(id, filter)).head.status;
  };

  EXPECT_EQ(ask(f.id, notify_filter::file_name), status::invalid_parameter);
  EXPECT_EQ(ask(directory, 0), status::invalid_parameter);
  EXPECT_EQ(ask({77, 77}, notify_filter::file_name), status::file_closed);
}

} // namespace
} // namespace leasebreak::smb
