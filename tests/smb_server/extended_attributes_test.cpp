// Extended attributes on the wire (MS-FSCC 2.4.15, 2.4.16), and the checks of CREATE's parameters.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/extended_attributes.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::context;
using testing::created;
using testing::raw_client;
using testing::test_server;

using entries = std::vector<std::pair<std::string, std::string>>;

byte_vector list_of(const entries& wanted) {
  std::vector<ea_entry> all;
  for (const auto& [name, value] : wanted)
    all.push_back({name, byte_vector(value.begin(), value.end())});
  std::size_t count = 0;
  return encode_eas(all, 1 << 20, count);
}

/// FILE_GET_EA_INFORMATION.
byte_vector names_of(const std::vector<std::string>& names) {
  byte_writer out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t size = (5 + names[i].size() + 1 + 3) / 4 * 4;
    out.u32(i + 1 < names.size() ? static_cast<std::uint32_t>(size) : 0);
    out.u8(static_cast<std::uint8_t>(names[i].size()));
    for (const char c : names[i])
      out.u8(static_cast<std::uint8_t>(c));
    out.u8(0);
    out.align(4);
  }
  return out.take();
}

class ExtendedAttributesOnTheWire : public ::testing::Test {
protected:
  ExtendedAttributesOnTheWire() {
    client.set_up({1});
    file = make("f").id;
  }

  created make(const std::string& name, const std::vector<context>& contexts = {},
    std::uint32_t access = 0x0012'019f) {
    byte_writer body{raw_client::create_body_with(name, 0, contexts)};
    body.patch_u32(24, access);
    return raw_client::read_created(client.call(command::create, body.view()));
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(server.directory() / name);
  }

  answer query(file_class c, bytes_view input = {}, std::uint32_t room = 4'096) {
    byte_writer body;
    body.u16(41);
    body.u8(1);
    body.u8(static_cast<std::uint8_t>(c));
    body.u32(room);
    body.u16(input.empty() ? 0 : 104);
    body.u16(0);
    body.u32(static_cast<std::uint32_t>(input.size()));
    body.zeros(8);
    write_file_id(body, file);
    body.append(input);
    return client.call(command::query_info, body.view());
  }

  static byte_vector buffer_of(const answer& a) {
    byte_reader in = a.body();
    in.skip(4);
    const std::size_t length = in.u32();
    const auto data = slice(bytes_view{a.bytes}, 72, length);
    return data ? byte_vector(data->begin(), data->end()) : byte_vector{};
  }

  static entries entries_of(const answer& a) {
    entries result;
    const byte_vector list = buffer_of(a);
    const auto parsed = parse_eas(list);
    for (const ea_entry& e : parsed.value())
      result.emplace_back(e.name, std::string(e.value.begin(), e.value.end()));
    return result;
  }

  std::uint32_t set(bytes_view list) {
    const auto c = static_cast<std::uint8_t>(file_class::full_ea);
    return client.call(command::set_info, raw_client::set_info_body(file, c, list)).head.status;
  }

  test_server server;
  raw_client client{server.port()};
  file_id file;
};

TEST_F(ExtendedAttributesOnTheWire, ComeBackAsTheyWereSet) {
  EXPECT_EQ(query(file_class::full_ea).head.status, status::no_eas_on_file);

  EXPECT_EQ(set(list_of({{"one", "1"}, {"other", "22"}, {"x", "333"}})), status::success);

  const answer all = query(file_class::full_ea);
  EXPECT_EQ(all.head.status, status::success);
  EXPECT_EQ(entries_of(all), (entries{{"one", "1"}, {"other", "22"}, {"x", "333"}}));
}

TEST_F(ExtendedAttributesOnTheWire, AreToldByNameAndThoseThatAreMissingHaveNoValue) {
  ASSERT_EQ(set(list_of({{"one", "1"}, {"two", "2"}})), status::success);

  const answer some = query(file_class::full_ea, names_of({"TWO", "three"}));

  EXPECT_EQ(some.head.status, status::success);
  EXPECT_EQ(entries_of(some), (entries{{"two", "2"}, {"three", ""}}));
  EXPECT_EQ(query(file_class::full_ea, byte_vector(3)).head.status, status::ea_list_inconsistent);
}

