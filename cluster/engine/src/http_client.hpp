// POST requests to one of several servers, over connections that are kept.
#pragma once

#include <leasebreak/cluster/etcd_engine.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

struct http_answer {
  unsigned status = 0;
  std::string body;
};

class http_connection;

/// Sends requests to the first endpoint that answers, and stays with it.
class http_client {
public:
  http_client(boost::asio::any_io_executor on, std::vector<etcd_endpoint> endpoints,
    std::shared_ptr<boost::asio::ssl::context> tls, std::chrono::milliseconds timeout);
  ~http_client();

  /// Sends a request with JSON. An endpoint that does not answer in time is followed by the next,
  /// so that the request may arrive several times. Returns the answer, or why there is none.
  [[nodiscard]] boost::asio::awaitable<std::variant<http_answer, std::string>> post(
    std::string path, std::string body, std::string authorization);

private:
  using outcome = std::variant<http_answer, std::string>;

  boost::asio::awaitable<outcome> try_endpoint(std::size_t which, const std::string& path,
    const std::string& body, const std::string& authorization);
  boost::asio::awaitable<outcome> exchange(std::size_t which, const std::string& path,
    const std::string& body, const std::string& authorization);

  boost::asio::any_io_executor on_;
  std::vector<etcd_endpoint> endpoints_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  std::chrono::milliseconds timeout_;
  std::size_t current_ = 0;
  std::vector<std::unique_ptr<http_connection>> idle_; ///< All to the current endpoint.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
