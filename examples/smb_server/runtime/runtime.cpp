#include <smb_server/runtime/runtime.hpp>

#include <smb_server/net/tcp_stream.hpp>

#include <utility>

namespace leasebreak::smb {

asio::any_io_executor machine::get_executor() const {
  return loops_.main().get_executor();
}

asio::any_io_executor machine::make_connection_strand() const {
  return loops_.least_used().get_executor();
}

std::vector<asio::any_io_executor> machine::loops() const {
  return loops_.executors();
}

std::chrono::steady_clock::time_point machine::now() const {
  return std::chrono::steady_clock::now();
}

std::chrono::system_clock::time_point machine::wall_now() const {
  return std::chrono::system_clock::now();
}

std::unique_ptr<other_timer> machine::make_timer(const asio::any_io_executor& /*executor*/) const {
  return nullptr;
}

std::unique_ptr<listener> machine::listen(
  const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) {
  return listen_tcp(executor, where);
}

vfs::job_runner machine::disk() {
  return {};
}

std::unique_ptr<leasebreak::coordinator> machine::make_coordinator(coordinator_config config) {
  return std::make_unique<leasebreak::coordinator>(get_executor(), std::move(config));
}

} // namespace leasebreak::smb
