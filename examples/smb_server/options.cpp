// The command line and the configuration file, through CLI11.
#include <smb_server/options.hpp>

#include <smb_server/service/config_file.hpp>
#include <smb_server/service/run_settings.hpp>

#include <CLI/CLI.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>
#include <memory>
#include <sstream>
#include <stdexcept>

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

/// The text is not repeated if it is wrong: it may be a password.
std::pair<std::string, std::string> parse_user(const std::string& option, const std::string& text) {
  const auto mark = text.find(':');
  if (mark == std::string::npos || mark == 0 || mark + 1 == text.size())
    throw CLI::ValidationError(option, "a user is not of the form NAME:PASSWORD");
  return {text.substr(0, mark), text.substr(mark + 1)};
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

void set_admin(admin_options& o, const std::vector<std::string>& places) {
  for (const auto& where : places) {
    const bool is_path = where.find('/') != std::string::npos;
    if (!(is_path ? o.socket_path : o.address).empty())
      throw CLI::ValidationError("--admin", "give one path and one address at most");
    if (is_path)
      o.socket_path = where;
    else if (!where.empty())
      set_endpoint("--admin", where, o.address, o.port);
  }
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

namespace {

/// What the command line and the file say, before it is taken apart.
struct raw_options {
  std::string listen = "127.0.0.1:4450";
  std::vector<std::string> shares;
  std::vector<std::string> users;
  std::vector<std::string> admin;
  double break_timeout = 35;
  double answer_timeout = 120;
  unsigned poll_us = 200;
  int cluster_lease = 5;
  std::string cluster_user;
};

void add_what_is_served(CLI::App& app, server_options& o, raw_options& raw) {
  app.add_option("--listen", raw.listen, "ADDRESS:PORT; port 0 takes one that is free")
    ->capture_default_str();
  app
    .add_option("--share", raw.shares,
      std::string{share_form} +
        ", a directory to serve; ca: opens may be persistent; leases: what clients may cache, full "
        "unless told otherwise; a comma in PATH is written twice; may be repeated")
    ->required();
  app.add_option("--user", raw.users, "NAME:PASSWORD, who may log on; may be repeated")->required();
  app
    .add_option("--domain", o.domain,
      "The domain that the server names to clients, and in its log. Clients may log on with any")
    ->capture_default_str();
  app.add_option("--store", o.store, "memory, rocksdb:PATH or postgres:URI")->capture_default_str();
  app.add_flag(
    "--require-signing", o.require_signing, "Refuse what a session sends without a signature");
}

void add_times_and_limits(CLI::App& app, server_options& o, raw_options& raw) {
  app.add_option("--break-timeout", raw.break_timeout, "Seconds until a break expires")
    ->check(CLI::Range(0.1, 3600.0))
    ->capture_default_str();
  app
    .add_option("--answer-timeout", raw.answer_timeout,
      "Seconds until a client that takes none of the answers which wait for it loses its "
      "connection; not less than --break-timeout")
    ->check(CLI::Range(0.1, 86400.0))
    ->capture_default_str();
  app.add_option("--set", o.settings,
    "[SHARE:]NAME=VALUE, a setting of leases and locks, such as limit.opens_total=100000 or "
    "docs:break_timeout=20s; may be repeated");
  app
    .add_option(
      "--threads", o.threads, "Event loops with one thread each, over which connections are spread")
    ->check(CLI::Range(1, 256))
    ->capture_default_str();
  app
    .add_option("--poll-us", raw.poll_us,
      "Microseconds that an event loop may look for work before its thread sleeps, if that has "
      "paid "
      "lately; 0: never")
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
}

void add_what_operators_see(CLI::App& app, server_options& o, raw_options& raw) {
  app.add_option("--log-level", o.log_level, "trace, debug, info, warning, error or off")
    ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
    ->capture_default_str();
  app.add_option("--log-format", o.log_format, "text, or json: one object a line")
    ->check(CLI::IsMember({"text", "json"}))
    ->capture_default_str();
  app.add_option("--admin", raw.admin,
    "PATH|ADDRESS:PORT of the service for operators, which leasebreakctl asks: a Unix socket, "
    "whose path has a slash, or a loopback address; may be given twice, once for each");
  app.add_option("--admin-token", o.admin.token_file,
    "File with the tokens for that address, which only its owner may read");
}

void add_cluster(CLI::App& app, cluster_options& o, raw_options& raw) {
  app.add_option("--cluster", o.engine,
    "etcd:URL[,URL]... or postgres:CONNECTION, the engine of a cluster of servers that export the "
    "same directories; clients of each server then respect what clients of the others cache");
  app.add_option(
    "--cluster-user", raw.cluster_user, "NAME:PASSWORD, if etcd wants to know who asks");
  app.add_option("--cluster-name", o.name, "The name of the cluster")->capture_default_str();
  app.add_option(
    "--cluster-node", o.node, "The name of this server, unique in the cluster; the host's if none");
  app.add_option("--cluster-listen", o.listen, "ADDRESS:PORT for the other servers")
    ->capture_default_str();
  app.add_option("--cluster-certificate", o.certificate,
    "PEM file with the certificate for the name of this server; without one, all servers must be "
    "on this machine");
  app.add_option("--cluster-key", o.key, "PEM file with the key of that certificate");
  app.add_option("--cluster-authority", o.authority,
    "PEM file with the certificate of the authority that has signed those of all servers");
  app
    .add_option("--cluster-lease", raw.cluster_lease,
      "Seconds until others take over from a server that has died; the same on all servers")
    ->check(CLI::Range(2, 600))
    ->capture_default_str();
}

std::string named_file(const CLI::Option& o) {
  return o.empty() ? "" : o.as<std::string>();
}

/// A server of a cluster has no store.
void check_cluster(const server_options& o) {
  const cluster_options& c = o.cluster;
  if (c.engine.empty())
    return;
  // The text is not shown, since it may have a password.
  if (!c.engine.starts_with("etcd:") && !c.engine.starts_with("postgres"))
    throw CLI::ValidationError("--cluster", "an engine is etcd:URL or postgres:CONNECTION");
  if (!c.engine.starts_with("etcd:") && !c.user.first.empty())
    throw CLI::ValidationError("--cluster-user", "it is for etcd; PostgreSQL's is in CONNECTION");
  if (o.store != "memory")
    throw CLI::ValidationError("--store", "a server in a cluster has no store");
  for (const share_definition& s : o.shares)
    if (s.options.continuously_available)
      throw CLI::ValidationError(
        "--share", "the option ca of share " + s.name + " is not available in a cluster");
  const bool has_all = !c.certificate.empty() && !c.key.empty() && !c.authority.empty();
  if (!has_all && !(c.certificate + c.key + c.authority).empty())
    throw CLI::ValidationError("--cluster-certificate",
      "give --cluster-certificate, --cluster-key and --cluster-authority together");
}

/// Throws as CLI11 does.
void take_apart(const CLI::App& app, server_options& o, raw_options& raw) {
  set_endpoint("--listen", raw.listen, o.address, o.port);
  set_admin(o.admin, raw.admin);
  for (const std::string& s : raw.shares)
    o.shares.push_back(parse_share(s));
  for (const std::string& u : raw.users)
    o.users.push_back(parse_user("--user", u));
  if (app.count("--answer-timeout") == 0)
    raw.answer_timeout = std::max(raw.answer_timeout, raw.break_timeout);
  if (raw.answer_timeout < raw.break_timeout)
    throw CLI::ValidationError("--answer-timeout", "it is shorter than --break-timeout");
  o.break_timeout = std::chrono::milliseconds{static_cast<std::int64_t>(raw.break_timeout * 1000)};
  o.limits.answer_taken_time =
    std::chrono::milliseconds{static_cast<std::int64_t>(raw.answer_timeout * 1000)};
  o.limits.silent_per_address = std::max<std::size_t>(o.limits.connections_per_address / 2, 1);
  o.poll_time = std::chrono::microseconds{raw.poll_us};
  o.cluster.lease = std::chrono::seconds{raw.cluster_lease};
  if (!raw.cluster_user.empty())
    o.cluster.user = parse_user("--cluster-user", raw.cluster_user);
  check_cluster(o);
  static_cast<void>(settings_of(o));
}

} // namespace

parsed_options parse_options(int argc, const char* const* argv) {
  server_options o;
  raw_options raw;
  CLI::App app{"An SMB2/3 server whose leases, oplocks and locks are decided by leasebreak"};
  add_what_is_served(app, o, raw);
  add_times_and_limits(app, o, raw);
  add_what_operators_see(app, o, raw);
  add_cluster(app, o.cluster, raw);
  const auto file = std::make_shared<config_file>(app);
  app.config_formatter(file);
  const auto* const named = app.set_config("--config", "",
    "File with a line 'option = value' for each option, without dashes; SIGHUP reads it again. "
    "Options of the command line take precedence");
  app.add_flag("--check-config", o.check_only, "Check the options, and serve nothing")
    ->configurable(false);
  const auto place = [&](const std::string& message) {
    return o.config_file.empty() ? "" : o.config_file + ": " + file->line_of(message);
  };
  try {
    app.parse(argc, argv);
    o.config_file = named_file(*named);
    take_apart(app, o, raw);
  } catch (const CLI::Success& e) {
    std::ostringstream out;
    const int status = app.exit(e, out, out);
    return {std::nullopt, out.str(), status};
  } catch (const CLI::ParseError& e) {
    o.config_file = named_file(*named);
    return {std::nullopt, place(e.what()) + e.what() + "\nRun with --help for more information.\n",
      e.get_exit_code()};
  } catch (const std::invalid_argument& e) {
    return {std::nullopt, place(e.what()) + e.what() + "\n", 1};
  }
  return {std::move(o), {}, 0};
}

} // namespace leasebreak::smb
