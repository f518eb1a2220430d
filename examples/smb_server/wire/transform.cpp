// The header of an encrypted frame.
#include <smb_server/wire/transform.hpp>

#include <smb_server/wire/header.hpp>

namespace leasebreak::smb {

std::optional<transform_header> parse_transform_header(bytes_view frame) noexcept {
  if (frame.size() <= transform_header_size || protocol_of(frame) != protocol::transform)
    return std::nullopt;
  byte_reader in{frame};
  in.skip(4);
  transform_header h;
  h.signature = in.guid16();
  h.nonce = in.guid16();
  h.original_size = in.u32();
  in.skip(2);
  h.flags = in.u16();
  h.session_id = in.u64();
  if (h.flags != 1 || h.original_size != frame.size() - transform_header_size)
    return std::nullopt;
  return h;
}

void encode(byte_writer& out, const transform_header& h) {
  out.append(std::array<std::uint8_t, 4>{0xfd, 'S', 'M', 'B'});
  out.append(h.signature);
  out.append(h.nonce);
  out.u32(h.original_size);
  out.u16(0);
  out.u16(h.flags);
  out.u64(h.session_id);
}

} // namespace leasebreak::smb
