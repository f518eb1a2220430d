// Tests of text conversions.
#include "text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {
namespace {

TEST(AdminText, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(to_utf8("plain"), "plain");
  EXPECT_EQ(
    to_utf8("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(to_utf8("a\xff"), "a" + r);
  EXPECT_EQ(to_utf8("\xc0\xaf"), r + r) << "overlong";
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), r + r + r) << "a surrogate";
  EXPECT_EQ(to_utf8("\xf4\x90\x80\x80"), r + r + r + r) << "above U+10FFFF";
  EXPECT_EQ(to_utf8("\xe2\x82"), r + r) << "truncated";
  EXPECT_EQ(to_utf8("\x80"), r);
}

TEST(AdminText, TakesTheMeaningFromMarkup) {
  EXPECT_EQ(without_markup(R"("<img src=x>&")"), R"("\u003cimg src=x\u003e\u0026")");
  EXPECT_EQ(
    without_markup("\"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\""), "\"\\u2028\\u2029\xe2\x80\xaa\"");
}

TEST(AdminText, GoesThroughHexadecimalAndBack) {
  const std::string bytes("\x00\x7f\xff ", 4);

  EXPECT_EQ(bytes_to_hex(bytes), "007fff20");
  EXPECT_EQ(bytes_from_hex("007FFf20"), bytes);
  EXPECT_EQ(bytes_from_hex("0"), std::nullopt);
  EXPECT_EQ(bytes_from_hex("0g"), std::nullopt);
  EXPECT_EQ(bytes_from_hex("-1"), std::nullopt);
}

TEST(AdminText, DecodesQueries) {
  const auto query = parse_query("path=a%2fb+c&empty=&bare&&x=1%26y%3d2");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->at("path"), "a/b c");
  EXPECT_EQ(query->at("empty"), "");
  EXPECT_EQ(query->at("bare"), "");
  EXPECT_EQ(query->at("x"), "1&y=2");
  EXPECT_EQ(query->size(), 4U);

  for (const auto* const bad : {"a=%", "a=%4", "a=%zz", "a=%00", "a=1&a=2", "%41=1&A=2"})
    EXPECT_FALSE(parse_query(bad)) << bad;
}

TEST(AdminText, ComparesSecrets) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secretsecret"));
  EXPECT_FALSE(equal_in_constant_time("secret", ""));
}

TEST(AdminText, ShowsTimesInUtc) {
  const time_point t{std::chrono::seconds{1'700'000'000} + std::chrono::milliseconds{7}};

  EXPECT_EQ(to_rfc3339(t), "2023-11-14T22:13:20.007Z");
}

TEST(AdminText, ReadsNumbersWithinBounds) {
  EXPECT_EQ(parse_number("0", 10), 0U);
  EXPECT_EQ(parse_number("10", 10), 10U);
  for (const auto* const bad : {"11", "", "-1", "+1", " 1", "1x", "99999999999999999999"})
    EXPECT_EQ(parse_number(bad, 10), std::nullopt) << bad;
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
