#include "certificates.hpp"

#include "cluster_engine/etcd_server.hpp"

#include <utility>
#include <vector>

namespace leasebreak::cluster_net_test {

namespace ssl = boost::asio::ssl;

namespace {

std::vector<std::string> new_certificate(const std::string& name, const std::string& files) {
  return {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
    "-nodes", "-days", "2", "-subj", "/CN=" + name, "-out", files + ".pem", "-keyout",
    files + ".key"};
}

} // namespace

authority::authority(std::string folder) : folder_(std::move(folder)) {
  cluster_engine_test::run_program(new_certificate("authority", folder_ + "/ca"));
}

std::shared_ptr<ssl::context> authority::context_for(const std::string& name) const {
  const auto files = folder_ + "/" + name;
  auto arguments = new_certificate(name, files);
  for (const auto& more : std::vector<std::string>{"-addext", "subjectAltName=DNS:" + name, "-CA",
         folder_ + "/ca.pem", "-CAkey", folder_ + "/ca.key"})
    arguments.push_back(more);
  cluster_engine_test::run_program(arguments);
  auto result = context_without();
  result->use_certificate_chain_file(files + ".pem");
  result->use_private_key_file(files + ".key", ssl::context::pem);
  return result;
}

std::shared_ptr<ssl::context> authority::context_without() const {
  auto result = std::make_shared<ssl::context>(ssl::context::tls);
  result->load_verify_file(folder_ + "/ca.pem");
  return result;
}

} // namespace leasebreak::cluster_net_test
