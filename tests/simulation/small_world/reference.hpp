// A small reference, written from the text of MS-FSA and MS-SMB2: predicates about what clients
// know and do. It has no state machine of its own, and never looks into that of the model.
#pragma once

#include "ledger.hpp"

#include <leasebreak/model/errors.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::small_world {

/// Why caches are broken (MS-FSA 2.1.4.12).
enum class cause : std::uint8_t {
  open,
  overwrite,
  sharing_conflict,
  write, ///< Also a byte-range lock.
  rename,
  removal,
  local_read, ///< Without an open, so no open has broken Write before.
  local_removal,
};

/// What a lease or oplock may keep.
[[nodiscard]] lease_state kept_under(cause why, bool is_oplock, lease_state held);

/// Whether the operation waits for the holder.
[[nodiscard]] bool waits_for(cause why, lease_state held);

/// What one open does, the other must share (MS-FSA 2.1.5.1.2.2). `opening`: of `a`, an overwrite
/// counts as a write.
[[nodiscard]] bool exclude_each_other(const open_choice& a, const open_choice& b, bool opening);

/// Whether an open of the slot's choice is kept off by another open. One without a connection gives
/// way, and counts only with `also_lost`.
[[nodiscard]] bool conflicts(
  const ledger& l, std::size_t opening_slot, const open_choice& choice, bool also_lost = false);

/// Attributes alone: breaks nothing, waits for nothing.
[[nodiscard]] bool is_stat(const open_choice& choice);

/// What an open gets if it is granted now (MS-FSA 2.1.5.18, MS-SMB2 3.3.5.9.8).
[[nodiscard]] lease_state granted_to(
  const ledger& l, std::size_t opening_slot, const open_choice& choice);

/// The effects that a step must have in a quiet world.
struct expectation {
  struct notice {
    std::uint8_t holder = nothing;
    lease_state from{};
    lease_state to{};
    bool acknowledged = false;

    friend bool operator==(const notice&, const notice&) = default;
  };
  std::vector<notice> notices;
  bool waits = false;
  errc error = errc::success; ///< If it does not wait.
};

/// Whether nothing is breaking, waiting, changing or in flight, so that the tables alone decide.
[[nodiscard]] bool is_quiet(const ledger& l);

/// What the tables say of the step in a quiet world; nothing if they do not cover it.
[[nodiscard]] std::optional<expectation> expect(const ledger& before, const action& a);

/// Whether the operation waits for a break, lock or deletion that is outstanding. `held_back`:
/// breaks whose notification waits for an answer.
[[nodiscard]] bool has_reason_to_wait(
  const ledger& l, const operation& o, const std::array<bool, holder_count>& held_back);

/// Whether the operation may complete with this error in this step.
[[nodiscard]] bool may_fail(
  const ledger& before, const ledger& after, const operation& o, errc error, const action& step);

/// Checks of what the clients use together. Empty: no problem.
[[nodiscard]] std::string check_caches(const ledger& l);
[[nodiscard]] std::string check_shares(const ledger& l);
[[nodiscard]] std::string check_locks(const ledger& l);

[[nodiscard]] std::string name_of_holder(std::size_t holder);

} // namespace leasebreak::small_world
