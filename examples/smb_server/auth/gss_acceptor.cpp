// GSSAPI's acceptor side, with MIT Kerberos' SPNEGO and the gss-ntlmssp mechanism.
#include <smb_server/auth/gss_acceptor.hpp>

#include <smb_server/crypto/digest.hpp>

#include <leasebreak/model/ids.hpp>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <cwctype>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace leasebreak::smb {

namespace {

std::array<char, 6> spnego_bytes{'\x2b', '\x06', '\x01', '\x05', '\x05', '\x02'};
std::array<char, 10> ntlmssp_bytes{
  '\x2b', '\x06', '\x01', '\x04', '\x01', '\x82', '\x37', '\x02', '\x02', '\x0a'};
gss_OID_desc spnego_oid{spnego_bytes.size(), spnego_bytes.data()};
gss_OID_desc ntlmssp_oid{ntlmssp_bytes.size(), ntlmssp_bytes.data()};

/// A buffer that GSSAPI allocated.
struct gss_buffer {
  gss_buffer_desc value = GSS_C_EMPTY_BUFFER;

  gss_buffer() = default;
  gss_buffer(const gss_buffer&) = delete;
  gss_buffer& operator=(const gss_buffer&) = delete;
  ~gss_buffer() {
    OM_uint32 minor = 0;
    gss_release_buffer(&minor, &value);
  }

  [[nodiscard]] bytes_view view() const noexcept {
    return {static_cast<const std::uint8_t*>(value.value), value.length};
  }
};

std::string words_of(OM_uint32 code, int type) {
  std::string result;
  OM_uint32 more = 0;
  do {
    OM_uint32 minor = 0;
    gss_buffer text;
    if (gss_display_status(&minor, code, type, GSS_C_NO_OID, &more, &text.value) != GSS_S_COMPLETE)
      break;
    if (!result.empty())
      result += "; ";
    result.append(static_cast<const char*>(text.value.value), text.value.length);
  } while (more != 0);
  return result;
}

std::string text_of(gss_name_t name) {
  gss_buffer text;
  OM_uint32 ignored = 0;
  if (gss_display_name(&ignored, name, &text.value, nullptr) != GSS_S_COMPLETE)
    return {};
  const std::string result(static_cast<const char*>(text.value.value), text.value.length);
  return result.substr(0, result.find('\0')); // counted by the mechanism
}

std::string words_of(OM_uint32 major, OM_uint32 minor) {
  return words_of(major, GSS_C_GSS_CODE) + " (" + words_of(minor, GSS_C_MECH_CODE) + ")";
}

/// The text's letters in lower case; nothing if it is not UTF-8.
std::optional<std::wstring> folded(const std::string& text) {
  std::wstring result(text.size(), L'\0');
  const std::size_t length = std::mbstowcs(result.data(), text.c_str(), result.size());
  if (length == static_cast<std::size_t>(-1))
    return std::nullopt;
  result.resize(length);
  for (wchar_t& c : result)
    c = static_cast<wchar_t>(std::towlower(static_cast<std::wint_t>(c)));
  return result;
}

/// Whether it can be a field of the users' file.
bool fits(const std::string& text) {
  return !text.empty() && text.find_first_of(std::string_view{":\n\r\0", 4}) == std::string::npos &&
    folded(text);
}

void check_account(const user_account& account) {
  if (!fits(account.first) || !fits(account.second) ||
    account.first.find('\\') != std::string::npos)
    throw std::invalid_argument("users and passwords must be UTF-8 and not empty, without a colon, "
                                "a line break or a zero, and users without a backslash: user '" +
      account.first + "'");
}

/// The mechanism finds the first one that is equal but for its case.
void check_accounts(const std::vector<user_account>& users) {
  std::set<std::wstring> names;
  for (const user_account& account : users) {
    check_account(account);
    if (!names.insert(*folded(account.first)).second)
      throw std::invalid_argument(
        "the user '" + account.first + "' is given twice; letters in either case are the same");
  }
}

/// In upper case: what clients send is compared with it letter by letter, and most of them send it
/// so (MS-NLMP 3.3.2, NTOWFv2).
std::string checked_domain(std::string domain) {
  if (!fits(domain) || domain.find_first_of("\\/") != std::string::npos)
    throw std::invalid_argument("a domain must be UTF-8 and not empty, without a colon, a slash, a "
                                "backslash, a line break or a zero: '" +
      domain + "'");
  for (char& c : domain) {
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  }
  return domain;
}

/// The mechanism compares names in the locale's encoding.
void use_utf8() {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr)
    throw std::runtime_error("there is no locale C.UTF-8");
}

/// A file in memory that only its owner may read, and that goes with the object, or with the
/// process however that ends.
class private_file {
public:
  explicit private_file(std::string_view content)
    : file_{::memfd_create("leasebreak-users", MFD_CLOEXEC)} {
    if (file_ < 0)
      throw std::system_error(errno, std::generic_category(), "cannot make a file for the users");
    const ssize_t written = ::write(file_, content.data(), content.size());
    if (written != static_cast<ssize_t>(content.size()) || ::fchmod(file_, 0600) != 0) {
      const int error = errno;
      ::close(file_);
      throw std::system_error(error, std::generic_category(), "cannot write the users' file");
    }
  }
  ~private_file() { ::close(file_); }
  private_file(const private_file&) = delete;
  private_file& operator=(const private_file&) = delete;

