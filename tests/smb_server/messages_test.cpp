// Requests are parsed leniently where clients differ, and never beyond the message.
#include "raw_client.hpp"

#include <smb_server/wire/create.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/directory_listing.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/negotiate.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::raw_client;

byte_vector with_header(bytes_view body) {
  byte_writer out;
  encode(out, header{});
  out.append(body);
  return out.take();
}

lease_context some_lease(std::uint8_t version) {
  lease_context lease;
  lease.version = version;
  lease.key.fill(7);
  lease.state = 7;
  if (version == 2) {
    lease.flags = lease_flag::parent_key_set;
    lease.parent_key.fill(9);
    lease.epoch = 0x4711;
  }
  return lease;
}

TEST(CreateRequests, CarryLeasesOfBothVersions) {
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}}) {
    const lease_context lease = some_lease(version);

    // The contexts refer to the frame.
    const byte_vector frame = with_header(raw_client::create_body("dir\\x", 0xff, lease));
    const auto parsed = parse_create(frame);

    ASSERT_EQ(parsed.status, status::success);
    EXPECT_EQ(parsed.request.name, "dir\\x");
    const create_context* context = parsed.request.context("RqLs");
    ASSERT_NE(context, nullptr);
    EXPECT_EQ(parse_lease_context(context->data), lease);
  }
}

TEST(CreateRequests, AreRefusedAtEveryLengthThatCutsThem) {
  const byte_vector whole = with_header(raw_client::create_body("name", 0xff, some_lease(2)));

  for (std::size_t length = header_size; length < whole.size(); ++length)
    EXPECT_NE(parse_create(bytes_view{whole}.first(length)).status, status::success) << length;
}

TEST(CreateRequests, WithANameThatIsNoTextReturnAnError) {
  byte_vector whole = with_header(raw_client::create_body("ab"));
  whole[120] = 0x00;
  whole[121] = 0xd8;

  EXPECT_EQ(parse_create(whole).status, status::object_name_invalid);
}

TEST(LeaseContexts, OfAnotherLengthAreRefused) {
  for (std::size_t length = 0; length < 64; ++length) {
    const byte_vector data(length);
    EXPECT_EQ(parse_lease_context(data).has_value(), length == 32 || length == 52) << length;
  }
}

