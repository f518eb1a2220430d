// Converts facts about a file into counters and log lines.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/effects.hpp>

#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;
class file_actor;
class operation;

/// `waited`: the operations that have waited and end in this turn.
void report_facts(coordinator_impl& owner, file_actor& file, const effects& out,
  const std::vector<const operation*>& waited);

/// Reports breaks of which half of the holder's time is over: in the log, and as events.
void report_overdue(coordinator_impl& owner, file_actor& file,
  const std::vector<overdue_break>& breaks, time_point now);

/// Logs how many lines about breaks were omitted, if their second is over at `now`.
void report_omitted(const coordinator_impl& owner, file_actor& file, time_point now);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
