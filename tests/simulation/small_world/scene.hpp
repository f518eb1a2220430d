// One history of a small world: a file, its clients, and the checks of each step.
#pragma once

#include "faulty_file.hpp"
#include "ledger.hpp"
#include "reference.hpp"

#include <array>
#include <string>
#include <vector>

namespace leasebreak::small_world {

/// The policy of all small worlds: the library's defaults.
[[nodiscard]] const file_policy& policy();

class scene {
public:
  explicit scene(const profile& p, fault what = fault::none)
    : file_(policy(), what), ledger_(p, policy()) {}

  /// Returns the steps that are possible now. Steps that differ only in names are listed once.
  [[nodiscard]] std::vector<action> enabled() const;

  /// Takes a step. With `before`, the value of `canonical_file` before the step, makes all checks;
  /// otherwise only the cheap ones.
  void step(const action& a, const std::string* before = nullptr);

  /// Sends all answers, makes all changes, closes everything and lets all time pass. Fails if
  /// anything is left.
  void finish();

  /// Appends each step and its effects to `story`, which must outlive the scene.
  void tell(std::string& story) noexcept { story_ = &story; }

  /// Empty if no problem was found.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  /// Equal for two histories with the same possible futures: it omits absolute names, epochs and
  /// times. `with_obstacles` includes which of several breaks a pending operation remembers. A
  /// counter chooses that break, and it must make no difference.
  [[nodiscard]] std::string canonical(bool with_obstacles = true) const;

  /// The part of `canonical` that describes the file.
  [[nodiscard]] std::string canonical_file() const;

  /// Checks that the file can be exported and imported, and is the same afterwards.
  void check_copy();

private:
  // -- scene.cpp: a step --------------------------------------------------------------------------

  [[nodiscard]] command begin(const action& a);
  [[nodiscard]] command begin_open(const action& a, operation_id id);
  [[nodiscard]] command begin_acknowledgement(const action& a, operation_id id);
  void begin_close(std::uint8_t s);
  void begin_loss(std::uint8_t s);
  operation_id begin_operation(const action& a);
  void carry_out(const command& c);
  void make_changes();
  void forfeit();
  void check(const std::string& before);
  void check_server();
  void check_view(std::size_t holder);
  void check_waiting();
  void check_ended();
  void check_told_again();
  void check_expected(const std::string& before);
  void fail(const std::string& what);
  void say(const std::string& what);

  // -- telling.cpp: effects of a step -------------------------------------------------------------

  void take(const effects& out);
  void take(const break_notification& n);
  void take(const open_ended& e);
  void take(const completion& c);
  void take_open(const operation& o, const completion& c);
  void take_grant(const operation& o, const open_granted& g);
  void take_closed(const operation& o, const completion& c);
  void take_lost(const operation& o, const completion& c);
  void take_acknowledged(const operation& o, const completion& c);
  void take_access(const operation& o, const completion& c);
  void take_lock(const operation& o, const completion& c);
  void take_reconnected(const operation& o, const completion& c);
  void announce(change::kind is, hold_id id, std::uint8_t holder);
  void learn(view& v, const answer_in_flight& a, bool is_new);
  void check_epoch(std::uint8_t holder, const break_notification& n);
  void check_grant(const operation& o, const open_granted& g);
  [[nodiscard]] std::ptrdiff_t promotions_of(std::uint8_t holder) const;
  void check_connection(std::uint8_t holder, const break_notification& n);
  void end_slot(std::uint8_t s);
  void forget(std::uint8_t holder);
  [[nodiscard]] std::uint8_t holder_of(const break_notification& n) const;
  [[nodiscard]] bool is_new_answer_for(std::uint8_t holder) const;

  [[nodiscard]] std::array<bool, holder_count> held_back() const;

  faulty_file file_;
  ledger ledger_;
  std::string problem_;
  std::string* story_ = nullptr;
  std::uint64_t last_operation_ = 0;
  std::uint64_t last_open_ = 0;

  // State of the current step.
  action now_{};
  operation_id own_{}; ///< The operation that the step begins, if any.
  bool checks_ = false;
  ledger* before_ = nullptr; ///< With `checks_`.
  acknowledgement acknowledged_{};
  lease_state acknowledged_state_{};
  bool was_acknowledgeable_ = false;
  std::vector<expectation::notice> notices_;
  std::vector<completion> completions_;
  bool is_stale_ = false; ///< The answer that the step sends is older than a break that was sent.
};

} // namespace leasebreak::small_world
