// JSON of parts of responses; see leasebreak/admin/encode.hpp.
#pragma once

#include <leasebreak/requests.hpp>
#include <leasebreak/settings.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

[[nodiscard]] boost::json::object json_of(const listed_entry& e, time_point now);

/// Writes the object as one line.
[[nodiscard]] std::string text_of(const boost::json::object& o);

/// Returns `{"settings":[{"share","name","value"}]}`; without `share`: of all files.
[[nodiscard]] std::string settings_to_json(const settings& s);

/// Returns 16 hexadecimal digits, as in the log.
[[nodiscard]] std::string hex_of(std::uint64_t id);

/// Returns `{"client":...,"label":...}`.
[[nodiscard]] boost::json::object json_of_client(const client_guid& id, const std::string& label);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
