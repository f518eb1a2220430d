// PostgreSQL refuses to run as root, so that for root it runs as the user postgres.
#include "postgres_server.hpp"

#include <leasebreak/persistence/postgres_store.hpp>

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace leasebreak::test {

namespace {

constexpr const char* binaries = LEASEBREAK_POSTGRES_BINARIES;

// The account of the server's programs.
struct account {
  uid_t user;
  gid_t group;
  std::string name;
};

account server_account() {
  const auto* entry = ::geteuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::geteuid());
  if (entry == nullptr)
    throw std::runtime_error("no account to run PostgreSQL as");
  return {entry->pw_uid, entry->pw_gid, entry->pw_name};
}

// Starts a program under the server's account, with its output in `log`. It receives `at_our_end`
// when the thread that started it ends.
pid_t spawn(const account& as, const std::vector<std::string>& arguments, const std::string& log,
  int at_our_end) {
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
  if (::geteuid() == 0 &&
    (::setgroups(0, nullptr) != 0 || ::setgid(as.group) != 0 || ::setuid(as.user) != 0))
    ::_exit(126);
  // After the change of the user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, at_our_end);
  if (::getppid() != parent)
    ::_exit(125);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void run(const account& as, const std::vector<std::string>& arguments, const std::string& log) {
  int status = 0;
  ::waitpid(spawn(as, arguments, log, SIGKILL), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(arguments[0] + " failed:\n" + content(log));
}

// Returns the children of a process, from /proc.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    const auto stat = content(entry.path() / "stat");
    const auto after_name = stat.rfind(") ");
    if (after_name == std::string::npos)
      continue;
    std::istringstream rest(stat.substr(after_name + 2));
    char state = 0;
    pid_t its_parent = 0;
    rest >> state >> its_parent;
    if (its_parent == parent)
      children.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return children;
}

} // namespace

postgres_server::postgres_server() {
  const auto as = server_account();
  if (::chown(directory_.path().c_str(), as.user, as.group) != 0)
    throw std::system_error(errno, std::generic_category(), "chown");
  run(as,
    {std::string{binaries} + "/initdb", "-D", directory_.path() + "/data", "-U", "postgres",
      "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"},
    directory_.path() + "/log");
  start();
}

postgres_server::~postgres_server() {
  stop();
}

void postgres_server::start() {
  const auto log = directory_.path() + "/log";
  // SIGQUIT means "immediate shutdown", and ends the server's children, too.
  server_ = spawn(server_account(),
    {std::string{binaries} + "/postgres", "-D", directory_.path() + "/data", "-k",
      directory_.path(), "-h", "", "-F", "-c", "max_connections=50", "-c", "shared_buffers=16MB"},
    log, SIGQUIT);
  // The server is ready when a connection works; the only way to wait for that is to poll.
  for (int attempt = 0; attempt < 600; ++attempt) {
    int status = 0;
    if (::waitpid(server_, &status, WNOHANG) == server_)
      break;
    const auto state = PQping(connection().c_str());
    if (state == PQPING_OK)
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  server_ = -1;
  throw std::runtime_error("PostgreSQL did not start:\n" + content(log));
}

void postgres_server::stop() {
  if (server_ <= 0)
    return;
  thaw();
  ::kill(server_, SIGINT);
  int status = 0;
  ::waitpid(server_, &status, 0);
  server_ = -1;
}

void postgres_server::signal_all(int signal) const {
  // The postmaster first, so that it starts no more processes.
  ::kill(server_, signal);
  for (const auto child : children_of(server_))
    ::kill(child, signal);
}

void postgres_server::freeze() {
  signal_all(SIGSTOP);
}

void postgres_server::thaw() {
  signal_all(SIGCONT);
}

std::string postgres_server::connection(const std::string& schema) const {
  return "host=" + directory_.path() +
    " user=postgres dbname=postgres options=-csearch_path=" + schema;
}

std::string postgres_server::sql(const std::string& statement, const std::string& schema) const {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> session(
    PQconnectdb(connection(schema).c_str()), PQfinish);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
    PQexec(session.get(), statement.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(statement + ": " + PQerrorMessage(session.get()));
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

std::size_t postgres_server::logged(const std::string& text) const {
  const auto log = content(directory_.path() + "/log");
  std::size_t count = 0;
  for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
    ++count;
  return count;
}

postgres_server& shared_postgres() {
  static postgres_server server;
  return server;
}

postgres_site::postgres_site() {
  static int number = 0;
  schema_ = "site" + std::to_string(++number);
  shared_postgres().sql("CREATE SCHEMA " + schema_);
}

postgres_site::~postgres_site() {
  try {
    // Even while a store of the test is still open.
    sql("SET client_min_messages = warning; DROP SCHEMA " + schema_ + " CASCADE");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
}

std::unique_ptr<lock_store> postgres_site::open(bool durable) {
  auto opened = open_postgres_store(connection(), {.durable = durable});
  if (!opened.ok())
    throw std::runtime_error(opened.status.detail);
  return std::move(opened.value);
}

std::string postgres_site::connection() const {
  return shared_postgres().connection(schema_);
}

std::string postgres_site::sql(const std::string& statement) const {
  return shared_postgres().sql(statement, schema_);
}

store_kind postgres_kind() {
  return {"postgres", [] { return std::make_unique<postgres_site>(); }};
}

} // namespace leasebreak::test
