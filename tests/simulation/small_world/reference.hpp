// A small reference, written from MS-FSA and MS-SMB2: predicates about what clients know and do. It
// has no state machine of its own, and does not read that of the model.
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
  write, ///< Also for a byte-range lock.
  rename,
  removal,
  local_read, ///< Without an open, so that no open has broken Write before.
  local_removal,
};

/// Returns the part of `held` that a lease or oplock may keep.
[[nodiscard]] lease_state kept_under(cause why, bool is_oplock, lease_state held);

/// Returns whether the operation waits for a holder with this state.
[[nodiscard]] bool waits_for(cause why, lease_state held);

/// Returns whether one of two opens does what the other does not share (MS-FSA 2.1.5.1.2.2). With
/// `opening`, an overwrite by `a` counts as a write.
[[nodiscard]] bool exclude_each_other(const open_choice& a, const open_choice& b, bool opening);

/// Returns whether another open excludes an open of this choice. A disconnected open would be
/// purged, and counts only with `also_lost`.
[[nodiscard]] bool conflicts(
  const ledger& l, std::size_t opening_slot, const open_choice& choice, bool also_lost = false);

/// Returns whether an open is for attributes alone. Such an open breaks nothing and waits for
/// nothing.
[[nodiscard]] bool is_stat(const open_choice& choice);

/// Returns what an open is granted now (MS-FSA 2.1.5.18, MS-SMB2 3.3.5.9.8).
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

/// Returns whether no break, pending operation, announced change or message exists, so that the
/// tables alone decide.
[[nodiscard]] bool is_quiet(const ledger& l);

/// Returns the effects that the tables require of the step in a quiet world, or nothing if they do
/// not cover it.
[[nodiscard]] std::optional<expectation> expect(const ledger& before, const action& a);

/// Returns whether the operation waits for an outstanding break, lock or deletion. `held_back`
/// contains the holders whose notification waits for an answer.
[[nodiscard]] bool has_reason_to_wait(
  const ledger& l, const operation& o, const std::array<bool, holder_count>& held_back);

/// Returns whether the operation may complete with this error in this step.
[[nodiscard]] bool may_fail(
  const ledger& before, const ledger& after, const operation& o, errc error, const action& step);

/// Checks of all clients' state. They return a problem, or an empty string.
[[nodiscard]] std::string check_caches(const ledger& l);
[[nodiscard]] std::string check_shares(const ledger& l);
[[nodiscard]] std::string check_locks(const ledger& l);

[[nodiscard]] std::string name_of_holder(std::size_t holder);

} // namespace leasebreak::small_world
