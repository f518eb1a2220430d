// What clients other than Windows ask for: names that the protocol cannot say, short names, object
// ids, and the errors of malformed requests.
#include "names_fixture.hpp"

#include <smb_server/wire/query.hpp>

#include <algorithm>
#include <filesystem>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::body_of;
using testing::existing;
using testing::names_fixture;
using testing::opening;
using testing::raw_client;

constexpr std::uint32_t directory_option = 0x1;

class OddNames : public names_fixture {
protected:
  static opening directory() {
    opening o = existing(directory_option);
    return o;
  }

  /// The output of QUERY_INFO.
  answer query(raw_client& c, const file_id& id, info_type type, std::uint8_t info_class,
    std::uint32_t room = 4'096) {
    byte_writer body;
    body.u16(41);
    body.u8(static_cast<std::uint8_t>(type));
    body.u8(info_class);
    body.u32(room);
    body.zeros(16);
    write_file_id(body, id);
    body.u8(0);
    return c.call(command::query_info, body.view());
  }
  static byte_vector buffer_of(const answer& a) { return {a.bytes.begin() + 72, a.bytes.end()}; }

  std::vector<std::string> listed(raw_client& c, const file_id& id) {
    const byte_vector found =
      buffer_of(c.call(command::query_directory, raw_client::names_body(id, "*")));
    std::vector<std::string> names;
    for (std::size_t at = 0; at < found.size();) {
      byte_reader in{bytes_view{found}.subspan(at)};
      const std::size_t next = in.u32();
      in.skip(4);
      const std::size_t length = in.u32();
      names.push_back(utf16_to_utf8(in.bytes(length)).value());
      at = next == 0 ? found.size() : at + next;
    }
    return names;
  }
};

TEST_P(OddNames, AreShownAndDoNotKeepTheirDirectory) {
  std::filesystem::create_directory(server.directory() / "d");
  put("d/a:b", "colon");
  put("d/line\n", "line");
  put("d/\xff", "no UTF-8");

  const file_id listing = open(alice, "d", directory());
  const auto names = listed(alice, listing);
  ASSERT_EQ(alice.close(listing), status::success);

  EXPECT_EQ(names.size(), 5U);
  for (const std::string name : {"a\xef\x80\xa2"
                                 "b",
         "line\xef\x80\x8a", "\xee\xbf\xbf"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end());
    const file_id file = open(alice, "d\\" + name, existing());
    EXPECT_EQ(set_deletion(alice, file), status::success);
    EXPECT_EQ(alice.close(file), status::success);
  }
  const file_id d = open(bob, "d", directory());
  EXPECT_EQ(set_deletion(bob, d), status::success);
  EXPECT_EQ(bob.close(d), status::success);
  EXPECT_FALSE(exists("d"));
}

TEST_P(OddNames, AreThoseOfANewFileAndOfARename) {
  const file_id file = open(alice, "a\xef\x80\xa5");
  EXPECT_TRUE(exists("a?"));

  EXPECT_EQ(move(alice, file, "b\xef\x80\xa9"), status::success);
  EXPECT_TRUE(exists("b."));
  const byte_vector name = buffer_of(
    query(alice, file, info_type::file, static_cast<std::uint8_t>(file_class::normalized_name)));
  byte_reader in{name};
  const std::size_t length = in.u32();
  EXPECT_EQ(utf16_to_utf8(in.bytes(length)).value(), "b\xef\x80\xa9");
  EXPECT_EQ(move(alice, file, "c:"), status::object_name_invalid);
}

TEST_P(OddNames, MayBeginWithASeparatorInARename) {
  const file_id file = open(alice, "f");

  EXPECT_EQ(move(alice, file, "/g"), status::success);
  EXPECT_TRUE(exists("g"));
  EXPECT_EQ(move(alice, file, "\\h"), status::success);
  EXPECT_TRUE(exists("h"));
  EXPECT_EQ(move(alice, file, "/link", false, file_class::link), status::success);
  EXPECT_TRUE(exists("link"));
}

