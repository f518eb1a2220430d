// The files of a slot, as their owner executes requests and takes the slot over.
#include <leasebreak/cluster/local_files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

constexpr node_id owner{1};
constexpr node_id node_of_alice{2};
constexpr node_id node_of_bob{3};
constexpr node_id node_of_carol{4};
constexpr auto alice = client_guid::of(0xA);
constexpr auto bob = client_guid::of(0xB);
constexpr auto carol = client_guid::of(0xC);
constexpr auto key = lease_key::of(1);

lease_request lease_of(lease_state state) {
  lease_request r;
  r.key = key;
  r.state = state;
  return r;
}

class LocalFiles : public testing::Test {
protected:
  LocalFiles() { (void)execute(open_slot{0, 4, {}}); }

  std::vector<files_result> execute(const files_request& what) {
    std::vector<files_result> out;
    files.execute(what, now, out);
    return out;
  }
  file_turn ask(node_id from, command what, break_id about = {}) {
    const auto out = execute(execute_request{{0, 4, ++last, "f", std::move(what), about}, from});
    return std::get<file_turn>(out.at(0));
  }
  [[nodiscard]] open_file open_of(node_id node, const client_guid& client, lease_state state) {
    open_file c;
    c.operation = operation_of(node, ++last);
    c.open = open_id{static_cast<std::uint64_t>(operation_of(node, last))};
    c.client = client;
    c.connection = connection_id{1};
    c.access = access::read_data | access::write_data;
    c.share_access = share::all;
    c.lease = lease_of(state);
    c.node = node;
    return c;
  }

  file_policy policy;
  local_files files{owner, policy};
  time_point now{};
  std::uint64_t last = 0;
};

// The acknowledgement of a break crosses the close of the lease's last open. The client opens the
// file again, and the lease is broken again.
TEST_F(LocalFiles, NumberTheBreaksOfAFileThatWasForgottenNotAgain) {
  break_id first{};
  for (const bool is_again : {false, true}) {
    const auto mine = open_of(node_of_alice, alice, lease_state::rwh);
    (void)ask(node_of_alice, mine);
    const auto theirs = open_of(node_of_bob, bob, lease_state::r);
    const auto told = ask(node_of_bob, theirs);
    ASSERT_EQ(told.notifications.size(), 1U);
    if (is_again) {
      const acknowledge_lease late{
        {alice, key, lease_state::none}, operation_of(node_of_alice, 99)};
      const auto turn = ask(node_of_alice, late, first);
      ASSERT_EQ(turn.completions.size(), 1U);
      EXPECT_EQ(turn.completions.front().error, errc::lease_not_breaking);
      return;
    }
    first = told.notifications.front().id;
    close_open close;
    close.open = mine.open;
    (void)ask(node_of_alice, close);
    close.open = theirs.open;
    (void)ask(node_of_bob, close);
    ASSERT_EQ(files.find(0, "f"), nullptr);
  }
}

/// What a client has of a file that is its alone.
file_report report_of(node_id node, const client_guid& client, std::uint64_t turn) {
  const file_policy policy;
  file_state file(policy, "f", 4);
  open_file c;
  c.open = open_id{static_cast<std::uint64_t>(operation_of(node, turn))};
  c.client = client;
  c.connection = connection_id{1};
  c.access = client == carol ? access::read_attributes : access::read_data;
  c.share_access = share::all;
  if (client != carol)
    c.lease = lease_of(lease_state::rwh);
  c.node = node;
  (void)file.apply(c, {});
  return {"f", node, client, {4, turn}, {}, file.report_client(node, client, {})};
}

// Two clients cannot have Write: the one with the older report has missed something.
TEST_F(LocalFiles, LoseOnlyTheOpensOfAReportThatContradictsNewerOnes) {
  slot_report of_alice{0, 5, node_of_alice, {report_of(node_of_alice, alice, 7)}, {}};
  slot_report of_bob{0, 5, node_of_bob, {report_of(node_of_bob, bob, 9)}, {}};
  slot_report of_carol{0, 5, node_of_carol, {report_of(node_of_carol, carol, 3)}, {}};
  of_bob.files.push_back(report_of(node_of_bob, client_guid::of(0xD), 2));

  const auto out = execute(open_slot{0, 5, {of_alice, of_bob, of_carol}});

  const auto& turn = std::get<file_turn>(out.at(0));
  ASSERT_EQ(turn.parts.size(), 4U);
  for (const auto& part : turn.parts) {
    const bool is_old = part.what.client == alice || part.what.client == client_guid::of(0xD);
    EXPECT_EQ(part.is_lost, is_old) << to_string(part.what.client);
    EXPECT_EQ(part.what.part.has_value(), !is_old) << to_string(part.what.client);
  }
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
