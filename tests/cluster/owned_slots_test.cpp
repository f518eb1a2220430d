// The owner's part of the protocol: what it keeps until a slot is open.
#include "owned_slots.hpp"

#include <gtest/gtest.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

constexpr node_id self{1};
constexpr node_id other{2};
constexpr std::size_t requests_max = 3;

/// A view in which `self` has owned the only slot since number 2, and `other` is a member.
view of_two() {
  view v;
  v.number = 2;
  v.members = {{"a", self, "a:1", 1}, {"b", other, "b:1", 1}};
  v.slots = {{self, 2}};
  return v;
}

slot_report report_of(node_id from) {
  return {0, 2, from, {}, {}};
}

request request_number(std::uint64_t number) {
  return {0, 2, number, "file", stream_opened{}, {}};
}

class OwnedSlots : public testing::Test {
protected:
  OwnedSlots() {
    EXPECT_TRUE(slots.install(of_two(), out).empty());
    slots.fences_changed(of_two(), {}, out);
  }
  /// Lets all members report, and the slot be opened. Returns the requests that are executed.
  std::vector<std::uint64_t> open() {
    slots.take(report_of(self), out);
    slots.take(report_of(other), out);
    out.clear();
    static_cast<void>(slots.take(slot_opened{0, 2}, out));
    std::vector<std::uint64_t> numbers;
    for (const auto& effect : out)
      numbers.push_back(std::get<execute_request>(std::get<files_request>(effect)).what.number);
    return numbers;
  }

  node_effects out;
  owned_slots slots{self, requests_max};
};

TEST_F(OwnedSlots, KeepRequestsUntilTheyAreOpen) {
  slots.take(other, request_number(1), out);
  slots.take(self, request_number(7), out);
  EXPECT_EQ(open(), (std::vector<std::uint64_t>{1, 7}));
}

TEST_F(OwnedSlots, KeepNoMoreRequestsThanANodeMayHave) {
  for (std::uint64_t n = 1; n != 10; ++n)
    slots.take(other, request_number(n), out);
  slots.take(self, request_number(20), out);
  EXPECT_EQ(open(), (std::vector<std::uint64_t>{1, 2, 3, 20}));
}

TEST_F(OwnedSlots, ForgetTheQueueOfASlotThatTheyLose) {
  for (std::uint64_t n = 1; n != 10; ++n)
    slots.take(other, request_number(n), out);
  auto lost = of_two();
  lost.number = 3;
  lost.slots = {{other, 3}};
  EXPECT_TRUE(slots.install(lost, out).empty());
  auto back = of_two();
  back.number = 4;
  back.slots = {{self, 4}};
  EXPECT_TRUE(slots.install(back, out).empty());
  for (std::uint64_t n = 1; n != 10; ++n) {
    auto r = request_number(n);
    r.term = 4;
    slots.take(other, std::move(r), out);
  }
  slots.take(slot_report{0, 4, self, {}, {}}, out);
  slots.take(slot_report{0, 4, other, {}, {}}, out);
  out.clear();
  static_cast<void>(slots.take(slot_opened{0, 4}, out));
  EXPECT_EQ(out.size(), requests_max);
}

TEST_F(OwnedSlots, TakeOneReportOfEachNode) {
  auto with_request = report_of(other);
  with_request.pending.push_back(request_number(1));
  slots.take(with_request, out);
  with_request.pending.push_back(request_number(2));
  slots.take(with_request, out);
  EXPECT_EQ(open(), std::vector<std::uint64_t>{1});
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
