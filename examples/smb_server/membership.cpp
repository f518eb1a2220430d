// See membership.hpp.
#include <smb_server/membership.hpp>

#include <smb_server/options.hpp>
#include <smb_server/server.hpp>

#ifdef LEASEBREAK_SMB_CLUSTER
#include <leasebreak/cluster/etcd_engine.hpp>
#include <leasebreak/cluster/member.hpp>
#ifdef LEASEBREAK_SMB_CLUSTER_POSTGRES
#include <leasebreak/cluster/postgres_engine.hpp>
#endif

#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#endif

#include <functional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

namespace leasebreak::smb {

namespace asio = boost::asio;

#ifdef LEASEBREAK_SMB_CLUSTER

namespace {

/// Waits until it is told, on one executor.
class signal_once : public std::enable_shared_from_this<signal_once> {
public:
  explicit signal_once(const asio::any_io_executor& on)
    : timer_{on, asio::steady_timer::time_point::max()} {}

  /// From any thread.
  void tell() {
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
      self->is_told_ = true;
      self->timer_.cancel();
    });
  }
  static asio::awaitable<void> wait(std::shared_ptr<signal_once> self) {
    boost::system::error_code ignored;
    while (!self->is_told_)
      co_await self->timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

private:
  asio::steady_timer timer_;
  bool is_told_ = false;
};

std::shared_ptr<asio::ssl::context> tls_of(const cluster_options& o) {
  if (o.certificate.empty())
    return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls);
  try {
    context->use_certificate_chain_file(o.certificate);
    context->use_private_key_file(o.key, asio::ssl::context::pem);
    context->load_verify_file(o.authority);
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error(
      std::string{"cannot use the certificates of the cluster: "} + e.what());
  }
  return context;
}

cluster::etcd_settings etcd_of(const cluster_options& o) {
  cluster::etcd_settings e;
  auto endpoints = cluster::parse_etcd_endpoints(o.engine.substr(std::string{"etcd:"}.size()));
  if (const auto* const problem = std::get_if<std::string>(&endpoints))
    throw std::runtime_error("--cluster: " + *problem);
  e.endpoints = std::get<std::vector<cluster::etcd_endpoint>>(std::move(endpoints));
  e.cluster = o.name;
  e.lease = std::chrono::duration_cast<std::chrono::seconds>(o.lease);
  e.timeout = o.lease / 5;
  e.tls = tls_of(o);
  std::tie(e.user, e.password) = o.user;
  if (const auto problem = problem_of(e); !problem.empty())
    throw std::runtime_error("--cluster: " + problem);
  return e;
}

#ifdef LEASEBREAK_SMB_CLUSTER_POSTGRES
cluster::postgres_engine_settings postgres_of(const cluster_options& o) {
  constexpr std::string_view prefix = "postgres:";
  const bool is_uri = o.engine.starts_with("postgres://") || o.engine.starts_with("postgresql://");
  cluster::postgres_engine_settings s;
  if (is_uri || o.engine.starts_with(prefix))
    s.connection = is_uri ? o.engine : o.engine.substr(prefix.size());
  s.cluster = o.name;
  s.lease = std::chrono::duration_cast<std::chrono::seconds>(o.lease);
  s.timeout = o.lease / 5;
  if (const auto problem = problem_of(s); !problem.empty())
    throw std::runtime_error("--cluster: " + problem);
  return s;
}
#endif

using engine_maker = std::function<std::unique_ptr<cluster::engine>(asio::any_io_executor)>;

engine_maker engine_of(const cluster_options& o) {
  if (o.engine.starts_with("etcd:"))
    return [etcd = etcd_of(o)](auto on) { return cluster::make_etcd_engine(on, etcd); };
#ifdef LEASEBREAK_SMB_CLUSTER_POSTGRES
  return
    [postgres = postgres_of(o)](auto on) { return cluster::make_postgres_engine(on, postgres); };
#else
  throw std::runtime_error("--cluster: this program was built without LEASEBREAK_POSTGRES");
#endif
}

