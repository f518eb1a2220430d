// An engine that has one document and answers at once.
#pragma once

#include <leasebreak/cluster/engine.hpp>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::cluster_net_test {

/// The document says which members there are; the last one is the node that uses the engine.
class given_engine final : public cluster::engine {
public:
  template <class T>
  using answer = boost::asio::awaitable<cluster::engine_result<T>>;

  /// All slots, of which there are `slots`, belong to the first member.
  given_engine(const std::vector<std::string>& members, std::size_t slots) {
    auto& v = document_.current;
    v.number = 1;
    for (const auto& name : members) {
      const auto node = static_cast<node_id>(v.members.size() + 1);
      v.members.push_back({name, node, "127.0.0.1:1", 1});
      document_.living[node];
    }
    v.slots.assign(slots, {v.members.front().node, 1});
  }

  answer<node_id> start_run() override { co_return document_.current.members.back().node; }
  answer<bool> renew(std::vector<node_id> /*suspected*/) override { co_return true; }
  answer<cluster::engine_document> read() override { co_return document_; }
  answer<bool> propose(cluster::view /*next*/) override { co_return false; }
  answer<bool> revoke() override { co_return true; }

private:
  cluster::engine_document document_;
};

} // namespace leasebreak::cluster_net_test
