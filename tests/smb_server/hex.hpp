// Bytes and keys in the notation of published test vectors.
#pragma once

#include <smb_server/crypto/digest.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace leasebreak::smb::testing {

/// Two digits per byte.
inline byte_vector from_hex(std::string_view text) {
  byte_vector result;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    result.push_back(
      static_cast<std::uint8_t>(std::stoul(std::string{text.substr(i, 2)}, nullptr, 16)));
  return result;
}

/// Up to 16 bytes, padded with zeros.
inline key16 key_of(std::string_view text) {
  key16 result{};
  const byte_vector bytes = from_hex(text);
  std::copy_n(bytes.begin(), std::min(bytes.size(), result.size()), result.begin());
  return result;
}

} // namespace leasebreak::smb::testing
