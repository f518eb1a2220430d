// The most frequent case for operators: a silent client holds a file, and another client waits.
// Uses real processes of the server and leasebreakctl.
#include "raw_client.hpp"
#include "server_process.hpp"

#include <smb_server/options.hpp>
#include <smb_server/wire/status.hpp>

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::raw_client;
using testing::server_process;

struct ctl_result {
  int status = -1;
  std::string said; ///< On standard output and error.
};

ctl_result run_ctl(const std::string& arguments) {
  ctl_result result;
  const auto line = std::string("\"") + LEASEBREAKCTL + "\" " + arguments + " 2>&1";
  auto* const output = ::popen(line.c_str(), "r");
  if (output == nullptr)
    throw std::runtime_error("no shell");
  char part[1024];
  while (std::fgets(part, sizeof part, output) != nullptr)
    result.said += part;
  const int status = ::pclose(output);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

std::unique_ptr<raw_client> log_on(
  const server_process& server, const guid& who, const std::string& user, const std::string& word) {
  auto c = std::make_unique<raw_client>(server.port());
  c->negotiate(dialect::smb_2_1, who);
  EXPECT_EQ(c->log_on(user, word), status::success);
  EXPECT_EQ(c->connect_tree("plain"), status::success);
  return c;
}

/// "user" holds report.docx and does not respond; "other" waits for it.
class Operators : public ::testing::Test {
protected:
  ctl_result ctl(const std::string& arguments) {
    return run_ctl("--admin '" + server.admin_socket().string() + "' " + arguments);
  }

  void make_other_wait() {
    lease_context lease;
    lease.key = {7};
    lease.state = rwh;
    ASSERT_EQ(holder->create("report.docx", lease_level, lease).lease->state, rwh);
    waiter->send(command::create, raw_client::create_body("report.docx"));
    const auto asked = holder->receive_final();
    ASSERT_TRUE(asked);
    ASSERT_EQ(asked->head.command, command::oplock_break);
  }

  server_process server{true};
  std::unique_ptr<raw_client> holder = log_on(server, {1}, "user", "pass");
  std::unique_ptr<raw_client> waiter = log_on(server, {2}, "other", "word");
};

TEST_F(Operators, SeeInOneLineWhatBlocksAnOpenAndEndIt) {
  make_other_wait();

  const auto who = ctl("who report.docx");
  EXPECT_EQ(who.status, 0);
  EXPECT_THAT(who.said,
    MatchesRegex(
      "plain/report.docx: user at 127.0.0.1:[0-9]+ holds RWH for [^,;]+, told to keep RH "
      "[^,;]+ ago, [^,;]+ left; other at 127.0.0.1:[0-9]+ waits for [^,;]+ .open.\n"));
  const auto waits = ctl("waits");
  EXPECT_EQ(waits.status, 0);
  EXPECT_THAT(waits.said,
    MatchesRegex("plain/report.docx: other at 127.0.0.1:[0-9]+ waits for [^,;]+ .open. for user at "
                 "127.0.0.1:[0-9]+, at most [^,;]+ more\n"));
  EXPECT_THAT(ctl("breaks").said,
    MatchesRegex(
      "plain/report.docx: user at 127.0.0.1:[0-9]+ holds RWH, told to keep RH .* left\n"));
  EXPECT_THAT(ctl("--json waits --share plain").said, HasSubstr("\"operation\":\"open\""));

  const auto tried = ctl("break report.docx --dry-run");
  EXPECT_EQ(tried.status, 0);
  EXPECT_THAT(tried.said, HasSubstr("it loses what it caches and has not written\n"));
  EXPECT_THAT(tried.said, HasSubstr("nothing done (dry run); 1 operation waiting\n"));
  const auto ended = ctl("break report.docx --client user");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.said, HasSubstr("plain/report.docx: broken; 1 operation waited\n"));
  EXPECT_EQ(waiter->await_answer().head.status, status::success);

  EXPECT_EQ(ctl("waits").said, "no pending operations\n");
  EXPECT_EQ(ctl("waits").status, 1);
  EXPECT_EQ(ctl("breaks").status, 1);
  EXPECT_EQ(ctl("break report.docx").status, 1) << "nothing is left to break";
}

TEST_F(Operators, EndTheConnectionsOfAClient) {
  make_other_wait();

  EXPECT_EQ(ctl("disconnect user --dry-run").status, 0);
  const auto ended = ctl("disconnect user");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.said, MatchesRegex("user at 127.0.0.1:[0-9]+, 1 open: disconnected\n"));

  EXPECT_TRUE(holder->is_closed_by_peer());
  EXPECT_EQ(waiter->await_answer().head.status, status::success);
  EXPECT_EQ(ctl("disconnect unknown").status, 1);
}

