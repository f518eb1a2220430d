// Nodes of a cluster. Clients use a file through several nodes, of which one owns its state.
#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

node_id file_state::impl::node_of(const command& c) noexcept {
  return std::visit(
    [](const auto& x) {
      if constexpr (requires { x.node; })
        return x.node;
      else
        return node_id::none;
    },
    c);
}

// The node's opens are treated as those of a client that has lost all of its connections
// (MS-SMB2 3.3.7.1). A client may have opens on other nodes, whose leases continue there.
void file_state::impl::remove_node(const node_gone& c, time_point now, effects& out) {
  if (c.node == node_id::none)
    return complete(out, c.operation, errc::invalid_argument);
  end_waits_of(c.node, out);
  gone_opens gone;
  for (const auto& open : opens)
    if (open->channel.node == c.node && !open->is_detached())
      gone.opens.push_back(open.get());
  auto removed = end_gone(gone, now, out);
  for (const auto& l : leases)
    if (l->told_node == c.node)
      lose_notification(*l, now, out);
  end_holds_of(c.node);
  complete_removal(std::move(removed), c.operation, node_id::none, out);
}

// If this node or the file's owner fails, the other node reports the lease as it knows it, which
// may be less than what the client was told here.
bool file_state::impl::is_used_elsewhere(const lease_entry& l, node_id node) const noexcept {
  if (node == node_id::none) // without a cluster there is no other node
    return false;
  return std::any_of(opens.begin(), opens.end(),
    [&](const auto& open) { return open->lease == &l && open->channel.node != node; });
}

// Includes operations without a connection: no other node knows their handlers.
void file_state::impl::end_waits_of(node_id node, effects& out) {
  if (!rare)
    return;
  rare->waiting.erase_if([&](const auto& w) {
    if (w.channel.node != node)
      return false;
    give_up(w, errc::client_gone, out);
    return true;
  });
}

void file_state::impl::end_holds_of(node_id node) {
  if (!rare)
    return;
  const auto ended =
    std::erase_if(rare->holds, [&](const auto& hold) { return hold.node == node; });
  waiters_may_go = waiters_may_go || ended != 0;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
