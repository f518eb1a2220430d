// Certificates of nodes, made by the program openssl.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace leasebreak::cluster_net_test {

/// An authority that signs certificates in a folder.
class authority {
public:
  explicit authority(std::string folder);

  /// Returns a context with a certificate for this name, which trusts the authority.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context_for(
    const std::string& name) const;
  /// Returns a context that trusts the authority, and has no certificate.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context_without() const;

private:
  std::string folder_;
};

} // namespace leasebreak::cluster_net_test