TEST_F(Operators, ListClientsFilesAndNumbers) {
  ASSERT_EQ(holder->create("a.txt").status, status::success);

  EXPECT_THAT(ctl("clients").said, MatchesRegex("CLIENT +OPENS +LOCKS +LABEL\n(.*\n)+"));
  EXPECT_THAT(ctl("clients").said, MatchesRegex("(.*\n)*[0-9a-f]+ +1 +0 +user at 127.*\n(.*\n)*"));
  const auto files = ctl("files a");
  EXPECT_EQ(files.status, 0);
  EXPECT_THAT(files.said, MatchesRegex("plain/a.txt: user at [0-9.:]+ has it open for .*\n"));
  EXPECT_EQ(ctl("files b").said, "b: no holders and no pending operations\n");
  EXPECT_THAT(ctl("stats").said, HasSubstr("opens_now                     1\n"));
  EXPECT_THAT(ctl("stats --prometheus").said, HasSubstr("\nleasebreak_opens 1\n"));
}

TEST_F(Operators, ChangeSettings) {
  const auto tried = ctl("set break_timeout 20s --dry-run");
  EXPECT_EQ(tried.status, 0);
  EXPECT_EQ(tried.said, "break_timeout: 35s -> 20s (dry run)\n");
  const auto set = ctl("set break_timeout 20s");
  EXPECT_EQ(set.status, 0);
  EXPECT_EQ(set.said, "break_timeout: 35s -> 20s\n");
  EXPECT_EQ(ctl("set break_timeout 20s").said, "unchanged\n");
  EXPECT_EQ(ctl("set break_timeout 20s").status, 1);
  EXPECT_EQ(
    ctl("set caching_max R --share plain").said, "caching_max of share \"plain\": default -> R\n");
  EXPECT_THAT(ctl("settings").said, HasSubstr("break_timeout: 20s\n"));
  EXPECT_THAT(ctl("settings").said, HasSubstr("caching_max of share \"plain\": R\n"));
  EXPECT_THAT(ctl("--json settings").said,
    HasSubstr("{\"share\":\"plain\",\"name\":\"caching_max\",\"value\":\"R\"}"));

  const auto wrong = ctl("set break_timeout soon");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.said, HasSubstr("break_timeout: \"soon\" is not a time"));
  EXPECT_THAT(ctl("set limit.opens_total 0").said, HasSubstr("must be at least 1"));
  EXPECT_EQ(ctl("set no_such_setting 1").status, 2);
}

TEST_F(Operators, GetErrors) {
  EXPECT_EQ(ctl("who nothing.docx").status, 1);
  EXPECT_EQ(ctl("break nothing.docx").status, 1);
  EXPECT_EQ(ctl("break x --keep H").status, 2);
  EXPECT_EQ(ctl("no-such-command").status, 2);
  EXPECT_EQ(ctl("").status, 2);
  EXPECT_EQ(ctl("--help").status, 0);
  const auto away = run_ctl("--admin /nowhere/admin.sock waits");
  EXPECT_EQ(away.status, 2);
  EXPECT_THAT(away.said, HasSubstr("cannot connect to /nowhere/admin.sock"));
}

// Clients choose names. They must not affect the terminal.
TEST_F(Operators, SeeHostileNamesEscaped) {
  // RIGHT-TO-LEFT OVERRIDE: unescaped, the name would end in "txt".
  ASSERT_EQ(holder->create("report\xe2\x80\xaetxt.exe").status, status::success);

  EXPECT_THAT(ctl("files").said, HasSubstr("\"plain/report\\xe2\\x80\\xaetxt.exe\": user at"));
}

parsed_options parse(std::vector<const char*> more) {
  std::vector<const char*> all{"smb_server", "--share", "s=/tmp", "--user", "u:p"};
  all.insert(all.end(), more.begin(), more.end());
  return parse_options(static_cast<int>(all.size()), all.data());
}

TEST(AdminOptions, NameASocketOrAnAddress) {
  const auto none = parse({});
  ASSERT_TRUE(none.options);
  EXPECT_EQ(none.options->admin.socket_path, "");
  EXPECT_EQ(none.options->admin.address, "");
  const auto socket = parse({"--admin", "./admin.sock"});
  ASSERT_TRUE(socket.options);
  EXPECT_EQ(socket.options->admin.socket_path, "./admin.sock");
  const auto address = parse({"--admin", "[::1]:9464", "--admin-token", "f"});
  ASSERT_TRUE(address.options);
  EXPECT_EQ(address.options->admin.address, "::1");
  EXPECT_EQ(address.options->admin.port, 9464);
  EXPECT_EQ(address.options->admin.token_file, "f");

  const auto both = parse({"--admin", "./a.sock", "--admin", "[::1]:9464", "--admin-token", "f"});
  ASSERT_TRUE(both.options);
  EXPECT_EQ(both.options->admin.socket_path, "./a.sock");
  EXPECT_EQ(both.options->admin.address, "::1");
  EXPECT_THAT(parse({"--admin", "./a", "--admin", "./b"}).text, HasSubstr("one path and one"));
  EXPECT_THAT(parse({"--admin", "127.0.0.1:9464"}).text, HasSubstr("needs --admin-token"));
  EXPECT_THAT(parse({"--admin", "admin.sock"}).text, HasSubstr("--admin"));
  EXPECT_FALSE(parse({"--admin", "localhost:80", "--admin-token", "f"}).options);
}

} // namespace
} // namespace leasebreak::smb
