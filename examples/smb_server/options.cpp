// The command line, through CLI11.
#include <smb_server/options.hpp>

#include <CLI/CLI.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace leasebreak::smb {

namespace {

/// Cuts `text` at the first `mark`; throws with `what` if there is none, or a half is empty.
std::pair<std::string, std::string> cut(
  const std::string& text, char mark, const std::string& what) {
  const std::size_t at = text.find(mark);
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    throw CLI::ValidationError(what, "'" + text + "' is not of the form " + what);
  return {text.substr(0, at), text.substr(at + 1)};
}

constexpr auto share_form = "NAME=PATH[,ca][,leases=full|shared|none]";

[[noreturn]] void refuse_share(const std::string& text, const std::string& why) {
  throw CLI::ValidationError("--share", "'" + text + "': " + why);
}

/// Splits at single commas; two of them are one that belongs to the part.
std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',') {
      parts.back().push_back(text[i]);
    } else if (i + 1 < text.size() && text[i + 1] == ',') {
      parts.back().push_back(',');
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

void set_share_option(share_options& o, const std::string& option, const std::string& text) {
  if (option == "ca")
    o.continuously_available = true;
  else if (option == "leases=full")
    o.leases = lease_state::rwh;
  else if (option == "leases=shared")
    o.leases = lease_state::r;
  else if (option == "leases=none")
    o.leases = lease_state::none;
  else
    refuse_share(text,
      "'" + option + "' is none of ca, leases=full, leases=shared and " +
        "leases=none; write a comma in the path twice");
}

share_definition parse_share(const std::string& text) {
  auto [name, rest] = cut(text, '=', std::string{"--share "} + share_form);
  const std::vector<std::string> parts = split_at_commas(rest);
  if (name.find_first_of("\\/") != std::string::npos)
    refuse_share(text, "a share's name has no slash or backslash: no client could say it");
  if (parts.front().empty())
    refuse_share(text, "there is no path");
  share_definition share{std::move(name), parts.front(), {}};
  for (std::size_t i = 1; i < parts.size(); ++i)
    set_share_option(share.options, parts[i], text);
  return share;
}

/// `ADDRESS:PORT`, of `option`.
void set_endpoint(
  const std::string& option, const std::string& text, std::string& address, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (number.empty() || colon == 0 || error != std::errc{} || end != number.data() + number.size())
    throw CLI::ValidationError(option, "'" + text + "' is not of the form ADDRESS:PORT");
  address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  boost::system::error_code wrong;
  static_cast<void>(boost::asio::ip::make_address(address, wrong));
  if (wrong)
    throw CLI::ValidationError(option, "'" + text + "': '" + address + "' is no IP address");
}

void set_admin(admin_options& o, const std::string& where) {
  if (where.find('/') != std::string::npos)
    o.socket_path = where;
  else if (!where.empty())
    set_endpoint("--admin", where, o.address, o.port);
  if (!o.address.empty() && o.token_file.empty())
    throw CLI::ValidationError("--admin", "an address needs --admin-token");
}

} // namespace

server_limits server_limits::within(std::size_t descriptors) const {
  constexpr std::size_t for_the_server = 128; // the store's files, the log, and what is looked up
  const std::size_t rest = descriptors - std::min(for_the_server, descriptors / 2);
  server_limits result = *this;
  result.connections = std::min(connections, std::max<std::size_t>(rest / 4, 1));
  const auto scaled = [&](std::size_t share) {
    return std::max<std::size_t>(
      share * result.connections / std::max<std::size_t>(connections, 1), 1);
  };
  result.connections_per_address = scaled(connections_per_address);
  result.silent_per_address = scaled(silent_per_address);
  const std::size_t left = rest - std::min(rest, result.connections);
  result.opens = std::min(opens, left);
  result.opens_per_user = std::min(opens_per_user, std::max<std::size_t>(left / 2, 1));
  result.opens_per_connection = std::min(opens_per_connection, std::max<std::size_t>(left / 4, 1));
  return result;
}

