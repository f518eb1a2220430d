// An etcd that a test program starts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::cluster_engine_test {

/// Whether etcd is installed.
[[nodiscard]] bool has_etcd();

/// A folder that is removed with the object.
class folder_of_test {
public:
  folder_of_test();
  ~folder_of_test();
  folder_of_test(const folder_of_test&) = delete;
  folder_of_test& operator=(const folder_of_test&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// A single etcd on loopback with a data folder of its own. It ends with the object, and with the
/// process if that dies first.
class etcd_server {
public:
  /// With a certificate and its key, the server uses TLS. Throws if it does not start.
  explicit etcd_server(std::string certificate = {}, std::string key = {});
  ~etcd_server();
  etcd_server(const etcd_server&) = delete;
  etcd_server& operator=(const etcd_server&) = delete;

  void start();
  void stop();

  [[nodiscard]] std::string url() const;

private:
  folder_of_test folder_;
  std::uint16_t client_port_;
  std::uint16_t peer_port_;
  std::vector<std::string> tls_;
  pid_t process_ = -1;
};

/// Returns a port on loopback on which nothing listens.
[[nodiscard]] std::uint16_t free_port();

/// Runs a program to its end. Throws if it fails.
void run_program(const std::vector<std::string>& arguments);

} // namespace leasebreak::cluster_engine_test
