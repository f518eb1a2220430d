// See admin.hpp.
#include <smb_server/admin.hpp>

#include <smb_server/options.hpp>
#include <smb_server/server.hpp>

#ifdef LEASEBREAK_SMB_ADMIN
#include <leasebreak/admin/service.hpp>
#include <leasebreak/model/quoted.hpp>
#endif

#if defined(LEASEBREAK_SMB_ADMIN) && defined(LEASEBREAK_SMB_CLUSTER)
#include <smb_server/membership.hpp>

#include <leasebreak/cluster/member.hpp>
#endif

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace leasebreak::smb {

#if defined(LEASEBREAK_SMB_ADMIN) && defined(LEASEBREAK_SMB_CLUSTER)

namespace {

admin::cluster_report report_of(const std::string& name, const cluster::member_status& s) {
  admin::cluster_report r;
  r.name = name;
  r.stage = cluster::to_string(s.stage);
  r.run = static_cast<std::uint64_t>(s.run);
  r.view = s.view;
  for (const auto& m : s.members)
    r.servers.push_back(
      {m.who.name, static_cast<std::uint64_t>(m.who.node), m.who.address, m.slots, m.is_silent});
  r.slots = s.slots;
  r.served = s.served;
  r.pending = s.pending;
  return r;
}

void show_cluster(admin::service_options& o, const std::shared_ptr<cluster_membership>& in) {
  if (in == nullptr)
    return;
  o.cluster = [of = std::weak_ptr(in)](std::function<void(admin::cluster_report)> to) {
    const auto in_use = of.lock();
    if (in_use == nullptr)
      return;
    member_of(*in_use)->status(
      [name = name_of(*in_use), to = std::move(to)](const auto& now) { to(report_of(name, now)); });
  };
}

} // namespace

#endif

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
#ifdef LEASEBREAK_SMB_CLUSTER
  show_cluster(o, host.membership());
#endif
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
