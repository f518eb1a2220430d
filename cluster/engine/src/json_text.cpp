#include "json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

std::string text_of(const boost::json::value& v) {
  return boost::json::serialize(v);
}

std::optional<boost::json::object> object_of(std::string_view text) {
  boost::json::error_code failed;
  auto v = boost::json::parse(text, failed);
  if (failed || !v.is_object())
    return std::nullopt;
  return std::move(v.as_object());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
