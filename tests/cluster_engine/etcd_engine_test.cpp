// etcd as the engine, with a real etcd.
#include "engine_contract.hpp"
#include "engine_runner.hpp"
#include "etcd_bodies.hpp"
#include "etcd_server.hpp"
#include "http_client.hpp"

#include <leasebreak/cluster/etcd_engine.hpp>

#include <boost/asio/ssl/context.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::etcd_server;
using cluster_engine_test::folder_of_test;
using cluster_engine_test::free_port;
using cluster_engine_test::has_etcd;
using cluster_engine_test::run_program;
namespace asio = boost::asio;

class EtcdEngines : public testing::Test, protected cluster_engine_test::engine_runner {
protected:
  static void SetUpTestSuite() {
    if (has_etcd())
      shared = std::make_unique<etcd_server>();
  }
  static void TearDownTestSuite() { shared.reset(); }

  void SetUp() override {
    if (!has_etcd())
      GTEST_SKIP() << "etcd is not installed";
    static int count = 0;
    settings = settings_for(shared->url());
    settings.cluster = "test-" + std::to_string(++count);
  }

  static etcd_settings settings_for(const std::string& urls) {
    etcd_settings s;
    s.endpoints = std::get<std::vector<etcd_endpoint>>(parse_etcd_endpoints(urls));
    s.cluster = "test";
    s.timeout = 10s; // the machine may be busy
    return s;
  }

  std::unique_ptr<engine> make() { return make(settings); }
  std::unique_ptr<engine> make(const etcd_settings& s) {
    return make_etcd_engine(io.get_executor(), s);
  }

  /// Writes to etcd directly.
  void ask(etcd_request what, const etcd_settings& s) {
    http_client client(io.get_executor(), s.endpoints, s.tls, s.timeout);
    const auto answer = run(client.post(what.path, what.body, {}));
    ASSERT_TRUE(std::holds_alternative<http_answer>(answer));
    ASSERT_EQ(std::get<http_answer>(answer).status, 200U) << std::get<http_answer>(answer).body;
  }

  static std::unique_ptr<etcd_server> shared;
  etcd_settings settings;
};

std::unique_ptr<etcd_server> EtcdEngines::shared;

TEST_F(EtcdEngines, NameWhatSomebodyHasEdited) {
  const etcd_keys keys(settings.cluster);
  const auto e = make();
  ask(replace_key(keys.view, "hello", 0), settings);
  auto failed = problem(e->read());
  EXPECT_EQ(failed.problem, engine_problem::damaged);
  EXPECT_EQ(failed.what,
    "the key leasebreak/" + settings.cluster +
      "/view has no view: not a view of this version near byte 0. Stop all nodes, delete the key, "
      "and start them again.");
  settings.cluster += "-nodes";
  ask(replace_key(etcd_keys(settings.cluster).nodes + "x", "", 0), settings);
  EXPECT_EQ(problem(make()->read()).problem, engine_problem::damaged);
  ask(replace_key(etcd_keys(settings.cluster).last_node, "seven", 0), settings);
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::damaged);
}

TEST_F(EtcdEngines, EndWithTheLastNumber) {
  ask(replace_key(etcd_keys(settings.cluster).last_node, std::to_string(node_number_max), 0),
    settings);
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::exhausted);
}

TEST_F(EtcdEngines, UseTheEndpointThatAnswers) {
  const auto closed = "http://127.0.0.1:" + std::to_string(free_port());
  auto several = settings_for(closed + "," + shared->url());
  several.cluster = settings.cluster;
  const auto e = make(several);
  EXPECT_EQ(value(e->start_run()), node_id{1});
  EXPECT_TRUE(value(e->renew({})));
  const auto failed = problem(make(settings_for(closed))->read());
  EXPECT_EQ(failed.problem, engine_problem::unreachable);
  EXPECT_EQ(failed.what,
    "etcd is not reachable: " + closed.substr(std::string("http://").size()) +
      ": Connection refused");
}

