// Tests of the token file.
#include "tokens.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {
namespace {

/// A temporary file.
class token_file {
public:
  token_file(const std::string& content, mode_t mode) {
    const int fd = ::mkstemp(name.data());
    if (fd < 0 || ::write(fd, content.data(), content.size()) < 0 || ::fchmod(fd, mode) != 0)
      throw std::runtime_error("cannot create a temporary file");
    ::close(fd);
  }
  ~token_file() { ::unlink(name.c_str()); }
  token_file(const token_file&) = delete;
  token_file& operator=(const token_file&) = delete;

  std::string name = "/tmp/leasebreak_tokens_XXXXXX";
};

std::string refusal_of(const std::string& content) {
  try {
    static_cast<void>(token_list::parse(content, "the file"));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Tokens, SayWhatTheirOwnerMayDo) {
  const auto tokens = token_list::parse("# for the scraper\n"
                                        "read 0123456789abcdef\n"
                                        "\n"
                                        "act  fedcba9876543210==\r\n"
                                        "0123456789-only-token",
    "f");

  EXPECT_EQ(tokens.right_of("0123456789abcdef"), right::read);
  EXPECT_EQ(tokens.right_of("fedcba9876543210=="), right::act);
  EXPECT_EQ(tokens.right_of("0123456789-only-token"), right::act);
  EXPECT_EQ(tokens.right_of("0123456789abcdeg"), right::none);
  EXPECT_EQ(tokens.right_of("read 0123456789abcdef"), right::none);
  EXPECT_EQ(tokens.right_of(""), right::none);
}

TEST(Tokens, AreRefusedIfTheyAreWeakWithoutBeingShown) {
  EXPECT_EQ(refusal_of(""), "token file the file: it has no token");
  EXPECT_EQ(refusal_of("# nothing\n"), "token file the file: it has no token");
  for (const auto* const bad :
    {"short", "read short", "0123456789abcdef ghi", "0123456789\"abcdef"}) {
    const auto why = refusal_of(bad);
    EXPECT_THAT(why, testing::StartsWith("token file the file: line 1 has no token")) << bad;
    EXPECT_THAT(why, testing::Not(testing::HasSubstr(bad)));
  }
}

TEST(Tokens, ComeFromAFileThatNobodyElseReads) {
  const std::string content = "0123456789abcdef\n";
  const token_file good(content, 0600);
  const token_file readable(content, 0640);
  const token_file writable(content, 0602);

  EXPECT_EQ(token_list::read(good.name).right_of("0123456789abcdef"), right::act);
  EXPECT_THROW(static_cast<void>(token_list::read(readable.name)), std::runtime_error);
  EXPECT_THROW(static_cast<void>(token_list::read(writable.name)), std::runtime_error);
  EXPECT_THROW(static_cast<void>(token_list::read("/tmp")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(token_list::read("/nowhere/tokens")), std::runtime_error);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
