// A connection to a service: requests and responses in JSON.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <stdexcept>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

/// An error that the service returned.
class api_error : public std::runtime_error {
public:
  api_error(std::string code, const std::string& message)
    : std::runtime_error(message), code_(std::move(code)) {}
  [[nodiscard]] const std::string& code() const noexcept { return code_; }

private:
  std::string code_;
};

/// One connection. Calls block. They throw `std::runtime_error` with a text for the operator if the
/// service cannot be reached or does not answer, and `api_error` if it refuses.
class admin_client {
public:
  /// `where` is HOST:PORT, or the path of a Unix socket, which must contain a slash. `token_file`
  /// may be empty.
  admin_client(const std::string& where, const std::string& token_file);

  [[nodiscard]] std::string get_text(const std::string& target);
  [[nodiscard]] boost::json::value get(const std::string& target);
  [[nodiscard]] boost::json::value post(const std::string& target, const boost::json::object& body);

  /// Calls `use` for each event of a stream, until it returns false or the service ends the stream.
  /// The connection cannot be used afterwards.
  void read_events(
    const std::string& target, const std::function<bool(const boost::json::object& event)>& use);

  /// Returns all pages of a listing in one object. `name` is the listing's array.
  [[nodiscard]] boost::json::object get_all(std::string target, const std::string& name);

private:
  void send(const std::string& method, const std::string& target, const std::string& body);
  std::string exchange(
    const std::string& method, const std::string& target, const std::string& body);
  void connect(const std::string& where);
  void run(const std::string& what);

  boost::asio::io_context io_;
  boost::asio::generic::stream_protocol::socket socket_;
  std::string host_;
  std::string token_;
};

/// Encodes text for a query.
[[nodiscard]] std::string percent_encoded(const std::string& text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