  /// By which this process alone opens it.
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

private:
  int file_;
};

/// In the format of Samba's smbpasswd, which has hashes. From a password gss-ntlmssp would make the
/// hash anew for each logon, and leak the algorithm that it fetches for that, some kilobytes.
std::string lines_of(const std::vector<user_account>& users, const std::string& domain) {
  const std::string no_lm_hash(32, '0');
  std::string result;
  for (const user_account& account : users) {
    result += domain + "\\" + account.first + ":0:" + no_lm_hash + ":" +
      to_hex(nt_hash(account.second)) + ":[U]:\n";
  }
  return result;
}

} // namespace

struct gss_credentials::implementation {
  std::vector<std::string> names;
  std::string domain;
  private_file users;
  gss_cred_id_t handle = GSS_C_NO_CREDENTIAL;

  implementation(const std::vector<user_account>& accounts, std::string of)
    : domain{std::move(of)}, users{lines_of(accounts, domain)} {
    for (const user_account& account : accounts)
      names.push_back(account.first);
  }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;
  ~implementation() {
    OM_uint32 minor = 0;
    gss_release_cred(&minor, &handle);
  }
};

gss_credentials::gss_credentials(
  const std::vector<user_account>& users, const std::string& domain) {
  use_utf8();
  check_accounts(users);
  implementation_ = std::make_unique<implementation>(users, checked_domain(domain));
  ::setenv("NTLM_USER_FILE", implementation_->users.path().c_str(), 1);
  ::setenv("NETBIOS_DOMAIN_NAME", implementation_->domain.c_str(), 1);
  gss_OID_set_desc spnego{1, &spnego_oid};
  OM_uint32 minor = 0;
  OM_uint32 major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &spnego, GSS_C_ACCEPT,
    &implementation_->handle, nullptr, nullptr);
  if (GSS_ERROR(major) != 0)
    throw std::runtime_error("no SPNEGO credentials: " + words_of(major, minor));
  gss_OID_set_desc ntlm{1, &ntlmssp_oid};
  major = gss_set_neg_mechs(&minor, implementation_->handle, &ntlm);
  if (GSS_ERROR(major) != 0)
    throw std::runtime_error("no NTLM mechanism (package gss-ntlmssp): " + words_of(major, minor));
}

gss_credentials::~gss_credentials() = default;

std::string gss_credentials::account_of(const std::string& told) const {
  const auto wanted = folded(told.substr(told.rfind('\\') + 1));
  for (const std::string& name : implementation_->names) {
    if (wanted && wanted == folded(name))
      return implementation_->domain + "\\" + name;
  }
  return {};
}

byte_vector gss_credentials::initial_token() const {
  gss_ctx_id_t context = GSS_C_NO_CONTEXT;
  gss_buffer_desc empty = GSS_C_EMPTY_BUFFER;
  gss_buffer out;
  OM_uint32 minor = 0;
  gss_accept_sec_context(&minor, &context, implementation_->handle, &empty,
    GSS_C_NO_CHANNEL_BINDINGS, nullptr, nullptr, &out.value, nullptr, nullptr, nullptr);
  const bytes_view token = out.view();
  byte_vector result(token.begin(), token.end());
  gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
  return result;
}

struct gss_acceptor::context {
  gss_ctx_id_t handle = GSS_C_NO_CONTEXT;

  context() = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context() {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &handle, GSS_C_NO_BUFFER);
  }

  [[nodiscard]] byte_vector session_key() const {
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor = 0;
    byte_vector result;
    const OM_uint32 major =
      gss_inquire_sec_context_by_oid(&minor, handle, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    if (major == GSS_S_COMPLETE && set != GSS_C_NO_BUFFER_SET && set->count > 0) {
      const auto* first = static_cast<const std::uint8_t*>(set->elements[0].value);
      result.assign(first, first + set->elements[0].length);
    }
    gss_release_buffer_set(&minor, &set);
    return result;
  }
};

gss_acceptor::gss_acceptor(const gss_credentials& credentials)
  : credentials_{credentials}, context_{std::make_unique<context>()} {}

gss_acceptor::~gss_acceptor() = default;

gss_step gss_acceptor::step(bytes_view token) {
  gss_buffer_desc in{token.size(), const_cast<std::uint8_t*>(token.data())};
  gss_buffer out;
  gss_name_t name = GSS_C_NO_NAME;
  OM_uint32 minor = 0;
  const OM_uint32 major =
    gss_accept_sec_context(&minor, &context_->handle, credentials_.get().handle, &in,
      GSS_C_NO_CHANNEL_BINDINGS, &name, nullptr, &out.value, nullptr, nullptr, nullptr);
  gss_step result;
  const bytes_view answer = out.view();
  result.token.assign(answer.begin(), answer.end());
  OM_uint32 ignored = 0;
  if (GSS_ERROR(major) != 0) {
    result.problem = words_of(major, minor);
  } else if ((major & GSS_S_CONTINUE_NEEDED) != 0) {
    result.result = gss_step::outcome::more;
  } else {
    user_ = credentials_.account_of(text_of(name));
    session_key_ = context_->session_key();
    if (user_.empty())
      result.problem = "the mechanism lets somebody in who has no account";
    else if (session_key_.empty())
      result.problem = "the mechanism gives no session key";
    else
      result.result = gss_step::outcome::done;
  }
  gss_release_name(&ignored, &name);
  return result;
}

} // namespace leasebreak::smb
