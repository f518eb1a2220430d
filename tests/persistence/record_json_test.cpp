// The JSON form of records: DittoFS's names and encodings, and every kind of malformed record.
#include <leasebreak/persistence/record_json.hpp>

#include "records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::string_literals;

// Go's encoding/json output of a DittoFS byte-range lock: SMB, exclusive.
constexpr auto byte_range_json =
  R"({"id":"0f8fad5b-d9cb-469f-a165-70867728950e","share_name":"/export",)"
  R"("file_id":"/export:7c9e6679-7425-40de-944b-e07fc1f90ae7","owner_id":"00000001000000020000000300000004",)"
  R"("client_id":"smb:1","lock_type":1,"offset":18446744073709551615,"length":1,)"
  R"("is_legacy_byte_range":true,"share_reservation":0,)"
  R"("acquired_at":"2024-02-29T12:34:56.7891Z","server_epoch":18446744073709551615,)"
  R"("break_started":"0001-01-01T00:00:00Z"})";

persisted_lock byte_range_record() {
  persisted_lock r;
  r.id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  r.share_name = "/export";
  r.file_id = "/export:7c9e6679-7425-40de-944b-e07fc1f90ae7";
  r.owner_id = "00000001000000020000000300000004";
  r.client_id = "smb:1";
  r.lock_type = 1;
  r.offset = UINT64_MAX;
  r.length = 1;
  r.is_legacy_byte_range = true;
  r.acquired_at = time_point{std::chrono::sys_days{std::chrono::year{2024} / 2 / 29}} +
    std::chrono::hours{12} + std::chrono::minutes{34} + std::chrono::seconds{56} +
    std::chrono::microseconds{789'100};
  r.server_epoch = UINT64_MAX;
  return r;
}

// A V2 lease in the middle of a break, as DittoFS writes it in the time zone of its host.
constexpr auto lease_json =
  R"({"id":"a","share_name":"s","file_id":"f","owner_id":"smb:lease:00112233445566778899aabbccddeeff",)"
  R"("client_id":"smb:7","lock_type":1,"offset":0,"length":0,"share_reservation":0,)"
  R"("acquired_at":"2023-11-14T23:13:20.000000001+01:00","server_epoch":4,)"
  R"("lease_key":"ABEiM0RVZneImaq7zN3u/w==","lease_state":7,"lease_epoch":65535,"break_to_state":3,)"
  R"("breaking_to_required":1,"breaking":true,"break_started":"2023-11-14T22:13:21Z",)"
  R"("parent_lease_key":"AQIDBAUGBwgJCgsMDQ4PEA=="})";

// A delegation, which leasebreak only preserves.
constexpr auto delegation_json =
  R"({"id":"d","share_name":"s","file_id":"f","owner_id":"nfs4:1","client_id":"nfs4:1","lock_type":1,)"
  R"("offset":0,"length":0,"share_reservation":0,"acquired_at":"2023-11-14T22:13:20Z","server_epoch":1,)"
  R"("break_started":"0001-01-01T00:00:00Z","delegation_id":"d","deleg_type":1,"deleg_breaking":true,)"
  R"("deleg_recalled":true,"deleg_revoked":true,"deleg_notification_mask":4294967295})";

// Returns `json` with the value of one field replaced, or the field added.
std::string with_field(std::string json, const std::string& name, const std::string& value) {
  const auto key = "\"" + name + "\":";
  const auto at = json.find(key);
  if (at == std::string::npos)
    return json.substr(0, json.size() - 1) + "," + key + value + "}";
  const auto start = at + key.size();
  const auto end =
    json[start] == '"' ? json.find('"', start + 1) + 1 : json.find_first_of(",}", start);
  return json.replace(start, end - start, value);
}

record_error error_of(std::string_view json, std::string_view name = {}) {
  const auto parsed = parse_record(json, name);
  EXPECT_FALSE(parsed.ok()) << json;
  return parsed.error;
}

TEST(RecordJson, WritesAByteRangeLockAsDittoFsDoes) {
  EXPECT_EQ(to_json(byte_range_record()), byte_range_json);
}

TEST(RecordJson, ReadsAByteRangeLockOfDittoFs) {
  const auto parsed = parse_record(byte_range_json);

  ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
  EXPECT_EQ(*parsed.record, byte_range_record());
}

TEST(RecordJson, ReadsABreakingLeaseOfDittoFs) {
  const auto parsed = parse_record(lease_json);

  ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
  const auto& r = *parsed.record;
  EXPECT_TRUE(r.is_lease());
  EXPECT_EQ(to_hex(to_enhanced_lock(r).lease->key.bytes), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(r.lease_state, 7U);
  EXPECT_EQ(r.lease_epoch, 65535);
  EXPECT_EQ(r.break_to_state, 3U);
  EXPECT_EQ(r.breaking_to_required, 1U);
  EXPECT_TRUE(r.breaking);
  EXPECT_EQ(r.acquired_at, time_point{duration{1'700'000'000'000'000'001}});
  EXPECT_EQ(r.break_started, time_point{std::chrono::seconds{1'700'000'001}});
  EXPECT_EQ(r.parent_lease_key.front(), 1);
  EXPECT_EQ(r.parent_lease_key.back(), 16);
  EXPECT_EQ(r.lease_version, 0);
}

TEST(RecordJson, KeepsTheDelegationsOfOthersByteForByte) {
  const auto parsed = parse_record(delegation_json);

  ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
  EXPECT_EQ(to_json(*parsed.record), delegation_json);
}

TEST(RecordJson, LeavesOutWhatGoLeavesOut) {
  persisted_lock r;
  r.id = "i";
  r.file_id = "f";

  EXPECT_EQ(to_json(r),
    R"({"id":"i","share_name":"","file_id":"f","owner_id":"","client_id":"","lock_type":0,)"
    R"("offset":0,"length":0,"share_reservation":0,"acquired_at":"0001-01-01T00:00:00Z",)"
    R"("server_epoch":0,"break_started":"0001-01-01T00:00:00Z"})");
}

TEST(RecordJson, WritesEveryFieldInTheOrderOfDittoFs) {
  EXPECT_EQ(to_json(full_record("id")),
    R"({"id":"id","share_name":"share","file_id":"file-1","owner_id":"owner-1","client_id":"client-1",)"
    R"("lock_type":1,"offset":18446744073709551615,"length":0,"is_zero_byte":true,)"
    R"("is_legacy_byte_range":true,"share_reservation":3,"acquired_at":"2009-02-13T23:31:30.123456789Z",)"
    R"("server_epoch":18446744073709551615,"lease_key":"EREREREREREREREREREREQ==","lease_state":3,)"
    R"("lease_epoch":65535,"break_to_state":1,"breaking_to_required":1,"breaking":true,)"
    R"("break_started":"1969-12-31T23:59:59.999999999Z","parent_lease_key":"IiIiIiIiIiIiIiIiIiIiIg==",)"
    R"("is_directory":true,"is_traditional_oplock":true,"delegation_id":"delegation","deleg_type":1,)"
    R"("deleg_breaking":true,"deleg_recalled":true,"deleg_revoked":true,)"
    R"("deleg_notification_mask":4294967295,"lease_version":1,"broken_via_timeout":true})");
}

TEST(RecordJson, WritesAPersistentOpenAsALockOfNothingWithFieldsOfOurOwn) {
  const auto json = to_json(open_record("id"));

  EXPECT_EQ(json,
    R"({"id":"id","share_name":"share","file_id":"file-1","owner_id":"owner-1","client_id":"client-1",)"
    R"("lock_type":0,"offset":0,"length":0,"is_zero_byte":true,"is_legacy_byte_range":true,)"
    R"("share_reservation":0,"acquired_at":"2023-11-14T22:13:20Z","server_epoch":3,"lease_epoch":5,)"
    R"("break_started":"0001-01-01T00:00:00Z","lease_version":2,"open_id":18446744073709551615,)"
    R"("open_access":4294967295,"open_share_access":7,"open_delete_on_close":true,)"
    R"("open_delete_pending":true,"open_create_guid":"MzMzMzMzMzMzMzMzMzMzMw==",)"
    R"("open_timeout_ms":31536000000,"open_lease_key":"RERERERERERERERERERERA==",)"
    R"("open_server_state":"AP8nc3RhdGU="})");
  EXPECT_EQ(parse_record(json).record, open_record("id"));
}

TEST(RecordJson, WritesTheApplicationOfAnOpenBehindTheRest) {
  auto record = open_record("id");
  const auto without = to_json(record);
  record.open->app_instance.assign(16, 0x55);
  record.open->app_versioned = true;
  record.open->app_version_high = UINT64_MAX;
  record.open->app_version_low = 2;

  const auto json = to_json(record);

  EXPECT_EQ(json,
    without.substr(0, without.size() - 1) +
      R"(,"open_app_instance":"VVVVVVVVVVVVVVVVVVVVVQ==","open_app_versioned":true,)"
      R"("open_app_version_high":18446744073709551615,"open_app_version_low":2})");
  EXPECT_EQ(parse_record(json).record, record);
}

TEST(RecordJson, TakesARecordWithoutOpenIdForNoOpen) {
  const auto parsed = parse_record(with_field(byte_range_json, "open_access", "1"));

  ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
  EXPECT_FALSE(parsed.record->is_open());
}

TEST(RecordJson, RefusesWhatNoPersistentOpenCanHave) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
    {"open_access", {"0", "-1", "4294967296"}},
    {"open_share_access", {"8", "4294967296", "true"}},
    {"open_delete_on_close", {"1"}},
    {"open_delete_pending", {"0"}},
    {"open_create_guid", {"\"AQ==\"", "7"}},
    {"open_timeout_ms", {"0", "31536000001", "-1"}},
    {"open_lease_key", {"\"AQ==\"", "\"AAAAAAAAAAAAAAAAAAAAAA==\""}},
    {"open_server_state", {"\"!\"", "1"}},
    {"open_app_instance", {"\"AQ==\"", "\"AAAAAAAAAAAAAAAAAAAAAA==\"", "7"}},
    {"open_app_versioned", {"true", "1"}},
    {"open_app_version_high", {"1", "-1"}},
    {"open_app_version_low", {"1", "-1"}},
    {"lease_key", {"\"EREREREREREREREREREREQ==\""}},
  };
  for (const auto& [field, values] : wrong)
    for (const auto& value : values)
      EXPECT_EQ(error_of(with_field(to_json(open_record("id")), field, value)).field, field)
        << value;
}

TEST(RecordJson, EscapesTextAsGoDoes) {
  auto r = lease_record("\"\\/\b\f\n\r\t\x01\x7f<>&");
  r.file_id = "\xe2\x80\xa8\xe2\x80\xa9\xc3\xa4\xf0\x9f\x98\x80";

  const auto json = to_json(r);

  EXPECT_THAT(json,
    testing::HasSubstr(R"("id":"\"\\/\b\f\n\r\t\u0001)"
                       "\x7f"
                       R"(\u003c\u003e\u0026")"));
  EXPECT_THAT(json, testing::HasSubstr("\"file_id\":\"\\u2028\\u2029\xc3\xa4\xf0\x9f\x98\x80\""));
  EXPECT_EQ(parse_record(json).record, r);
}

TEST(RecordJson, KeepsTheBytesOfTextThatIsNoUtf8) {
  auto r = lease_record("id");
  r.file_id = "a\xff";

  const auto json = to_json(r);

  EXPECT_THAT(json, testing::HasSubstr(R"("file_id":"a\ufffd","file_id_bytes":"Yf8=")"));
  EXPECT_EQ(parse_record(json).record, r);
}

TEST(RecordJson, LeavesValidUtf8Alone) {
  for (const auto& text : {"plain"s, "\xc3\xa4"s, "\xef\xbf\xbd"s, "\xf4\x8f\xbf\xbf"s, "a\0b"s}) {
    auto r = lease_record("id");
    r.file_id = text;

    const auto json = to_json(r);

    EXPECT_THAT(json, testing::Not(testing::HasSubstr("_bytes")));
    EXPECT_EQ(parse_record(json).record, r);
  }
}

TEST(RecordJson, TellsInvalidUtf8OfEveryKindApart) {
  // A stray byte, too short, overlong, a surrogate, beyond the end of Unicode, U+FFFD itself.
  const std::vector<std::string> texts{"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
    "\xf4\x90\x80\x80", "\xf5", "\xf0\x9f\x98", "\xef\xbf\xbd", "\xff"};
  for (const auto& text : texts) {
    auto r = lease_record("id");
    r.file_id = text;

    EXPECT_EQ(parse_record(to_json(r)).record, r) << testing::PrintToString(text);
  }
}

TEST(RecordJson, GivesBackRandomRecordsOfAnyBytes) {
  random_source random(test_seed());
  for (int i = 0; i < 3000; ++i) {
    auto record = random_record(random, "i" + random_bytes(random, 40));
    record.file_id += random_bytes(random, 40);
    record.owner_id = random_bytes(random, 40);
    record.delegation_id = random_bytes(random, 4);

    const auto parsed = parse_record(to_json(record));

    ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
    ASSERT_EQ(*parsed.record, record);
  }
}

TEST(RecordJson, RefusesBytesThatAreNotThoseOfTheText) {
  auto r = lease_record("id");
  r.file_id = "a\xff";

  const auto error = error_of(with_field(to_json(r), "file_id", R"("b\ufffd")"));

  EXPECT_EQ(error.field, "file_id_bytes");
  EXPECT_EQ(error.record, "id");
}

TEST(RecordJson, IgnoresUnknownFields) {
  const auto json = with_field(byte_range_json, "future", R"({"a":[1,2,{"id":3}]})");

  EXPECT_EQ(parse_record(json).record, byte_range_record());
}

TEST(RecordJson, TakesMissingAndNullFieldsAsZero) {
  persisted_lock expected;
  expected.id = "i";
  expected.file_id = "f";

  EXPECT_EQ(parse_record(R"({"id":"i","file_id":"f"})").record, expected);
  EXPECT_EQ(
    parse_record(
      R"({"id":"i","file_id":"f","offset":null,"lease_key":null,"breaking":null,"acquired_at":null})")
      .record,
    expected);
}

TEST(RecordJson, LastOfAFieldGivenTwiceCounts) {
  EXPECT_EQ(parse_record(R"({"id":"i","file_id":"f","id":"j"})").record->id, "j");
}

TEST(RecordJson, AmbiguousZeroOfBreakingToRequiredIsTheTargetOfTheBreakOfOthers) {
  const auto json = with_field(lease_json, "breaking_to_required", "0");

  const auto lock = to_enhanced_lock(*parse_record(json).record);

  EXPECT_EQ(lock.lease->required, lease_state::rh);
}

TEST(RecordJson, StripsTheWriteOfADirectory) {
  const auto json =
    with_field(with_field(with_field(lease_json, "is_directory", "true"), "break_to_state", "1"),
      "breaking_to_required", "1");

  const auto parsed = parse_record(json);

  ASSERT_TRUE(parsed.ok()) << to_string(parsed.error);
  EXPECT_EQ(to_enhanced_lock(*parsed.record).lease->state, lease_state::rh);
}

TEST(RecordJson, ReadsTimesWithAnyOffsetAndPrecision) {
  const auto time_of = [](const std::string& text) {
    const auto parsed =
      parse_record(with_field(byte_range_json, "acquired_at", "\"" + text + "\""));
    EXPECT_TRUE(parsed.ok()) << text;
    return parsed.ok() ? parsed.record->acquired_at.time_since_epoch().count() : -1;
  };

  EXPECT_EQ(time_of("1970-01-01T00:00:01Z"), 1'000'000'000);
  EXPECT_EQ(time_of("1970-01-01T00:00:00.000000001Z"), 1);
  EXPECT_EQ(time_of("1970-01-01T00:00:00.0000000019Z"), 1);
  EXPECT_EQ(time_of("1969-12-31T23:59:59.5Z"), -500'000'000);
  EXPECT_EQ(time_of("1970-01-01T01:30:00+01:30"), 0);
  EXPECT_EQ(time_of("1969-12-31T14:00:01-10:00"), 1'000'000'000);
  EXPECT_EQ(time_of("0001-01-01T00:00:00Z"), 0);
  EXPECT_EQ(time_of("0001-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(time_of("2262-04-11T23:47:16.854775807Z"), INT64_MAX);
  EXPECT_EQ(time_of("1677-09-21T00:12:43.145224192Z"), INT64_MIN);
}

TEST(RecordJson, RefusesWhatIsNoTime) {
  for (const std::string text : {"", "now", "2024-01-01", "2024-01-01T00:00:00",
         "2024-01-01 00:00:00Z", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
         "2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z",
         "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00.Z",
         "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00Zx",
         "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224191Z", "0001-01-01T00:00:01Z",
         "9999-12-31T23:59:59Z", "-001-01-01T00:00:00Z", "2024-1-01T00:00:00Z"}) {
    const auto error = error_of(with_field(byte_range_json, "acquired_at", "\"" + text + "\""));

    EXPECT_EQ(error.field, "acquired_at") << text;
  }
}

TEST(RecordJson, NamesTheRecordAndTheFieldOfEveryWrongTypeOrRange) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
    {"share_name", {"1", "true", "[]", "{}"}},
    {"file_id", {"1", "\"\""}},
    {"owner_id", {"7"}},
    {"client_id", {"false"}},
    {"lock_type", {"2", "-1", "256", "1.0", "\"1\"", "true", "1e0"}},
    {"offset", {"-1", "18446744073709551616", "1.5", "\"0\""}},
    {"length", {"-1", "18446744073709551616", "\"0\"", "2"}},
    {"is_zero_byte", {"1", "\"true\""}},
    {"is_legacy_byte_range", {"0"}},
    {"share_reservation", {"4", "-1", "300"}},
    {"acquired_at", {"0", "null0"}},
    {"server_epoch", {"-1", "18446744073709551616"}},
    {"lease_key",
      {"\"AQ==\"", "\"!\"", "1", "\"AAAAAAAAAAAAAAAAAAAAAA==\"", "\"AQIDBAUGBwgJCgsMDQ4PEA\"",
        "\"AQIDBAUGBwgJCgsMDQ4PEB==\"", "[1,2]"}},
    {"lease_state", {"-1", "4294967296", "\"7\""}},
    {"lease_epoch", {"65536", "-1"}},
    {"break_to_state", {"4294967296"}},
    {"breaking_to_required", {"-1"}},
    {"breaking", {"1"}},
    {"break_started", {"\"x\""}},
    {"parent_lease_key", {"\"A\"", "true"}},
    {"is_directory", {"0"}},
    {"is_traditional_oplock", {"\"\""}},
    {"delegation_id", {"1"}},
    {"deleg_type", {"2", "256"}},
    {"deleg_breaking", {"1"}},
    {"deleg_recalled", {"1"}},
    {"deleg_revoked", {"1"}},
    {"deleg_notification_mask", {"4294967296"}},
    {"lease_version", {"3", "256"}},
    {"broken_via_timeout", {"1"}},
  };
  for (const auto& [field, values] : wrong) {
    for (const auto& value : values) {
      const auto error = error_of(with_field(byte_range_json, field, value));
      if (value == "null0") // Not JSON at all.
        continue;

      EXPECT_EQ(error.field, field) << value;
      EXPECT_EQ(error.record, byte_range_record().id) << value;
      EXPECT_FALSE(error.what.empty());
    }
  }
}

TEST(RecordJson, B15RefusesStatesThatNoLeaseCanHave) {
  for (const auto* value : {"2", "4", "6", "8", "15"}) {
    EXPECT_EQ(error_of(with_field(lease_json, "lease_state", value)).field, "lease_state") << value;
    EXPECT_EQ(error_of(with_field(lease_json, "break_to_state", value)).field, "break_to_state")
      << value;
  }
}

TEST(RecordJson, NamesARecordWithoutIdByItsPlace) {
  EXPECT_EQ(error_of(R"({"file_id":"f"})", "lock 5").record, "lock 5");
  EXPECT_EQ(error_of(R"({"file_id":"f"})", "lock 5").field, "id");
  EXPECT_EQ(error_of(R"({"id":5,"file_id":"f"})", "lock 5").record, "lock 5");
}

TEST(RecordJson, RefusesWhatIsNoJsonObject) {
  for (const std::string text : {"", " ", "{", "null", "[]", "1", "\"x\"", "{\"id\"}", "{}{}",
         "{'id':1}", "{\"id\":\"\xff\"}", "\xef\xbb\xbf{}", "{\"id\":\"\\ud800\"}"}) {
    const auto error = error_of(text, "lock 1");

    EXPECT_EQ(error.record, "lock 1");
    EXPECT_EQ(error.field, "") << text;
    EXPECT_THAT(error.what, testing::StartsWith("is not "));
  }
}

TEST(RecordJson, RefusesWhatIsNestedTooDeepOrTooLong) {
  EXPECT_FALSE(parse_record(std::string(100'000, '[')).ok());
  const auto error = error_of(std::string(record_json_bytes_max + 1, ' '), "big");
  EXPECT_EQ(error.record, "big");
  EXPECT_THAT(error.what, testing::HasSubstr("is longer than"));
}

// Any change of the text gives another valid record or an error, but never a record that the
// validation would reject.
TEST(RecordJson, SurvivesRandomMutations) {
  random_source random(test_seed());
  const std::vector<std::string> originals{byte_range_json, lease_json, delegation_json,
    to_json(full_record("x")), to_json(open_record("x"))};
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = originals[below(random, originals.size())];
    for (auto changes = 1 + below(random, 4); changes > 0; --changes) {
      const auto at = below(random, text.size());
      switch (below(random, 4)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + below(random, 8));
        break;
      case 2:
        text.insert(at, 1, "\"\\{}[],:0-.eE\x00u"[below(random, 16)]);
        break;
      default:
        text += text.substr(at, below(random, 16));
        break;
      }
      if (text.empty())
        text = "{";
    }

    const auto parsed = parse_record(text, "mutant");

    if (parsed.ok()) {
      ASSERT_FALSE(validate(*parsed.record).has_value()) << text;
      ASSERT_EQ(parse_record(to_json(*parsed.record)).record, parsed.record) << text;
    } else {
      ++refused;
      ASSERT_FALSE(parsed.error.what.empty());
    }
  }
  EXPECT_GT(refused, 1000);
}

} // namespace
} // namespace leasebreak::test
