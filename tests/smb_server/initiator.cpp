// GSSAPI's initiator side.
#include "initiator.hpp"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include <array>
#include <stdexcept>

namespace leasebreak::smb::testing {

namespace {

std::array<char, 6> spnego_bytes{'\x2b', '\x06', '\x01', '\x05', '\x05', '\x02'};
std::array<char, 10> ntlmssp_bytes{
  '\x2b', '\x06', '\x01', '\x04', '\x01', '\x82', '\x37', '\x02', '\x02', '\x0a'};
gss_OID_desc spnego_oid{spnego_bytes.size(), spnego_bytes.data()};
gss_OID_desc ntlmssp_oid{ntlmssp_bytes.size(), ntlmssp_bytes.data()};

void check(OM_uint32 major, const char* what) {
  if (GSS_ERROR(major) != 0)
    throw std::runtime_error(what);
}

gss_name_t import(std::string text, gss_OID type) {
  gss_buffer_desc buffer{text.size(), text.data()};
  gss_name_t name = GSS_C_NO_NAME;
  OM_uint32 minor = 0;
  check(gss_import_name(&minor, &buffer, type, &name), "gss_import_name");
  return name;
}

} // namespace

struct initiator::state {
  gss_name_t user = GSS_C_NO_NAME;
  gss_name_t target = GSS_C_NO_NAME;
  gss_cred_id_t credentials = GSS_C_NO_CREDENTIAL;
  gss_ctx_id_t context = GSS_C_NO_CONTEXT;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &credentials);
    gss_release_name(&minor, &user);
    gss_release_name(&minor, &target);
  }
};

initiator::initiator(const std::string& user, const std::string& password)
  : state_{std::make_unique<state>()} {
  state_->user = import("WORKGROUP\\" + user, GSS_C_NT_USER_NAME);
  state_->target = import("cifs@localhost", GSS_C_NT_HOSTBASED_SERVICE);
  std::string copy = password;
  gss_buffer_desc secret{copy.size(), copy.data()};
  gss_OID_set_desc spnego{1, &spnego_oid};
  gss_OID_set_desc ntlm{1, &ntlmssp_oid};
  OM_uint32 minor = 0;
  check(gss_acquire_cred_with_password(&minor, state_->user, &secret, GSS_C_INDEFINITE, &spnego,
          GSS_C_INITIATE, &state_->credentials, nullptr, nullptr),
    "gss_acquire_cred_with_password");
  check(gss_set_neg_mechs(&minor, state_->credentials, &ntlm), "gss_set_neg_mechs");
}

initiator::~initiator() = default;

byte_vector initiator::step(bytes_view token) {
  gss_buffer_desc in{token.size(), const_cast<std::uint8_t*>(token.data())};
  gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
  OM_uint32 minor = 0;
  const OM_uint32 major = gss_init_sec_context(&minor, state_->credentials, &state_->context,
    state_->target, &spnego_oid, GSS_C_INTEG_FLAG, GSS_C_INDEFINITE, GSS_C_NO_CHANNEL_BINDINGS, &in,
    nullptr, &out, nullptr, nullptr);
  const auto* first = static_cast<const std::uint8_t*>(out.value);
  byte_vector result(first, first + out.length);
  gss_release_buffer(&minor, &out);
  check(major, "gss_init_sec_context");
  return result;
}

byte_vector initiator::session_key() const {
  gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
  OM_uint32 minor = 0;
  byte_vector result;
  if (gss_inquire_sec_context_by_oid(&minor, state_->context, GSS_C_INQ_SSPI_SESSION_KEY, &set) ==
      GSS_S_COMPLETE &&
    set->count > 0) {
    const auto* first = static_cast<const std::uint8_t*>(set->elements[0].value);
    result.assign(first, first + set->elements[0].length);
  }
  gss_release_buffer_set(&minor, &set);
  return result;
}

} // namespace leasebreak::smb::testing
