// The library's errors, their texts and their NTSTATUS.
#include <leasebreak/model/errors.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace leasebreak {
namespace {

constexpr int last_error = static_cast<int>(errc::store_closed);

TEST(Errors, EveryOneHasWordsOfItsOwn) {
  std::set<std::string> seen;
  for (int value = 0; value <= last_error; ++value) {
    const auto text = to_string(static_cast<errc>(value));

    EXPECT_NE(text, "unknown error") << value;
    EXPECT_FALSE(text.empty());
    EXPECT_NE(text.back(), '.') << text;
    EXPECT_TRUE(seen.insert(text).second) << text;
  }
}

TEST(Errors, EveryOneHasAnErrorStatus) {
  EXPECT_EQ(to_ntstatus(errc::success), 0U);
  for (int value = 1; value <= last_error; ++value)
    EXPECT_EQ(to_ntstatus(static_cast<errc>(value)) >> 28, 0xcU) << value;
}

TEST(Errors, StatusIsWhatTheProtocolPrescribes) {
  EXPECT_EQ(to_ntstatus(errc::sharing_violation), 0xC0000043U);
  EXPECT_EQ(to_ntstatus(errc::delete_pending), 0xC0000056U);
  EXPECT_EQ(to_ntstatus(errc::lease_key_in_use), 0xC000000DU);
  EXPECT_EQ(to_ntstatus(errc::unknown_open), 0xC0000128U);
  // MS-SMB2 3.3.5.9.13.
  EXPECT_EQ(to_ntstatus(errc::newer_instance), 0xC00000B6U);
  // MS-SMB2 3.3.5.22.2: acknowledgements of leases.
  EXPECT_EQ(to_ntstatus(errc::unknown_lease), 0xC0000034U);
  EXPECT_EQ(to_ntstatus(errc::lease_not_breaking), 0xC0000001U);
  EXPECT_EQ(to_ntstatus(errc::ack_exceeds_break), 0xC00000D0U);
  // MS-SMB2 3.3.5.22.1: acknowledgements of oplocks.
  EXPECT_EQ(to_ntstatus(errc::oplock_not_breaking), 0xC0000184U);
  EXPECT_EQ(to_ntstatus(errc::invalid_oplock_ack), 0xC00000E3U);
  EXPECT_EQ(to_ntstatus(errc::invalid_oplock_level), 0xC000000DU);
  // MS-SMB2 3.3.5.14: byte-range locks.
  EXPECT_EQ(to_ntstatus(errc::lock_not_granted), 0xC0000055U);
  EXPECT_EQ(to_ntstatus(errc::file_lock_conflict), 0xC0000054U);
  EXPECT_EQ(to_ntstatus(errc::range_not_locked), 0xC000007EU);
  EXPECT_EQ(to_ntstatus(errc::invalid_lock_range), 0xC00001A1U);
  EXPECT_EQ(to_ntstatus(errc::cancelled), 0xC0000120U);
  EXPECT_EQ(to_ntstatus(errc::store_full), 0xC000007FU);
}

TEST(Errors, WorkAsStandardErrorCodes) {
  const std::error_code code = errc::store_locked;

  EXPECT_EQ(code, errc::store_locked);
  EXPECT_NE(code, errc::store_full);
  EXPECT_EQ(code.category(), leasebreak_category());
  EXPECT_STREQ(code.category().name(), "leasebreak");
  EXPECT_EQ(code.message(), to_string(errc::store_locked));
  EXPECT_FALSE(make_error_code(errc::success));
}

TEST(Errors, ValueThatIsNoneIsUnknown) {
  const auto none = static_cast<errc>(last_error + 1);

  EXPECT_EQ(to_string(none), "unknown error");
  EXPECT_EQ(to_ntstatus(none), 0xC0000001U);
}

} // namespace
} // namespace leasebreak