TEST_F(ExtendedAttributesOnTheWire, AreReturnedAsFarAsTheyFit) {
  ASSERT_EQ(set(list_of({{"one", "1"}, {"two", "2"}})), status::success);

  const answer first = query(file_class::full_ea, {}, 24);
  EXPECT_EQ(first.head.status, status::buffer_overflow);
  EXPECT_EQ(entries_of(first), (entries{{"one", "1"}}));
  EXPECT_EQ(query(file_class::full_ea, {}, 12).head.status, status::buffer_too_small);
}

TEST_F(ExtendedAttributesOnTheWire, HaveASizeThatOtherQueriesReturn) {
  const auto size = [&] { return byte_reader{buffer_of(query(file_class::ea))}.u32(); };
  EXPECT_EQ(size(), 0U);

  ASSERT_EQ(set(list_of({{"one", "1"}})), status::success);

  EXPECT_EQ(size(), 4U + 4 + 3 + 1 + 1);
  const byte_vector all = buffer_of(query(file_class::all));
  byte_reader in{all};
  in.skip(72); // EaSize
  EXPECT_EQ(in.u32(), size());
}

TEST_F(ExtendedAttributesOnTheWire, OfAListThatIsMalformedAreNotSet) {
  byte_vector bad = list_of({{"one", "1"}, {"two", "2"}});
  bad[0] = 255;
  EXPECT_EQ(set(bad), status::ea_list_inconsistent);
  bad = list_of({{"one", "1"}});
  bad[8 + 3] = 'x'; // no zero after the name
  EXPECT_EQ(set(bad), status::ea_list_inconsistent);
  const entries many(ea_entries_max + 1, {"a", "b"});
  EXPECT_EQ(set(list_of(many)), status::ea_list_inconsistent);
  EXPECT_EQ(set(list_of({{"a/b", "1"}})), 0x8000'0013U); // STATUS_INVALID_EA_NAME
  EXPECT_EQ(query(file_class::full_ea).head.status, status::no_eas_on_file);
}

TEST_F(ExtendedAttributesOnTheWire, NeedTheRightToSeeAndToSetThem) {
  file = make("f", {}, 0x3).id; // may read and write data only

  EXPECT_EQ(query(file_class::full_ea).head.status, status::access_denied);
  EXPECT_EQ(set(list_of({{"one", "1"}})), status::access_denied);
}

TEST_F(ExtendedAttributesOnTheWire, AreGivenToWhatIsCreated) {
  const created made = make("new", {{"ExtA", list_of({{"one", "1"}})}});
  ASSERT_EQ(made.status, status::success);
  file = made.id;

  EXPECT_EQ(entries_of(query(file_class::full_ea)), (entries{{"one", "1"}}));
  EXPECT_EQ(make("bad", {{"ExtA", byte_vector(7)}}).status, status::ea_list_inconsistent);
  EXPECT_EQ(make("bad", {{"ExtA", list_of({{"a/b", "1"}})}}).status, 0x8000'0013U);
  EXPECT_FALSE(exists("bad"));
}

/// Sends a CREATE with another number at `offset` of its body, and returns the status.
std::uint32_t create_with(
  raw_client& client, std::size_t offset, std::uint32_t value, std::uint32_t options = 0) {
  byte_writer body{raw_client::create_body("new", 0, {}, disposition::create, options)};
  body.patch_u32(offset, value);
  return client.call(command::create, body.view()).head.status;
}

TEST_F(ExtendedAttributesOnTheWire, APreviousVersionInACreateIsNotFound) {
  EXPECT_EQ(make("f", {{"TWrp", byte_vector(8)}}).status, status::object_name_not_found);
}

// MS-FSA 2.1.5.1.
TEST_F(ExtendedAttributesOnTheWire, ParametersOfACreateThatMakeNoSenseAreRefused) {
  constexpr std::size_t access = 24;
  constexpr std::size_t attributes = 28;
  constexpr std::size_t options = 40;

  EXPECT_EQ(create_with(client, options, 0x0100'0000), status::invalid_parameter);
  EXPECT_EQ(create_with(client, attributes, 0x0008'0000), status::invalid_parameter);
  EXPECT_EQ(create_with(client, attributes, 0x8), status::invalid_parameter);
  EXPECT_EQ(create_with(client, attributes, 0x100, 0x1), status::invalid_parameter);
  EXPECT_EQ(create_with(client, access, 0x4, 0x8), status::invalid_parameter);
  EXPECT_EQ(create_with(client, access, 0x0800'0000, 0x0100'0000), status::access_denied);
  EXPECT_FALSE(exists("new"));

  EXPECT_EQ(create_with(client, access, 0x6, 0x8), status::success);
}

} // namespace
} // namespace leasebreak::smb
