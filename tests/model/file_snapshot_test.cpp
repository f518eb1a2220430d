// The state of a file as bytes.
#include "random_steps.hpp"
#include "snapshot_bytes.hpp"
#include "support/seed.hpp"

#include "file/snapshot_archive.hpp"

#include <algorithm>

namespace leasebreak::model_test {
namespace {

class FileSnapshots : public model_test {
protected:
  FileSnapshots() { is_strict_about_breaks = false; }

  [[nodiscard]] std::variant<file_state, snapshot_error> import(const std::string& bytes) const {
    return file_state::import_state(policy, {bytes}, now());
  }
  [[nodiscard]] std::string error_of_import(const std::string& bytes) const {
    const auto imported = import(bytes);
    const auto* const error = std::get_if<snapshot_error>(&imported);
    return error != nullptr ? error->what : "";
  }
  /// A lease that is breaking for a pending open, and a byte-range lock.
  void contend() {
    const auto holder = open(by(alice).lease(k1, rwh, 3));
    lock(holder, {10, 20}, true);
    waiting = open(by(bob).lease(k2, rh));
  }

  attempt waiting;
};

TEST_F(FileSnapshots, ContainPendingOperations) {
  contend();

  auto copy = std::get<file_state>(import(file.export_state(now()).bytes));
  const auto out = copy.apply(acknowledge_lease{{alice.guid, k1, rh}, operation_id{77}}, now());

  EXPECT_TRUE(std::ranges::any_of(out.completions, [&](const completion& c) {
    return c.operation == waiting.operation && c.error == errc::success;
  }));
}

TEST_F(FileSnapshots, MoveDeadlinesToAnotherClock) {
  contend();
  const auto due = file.next_deadline();
  ASSERT_TRUE(due);
  const auto elsewhere = time_point{} + std::chrono::hours{1};

  const auto copy =
    std::get<file_state>(file_state::import_state(policy, file.export_state(now()), elsewhere));

  ASSERT_TRUE(copy.next_deadline());
  EXPECT_EQ(*copy.next_deadline() - elsewhere, *due - now());
}

TEST_F(FileSnapshots, KeepWhatIsUnlimited) {
  policy.break_timeout = duration::max();
  policy.wait_max = duration::max();
  contend();

  const auto copy = std::get<file_state>(import(file.export_state(now()).bytes));

  EXPECT_EQ(copy.next_deadline(), time_point::max());
  acknowledge(alice, k1, rh);
}

TEST_F(FileSnapshots, ThatEndTooEarlyAreRefused) {
  contend();
  const auto bytes = file.export_state(now()).bytes;

  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(error_of_import(bytes.substr(0, length)), "") << length;
}

TEST_F(FileSnapshots, AreRefusedWithAReason) {
  contend();
  const auto bytes = file.export_state(now()).bytes;
  const auto with = [&bytes](std::size_t at, char value) {
    auto changed = bytes;
    changed[at] = value;
    return changed;
  };

  EXPECT_EQ(error_of_import(bytes), "");
  EXPECT_EQ(error_of_import(""), "ends too early");
  EXPECT_EQ(error_of_import("something else"), "not a snapshot");
  EXPECT_EQ(error_of_import(bytes + '\0'), "bytes after the end");
  EXPECT_EQ(error_of_import(with(2, 2)), "a snapshot of another kind");
  EXPECT_EQ(error_of_import(with(3, 2)), "a snapshot of another version");
  EXPECT_EQ(error_of_import(with(4, 127).substr(0, 100)), "a list that is longer than the bytes");
}

TEST_F(FileSnapshots, OfOtherKindsAreToldApart) {
  contend();

  effects out;
  const std::vector<node_report> states{{node_id::none, file.export_state(now())}};
  const auto rebuilt = file_state::rebuild(policy, file.file_id(), 1, states, now(), out);

  EXPECT_EQ(error_of_import(file.report_client(node_id::none, alice.guid, now()).bytes),
    "a snapshot of another kind");
  EXPECT_EQ(std::get<snapshot_error>(rebuilt).what, "a snapshot of another kind");
}

TEST(SnapshotErrors, SayWhereTheyAre) {
  EXPECT_EQ(to_string(snapshot_error{2, 17, "a number that is out of range"}),
    "snapshot 2 is wrong near byte 17: a number that is out of range");
}

// A reader refuses values above these.
TEST(SnapshotErrors, AreNotCausedByKnownValues) {
  const auto after_last = [](auto last) {
    return static_cast<decltype(last)>(static_cast<int>(last) + 1);
  };

  EXPECT_EQ(
    to_string(after_last(static_cast<break_cause>(detail::last_of<break_cause>))), "unknown cause");
  EXPECT_EQ(to_string(after_last(static_cast<access_kind>(detail::last_of<access_kind>))),
    "unknown access");
}

// The bytes of this state are part of the protocol between nodes. If this test fails after a change
// of the state's members, increase `snapshot_version` and replace the sum.
TEST_F(FileSnapshots, HaveOneFormat) {
  contend();
  open(by(carol).access(attributes_alone).durable());

  const auto bytes = file.export_state(now()).bytes;

  std::uint32_t sum = 0;
  for (const auto byte : bytes)
    sum = sum * 31 + static_cast<std::uint8_t>(byte);
  EXPECT_EQ(static_cast<int>(bytes[3]), 1);
  EXPECT_EQ(bytes.size(), 411U);
  EXPECT_EQ(sum, 774'633'649U);
}

/// Collects states and reports of random files.
struct random_states {
  explicit random_states(std::mt19937_64& random) {
    for (const bool is_directory : {false, true})
      for (int i = 0; i < 12; ++i) {
        simulation run(is_directory);
        run.use_nodes();
        run.watch = [&](const world& w) {
          if (random() % 6 != 0)
            return;
          states.push_back(w.file.export_state(w.now()).bytes);
          reports.push_back(w.file.report_client(node_id{1}, alice.guid, w.now()).bytes);
          others.push_back(w.file.report_client(node_id{2}, bob.guid, w.now()).bytes);
        };
        EXPECT_EQ(run.run(random_steps(random, 100)), "");
      }
  }

