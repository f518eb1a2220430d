// The texts of leasebreakctl for the service's responses.
#include "client.hpp"
#include "words.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {
namespace {

namespace json = boost::json;

json::array parsed(const std::string& text) {
  return json::parse(text).as_array();
}

constexpr auto open_of_alice =
  R"({"kind":"open","file":"01","share":"docs","path":"a","client":"1","label":"alice","seconds":5})";

TEST(Words, SayDurations) {
  EXPECT_EQ(duration_words(-1), "0.0 s");
  EXPECT_EQ(duration_words(4.24), "4.2 s");
  EXPECT_EQ(duration_words(59.7), "1 min 0 s");
  EXPECT_EQ(duration_words(185), "3 min 5 s");
  EXPECT_EQ(duration_words(7'620), "2 h 7 min");
  EXPECT_EQ(duration_words(5 * 86'400 + 3'700), "5 d 1 h");
}

// The case for which `serialize` writes 4.006E0.
TEST(Words, PrintFractionsAsPeopleWriteThem) {
  const std::string text =
    R"({"a":4.006,"b":[0.5,-12.25,1e-5,100000000.125,3],"c":{},"d":[],"e":"1.5E0","f":null})";
  EXPECT_EQ(json_text(json::parse(text)),
    R"({"a":4.006,"b":[0.5,-12.25,0.00001,100000000.125,3],"c":{},"d":[],"e":"1.5E0","f":null})");
  EXPECT_EQ(json_text(json::parse("4.0")), "4.0");
}

TEST(Words, SayWhatHappens) {
  const auto line = [](const std::string& members) {
    return line_of_event(json::parse(R"({"time":"T","file":"01","path":"a","client":"1",)"
                                     R"("label":"alice",)" +
      members + "}")
                           .as_object());
  };
  EXPECT_EQ(line(R"("kind":"break_begun","from":"RWH","to":"RH","cause":"open")"),
    "T a: alice must release RWH to RH (open)");
  EXPECT_EQ(line(R"("kind":"break_overdue","seconds":17.5,"waiting":1)"),
    "T a: alice has not answered for 17.5 s; 1 operation waiting");
  EXPECT_EQ(line(R"("kind":"expired","seconds":35)"),
    "T a: alice did not answer for 35.0 s and loses its lease");
  EXPECT_EQ(line(R"("kind":"wait_ended","seconds":4.006,"wait":"open","error":"cancelled")"),
    "T a: alice waited for 4.0 s (open): cancelled");
  EXPECT_EQ(line_of_event(json::parse(R"({"kind":"dropped","count":7})").as_object()),
    "7 events lost, because they were not read in time");
  EXPECT_EQ(line_of_event(json::parse(R"({"kind":"a_new_one"})").as_object()), "a_new_one");
}

TEST(Words, SayWhoBlocksMost) {
  EXPECT_EQ(lines_of_top(parsed(R"([{"client":"1","label":"alice","seconds":185,)"
                                R"("error_seconds":0,"count":3},{"client":"2","label":"",)"
                                R"("seconds":5,"error_seconds":1.5,"count":1}])")),
    (lines{"WAITED        BREAKS    WHO", "3 min 5 s     3         alice",
      "<= 5.0 s      1         client 2"}));
  EXPECT_EQ(
    lines_of_top(parsed(R"([{"file":"01","path":"a","seconds":2,"error_seconds":0,"count":1}])")),
    (lines{"WAITED        WAITS     FILE", "2.0 s         1         a"}));
}

TEST(Words, SayWhichServersAClusterHas) {
  const auto cluster = json::parse(
    R"({"name":"a","stage":"member","run":7,"view":3,"slots":1024,"served":600,"pending":1,)"
    R"("servers":[{"name":"a","run":7,"address":"10.0.0.1:1","slots":600,"silent":false},)"
    R"({"name":"b","run":6,"address":"10.0.0.2:1","slots":424,"silent":true}]})");
  EXPECT_EQ(lines_of_cluster(cluster.as_object()),
    (lines{"a: member, view 3, serves 600 of 1024 slots; 1 operation without a result",
      "SERVER                    RUN       SLOTS     STATE     ADDRESS",
      "a                         7         600       heard     10.0.0.1:1",
      "b                         6         424       silent    10.0.0.2:1"}));
  EXPECT_EQ(lines_of_cluster(json::parse(R"({"stage":"none"})").as_object()),
    (lines{"the server is not in a cluster"}));
  const auto joining = json::parse(
    R"({"name":"a","stage":"joining","run":0,"view":0,"slots":0,"served":0,"pending":0,"servers":[]})");
  EXPECT_EQ(lines_of_cluster(joining.as_object()),
    (lines{"a: joining, view 0, serves 0 of 0 slots; 0 operations without a result"}));
}

TEST(Words, SayWhatEachClientHas) {
  const auto said = lines_of_files(parsed(std::string("[") + open_of_alice + "," + open_of_alice +
    R"(,{"kind":"oplock","file":"01","share":"docs","path":"a","client":"2","label":"bob",)"
    R"("seconds":60,"state":"RWH"},)"
    R"({"kind":"open","file":"01","share":"docs","path":"a","client":"2","label":"bob","seconds":60},)"
    R"({"kind":"byte-range lock","file":"01","share":"docs","path":"a","client":"1",)"
    R"("label":"alice","seconds":1,"offset":10,"length":1},)"
    R"({"kind":"open","file":"01","share":"docs","path":"a","client":"3","label":"",)"
    R"("seconds":2,"disconnected":true}])"));

  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0],
    "docs/a: alice has it open for 5.0 s; bob holds RWH for 1 min 0 s; alice locks 1 byte at 10 "
    "for "
    "1.0 s; client 3 is disconnected, and has it open for 2.0 s");
}

TEST(Words, HaveALineForEachFile) {
  const auto said = lines_of_files(
    parsed(std::string("[{\"kind\":\"open\",\"file\":\"02\",\"share\":\"\",\"path\":\"\","
                       "\"client\":\"9\",\"label\":\"x\",\"seconds\":1},") +
      open_of_alice + "]"));

  EXPECT_EQ(
    said, (lines{"docs/a: alice has it open for 5.0 s", "file 02: x has it open for 1.0 s"}));
}

TEST(Words, SayWhatWasToldToAHolder) {
  const auto said = lines_of_breaks(parsed(
    R"([{"kind":"lease","file":"01","share":"","path":"a","client":"1","label":"alice",)"
    R"("seconds":9,"state":"RH","breaking":{"to":"none","seconds":4.2,"seconds_left":7.8}}])"));

  EXPECT_EQ(said, lines{"a: alice holds RH, told to keep nothing 4.2 s ago, 7.8 s left"});
}

TEST(Words, SayForWhomAnOperationWaits) {
  const auto said = lines_of_waits(parsed(
    R"([{"waiter":{"client":"1","label":"bob"},"file":"01","share":"s","path":"a","seconds":1,)"
    R"("operation":"byte-range lock","holder":null}])"));

  EXPECT_EQ(said, lines{"s/a: bob waits for 1.0 s (byte-range lock)"});
}

// Clients choose names.
TEST(Words, KeepTerminalsSafe) {
  const auto said = lines_of_clients(
    parsed("[{\"client\":\"01\",\"opens\":1,\"locks\":0,\"label\":\"a\\u001b]0;x\\u0007\\nb\"}]"));

  ASSERT_EQ(said.size(), 2U);
  for (const char c : said[1])
    EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
  EXPECT_NE(said[1].find("\\x1b]0;x\\x07\\x0ab"), std::string::npos) << said[1];
}

TEST(Words, SayWhatBecameOfABreak) {
  const auto said = [](const std::string& outcome) {
    return lines_of_break(json::parse(R"({"file":"01","share":"s","path":"a","keep":"R",)"
                                      R"("waiting":2,"outcome":")" +
      outcome + R"(","holders":[{"kind":"lease","client":"1","label":"alice","state":"RWH"}]})")
                            .as_object());
  };

  EXPECT_EQ(said("dry_run"),
    (lines{"alice holds RWH; it is asked to keep R",
      "s/a: nothing done (dry run); 2 operations waiting"}));
  EXPECT_EQ(said("ended").back(), "s/a: broken; 2 operations waited");
  EXPECT_EQ(
    said("pending").back(), "s/a: asked, and not answered yet; the same command again ends it");
  EXPECT_EQ(said("nothing_to_break").back(), "s/a: nothing to break");
}

TEST(Words, ArePutIntoQueries) {
  EXPECT_EQ(percent_encoded("a b/ä&=%"), "a%20b/%C3%A4%26%3D%25");
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
