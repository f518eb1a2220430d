#include "server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace leasebreak::smb::testing {

server_process::server_process(bool with_admin) : with_admin_{with_admin} {
  std::string pattern = std::filesystem::temp_directory_path() / "leasebreak-smb-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make a directory");
  directory_ = pattern;
  std::filesystem::create_directory(share());
  std::filesystem::create_directory(directory_ / "plain");
  start();
}

server_process::~server_process() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::vector<std::string> server_process::arguments() const {
  std::vector<std::string> all{SMB_SERVER, "--listen", "127.0.0.1:" + std::to_string(port_),
    "--share", "share=" + share().string() + ",ca", "--share",
    "plain=" + (directory_ / "plain").string(), "--user", "user:pass", "--user", "other:word",
    "--store", "rocksdb:" + (directory_ / "store").string(), "--log-level", "warning"};
  if (with_admin_)
    all.insert(all.end(), {"--admin", admin_socket().string()});
  return all;
}

void server_process::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  const auto texts = arguments();
  std::vector<char*> pointers;
  for (const auto& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(SMB_SERVER, pointers.data());
    std::_Exit(127);
  }
  ::close(ends[1]);
  output_ = ::fdopen(ends[0], "r");
  char line[256] = {};
  if (std::fgets(line, sizeof line, output_) == nullptr)
    throw std::runtime_error("the server does not start");
  const std::string text = line;
  port_ = static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

int server_process::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  std::fclose(output_);
  output_ = nullptr;
  return status;
}

void server_process::kill() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGKILL);
  wait();
}

int server_process::stop(int signal) {
  ::kill(pid_, signal);
  const int status = wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace leasebreak::smb::testing
