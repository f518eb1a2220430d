// Settings of etcd, and replies that are none of it.
#include "etcd_replies.hpp"

#include "json_text.hpp"

#include <leasebreak/cluster/etcd_engine.hpp>

#include <gtest/gtest.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

std::vector<etcd_endpoint> endpoints(std::string_view list) {
  auto parsed = parse_etcd_endpoints(list);
  auto* const all = std::get_if<std::vector<etcd_endpoint>>(&parsed);
  return all != nullptr ? std::move(*all) : std::vector<etcd_endpoint>{};
}

TEST(EtcdEndpoints, AreAListOfUrls) {
  EXPECT_EQ(endpoints("http://a:2379"), (std::vector<etcd_endpoint>{{"a", "2379", false}}));
  EXPECT_EQ(endpoints("https://[::1]:1,http://10.0.0.1:65535"),
    (std::vector<etcd_endpoint>{{"::1", "1", true}, {"10.0.0.1", "65535", false}}));
}

TEST(EtcdEndpoints, AreRefusedIfOneIsNotUnderstood) {
  for (const char* const bad : {"", "a:2379", "http://a", "http://a:", "http://a:0",
         "http://a:65536", "http://a:2379/", "http://:2379", "http://::1:2379", "http://[::1:2379",
         "http://a b:1", "http://a:1,", "ftp://a:1", "http://a:1x"})
    EXPECT_TRUE(endpoints(bad).empty()) << bad;
}

TEST(EtcdSettings, AreChecked) {
  etcd_settings good;
  good.endpoints = endpoints("http://a:1");
  good.cluster = "files-1";
  EXPECT_EQ(problem_of(good), "");
  const auto is_refused = [&](auto change) {
    auto s = good;
    change(s);
    return !problem_of(s).empty();
  };
  EXPECT_TRUE(is_refused([](auto& s) { s.endpoints.clear(); }));
  EXPECT_TRUE(is_refused([](auto& s) { s.endpoints[0].is_tls = true; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.cluster = ""; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.cluster = "a/b"; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.cluster = std::string(65, 'a'); }));
  EXPECT_TRUE(is_refused([](auto& s) { s.lease = std::chrono::seconds{0}; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.timeout = {}; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.user = "smb"; }));
  for (const char* const here : {"http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"})
    EXPECT_FALSE(is_refused([&](auto& s) {
      s.user = "smb";
      s.endpoints = endpoints(here);
    }))
      << here;
}

engine_problem problem_with(const http_answer& answer) {
  const auto o = object_in(answer);
  return std::get<etcd_failure>(o).error.problem;
}

TEST(EtcdReplies, OfOtherProgramsAreNotBelieved) {
  EXPECT_EQ(problem_with({200, "<html>"}), engine_problem::damaged);
  EXPECT_EQ(problem_with({200, "[1]"}), engine_problem::damaged);
  EXPECT_EQ(problem_with({502, ""}), engine_problem::damaged);
  EXPECT_EQ(problem_with({400, R"({"error":"no","code":3})"}), engine_problem::refused);
  EXPECT_EQ(problem_with({400, "{}"}), engine_problem::refused);
  const etcd_keys keys("c");
  for (const char* const bad : {"{}", R"({"responses":1})", R"({"responses":[1,2]})",
         R"({"responses":[{"response_range":{}}]})",
         R"({"responses":[{"response_range":{"kvs":1}},{"response_range":{}}]})",
         R"({"responses":[{"response_range":{"kvs":[1]}},{"response_range":{}}]})",
         R"({"responses":[{"response_range":{"kvs":[{"key":"?"}]}},{"response_range":{}}]})"})
    EXPECT_TRUE(std::holds_alternative<engine_error>(document_in(*object_of(bad), keys))) << bad;
}

TEST(EtcdReplies, NumbersAreTexts) {
  const auto o = *object_of(R"({"a":"17","b":"x","c":"","d":18,"e":"18446744073709551616"})");
  EXPECT_EQ(number_in(o, "a"), 17U);
  EXPECT_EQ(number_in(o, "missing"), 0U);
  for (const char* const bad : {"b", "c", "d", "e"})
    EXPECT_FALSE(number_in(o, bad)) << bad;
}

TEST(EtcdKeys, OfNodesEndBeforeTheNextKey) {
  const etcd_keys keys("c");
  EXPECT_LT(keys.of_node(node_id{node_number_max}), keys.nodes_end);
  EXPECT_GT(keys.of_node(node_id{1}), keys.nodes);
  EXPECT_LT(keys.nodes_end, keys.view);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
