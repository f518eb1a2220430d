// Converts facts about a file into counters and log lines.
#pragma once

#include <leasebreak/model/effects.hpp>

namespace leasebreak::detail {

class coordinator_impl;
class file_actor;

void report_facts(coordinator_impl& owner, const file_actor& file, const effects& out);

} // namespace leasebreak::detail
