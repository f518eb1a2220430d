// Valid paths, and the error of each malformed one.
#include "support.hpp"

namespace leasebreak::smb::vfs::testing {

namespace {

TEST(Paths, TakeEitherSeparator) {
  EXPECT_EQ(at("a\\b\\c").name(), "a/b/c");
  EXPECT_EQ(at("a/b\\c").name(), "a/b/c");
}

TEST(Paths, AnEmptyOneIsTheRoot) {
  EXPECT_TRUE(at("").is_root());
  EXPECT_EQ(at(""), path());
}

TEST(Paths, KnowTheirLeafAndParent) {
  const path name = at("a\\b\\c");

  EXPECT_EQ(name.leaf(), "c");
  EXPECT_EQ(name.parent().name(), "a/b");
  EXPECT_EQ(name.parent().parent().name(), "a");
  EXPECT_TRUE(at("a").parent().is_root());
  EXPECT_TRUE(path().parent().is_root());
}

TEST(Paths, ATrailingSeparatorNamesADirectory) {
  EXPECT_TRUE(at("a\\b\\").names_directory());
  EXPECT_EQ(at("a\\b\\").name(), "a/b");
  EXPECT_FALSE(at("a\\b").names_directory());
}

TEST(Paths, ColonsAreReadAsStreams) {
  EXPECT_EQ(at("a\\b:s").name(), "a/b");
  EXPECT_EQ(at("a\\b:s").stream(), "s");
  EXPECT_EQ(at("b:s:$DATA").stream(), "s");
  EXPECT_EQ(at("b:s:$dAtA").stream(), "s");
  EXPECT_EQ(at(":s").stream(), "s");
  EXPECT_EQ(at("b:a*?\"<>|\x01\xc3\xa9").stream(), "a*?\"<>|\x01\xc3\xa9");
  EXPECT_EQ(at("b:s").base(), at("b"));
}

TEST(Paths, TheDefaultStreamIsTheFileItself) {
  EXPECT_TRUE(at("b::$DATA").names_data());
  EXPECT_EQ(at("b::$DATA").stream(), "");
  EXPECT_EQ(at("b::$DATA").name(), "b");
}

TEST(Paths, TheIndexOfADirectoryIsTheDirectory) {
  EXPECT_TRUE(at("d:$I30:$INDEX_ALLOCATION").names_directory());
  EXPECT_TRUE(at("d::$INDEX_ALLOCATION").names_directory());
  EXPECT_EQ(at("d:$I30:$INDEX_ALLOCATION").name(), "d");
}

struct bad_path {
  std::string text;
  errc error;
};

TEST(Paths, MalformedOnesAreToldWhy) {
  const std::string long_name(component_bytes_max + 1, 'x');
  const std::string long_stream(stream_name_bytes_max + 1, 'x');
  std::string long_path;
  while (long_path.size() <= path_bytes_max) {
    long_path += "xxxxxxxxxxxxxxx\\";
  }
  const bad_path table[] = {
    {"\\a", errc::leading_separator},
    {"/etc/passwd", errc::leading_separator},
    {"\\", errc::leading_separator},
    {"..", errc::dot_component},
    {"..\\a", errc::dot_component},
    {"a\\..\\b", errc::dot_component},
    {"a/../../b", errc::dot_component},
    {"a\\..", errc::dot_component},
    {".", errc::dot_component},
    {"a\\.\\b", errc::dot_component},
    {"..\\", errc::dot_component},
    {"a\\\\b", errc::path_not_found},
    {"a\\b\\\\", errc::invalid_name},
    {"a*", errc::invalid_name},
    {"a?", errc::invalid_name},
    {"a\"", errc::invalid_name},
    {"a<", errc::invalid_name},
    {"a>", errc::invalid_name},
    {"a|", errc::invalid_name},
    {"a*\\b", errc::invalid_name},
    {"a\x01", errc::invalid_name},
    {"a\nb", errc::invalid_name},
    {std::string("a\0b", 3), errc::invalid_name},
    {std::string("\0", 1), errc::invalid_name},
    {"a\xff", errc::invalid_name},
    {"a\xc0\xaf"
     "b",
      errc::invalid_name},
    {"a\xed\xa0\x80", errc::invalid_name},
    {"a\xf4\x90\x80\x80", errc::invalid_name},
    {"a\xe2\x82", errc::invalid_name},
    {"a:s\\b", errc::invalid_name},
    {"a\\:s", errc::invalid_name},
    {long_name, errc::name_too_long},
    {"a\\" + long_name + "\\b", errc::name_too_long},
    {long_path, errc::path_too_long},
    {"a:", errc::invalid_stream},
    {"a:s:", errc::invalid_stream},
    {"a:s:$FOO", errc::invalid_stream},
    {"a:s:?D*a", errc::invalid_stream},
    {"a:s:$DATA:", errc::invalid_stream},
    {"a:s:t:$DATA", errc::invalid_stream},
    {std::string("a:s\0t", 5), errc::invalid_stream},
    {"a:\xff", errc::invalid_stream},
    {"a:" + long_stream, errc::name_too_long},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.text.substr(0, 40));
    EXPECT_EQ(error_of(path::parse(row.text)), row.error);
  }
}

TEST(Paths, NamesOfTheGreatestLengthAreFine) {
  EXPECT_EQ(at(std::string(component_bytes_max, 'x')).name().size(), component_bytes_max);
  EXPECT_EQ(
    at("a:" + std::string(stream_name_bytes_max, 'x')).stream().size(), stream_name_bytes_max);
}

TEST(StreamNames, AreTakenAsARenameHasThem) {
  EXPECT_EQ(parse_stream_name(":two:$DATA").value(), "two");
  EXPECT_EQ(parse_stream_name(":two").value(), "two");
  EXPECT_EQ(parse_stream_name("two").value(), "two");
  EXPECT_EQ(parse_stream_name("::$DATA").value(), "");
  EXPECT_EQ(parse_stream_name(":$DATA").value(), "");
}

TEST(StreamNames, MalformedOnesAreRefused) {
  EXPECT_EQ(error_of(parse_stream_name("")), errc::invalid_stream);
  EXPECT_EQ(error_of(parse_stream_name(":")), errc::invalid_stream);
  EXPECT_EQ(error_of(parse_stream_name(":a\\b")), errc::invalid_stream);
  EXPECT_EQ(error_of(parse_stream_name(":a:$FOO")), errc::invalid_stream);
}

TEST(Identities, HaveBytesThatDifferByDeviceInodeStreamAndBirth) {
  const identity one{1, 2, ""};

  EXPECT_EQ(one.bytes().size(), 24U);
  EXPECT_EQ(one.bytes(), (identity{1, 2, ""}).bytes());
  EXPECT_NE(one.bytes(), (identity{2, 1, ""}).bytes());
  EXPECT_NE(one.bytes(), (identity{1, 2, "s"}).bytes());
  EXPECT_NE(one.bytes(), (identity{1, 2, "", 3}).bytes());
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
