// MS-FSA 2.1.4.4, for each wildcard.
#include "support.hpp"
#include "support/seed.hpp"

#include <random>

namespace leasebreak::smb::vfs::testing {

namespace {

struct row {
  const char* expression;
  const char* name;
  bool matches;
};

const row rows[] = {
  // Plain names.
  {"a", "a", true},
  {"a", "b", false},
  {"a", "ab", false},
  {"ab", "a", false},
  {"", "a", false},
  // * is any characters.
  {"*", "a", true},
  {"*", "a.b.c", true},
  {"*", ".", true},
  {"*.*", "a", true},
  {"*.*", "a.b", true},
  {"*.txt", "a.txt", true},
  {"*.txt", ".txt", true},
  {"*.txt", "a.txt.bak", false},
  {"*.txt", "atxt", false},
  {"a*", "a", true},
  {"a*c", "abc", true},
  {"a*c", "abcd", false},
  {"*a*b*", "xxaxxbxx", true},
  {"*a*b*", "xxbxxaxx", false},
  {"**", "a", true},
  // ? is one character, also a period, of any length in UTF-8.
  {"?", "a", true},
  {"?", "", false},
  {"?", "ab", false},
  {"?", "\xc3\xa9", true},
  {"??", "\xc3\xa9", false},
  {"?", "\xe2\x82\xac", true},
  {"a?c", "a.c", true},
  {"a??", "ab", false},
  // > (DOS_QM) is one character, or none before a period or the end.
  {">", "a", true},
  {">>>", "a", true},
  {">>>", "abc", true},
  {">>>", "abcd", false},
  {"a>", "a", true},
  {"a>>.txt", "a.txt", true},
  {"a>>.txt", "ab.txt", true},
  {"a>>.txt", "abc.txt", true},
  {"a>>.txt", "abcd.txt", false},
  {">", ".", false},
  {">b", "b", false},
  {">.b", ".b", true},
  // " (DOS_DOT) is a period, or nothing at the end.
  {"a\"", "a", true},
  {"a\"", "a.", true},
  {"a\"b", "a.b", true},
  {"a\"b", "ab", false},
  {"a\"\"", "a", true},
  {"a\"*", "a", true},
  {"a\"*", "a.txt", true},
  {"a\"*", "ab", false},
  {"*\"*", "abc", true},
  // < (DOS_STAR) is any characters up to and including the last period.
  {"<txt", "a.txt", true},
  {"<txt", "a.b.txt", true},
  {"<txt", "a.txt.bak", false},
  {"<b", "ab", true},
  {"<", "a.", true},
  {"<.txt", "a.txt", true},
  {"<.txt", "a.b.txt", true},
  {"<.txt", "a.txt.bak", false},
  {"<.b", "a.b.c", false},
  {"<", "abc", true},
  {"<", "a.b", false},
  {"<\"", "abc", true},
  {"<\"*", "a.b.c", true},
  {"<\"<", "a.b", true},
  {"<\">>>", "file.txt", true},
  {"<\">>>", "file", true},
  {"<\">>", "file.txt", false},
  // The expressions that clients make from their users' input.
  {">>>>>>>>\">>>", "readme.txt", true},
  {">>>>>>>>\">>>", "readme", true},
  {">>>>>>>>\">>>", "averylongname.txt", false},
  {"a<.c", "abb.c", true},
};

TEST(Wildcards, MatchAsTheTableSays) {
  for (const auto& each : rows) {
    EXPECT_EQ(matches(each.expression, each.name), each.matches)
      << each.expression << " against " << each.name;
  }
}

TEST(Wildcards, MayIgnoreTheCaseOfLetters) {
  EXPECT_TRUE(matches("*.TXT", "a.txt", true));
  EXPECT_TRUE(matches("Readme", "README", true));
  EXPECT_FALSE(matches("*.TXT", "a.txt", false));
}

TEST(Wildcards, AreFoundInExpressions) {
  for (const char* expression : {"*", "a?", "<b", "a>b", "a\""}) {
    EXPECT_TRUE(has_wildcards(expression)) << expression;
  }
  EXPECT_FALSE(has_wildcards("plain.txt"));
}

TEST(Wildcards, BytesThatAreNoUtf8MatchThemselvesOnly) {
  EXPECT_TRUE(matches("a\xff", "a\xff"));
  EXPECT_FALSE(matches("a\xff", "a\xfe"));
  EXPECT_TRUE(matches("a?", "a\xff"));
}

TEST(Wildcards, MayBeLongerThanAWordOfPositions) {
  const std::string name(200, 'a');
  for (const std::size_t length : {63U, 64U, 65U, 127U, 128U, 200U}) {
    const std::string letters(length, 'a');
    EXPECT_TRUE(matches(letters, letters)) << length;
    EXPECT_FALSE(matches(letters + "a", letters)) << length;
    EXPECT_TRUE(matches(std::string(length, '?'), letters)) << length;
    EXPECT_TRUE(matches(std::string(length, '*'), name)) << length;
    EXPECT_TRUE(matches(std::string(length, '>'), "a")) << length;
    EXPECT_TRUE(matches(std::string(length, '>') + ".b", "a.b")) << length;
    EXPECT_TRUE(matches(letters + std::string(length, '"'), letters)) << length;
    EXPECT_TRUE(matches(letters + std::string(length, '<') + ".b", letters + "c.b")) << length;
    EXPECT_FALSE(matches(letters + std::string(length, '<') + ".b", letters + ".c")) << length;
  }
}

TEST(Wildcards, NoExpressionTakesExponentialTime) {
  std::string expression;
  for (int i = 0; i < 60; ++i) {
    expression += "*a";
  }
  expression += 'b';

  EXPECT_FALSE(matches(expression, std::string(250, 'a')));
}

/// Matches by trying all possibilities; supports only `*` and `?`.
bool matches_slowly(std::string_view expression, std::string_view name) {
  if (expression.empty()) {
    return name.empty();
  }
  if (expression.front() == '*') {
    return matches_slowly(expression.substr(1), name) ||
      (!name.empty() && matches_slowly(expression, name.substr(1)));
  }
  return !name.empty() && (expression.front() == '?' || expression.front() == name.front()) &&
    matches_slowly(expression.substr(1), name.substr(1));
}

TEST(Wildcards, AgreeWithASlowMatcherOnRandomExpressions) {
  std::mt19937_64 random(leasebreak::test::seed_of_this_run());
  const auto word = [&](std::string_view letters, std::size_t length_max) {
    std::string out;
    for (auto length = 1 + random() % length_max; length > 0; --length) {
      out += letters[random() % letters.size()];
    }
    return out;
  };

  for (int i = 0; i < 20000; ++i) {
    const auto expression = word("ab.*?", 7);
    const auto name = word("ab.", 8);
    // By definition, `*.*` matches every name.
    const bool expected = expression == "*.*" || matches_slowly(expression, name);
    ASSERT_EQ(matches(expression, name), expected) << expression << " against " << name;
  }
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
