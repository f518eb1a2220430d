// SPNEGO's tokens, in DER.
#include <smb_server/auth/spnego.hpp>

#include <smb_server/auth/der.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace leasebreak::smb::spnego {

namespace {

using der::tag::context;

constexpr std::array<std::uint8_t, 6> spnego_oid{0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
constexpr std::array<std::uint8_t, 10> ntlmssp_oid{
  0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};

bool read_mechanisms(bytes_view field, token& into) {
  bytes_view rest = field;
  const auto list = der::take(rest);
  if (!list || list->tag != der::tag::sequence || !rest.empty())
    return false;
  into.mechanism_list = list->whole;
  for (bytes_view names = list->content; !names.empty();) {
    const auto name = der::take(names, der::tag::object_identifier);
    if (!name || into.mechanisms.size() == mechanisms_max)
      return false;
    into.mechanisms.push_back(*name);
  }
  return true;
}

/// Calls `read(number, content)` for each field of the sequence, whose numbers must ascend. Returns
/// false if the sequence is malformed or `read` returns false.
template <class Read>
bool read_fields(bytes_view sequence, Read read) {
  int last = -1;
  while (!sequence.empty()) {
    const auto field = der::take(sequence);
    if (!field || !der::tag::is_context(field->tag))
      return false;
    const int number = field->tag - context(0);
    if (number <= last || !read(number, field->content))
      return false;
    last = number;
  }
  return true;
}

bool read_octets(bytes_view field, std::optional<bytes_view>& into) {
  into = der::only(field, der::tag::octet_string);
  return into.has_value();
}

/// RFC 4178 4.2.1. Ignores the other fields.
bool read_init(bytes_view sequence, token& into) {
  const bool good = read_fields(sequence, [&](int number, bytes_view field) {
    switch (number) {
    case 0:
      return read_mechanisms(field, into);
    case 2:
      return read_octets(field, into.mechanism_token);
    default:
      return true;
    }
  });
  return good && !into.mechanisms.empty();
}

/// RFC 4178 4.2.2.
bool read_response(bytes_view sequence, token& into) {
  return read_fields(sequence, [&](int number, bytes_view field) {
    switch (number) {
    case 0: {
      const auto value = der::only(field, der::tag::enumerated);
      if (!value || value->size() != 1)
        return false;
      into.answered = value->front();
      return true;
    }
    case 2:
      return read_octets(field, into.mechanism_token);
    case 3:
      return read_octets(field, into.mic);
    default:
      return true;
    }
  });
}

byte_vector make_field(std::uint8_t number, bytes_view content) {
  return der::make(context(number), content);
}

} // namespace

bytes_view ntlmssp() noexcept {
  return ntlmssp_oid;
}

std::optional<token> parse(bytes_view bytes) {
  token result;
  const auto outer = der::take(bytes);
  if (!outer)
    return std::nullopt;
  if (outer->tag == context(1)) {
    const auto sequence = der::only(outer->content, der::tag::sequence);
    return sequence && read_response(*sequence, result) ? std::optional{result} : std::nullopt;
  }
  if (outer->tag != der::tag::application_0)
    return std::nullopt;
  // RFC 2743 3.1: the mechanism's identifier precedes its first token.
  result.is_first = true;
  bytes_view inner = outer->content;
  const auto mechanism = der::take(inner, der::tag::object_identifier);
  const auto init = mechanism ? der::only(inner, context(0)) : std::nullopt;
  const auto sequence = init ? der::only(*init, der::tag::sequence) : std::nullopt;
  const bool good = sequence &&
    std::equal(mechanism->begin(), mechanism->end(), spnego_oid.begin(), spnego_oid.end()) &&
    read_init(*sequence, result);
  return good ? std::optional{result} : std::nullopt;
}

byte_vector make_offer() {
  using namespace std::string_view_literals;
  const byte_vector list =
    der::make(der::tag::sequence, der::make(der::tag::object_identifier, ntlmssp_oid));
  const byte_vector hint = make_field(
    0, der::make(der::tag::general_string, view_of("not_defined_in_RFC4178@please_ignore"sv)));
  byte_writer fields;
  fields.append(make_field(0, list));
  fields.append(make_field(3, der::make(der::tag::sequence, hint)));
  byte_writer inner;
  inner.append(der::make(der::tag::object_identifier, spnego_oid));
  inner.append(make_field(0, der::make(der::tag::sequence, fields.view())));
  return der::make(der::tag::application_0, inner.view());
}

byte_vector make_response(const response& r) {
  byte_writer fields;
  const std::array<std::uint8_t, 1> state{static_cast<std::uint8_t>(r.state)};
  fields.append(make_field(0, der::make(der::tag::enumerated, state)));
  if (r.names_ntlmssp)
    fields.append(make_field(1, der::make(der::tag::object_identifier, ntlmssp_oid)));
  if (!r.mechanism_token.empty())
    fields.append(make_field(2, der::make(der::tag::octet_string, r.mechanism_token)));
  if (!r.mic.empty())
    fields.append(make_field(3, der::make(der::tag::octet_string, r.mic)));
  return make_field(1, der::make(der::tag::sequence, fields.view()));
}

} // namespace leasebreak::smb::spnego
