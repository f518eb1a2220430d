#include "postgres_hosts.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> all;
  for (std::size_t at = 0;;) {
    const auto comma = list.find(',', at);
    all.push_back(list.substr(at, comma - at));
    if (comma == std::string::npos)
      return all;
    at = comma + 1;
  }
}

/// A host, its address and its port, as far as they are given.
struct one_host {
  std::string name;
  std::string address;
  std::string port;
};

std::vector<one_host> hosts_in(const postgres_parameters& from) {
  const auto list = [&](const char* keyword) {
    const auto found = from.find(keyword);
    return found != from.end() ? split(found->second) : std::vector<std::string>{};
  };
  const auto names = list("host");
  const auto addresses = list("hostaddr");
  const auto ports = list("port");
  std::vector<one_host> all(std::max(names.size(), addresses.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].name = i < names.size() ? names[i] : std::string();
    all[i].address = i < addresses.size() ? addresses[i] : std::string();
    // One port is for all hosts.
    if (!ports.empty())
      all[i].port = i < ports.size() ? ports[i] : ports.front();
  }
  return all;
}

void put_hosts(const std::vector<one_host>& hosts, postgres_parameters& into) {
  std::string names;
  std::string addresses;
  std::string ports;
  for (const auto& h : hosts) {
    const char* const comma = &h == hosts.data() ? "" : ",";
    names += comma + h.name;
    addresses += comma + h.address;
    ports += comma + h.port;
  }
  into["host"] = names;
  into["hostaddr"] = addresses;
  into["port"] = ports;
}

// Libpq takes a path or an abstract socket as it is.
bool is_to_be_looked_up(const one_host& h) {
  return h.address.empty() && !h.name.empty() && h.name.front() != '/' && h.name.front() != '@';
}

} // namespace

postgres_parameters parse_postgres_connection(const std::string& text) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
    PQconninfoParse(text.c_str(), &error), PQconninfoFree);
  PQfreemem(error); // it may repeat the password
  postgres_parameters all;
  for (const auto* o = parsed.get(); o != nullptr && o->keyword != nullptr; ++o)
    if (o->val != nullptr)
      all[o->keyword] = o->val;
  return all;
}

asio::awaitable<std::variant<postgres_parameters, std::string>> look_up_hosts(
  asio::any_io_executor on, postgres_parameters parameters) {
  std::vector<one_host> known;
  std::string problem;
  auto hosts = hosts_in(parameters);
  for (auto& h : hosts) {
    if (is_to_be_looked_up(h)) {
      asio::ip::tcp::resolver resolver(on);
      auto [failed, found] =
        co_await resolver.async_resolve(h.name, "", asio::as_tuple(asio::use_awaitable));
      if (failed || found.empty()) {
        problem = h.name + ": " + failed.message();
        continue;
      }
      h.address = found.begin()->endpoint().address().to_string();
    }
    known.push_back(std::move(h));
  }
  if (known.empty() && !hosts.empty())
    co_return problem;
  if (!known.empty())
    put_hosts(known, parameters);
  co_return parameters;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
