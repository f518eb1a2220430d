// See configured_server.hpp.
#include "configured_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace leasebreak::smb::testing {

namespace {

/// A test that would hang fails instead.
bool is_ready(int descriptor) {
  constexpr int patience_ms = 60'000;
  pollfd wanted{descriptor, POLLIN, 0};
  return ::poll(&wanted, 1, patience_ms) > 0;
}

} // namespace

notify_socket::notify_socket(const std::filesystem::path& directory)
  : path_{(directory / "notify").string()}, socket_{
                                              ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path_.c_str(), sizeof at.sun_path - 1);
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    throw std::runtime_error("cannot bind " + path_);
}

notify_socket::~notify_socket() {
  ::close(socket_);
}

std::string notify_socket::next() {
  char buffer[512];
  const auto n = is_ready(socket_) ? ::recv(socket_, buffer, sizeof buffer, 0) : 0;
  return {buffer, n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::string notify_socket::next_but(const std::string& not_this) {
  std::string text = next();
  while (text == not_this)
    text = next();
  return text;
}

configured_server::configured_server() {
  std::string pattern = std::filesystem::temp_directory_path() / "leasebreak-smb-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make a directory");
  directory_ = pattern;
  make_directory("share");
  configure();
  start();
}

configured_server::~configured_server() {
  if (pid_ != 0)
    stop(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path configured_server::make_directory(const std::string& name) const {
  std::filesystem::create_directory(directory_ / name);
  return directory_ / name;
}

void configured_server::configure(const std::string& more) {
  std::ofstream file{config()};
  file << "listen = 127.0.0.1:0\nshare = share=" << (directory_ / "share").string() << share_options
       << "\n"
       << users;
  for (const std::string line : {"threads = 2\n", "break-timeout = 300\n"})
    if (more.find(line.substr(0, line.find('=') + 1)) == std::string::npos)
      file << line;
  file << more;
}

void configured_server::start(const std::string& notify) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  const auto copy = directory_ / "smb_server"; // where any user can read it
  if (is_unprivileged)
    std::filesystem::copy_file(SMB_SERVER, copy, std::filesystem::copy_options::overwrite_existing);
  pid_ = ::fork();
  if (pid_ == 0)
    run(ends[1], notify);
  ::close(ends[1]);
  output_ = ends[0];
  std::string line;
  while (line.find("listening on ") == std::string::npos)
    line = next_line();
  port_ = static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

/// In the child. The test has one thread when it starts a server.
void configured_server::run(int output, const std::string& notify) const {
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  if (!notify.empty())
    ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
  if (watchdog_us != 0)
    ::setenv("WATCHDOG_USEC", std::to_string(watchdog_us).c_str(), 1);
  if (is_unprivileged)
    ::execl(UNPRIVILEGED, UNPRIVILEGED, directory_.c_str(), (directory_ / "smb_server").c_str(),
      "--config", config().c_str(), nullptr);
  else
    ::execl(SMB_SERVER, SMB_SERVER, "--config", config().c_str(), nullptr);
  std::_Exit(127);
}

void configured_server::signal(int number) const {
  ::kill(pid_, number);
}

std::string configured_server::next_line() {
  auto end = pending_.find('\n');
  while (end == std::string::npos) {
    char buffer[4096];
    const auto n = is_ready(output_) ? ::read(output_, buffer, sizeof buffer) : 0;
    if (n <= 0)
      throw std::runtime_error("the server's output has ended: " + said_ + pending_);
    pending_.append(buffer, static_cast<std::size_t>(n));
    end = pending_.find('\n');
  }
  const std::string line = pending_.substr(0, end + 1);
  pending_.erase(0, end + 1);
  said_ += line;
  return line;
}

void configured_server::wait_for(const std::string& part) {
  while (next_line().find(part) == std::string::npos) {
  }
}

int configured_server::stop(int signal) {
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  ::close(output_);
  pending_.clear();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

configured_server::result configured_server::check() const {
  result r;
  const std::string line =
    std::string("\"") + SMB_SERVER + "\" --config '" + config() + "' --check-config 2>&1";
  auto* const output = ::popen(line.c_str(), "r");
  char part[1024];
  while (output != nullptr && std::fgets(part, sizeof part, output) != nullptr)
    r.said += part;
  const int status = output != nullptr ? ::pclose(output) : -1;
  r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return r;
}

} // namespace leasebreak::smb::testing
