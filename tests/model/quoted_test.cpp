// The quoting of text from clients for logs.
#include <leasebreak/model/quoted.hpp>

#include <gtest/gtest.h>

#include <string>

namespace leasebreak {
namespace {

TEST(Quoted, ShowsWhatIsHarmlessAsItIs) {
  EXPECT_EQ(quoted("alice"), "\"alice\"");
  EXPECT_EQ(
    quoted("\xd0\x96\xc3\xa9 \xf0\x9f\x98\x80 x"), "\"\xd0\x96\xc3\xa9 \xf0\x9f\x98\x80 x\"");
  EXPECT_EQ(quoted("it's"), "\"it's\"");
  EXPECT_EQ(quoted(""), "\"\"");
}

TEST(Quoted, EscapesWhatATerminalOrAReaderOfLinesObeys) {
  EXPECT_EQ(quoted("a\nb\x1b[31m\x7f"), "\"a\\x0ab\\x1b[31m\\x7f\"");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), "\"\\x00\"");
  EXPECT_EQ(quoted("\xc2\x9b"
                   "31m"),
    "\"\\xc2\\x9b31m\"");
  EXPECT_EQ(quoted("say \"no\"\\"), "\"say \\x22no\\x22\\x5c\"");
  EXPECT_EQ(quoted("\xe2\x80\xa8"), "\"\\xe2\\x80\\xa8\"") << "a line separator";
  EXPECT_EQ(quoted("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"") << "from right to left";
}

TEST(Quoted, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(quoted("\xff"), "\"\\xff\"");
  EXPECT_EQ(quoted("\x80z"), "\"\\x80z\"");
  EXPECT_EQ(quoted("\xc3"), "\"\\xc3\"") << "cut off";
  EXPECT_EQ(quoted("\xc3z"), "\"\\xc3z\"");
  EXPECT_EQ(quoted("\xc0\x8a"), "\"\\xc0\\x8a\"") << "a longer line feed";
  EXPECT_EQ(quoted("\xe0\x80\x8a"), "\"\\xe0\\x80\\x8a\"");
  EXPECT_EQ(quoted("\xf0\x80\x80\x8a"), "\"\\xf0\\x80\\x80\\x8a\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"") << "half of a pair";
}

TEST(Quoted, CutsBetweenCharacters) {
  const std::string text = std::string(63, 'a') + "\xc3\xa9" + std::string(100, 'b');

  EXPECT_EQ(quoted(text, 64), "\"" + std::string(63, 'a') + "...\"");
  EXPECT_EQ(quoted(std::string(64, 'a'), 64), "\"" + std::string(64, 'a') + "\"");
}

} // namespace
} // namespace leasebreak
