// See service_fixture.hpp.
#include "service_fixture.hpp"

#include <boost/asio/use_future.hpp>

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {

admin_service::admin_service()
  : folder_("/tmp/leasebreak_admin_XXXXXX"),
    logger_(std::make_shared<spdlog::logger>(
      "admin", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_))),
    work_(io.get_executor()) {
  if (::mkdtemp(folder_.data()) == nullptr)
    throw std::runtime_error("no temporary folder");
  logger_->set_pattern("%l %v");
  coordinator_config config;
  config.on_event = [this](const event& e) { feed->publish(e); };
  leases = std::make_unique<coordinator>(io.get_executor(), std::move(config));
  leases->register_client(
    alice,
    [this](const auto&, const auto&, const auto&) {
      if (!was_asked_.exchange(true))
        alice_is_asked_.set_value();
    },
    "alice at 10.0.0.1");
  leases->register_client(
    bob, [](const auto&, const auto&, const auto&) {}, "bob at 10.0.0.2");
  loop_ = std::thread([this] { io.run(); });
}

admin_service::~admin_service() {
  stop();
  std::filesystem::remove_all(folder_);
}

service_options admin_service::options() const {
  service_options o;
  o.socket_path = socket_path();
  o.logger = logger_;
  o.version = "test";
  o.events = feed;
  return o;
}

void admin_service::start(service_options o) {
  admin = std::make_unique<service>(io.get_executor(), *leases, std::move(o));
}

void admin_service::stop() {
  admin.reset();
  leases.reset();
  work_.reset();
  if (loop_.joinable())
    loop_.join(); // ends, since the loop has no more work
}

open_request admin_service::request(
  const client_guid& client, const std::string& path, std::uint64_t key) {
  open_request r;
  r.file = "id of " + path;
  r.client = client;
  r.share = "docs";
  r.root = "root";
  r.path = path;
  r.lease.emplace();
  r.lease->key = lease_key::of(key);
  r.lease->state = lease_state::rwh;
  return r;
}

open_result admin_service::open(
  const client_guid& client, const std::string& path, std::uint64_t key) {
  auto opened = leases->async_open(request(client, path, key), boost::asio::use_future).get();
  opened.answer.sent();
  return opened;
}

std::future<error_code> admin_service::make_bob_wait(const std::string& path) {
  open(alice, path, 1);
  auto done = std::make_shared<std::promise<error_code>>();
  leases->async_open(request(bob, path, 2),
    [done](error_code error, const open_result&) { done->set_value(error); });
  alice_is_asked_.get_future().wait();
  return done->get_future();
}

std::string admin_service::write_tokens() {
  const auto name = folder_ + "/tokens";
  std::ofstream(name) << "read " << reading_token << "\nact " << acting_token << "\n";
  ::chmod(name.c_str(), 0600);
  return name;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test