parsed_options parse_options(int argc, const char* const* argv) {
  server_options o;
  std::string listen = "127.0.0.1:4450";
  std::vector<std::string> shares;
  std::vector<std::string> users;
  std::string admin;
  double break_timeout = 35;
  double answer_timeout = 120;
  unsigned poll_us = 200;
  CLI::App app{"An SMB2/3 server whose leases, oplocks and locks are decided by leasebreak"};
  app.add_option("--listen", listen, "ADDRESS:PORT; port 0 takes one that is free")
    ->capture_default_str();
  app
    .add_option("--share", shares,
      std::string{share_form} +
        ", a directory to serve; ca: opens may be persistent; leases: what clients may cache, full "
        "unless told otherwise; a comma in PATH is written twice; may be repeated")
    ->required();
  app.add_option("--user", users, "NAME:PASSWORD, who may log on; may be repeated")->required();
  app
    .add_option("--domain", o.domain,
      "The domain that the server names to clients, and in its log. Clients may log on with any")
    ->capture_default_str();
  app.add_option("--store", o.store, "memory, rocksdb:PATH or postgres:URI")->capture_default_str();
  app.add_flag(
    "--require-signing", o.require_signing, "Refuse what a session sends without a signature");
  app.add_option("--break-timeout", break_timeout, "Seconds until a break expires")
    ->check(CLI::Range(0.1, 3600.0))
    ->capture_default_str();
  app
    .add_option("--answer-timeout", answer_timeout,
      "Seconds until a client that takes none of the answers which wait for it loses its "
      "connection; not less than --break-timeout")
    ->check(CLI::Range(0.1, 86400.0))
    ->capture_default_str();
  app.add_option("--threads", o.threads, "Threads of the event loop")
    ->check(CLI::Range(1, 256))
    ->capture_default_str();
  app
    .add_option("--poll-us", poll_us,
      "Microseconds that a single thread of the event loop may look for work before it sleeps, if "
      "that has paid lately; 0: never")
    ->check(CLI::Range(0, 10'000))
    ->capture_default_str();
  app.add_option("--disk-threads", o.disk_threads, "Threads for the file system")
    ->check(CLI::Range(1, 256))
    ->capture_default_str();
  app
    .add_option("--connections-per-address", o.limits.connections_per_address,
      "Connections of one address; half of them may be without a session so far")
    ->check(CLI::Range(1, 1'024))
    ->capture_default_str();
  app.add_option("--log-level", o.log_level, "trace, debug, info, warning, error or off")
    ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
    ->capture_default_str();
  app.add_option("--admin", admin,
    "PATH|ADDRESS:PORT of the service for operators, which leasebreakctl asks: a Unix socket, "
    "whose "
    "path has a slash, or a loopback address");
  app.add_option("--admin-token", o.admin.token_file,
    "File with the tokens for that address, which only its owner may read");
  try {
    app.parse(argc, argv);
    set_endpoint("--listen", listen, o.address, o.port);
    set_admin(o.admin, admin);
    for (const std::string& s : shares)
      o.shares.push_back(parse_share(s));
    for (const std::string& u : users)
      o.users.push_back(cut(u, ':', "--user NAME:PASSWORD"));
    if (app.count("--answer-timeout") == 0)
      answer_timeout = std::max(answer_timeout, break_timeout);
    if (answer_timeout < break_timeout)
      throw CLI::ValidationError("--answer-timeout", "it is shorter than --break-timeout");
  } catch (const CLI::ParseError& e) {
    std::ostringstream out;
    const int status = app.exit(e, out, out);
    return {std::nullopt, out.str(), status};
  }
  o.break_timeout = std::chrono::milliseconds{static_cast<std::int64_t>(break_timeout * 1000)};
  o.limits.answer_taken_time =
    std::chrono::milliseconds{static_cast<std::int64_t>(answer_timeout * 1000)};
  o.limits.silent_per_address = std::max<std::size_t>(o.limits.connections_per_address / 2, 1);
  o.poll_time = std::chrono::microseconds{poll_us};
  return {std::move(o), {}, 0};
}

} // namespace leasebreak::smb