TEST_P(OddNames, HaveShortOnes) {
  const auto short_name = [&](const std::string& name) {
    const answer a = query(alice, open(alice, name), info_type::file,
      static_cast<std::uint8_t>(file_class::alternate_name));
    EXPECT_EQ(a.head.status, status::success) << name;
    const byte_vector found = buffer_of(a);
    byte_reader in{found};
    const std::size_t length = in.u32();
    return utf16_to_utf8(in.bytes(length)).value();
  };

  EXPECT_EQ(short_name("readme.txt"), "readme.txt");
  const std::string other = short_name("a longer name.document");
  EXPECT_EQ(other.size(), 12U);
  EXPECT_EQ(other.substr(0, 5), "ALON~");
  EXPECT_EQ(other.substr(8), ".DOC");
  EXPECT_NE(other, short_name("a longer name 2.document"));
  EXPECT_LE(short_name("\xc3\xa9\xc3\xa9\xc3\xa9").size(), 12U);
}

TEST_P(OddNames, FilesAndVolumesHaveObjectIds) {
  constexpr std::uint32_t create_or_get_object_id = 0x0009'00c0;
  constexpr std::uint32_t get_object_id = 0x0009'009c;
  const file_id f = open(alice, "f");
  const auto id_of = [&](std::uint32_t code, const file_id& id) {
    return raw_client::ioctl_output(
      alice.call(command::ioctl, raw_client::ioctl_body(code, {}, 64, id)));
  };

  EXPECT_EQ(id_of(create_or_get_object_id, f).size(), 64U);
  EXPECT_EQ(id_of(create_or_get_object_id, f), id_of(get_object_id, f));
  EXPECT_NE(id_of(get_object_id, f), id_of(get_object_id, open(alice, "g")));
  const answer volume =
    query(alice, f, info_type::filesystem, static_cast<std::uint8_t>(volume_class::object_id));
  EXPECT_EQ(volume.head.status, status::success);
  EXPECT_EQ(buffer_of(volume).size(), 64U);
}

TEST_P(OddNames, BuffersThatAreTooShortHaveAnErrorOfTheirOwn) {
  const file_id f = open(alice, "f");
  const byte_vector three(3);
  for (const file_class c :
    {file_class::basic, file_class::end_of_file, file_class::allocation, file_class::position,
      file_class::rename, file_class::link, file_class::disposition_ex, file_class::mode}) {
    const byte_vector body = raw_client::set_info_body(f, static_cast<std::uint8_t>(c), three);
    EXPECT_EQ(alice.call(command::set_info, body).head.status, status::info_length_mismatch)
      << static_cast<int>(c);
  }
}

TEST_P(OddNames, DirectoriesHaveNoByteRangeLocks) {
  opening made;
  made.options = directory_option;
  const file_id d = open(alice, "d", made);
  const std::uint32_t how = lock_flag::exclusive | lock_flag::fail_immediately;

  EXPECT_EQ(alice.call(command::lock, raw_client::lock_body(d, {{0, 1, how}})).head.status,
    status::invalid_parameter);
}

TEST_P(OddNames, TheMaximumOfAReadOnlyFileIsToRead) {
  constexpr std::uint32_t maximum_allowed = 0x0200'0000;
  constexpr std::uint32_t read_only = 0x1;
  byte_writer made{body_of("f")};
  made.patch_u32(28, read_only); // FileAttributes
  const file_id f = raw_client::read_created(alice.call(command::create, made.view())).id;
  ASSERT_EQ(alice.close(f), status::success);
  const auto status_with = [&](std::uint32_t access) {
    byte_writer body{body_of("f", existing())};
    body.patch_u32(24, access);
    return alice.call(command::create, body.view()).head.status;
  };

  EXPECT_EQ(status_with(maximum_allowed), status::success);
  EXPECT_EQ(status_with(maximum_allowed | 0x2), status::access_denied);
  EXPECT_EQ(status_with(0x2), status::access_denied);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutNewCalls, OddNames, ::testing::Bool());

TEST(OldDialects, DoNotUseTheCreditCharge) {
  testing::test_server server;
  raw_client client{server.port()};
  client.negotiate(dialect::smb_2_0_2);
  ASSERT_EQ(client.log_on(), status::success);
  byte_writer body;
  body.u16(4);
  body.u16(0);

  client.send_frame(client.make_message(command::echo, body.view(), 0, 500));
  client.next_message = 1 + client.next_message - 500; // one id, whatever the charge says

  const auto answered = client.receive_final();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->head.status, status::success);
  EXPECT_EQ(client.echo(), status::success);
}

} // namespace
} // namespace leasebreak::smb
