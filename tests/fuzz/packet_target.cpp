#include "packet_target.hpp"

#include "require.hpp"

#include <leasebreak/cluster/message.hpp>

#include <chrono>
#include <variant>

namespace leasebreak::smb::fuzz {

// A time that is out of range changes once.
void use_unknown_packet(std::string_view bytes) {
  constexpr time_point now = time_point{} + std::chrono::hours{1000};
  const auto decoded = cluster::decode_packet(bytes, now);
  const auto* const first = std::get_if<cluster::packet>(&decoded);
  if (first == nullptr)
    return;
  const auto again = cluster::encode(*first, now);
  const auto twice = cluster::decode_packet(again, now);
  const auto* const second = std::get_if<cluster::packet>(&twice);
  require(second != nullptr, "a packet that was accepted is refused");
  require(cluster::encode(*second, now) == again, "a packet changes on its way");
}

} // namespace leasebreak::smb::fuzz
