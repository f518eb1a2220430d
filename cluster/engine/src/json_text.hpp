// JSON as text. Only the file behind this includes Boost.JSON's parser and serializer.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

[[nodiscard]] std::string text_of(const boost::json::value& v);
/// Returns nothing if the text is not a JSON object.
[[nodiscard]] std::optional<boost::json::object> object_of(std::string_view text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
