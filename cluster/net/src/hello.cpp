#include "hello.hpp"

#include <leasebreak/model/internal/value_archive.hpp>

#include <charconv>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

constexpr std::string_view mark = "LH\x01"; // the last byte is the version of the protocol

class hello_writer : public detail::value_writer<hello_writer> {
public:
  hello_writer() : value_writer(time_point{}) {}
};

class hello_reader : public detail::value_reader<hello_reader> {
public:
  explicit hello_reader(std::string_view bytes) : value_reader(bytes, time_point{}) {}
};

} // namespace

std::string encode(const hello& h) {
  hello_writer out;
  out.bytes(mark);
  out(h.cluster, h.who.name, h.who.node, h.who.address);
  return out.take();
}

std::variant<hello, std::string> decode_hello(std::string_view bytes) {
  if (!bytes.starts_with(mark))
    return "it is no node of a cluster, or has another version";
  hello_reader in(bytes.substr(mark.size()));
  hello h;
  in(h.cluster, h.who.name, h.who.node, h.who.address);
  const auto node = static_cast<std::uint32_t>(h.who.node);
  if (in.failed() || !in.at_end() || node == 0 || node > node_number_max || h.who.name.empty() ||
    h.who.name.size() > member_text_max || h.who.address.size() > member_text_max)
    return "it does not say who it is";
  return h;
}

address_and_port split_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return {};
  auto address = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  std::uint16_t n = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), n);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size())
    return {};
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  else if (address.find(':') != std::string_view::npos)
    return {};
  return {std::string(address), std::string(port)};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
