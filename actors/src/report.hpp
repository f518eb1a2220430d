// What the facts of a file's life become: counters and lines of the log.
#pragma once

#include <leasebreak/model/effects.hpp>

#include <string>
#include <string_view>

namespace leasebreak::detail {

class coordinator_impl;
class file_actor;

void report_facts(coordinator_impl& owner, const file_actor& file, const effects& out);

/// `bytes` in quotes, with what cannot be printed, the quote and the backslash as \xNN.
[[nodiscard]] std::string quoted(std::string_view bytes);

} // namespace leasebreak::detail
