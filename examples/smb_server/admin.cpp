// See admin.hpp.
#include <smb_server/admin.hpp>

#include <smb_server/options.hpp>
#include <smb_server/server.hpp>

#ifdef LEASEBREAK_SMB_ADMIN
#include <leasebreak/admin/service.hpp>
#include <leasebreak/model/quoted.hpp>
#endif

#include <stdexcept>
#include <utility>

namespace leasebreak::smb {

std::shared_ptr<void> report_events(
  [[maybe_unused]] const admin_options& wanted, [[maybe_unused]] coordinator_config& config) {
#ifdef LEASEBREAK_SMB_ADMIN
  if (wanted.socket_path.empty() && wanted.address.empty())
    return nullptr;
  auto feed = std::make_shared<admin::event_feed>();
  config.on_event = [feed](const event& e) { feed->publish(e); };
  return feed;
#else
  return nullptr;
#endif
}

std::shared_ptr<void> start_admin(
  server& host, boost::asio::any_io_executor executor, std::shared_ptr<spdlog::logger> logger) {
  const admin_options& wanted = host.options().admin;
  if (wanted.socket_path.empty() && wanted.address.empty())
    return nullptr;
#ifdef LEASEBREAK_SMB_ADMIN
  admin::service_options o;
  o.socket_path = wanted.socket_path;
  o.address = wanted.address;
  o.port = wanted.port;
  o.token_file = wanted.token_file;
  o.version = LEASEBREAK_SMB_ADMIN;
  o.logger = std::move(logger);
  o.events = std::static_pointer_cast<admin::event_feed>(host.events());
  o.disconnect = [&host](const client_guid& client) { return host.clients().disconnect(client); };
  auto service =
    std::make_shared<admin::service>(std::move(executor), host.coordinator(), std::move(o));
  if (!wanted.socket_path.empty())
    host.log().info("admin service on {}", quoted(wanted.socket_path));
  if (!wanted.address.empty())
    host.log().info("admin service on {}:{}", wanted.address, service->port());
  return service;
#else
  throw std::runtime_error("--admin: this program was built without LEASEBREAK_ADMIN");
#endif
}

} // namespace leasebreak::smb
