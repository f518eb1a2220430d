// Converts facts about a file into counters and log lines.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/effects.hpp>

#include <vector>

namespace leasebreak::detail {

class coordinator_impl;
class file_actor;

void report_facts(coordinator_impl& owner, file_actor& file, const effects& out);

/// Reports breaks of which half of the holder's time is over: in the log, and as events.
void report_overdue(coordinator_impl& owner, const file_actor& file,
  const std::vector<overdue_break>& breaks, time_point now);

} // namespace leasebreak::detail