  std::vector<std::string> states;
  std::vector<std::string> reports; ///< Of the first node.
  std::vector<std::string> others; ///< Of the second node.
};

TEST(DamagedSnapshots, AreRefusedOrValid) {
  std::mt19937_64 random(test::seed_of_this_run());
  const random_states from(random);
  std::uint64_t accepted = 0;

  for (int i = 0; i < 40'000; ++i) {
    const auto bytes = damaged(from.states[random() % from.states.size()], random);
    ASSERT_EQ(use_unknown_state(bytes, accepted), "") << i;
  }

  EXPECT_GT(accepted, 400U); // otherwise, the damage is too easy to see
}

TEST(DamagedSnapshots, OfReportsAreRefusedOrValid) {
  std::mt19937_64 random(test::seed_of_this_run());
  const random_states from(random);
  std::uint64_t accepted = 0;

  for (int i = 0; i < 20'000; ++i) {
    const auto which = random() % from.reports.size();
    const auto& other = from.others[random() % 3 == 0 ? random() % from.others.size() : which];
    const auto bytes = damaged(from.reports[which], random);
    ASSERT_EQ(use_unknown_reports(bytes, other, accepted), "") << i;
  }

  EXPECT_GT(accepted, 200U);
}

TEST(DamagedSnapshots, MayBeAnyBytes) {
  std::mt19937_64 random(test::seed_of_this_run());
  std::uint64_t accepted = 0;

  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = "LB\x01\x01";
    for (auto left = random() % 200; left != 0; --left)
      bytes.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 3));
    ASSERT_EQ(use_unknown_state(bytes, accepted), "");
  }
}

} // namespace
} // namespace leasebreak::model_test
