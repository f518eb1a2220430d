#include <smb_server/wire/network.hpp>

namespace leasebreak::smb {

namespace {

constexpr std::size_t storage_size = 128; // SOCKADDR_STORAGE, MS-SMB2 2.2.32.5.1
constexpr std::size_t entry_size = 24 + storage_size;
constexpr std::uint16_t family_v4 = 0x0002;
constexpr std::uint16_t family_v6 = 0x0017;

} // namespace

byte_vector encode_network_interfaces(const std::vector<network_interface>& all) {
  byte_writer out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const network_interface& n = all[i];
    const std::size_t begin = out.size();
    out.u32(i + 1 < all.size() ? static_cast<std::uint32_t>(entry_size) : 0);
    out.u32(n.index);
    out.u32(0); // neither RSS nor RDMA
    out.u32(0);
    out.u64(n.bits_per_second);
    out.u16(n.is_v6 ? family_v6 : family_v4);
    out.u16(0); // the port
    if (n.is_v6)
      out.u32(0); // flow
    out.append(bytes_view{n.address}.first(n.is_v6 ? 16 : 4));
    out.zeros(begin + entry_size - out.size());
  }
  return out.take();
}

} // namespace leasebreak::smb
