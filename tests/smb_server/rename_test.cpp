// Renames on the wire, and related requests without a request that they could refer to.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/opens/open_paths.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <array>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

/// A CREATE with the right to rename.
byte_vector open_to_rename(const std::string& name, std::uint32_t options) {
  byte_writer body{raw_client::create_body(name, 0, {}, disposition::open_if, options)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  return body.take();
}

TEST(Renames, OfADirectoryNeedAllBeneathToBeClosed) {
  constexpr std::uint32_t directory_option = 0x1;
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const file_id d =
    raw_client::read_created(client.call(command::create, open_to_rename("d", directory_option)))
      .id;
  const created f = client.create("d\\f");
  const auto rename = [&](const std::string& to) {
    return client.call(command::set_info, raw_client::rename_body(d, to)).head.status;
  };

  EXPECT_EQ(rename("e"), status::access_denied);
  ASSERT_EQ(client.close(f.id), status::success);
  EXPECT_EQ(rename("e"), status::success);
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "e" / "f"));
}

TEST(Renames, OfADirectoryLookAtWhatIsOpenThroughOtherSharesOfIt) {
  constexpr std::uint32_t directory_option = 0x1;
  server_options options;
  options.shares = {{"one", {}, {}}, {"two", {}, {}}};
  test_server server{options};
  raw_client first{server.port()};
  raw_client second{server.port()};
  const auto set_up = [](raw_client& c, std::uint8_t number, const std::string& share) {
    c.negotiate(dialect::smb_2_1, {number});
    ASSERT_EQ(c.log_on(), status::success);
    ASSERT_EQ(c.connect_tree(share), status::success);
  };
  set_up(first, 1, "one");
  set_up(second, 2, "two");
  const file_id d =
    raw_client::read_created(first.call(command::create, open_to_rename("d", directory_option))).id;
  const created f = second.create("d\\f");
  const auto rename = [&] {
    return first.call(command::set_info, raw_client::rename_body(d, "e")).head.status;
  };

  EXPECT_EQ(rename(), status::access_denied);
  ASSERT_EQ(second.close(f.id), status::success);
  EXPECT_EQ(rename(), status::success);
}

// MS-SMB2 3.3.5.2.7.2.
TEST(Compounds, RelatedToARequestWithoutASessionAreMalformed) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const std::uint64_t session = std::exchange(client.session_id, 4'711);
  byte_writer frame{client.make_message(command::close, raw_client::close_body({1, 1}))};
  frame.align(8);
  frame.patch_u32(20, static_cast<std::uint32_t>(frame.size())); // NextCommand
  frame.append(client.make_message(
    command::close, raw_client::close_body(related_file_id), header_flag::related));

  client.send_frame(frame.view());
  const std::vector<answer> answers = client.receive_compound(2);
  client.session_id = session;

  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].head.status, status::user_session_deleted);
  EXPECT_EQ(answers[1].head.status, status::invalid_parameter);
}

// -- without a server ----------------------------------------------------------------------------

TEST(OpenPaths, FollowRenames) {
  open_paths paths;
  open one;
  open two;
  open beside;
  const int share = 0;
  paths.add(one, &share, "a/b/f");
  paths.add(two, &share, "a/b/c/g");
  paths.add(beside, &share, "a/bb");

  paths.rename(nullptr, "a/b", "y");
  paths.rename(&share, "a/b", "x");
  EXPECT_EQ(paths.path_of(one), "x/f");
  EXPECT_EQ(paths.path_of(two), "x/c/g");
  EXPECT_EQ(paths.path_of(beside), "a/bb");
  paths.rename(&share, "x/c/g", "a/h");
  EXPECT_EQ(paths.path_of(two), "a/h");

  paths.remove(two);
  paths.remove(two);
  EXPECT_EQ(paths.path_of(two), "");
}

TEST(OpenPaths, OfOneFileMoveTogetherAndEndOneByOne) {
  open_paths paths;
  std::array<open, 3> opens;
  const int share = 0;
  for (open& o : opens) {
    o.file = "1";
    paths.add(o, &share, "a/f");
  }

  paths.rename(&share, "a/f", "a/f");
  paths.remove(opens[1]);
  paths.rename(&share, "a", "b");
  EXPECT_EQ(paths.path_of(opens[0]), "b/f");
  EXPECT_EQ(paths.path_of(opens[1]), "");
  EXPECT_EQ(paths.path_of(opens[2]), "b/f");

  paths.remove(opens[0]);
  paths.rename(&share, "b/f", "f");
  EXPECT_EQ(paths.path_of(opens[2]), "f");
  paths.remove(opens[2]);
  EXPECT_EQ(paths.path_of(opens[2]), "");
  EXPECT_TRUE(paths.stored_at(&share, "f").empty());
}

} // namespace
} // namespace leasebreak::smb