TEST_F(EtcdEngines, GoOnWhenEtcdIsBack) {
  etcd_server own;
  const auto e = make(settings_for(own.url()));
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  own.stop();
  EXPECT_EQ(problem(e->read()).problem, engine_problem::unreachable);
  EXPECT_EQ(problem(e->renew({})).problem, engine_problem::unreachable);
  own.start();
  for (;;) {
    const auto result = run(e->read());
    if (const auto* const d = std::get_if<engine_document>(&result)) {
      EXPECT_TRUE(d->living.contains(node));
      break;
    }
    pass(50ms); // it has no leader yet
  }
  EXPECT_TRUE(value(e->renew({})));
}

TEST_F(EtcdEngines, LogOnWithAPassword) {
  etcd_server own;
  auto s = settings_for(own.url());
  ask({"/v3/auth/user/add", R"({"name":"root","password":"secret"})"}, s);
  ask({"/v3/auth/role/add", R"({"name":"root"})"}, s);
  ask({"/v3/auth/user/grant", R"({"user":"root","role":"root"})"}, s);
  ask({"/v3/auth/enable", "{}"}, s);
  EXPECT_EQ(problem(make(s)->read()).problem, engine_problem::refused);
  s.user = "root";
  s.password = "guess";
  EXPECT_EQ(problem(make(s)->read()).what, "etcd refuses the user root, or the password");
  s.password = "secret";
  const auto e = make(s);
  EXPECT_EQ(value(e->start_run()), node_id{1});
  EXPECT_TRUE(value(e->renew({})));
  own.stop(); // it forgets its tokens
  own.start();
  for (;;) {
    const auto result = run(e->renew({}));
    if (const auto* const kept = std::get_if<bool>(&result)) {
      EXPECT_TRUE(*kept);
      break;
    }
    ASSERT_EQ(std::get<engine_error>(result).problem, engine_problem::unreachable)
      << std::get<engine_error>(result).what;
    pass(50ms);
  }
}

std::vector<std::string> self_signed(const std::string& folder, const std::string& name) {
  const auto certificate = folder + "/certificate.pem";
  const auto key = folder + "/key.pem";
  run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=etcd", "-addext",
    "subjectAltName=" + name, "-out", certificate, "-keyout", key});
  return {certificate, key};
}

TEST_F(EtcdEngines, UseTlsIfTheCertificateIsTrustedAndOfThisHost) {
  const folder_of_test folder;
  const auto files = self_signed(folder.path(), "IP:127.0.0.1");
  etcd_server own(files[0], files[1]);
  auto s = settings_for(own.url());
  s.tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  EXPECT_EQ(problem(make(s)->read()).problem, engine_problem::unreachable);
  s.tls->load_verify_file(files[0]);
  EXPECT_EQ(value(make(s)->start_run()), node_id{1});

  const folder_of_test other;
  const auto of_other = self_signed(other.path(), "DNS:etcd.example");
  etcd_server stranger(of_other[0], of_other[1]);
  auto t = settings_for(stranger.url());
  t.tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  t.tls->load_verify_file(of_other[0]);
  EXPECT_EQ(problem(make(t)->read()).problem, engine_problem::unreachable);
}

/// For the contract.
class etcd_site final : public cluster_engine_test::engine_site {
public:
  std::unique_ptr<engine> make(
    asio::any_io_executor on, const std::string& cluster, std::chrono::seconds lease) override {
    etcd_settings s;
    s.endpoints = std::get<std::vector<etcd_endpoint>>(parse_etcd_endpoints(server_.url()));
    s.cluster = cluster;
    s.lease = lease;
    s.timeout = 10s; // the machine may be busy
    return make_etcd_engine(std::move(on), s);
  }

private:
  etcd_server server_;
};

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

std::unique_ptr<leasebreak::cluster_engine_test::engine_site>
leasebreak::cluster_engine_test::start_engine_site() {
  return has_etcd() ? std::make_unique<cluster::etcd_site>() : nullptr;
}