cluster::node_config node_of(const cluster_options& o) {
  cluster::node_config n;
  boost::system::error_code ignored;
  n.name = o.node.empty() ? asio::ip::host_name(ignored) : o.node;
  n.settings.lease.length = o.lease;
  n.settings.lease.margin = o.lease / 10;
  n.settings.lease.renewal = o.lease / 5;
  n.settings.peer_timeout = o.lease * 3 / 5;
  n.links.cluster = o.name;
  n.links.listen = o.listen;
  n.links.tls = tls_of(o);
  if (const auto problem = problem_of(n.links); !problem.empty())
    throw std::runtime_error("--cluster-listen: " + problem);
  return n;
}

} // namespace

/// The server may be told of the cluster as long as it exists.
class cluster_membership {
public:
  cluster_membership(server& host, const cluster_options& o)
    : host_(host), joined_(std::make_shared<signal_once>(host.runs_on().get_executor())) {
    cluster::member_config m;
    m.make_engine = engine_of(o);
    m.node = node_of(o);
    m.on_join = [this](node_id) { joined(); };
    m.on_step_down = [this](cluster::step_down_cause cause) { stepped_down(cause); };
    m.noted = [this](const std::string& what) { host_.log().warn("cluster: {}", what); };
    name_ = m.node.name;
    member_ = std::make_shared<cluster::member>(host.runs_on().get_executor(), std::move(m));
  }

  [[nodiscard]] const std::shared_ptr<cluster::member>& member() const noexcept { return member_; }
  [[nodiscard]] const std::shared_ptr<signal_once>& has_joined() const noexcept { return joined_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] server& host() const noexcept { return host_; }

private:
  void joined() {
    host_.log().info("cluster: {} is a member", name_);
    host_.serve_again();
    joined_->tell();
  }
  void stepped_down(cluster::step_down_cause cause) {
    const std::string why{cluster::to_string(cause)};
    host_.log().warn("cluster: {} is not a member any more: {}", name_, why);
    host_.stop_serving("the server has left its cluster: " + why);
  }

  server& host_;
  std::shared_ptr<signal_once> joined_;
  std::string name_;
  std::shared_ptr<cluster::member> member_;
};

std::shared_ptr<cluster_membership> make_membership(
  server& host, leasebreak::coordinator_config& config) {
  const cluster_options& o = host.options().cluster;
  if (o.engine.empty())
    return nullptr;
  auto made = std::make_shared<cluster_membership>(host, o);
  config.cluster = made->member();
  return made;
}

const std::shared_ptr<cluster::member>& member_of(const cluster_membership& m) noexcept {
  return m.member();
}

const std::string& name_of(const cluster_membership& m) noexcept {
  return m.name();
}

asio::awaitable<void> join(std::shared_ptr<cluster_membership> as) {
  as->host().log().info("cluster: {} joins", as->name());
  as->member()->start();
  co_await signal_once::wait(as->has_joined());
}

asio::awaitable<void> leave(std::shared_ptr<cluster_membership> as, asio::any_io_executor on) {
  const auto done = std::make_shared<signal_once>(on);
  as->member()->leave([done] { done->tell(); });
  co_await signal_once::wait(done);
}

#else

class cluster_membership {};

std::shared_ptr<cluster_membership> make_membership(server& host, leasebreak::coordinator_config&) {
  if (!host.options().cluster.engine.empty())
    throw std::runtime_error("--cluster: this program was built without LEASEBREAK_CLUSTER");
  return nullptr;
}

asio::awaitable<void> join(std::shared_ptr<cluster_membership>) {
  co_return;
}

asio::awaitable<void> leave(std::shared_ptr<cluster_membership>, asio::any_io_executor) {
  co_return;
}

#endif

} // namespace leasebreak::smb
