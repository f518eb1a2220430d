#include "etcd_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace leasebreak::cluster_engine_test {

namespace {

using boost::asio::ip::tcp;

/// Returns the path of etcd, or an empty text. scripts/test unpacks it, because Debian's package
/// would start a service.
std::string program() {
  for (const char* const path : {LEASEBREAK_UNPACKED_ETCD, "/usr/bin/etcd"})
    if (::access(path, X_OK) == 0)
      return path;
  return {};
}

pid_t spawn(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<char*> pointers;
  for (const auto& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0)
    return child;
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(125);
  ::execvp(pointers[0], pointers.data());
  ::_exit(127);
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool accepts(std::uint16_t port) {
  boost::asio::io_context io;
  tcp::socket socket(io);
  boost::system::error_code failed;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, failed);
  return !failed;
}

std::string on_loopback(std::uint16_t port, bool is_tls) {
  return (is_tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port);
}

} // namespace

bool has_etcd() {
  return !program().empty();
}

std::uint16_t free_port() {
  boost::asio::io_context io;
  const tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

void run_program(const std::vector<std::string>& arguments) {
  int status = 0;
  ::waitpid(spawn(arguments, "/dev/null"), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(arguments[0] + " failed");
}

folder_of_test::folder_of_test()
  : path_((std::filesystem::temp_directory_path() / "leasebreak-etcd-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
}

folder_of_test::~folder_of_test() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

etcd_server::etcd_server(std::string certificate, std::string key)
  : client_port_(free_port()), peer_port_(free_port()) {
  if (!certificate.empty())
    tls_ = {"--cert-file", std::move(certificate), "--key-file", std::move(key)};
  for (int tries = 1;; ++tries) {
    try {
      start();
      return;
    } catch (const std::runtime_error& e) {
      // Another program may have taken a port that was free.
      if (tries == 3 || std::string(e.what()).find("address already in use") == std::string::npos)
        throw;
    }
    client_port_ = free_port();
    peer_port_ = free_port();
  }
}

etcd_server::~etcd_server() {
  stop();
}

// Fast elections allow short leases. The log of writes need not survive a failure of the machine.
void etcd_server::start() {
  const auto peer = on_loopback(peer_port_, false);
  std::vector<std::string> arguments{program(), "--data-dir", folder_.path() + "/data",
    "--listen-client-urls", url(), "--advertise-client-urls", url(), "--listen-peer-urls", peer,
    "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
    "--heartbeat-interval", "50", "--election-timeout", "500", "--unsafe-no-fsync"};
  arguments.insert(arguments.end(), tls_.begin(), tls_.end());
  const auto log = folder_.path() + "/log";
  process_ = spawn(arguments, log);
  for (int i = 0; i != 600 && !accepts(client_port_); ++i) {
    if (::waitpid(process_, nullptr, WNOHANG) != 0) {
      process_ = -1;
      throw std::runtime_error("etcd does not start:\n" + content(log));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

void etcd_server::stop() {
  if (process_ < 0)
    return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string etcd_server::url() const {
  return on_loopback(client_port_, !tls_.empty());
}

} // namespace leasebreak::cluster_engine_test
