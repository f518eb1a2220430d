// Lease states, their text form, and the corresponding oplock levels.
#include <leasebreak/model/lease_state.hpp>

#include <gtest/gtest.h>

namespace leasebreak {
namespace {

TEST(LeaseState, HasTheBitsOfTheWire) {
  EXPECT_EQ(bits(lease_state::read), 0x01);
  EXPECT_EQ(bits(lease_state::handle), 0x02);
  EXPECT_EQ(bits(lease_state::write), 0x04);
  EXPECT_EQ(bits(lease_state::rwh), 0x07);
}

TEST(LeaseState, OfAFileIsNoneOrContainsRead) {
  for (int value = 0; value < 256; ++value) {
    const auto state = static_cast<lease_state>(value);
    const bool expected = value == 0 || value == 1 || value == 3 || value == 5 || value == 7;

    EXPECT_EQ(is_valid(state, false), expected) << value;
  }
}

TEST(LeaseState, OfADirectoryNeverContainsWrite) {
  for (int value = 0; value < 256; ++value) {
    const auto state = static_cast<lease_state>(value);
    const bool expected = value == 0 || value == 1 || value == 3;

    EXPECT_EQ(is_valid(state, true), expected) << value;
  }
}

TEST(LeaseState, ReadsWhatItWrites) {
  for (const auto state :
    {lease_state::none, lease_state::r, lease_state::rh, lease_state::rw, lease_state::rwh})
    EXPECT_EQ(parse_lease_state(to_string(state)), state);
}

TEST(LeaseState, ReadsLettersInAnyOrderAndCase) {
  EXPECT_EQ(parse_lease_state("rhw"), lease_state::rwh);
  EXPECT_EQ(parse_lease_state("HR"), lease_state::rh);
}

TEST(LeaseState, RefusesWhatIsNoState) {
  for (const auto text : {"", "H", "W", "WH", "RR", "RX", "R ", "none ", "0"})
    EXPECT_FALSE(parse_lease_state(text).has_value()) << text;
}

TEST(OplockLevel, MapsToStatesAndBack) {
  EXPECT_EQ(state_of(oplock_level::level_ii), lease_state::r);
  EXPECT_EQ(state_of(oplock_level::exclusive), lease_state::rw);
  EXPECT_EQ(state_of(oplock_level::batch), lease_state::rwh);
  EXPECT_EQ(state_of(oplock_level::none), lease_state::none);
  EXPECT_EQ(oplock_of(lease_state::rwh), oplock_level::batch);
  EXPECT_EQ(oplock_of(lease_state::rw), oplock_level::exclusive);
  EXPECT_EQ(oplock_of(lease_state::rh), oplock_level::level_ii);
  EXPECT_EQ(oplock_of(lease_state::r), oplock_level::level_ii);
  EXPECT_EQ(oplock_of(lease_state::none), oplock_level::none);
}

} // namespace
} // namespace leasebreak
