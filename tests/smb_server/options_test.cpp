// The command line.
#include <smb_server/options.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

parsed_options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "smb_server");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, AreTakenFromTheCommandLine) {
  const auto parsed = parse({"--listen", "[::1]:0", "--share", "a=/tmp", "--share", "b=/x=y",
    "--user", "u:p:q", "--store", "rocksdb:/d", "--break-timeout", "1.5", "--threads", "3",
    "--poll-us", "50", "--log-level", "debug", "--connections-per-address", "9"});

  ASSERT_TRUE(parsed.options) << parsed.text;
  EXPECT_EQ(parsed.options->address, "::1");
  EXPECT_EQ(parsed.options->port, 0);
  ASSERT_EQ(parsed.options->shares.size(), 2U);
  EXPECT_EQ(parsed.options->shares[1].path, "/x=y");
  EXPECT_EQ(parsed.options->users[0].second, "p:q");
  EXPECT_EQ(parsed.options->store, "rocksdb:/d");
  EXPECT_EQ(parsed.options->break_timeout, std::chrono::milliseconds{1'500});
  EXPECT_EQ(parsed.options->threads, 3U);
  EXPECT_EQ(parsed.options->poll_time, std::chrono::microseconds{50});
  EXPECT_EQ(parsed.options->limits.connections_per_address, 9U);
  EXPECT_EQ(parsed.options->limits.silent_per_address, 4U);
}

TEST(Options, KeepTheAnswerTimeoutAboveTheBreakTimeout) {
  const auto parsed_with = [](std::vector<const char*> more) {
    more.insert(more.end(), {"--share", "a=/tmp", "--user", "u:p"});
    return parse(std::move(more));
  };
  using std::chrono::seconds;

  EXPECT_EQ(parsed_with({}).options->limits.answer_taken_time, seconds{120});
  EXPECT_EQ(parsed_with({"--answer-timeout", "60"}).options->limits.answer_taken_time, seconds{60});
  EXPECT_EQ(
    parsed_with({"--break-timeout", "300"}).options->limits.answer_taken_time, seconds{300});
  const auto refused = parsed_with({"--answer-timeout", "20"});
  EXPECT_FALSE(refused.options);
  EXPECT_NE(refused.text.find("--answer-timeout"), std::string::npos);
}

TEST(ClusterOptions, AreNotForPersistentOpens) {
  const auto parsed_with = [](std::vector<const char*> more) {
    more.insert(more.end(), {"--user", "u:p", "--cluster", "etcd:http://127.0.0.1:2379"});
    return parse(std::move(more));
  };

  const auto parsed = parsed_with({"--share", "a=/tmp", "--cluster-node", "n1", "--cluster-listen",
    "10.0.0.1:7000", "--cluster-lease", "9"});
  ASSERT_TRUE(parsed.options) << parsed.text;
  EXPECT_EQ(parsed.options->cluster.engine, "etcd:http://127.0.0.1:2379");
  EXPECT_EQ(parsed.options->cluster.node, "n1");
  EXPECT_EQ(parsed.options->cluster.listen, "10.0.0.1:7000");
  EXPECT_EQ(parsed.options->cluster.lease, std::chrono::seconds{9});
  const auto persistent = parsed_with({"--share", "a=/tmp,ca", "--store", "memory"});
  EXPECT_FALSE(persistent.options);
  EXPECT_NE(persistent.text.find("not available in a cluster"), std::string::npos);
  EXPECT_FALSE(parsed_with({"--share", "a=/tmp", "--store", "rocksdb:/d"}).options);
  EXPECT_FALSE(parsed_with({"--share", "a=/tmp", "--cluster-key", "/k"}).options);
  EXPECT_EQ(parsed_with({"--share", "a=/tmp", "--cluster-user", "smb:a:b"}).options->cluster.user,
    std::make_pair(std::string("smb"), std::string("a:b")));
  const auto nameless = parsed_with({"--share", "a=/tmp", "--cluster-user", ":secret"});
  EXPECT_FALSE(nameless.options);
  EXPECT_EQ(nameless.text.find("secret"), std::string::npos) << nameless.text;
  const auto with_engine = [](const char* engine, std::vector<const char*> more = {}) {
    more.insert(more.end(), {"--share", "a=/tmp", "--user", "u:p", "--cluster", engine});
    return parse(std::move(more));
  };
  EXPECT_TRUE(with_engine("postgresql://db/smb").options);
  EXPECT_TRUE(with_engine("postgres:host=/run/postgresql").options);
  EXPECT_FALSE(with_engine("postgresql://db/smb", {"--cluster-user", "a:b"}).options);
  const auto unknown = with_engine("zk:secret");
  EXPECT_FALSE(unknown.options);
  EXPECT_EQ(unknown.text.find("secret"), std::string::npos) << unknown.text;
}

TEST(ShareOptions, FollowThePath) {
  const auto parsed =
    parse({"--share", "a=/tmp", "--share", "b=/tmp,ca", "--share", "c=/tmp,leases=shared,ca",
      "--share", "d=/tmp,leases=none", "--share", "e=/tmp,leases=full", "--user", "u:p"});

  ASSERT_TRUE(parsed.options) << parsed.text;
  const auto& shares = parsed.options->shares;
  ASSERT_EQ(shares.size(), 5U);
  for (const share_definition& s : shares)
    EXPECT_EQ(s.path, "/tmp") << s.name;
  EXPECT_FALSE(shares[0].options.continuously_available);
  EXPECT_EQ(shares[0].options.leases, lease_state::rwh);
  EXPECT_TRUE(shares[1].options.continuously_available);
  EXPECT_TRUE(shares[2].options.continuously_available);
  EXPECT_EQ(shares[2].options.leases, lease_state::r);
  EXPECT_EQ(shares[3].options.leases, lease_state::none);
  EXPECT_EQ(shares[4].options.leases, lease_state::rwh);
}

TEST(ShareOptions, LeaveACommaThatIsWrittenTwiceToThePath) {
  const auto parsed =
    parse({"--share", "a=/x,,ca", "--share", "b=/x,,,ca", "--share", "c=,,", "--user", "u:p"});

  ASSERT_TRUE(parsed.options) << parsed.text;
  const auto& shares = parsed.options->shares;
  EXPECT_EQ(shares[0].path, "/x,ca");
  EXPECT_FALSE(shares[0].options.continuously_available);
  EXPECT_EQ(shares[1].path, "/x,");
  EXPECT_TRUE(shares[1].options.continuously_available);
  EXPECT_EQ(shares[2].path, ",");
}

TEST(ShareOptions, NeedANameThatClientsCanUse) {
  for (const char* share : {"x\\y=/tmp", "x/y=/tmp", "\\=/tmp", "/=/tmp"}) {
    const auto parsed = parse({"--share", share, "--user", "u:p"});

    EXPECT_FALSE(parsed.options) << share;
    EXPECT_NE(parsed.status, 0);
    EXPECT_NE(parsed.text.find(share), std::string::npos) << parsed.text;
  }
}

TEST(ShareOptions, ThatDoNotExistAreNamed) {
  for (const char* share : {"a=/tmp,cb", "a=/tmp,leases=some", "a=/tmp,", "a=,ca", "a=/tmp,CA"}) {
    const auto parsed = parse({"--share", share, "--user", "u:p"});

    EXPECT_FALSE(parsed.options) << share;
    EXPECT_NE(parsed.status, 0);
    EXPECT_NE(parsed.text.find(share), std::string::npos) << parsed.text;
  }
}

TEST(Options, RequireSignaturesOnDemand) {
  EXPECT_FALSE(parse({"--share", "a=/tmp", "--user", "u:p"}).options->require_signing);
  EXPECT_TRUE(
    parse({"--share", "a=/tmp", "--user", "u:p", "--require-signing"}).options->require_signing);
}

TEST(Options, ListenOnTheLoopbackAddressByDefault) {
  const auto parsed = parse({"--share", "a=/tmp", "--user", "u:p"});

  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->address, "127.0.0.1");
}

TEST(Options, ThatMakeNoSenseAreExplained) {
  const std::vector<std::vector<const char*>> wrong{{}, {"--share", "a=/tmp"},
    {"--share", "a", "--user", "u:p"}, {"--share", "=b", "--user", "u:p"},
    {"--share", "a=/tmp", "--user", "u"}, {"--share", "a=/tmp", "--user", "u:p", "--listen", "x"},
    {"--share", "a=/tmp", "--user", "u:p", "--listen", "127.0.0.1:70000"},
    {"--share", "a=/tmp", "--user", "u:p", "--listen", "foo:1"},
    {"--share", "a=/tmp", "--user", "u:p", "--listen", "[127.0.0.1:1"},
    {"--share", "a=/tmp", "--user", "u:p", "--threads", "0"},
    {"--share", "a=/tmp", "--user", "u:p", "--poll-us", "10001"},
    {"--share", "a=/tmp", "--user", "u:p", "--log-level", "loud"}};

  for (const auto& arguments : wrong) {
    const auto parsed = parse(arguments);
    EXPECT_FALSE(parsed.options);
    EXPECT_NE(parsed.status, 0);
    EXPECT_FALSE(parsed.text.empty());
  }
}

} // namespace
} // namespace leasebreak::smb