TEST(CreateContexts, WithBadOffsetsAreRefused) {
  const auto context = [](std::uint32_t next, std::uint16_t name_offset, std::uint16_t name_length,
                         std::uint16_t data_offset, std::uint32_t data_length) {
    byte_writer out;
    out.u32(next);
    out.u16(name_offset);
    out.u16(name_length);
    out.u16(0);
    out.u16(data_offset);
    out.u32(data_length);
    out.zeros(16);
    return out.take();
  };

  EXPECT_TRUE(parse_create_contexts(context(0, 16, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(4, 16, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(8, 16, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(64, 16, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(0, 0, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(0, 16, 3, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(0, 30, 4, 24, 8)));
  EXPECT_FALSE(parse_create_contexts(context(0, 16, 4, 24, 9)));
  EXPECT_FALSE(parse_create_contexts(context(0, 16, 4, 24, UINT32_MAX)));
}

TEST(CreateContexts, HaveALimit) {
  byte_writer out;
  for (std::size_t i = 0; i <= create_contexts_max; ++i) {
    out.u32(i < create_contexts_max ? 24 : 0);
    out.u16(16);
    out.u16(4);
    out.zeros(16);
  }

  EXPECT_FALSE(parse_create_contexts(out.view()));
}

TEST(CreateResponses, SurviveParsingOfTheirContexts) {
  create_response response;
  response.contexts.push_back({"RqLs", encode_lease_context(some_lease(2))});
  response.contexts.push_back({"MxAc", byte_vector(8, 1)});
  byte_writer out;
  encode(out, header{});
  encode(out, 0, response);
  byte_reader in{out.view()};
  in.skip(header_size + 80);

  const std::size_t offset = in.u32();
  const std::size_t length = in.u32();
  const auto contexts = parse_create_contexts(slice(out.view(), offset, length).value());

  ASSERT_TRUE(contexts);
  ASSERT_EQ(contexts->size(), 2U);
  EXPECT_EQ(parse_lease_context((*contexts)[0].data), some_lease(2));
  EXPECT_EQ((*contexts)[1].name, "MxAc");
}

TEST(NegotiateRequests, CarryTheContextsOf311) {
  byte_writer body;
  body.u16(36);
  body.u16(2);
  body.u16(1);
  body.zeros(6);
  body.zeros(16);
  body.u32(112);
  body.u16(2);
  body.u16(0);
  body.u16(0x0210);
  body.u16(0x0311);
  body.zeros(8); // to 112, from the header
  body.u16(1);
  body.u16(6);
  body.u32(0);
  body.u16(1);
  body.u16(0);
  body.u16(1);
  body.align(8, 0);
  const std::size_t padded = (header_size + body.size() + 7) / 8 * 8 - header_size;
  body.zeros(padded - body.size());
  body.u16(8);
  body.u16(6);
  body.u32(0);
  body.u16(2);
  body.u16(2);
  body.u16(1);

  const auto parsed = parse_negotiate(with_header(body.view()));

  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->dialects.size(), 2U);
  EXPECT_EQ(parsed->preauth_contexts, 1U);
  EXPECT_EQ(parsed->hash_algorithms, std::vector<std::uint16_t>{1});
  EXPECT_EQ(parsed->signing_algorithms, (std::vector<std::uint16_t>{2, 1}));
  const byte_vector whole = with_header(body.view());
  EXPECT_FALSE(parse_negotiate(bytes_view{whole}.first(whole.size() - 1)));
}

TEST(Smb1Negotiates, SayWhichSmb2TheyOffer) {
  byte_writer out;
  for (const int b : std::array<int, 5>{0xff, 'S', 'M', 'B', 0x72})
    out.u8(static_cast<std::uint8_t>(b));
  out.zeros(27);
  out.u8(0);
  const std::string names("\x02NT LM 0.12\0\x02SMB 2.???\0", 23);
  out.u16(static_cast<std::uint16_t>(names.size()));
  for (const char c : names)
    out.u8(static_cast<std::uint8_t>(c));

  const auto offer = parse_smb1_negotiate(out.view());

  ASSERT_TRUE(offer);
  EXPECT_TRUE(offer->smb_2_wildcard);
  EXPECT_FALSE(offer->smb_2_002);
  EXPECT_FALSE(parse_smb1_negotiate(out.view().first(out.size() - 1)));
}

TEST(LockRequests, NeedAsManyElementsAsTheySay) {
  byte_writer body;
  body.u16(48);
  body.u16(2);
  body.u32(0);
  body.zeros(16);
  body.zeros(24);

  EXPECT_FALSE(parse_lock(with_header(body.view())));
  body.zeros(24);
  EXPECT_TRUE(parse_lock(with_header(body.view())));
}

TEST(BreakAcknowledgements, AreToldApartByTheirSize) {
  byte_writer oplock;
  encode(oplock, oplock_break_message{1, {2, 3}});
  byte_writer lease;
  encode(lease, lease_break_message{{4}, 3});

  const auto first = parse_break_acknowledgement(with_header(oplock.view()));
  const auto second = parse_break_acknowledgement(with_header(lease.view()));

  ASSERT_TRUE(first && first->oplock);
  EXPECT_EQ(first->oplock->level, 1);
  EXPECT_EQ(first->oplock->id, (file_id{2, 3}));
  ASSERT_TRUE(second && second->lease);
  EXPECT_EQ(second->lease->state, 3U);
  EXPECT_FALSE(parse_break_acknowledgement(with_header(byte_vector{25, 0, 0, 0})));
}

TEST(LeaseBreakNotifications, Have44Bytes) {
  byte_writer out;
  encode(out, lease_break_notification{0x1234, true, {1}, 7, 3});

  ASSERT_EQ(out.size(), 44U);
  byte_reader in{out.view()};
  EXPECT_EQ(in.u16(), 44);
  EXPECT_EQ(in.u16(), 0x1234);
  EXPECT_EQ(in.u32(), 1U);
  in.skip(16);
  EXPECT_EQ(in.u32(), 7U);
  EXPECT_EQ(in.u32(), 3U);
  EXPECT_EQ(in.u32() | in.u32() | in.u32(), 0U);
}

TEST(FileInformation, HasTheSizesOfTheSpecification) {
  file_description f;
  f.name = "\\ab";
  const std::vector<std::pair<file_class, std::size_t>> sizes{{file_class::basic, 40},
    {file_class::standard, 24}, {file_class::internal, 8}, {file_class::ea, 4},
    {file_class::access, 4}, {file_class::position, 8}, {file_class::all, 106},
    {file_class::network_open, 56}, {file_class::attribute_tag, 8}, {file_class::name, 10}};

  for (const auto& [c, size] : sizes) {
    const information info = encode_file_information(c, f, 4'096);
    EXPECT_EQ(info.status, status::success);
    EXPECT_EQ(info.data.size(), size) << static_cast<int>(c);
  }
}

TEST(FileInformation, ThatDoesNotFitIsCutOrRefused) {
  file_description f;
  f.name = "\\abcdef";

  EXPECT_EQ(encode_file_information(file_class::basic, f, 39).status, status::info_length_mismatch);
  const information cut = encode_file_information(file_class::name, f, 8);
  EXPECT_EQ(cut.status, status::buffer_overflow);
  EXPECT_EQ(cut.data.size(), 8U);
  EXPECT_EQ(encode_file_information(static_cast<file_class>(200), f, 64).status,
    status::invalid_info_class);
}

TEST(DirectoryListings, LinkTheirEntriesAtMultiplesOfEight) {
  directory_listing listing{file_class::names, 4'096};
  ASSERT_TRUE(listing.add("a", {}));
  ASSERT_TRUE(listing.add("bcd", {}));

  const byte_vector bytes = listing.take();

  byte_reader in{bytes};
  const std::uint32_t next = in.u32();
  EXPECT_EQ(next, 16U);
  byte_reader second{bytes_view{bytes}.subspan(next)};
  EXPECT_EQ(second.u32(), 0U);
  second.skip(4);
  EXPECT_EQ(second.u32(), 6U);
}

TEST(DirectoryListings, RefuseWhatDoesNotFitAndStayAsTheyAre) {
  directory_listing listing{file_class::names, 30};
  ASSERT_TRUE(listing.add("a", {}));

  EXPECT_FALSE(listing.add("bcd", {}));
  EXPECT_EQ(listing.take().size(), 14U);
}

TEST(FileTimes, SurviveBothDirections) {
  const filetime_point t{filetime_point::duration{17'000'000'001'234'567}};

  EXPECT_EQ(from_filetime(to_filetime(t)), t);
  EXPECT_EQ(to_filetime(filetime_point{}), 116'444'736'000'000'000U);
}

TEST(FileTimes, ReachFrom1601ToTheEndOfWhatIsNotNegative) {
  constexpr std::uint64_t last = INT64_MAX;

  EXPECT_EQ(to_filetime(from_filetime(1).value()), 1U);
  EXPECT_EQ(to_filetime(from_filetime(last).value()), last);
  EXPECT_FALSE(from_filetime(last + 1));
  EXPECT_FALSE(from_filetime(UINT64_MAX));
  EXPECT_EQ(to_filetime(filetime_point::min()), 0U);
}

TEST(Renames, NeedANameAndNoRootDirectory) {
  byte_writer good;
  good.u8(1);
  good.zeros(15);
  good.u32(2);
  good.u16('x');

  const auto parsed = parse_rename(good.view());

  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->replace);
  EXPECT_EQ(parsed->name, "x");
  byte_vector rooted(good.view().begin(), good.view().end());
  rooted[8] = 1;
  EXPECT_FALSE(parse_rename(rooted));
  EXPECT_FALSE(parse_rename(good.view().first(21)));
  EXPECT_FALSE(parse_rename(good.view().first(20)));
}

TEST(TreePaths, EndInTheNameOfTheShare) {
  EXPECT_EQ(share_of("\\\\server\\share"), "share");
  EXPECT_EQ(share_of("\\\\server\\share\\"), "share");
  EXPECT_EQ(share_of("share"), "share");
  EXPECT_EQ(share_of(""), "");
}

} // namespace
} // namespace leasebreak::smb
