// Writes JSON as `boost::json::serialize` does, except for fractions, which that writes as 4.2E0.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// Appends the value to `out`. `fraction` returns the text of a number with a fraction.
template <class Fraction>
void write_plain(std::string& out, const boost::json::value& v, const Fraction& fraction) {
  if (const auto* const o = v.if_object(); o != nullptr) {
    const char* before = "{";
    for (const auto& member : *o) {
      out += before + boost::json::serialize(member.key()) + ":";
      write_plain(out, member.value(), fraction);
      before = ",";
    }
    out += o->empty() ? "{}" : "}";
  } else if (const auto* const a = v.if_array(); a != nullptr) {
    const char* before = "[";
    for (const auto& element : *a) {
      out += before;
      write_plain(out, element, fraction);
      before = ",";
    }
    out += a->empty() ? "[]" : "]";
  } else if (const auto* const d = v.if_double(); d != nullptr) {
    out += fraction(*d);
  } else {
    out += boost::json::serialize(v);
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
