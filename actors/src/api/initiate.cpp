// Implements the initiating functions that coordinator.hpp declares.
#include "coordinator_impl.hpp"
#include "files/entry_call.hpp"
#include "runtime/turn_loop.hpp"

#include <type_traits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

template <class Op, class Request, class Handler>
void initiate(const impl_ref& self, Request&& request, Handler&& h) {
  const initiating now;
  const turn_loop where(h->other_loop());
  // From here on, the destructor ensures that the operation completes, unless this throws.
  auto op = std::make_unique<Op>(std::move(h));
  self.with([&](coordinator_impl& alive) {
    if (!alive.queues_on_executor())
      op->track_work();
    alive.start(std::move(request), std::move(op));
  });
}

/// Starts an operation that does not belong to a single file, so that the executor's queue may
/// contain nothing for it.
template <class Op, class Request, class Handler>
void initiate_plain(const impl_ref& self, Request&& request, Handler&& h) {
  h->track_work();
  initiate<Op>(self, std::move(request), std::move(h));
}

} // namespace

void start(const impl_ref& self, open_request&& r, handler<open_result> h) {
  initiate<file_call<open_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, close_request&& r, handler<close_result> h) {
  initiate<file_call<close_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, reconnect_request&& r, handler<open_result> h) {
  initiate<file_call<open_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, replay_request&& r, handler<open_result> h) {
  initiate<file_call<open_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, server_state_request&& r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, resilience_request&& r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, lock_request&& r, handler<std::size_t> h) {
  initiate<file_call<std::size_t>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, reclaim_lock_request&& r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, unlock_request&& r, handler<std::size_t> h) {
  initiate<file_call<std::size_t>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, lease_acknowledgement&& r, handler<lease_state> h) {
  initiate<file_call<lease_state>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, oplock_acknowledgement&& r, handler<oplock_level> h) {
  initiate<file_call<oplock_level>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, access_request&& r, handler<access_result> h) {
  initiate<file_call<access_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, entry_guard_request&& r, handler<entry_guard> h) {
  initiate<entry_call>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, rename_tree_request&& r, handler<tree_guard> h) {
  initiate_plain<plain_call<tree_guard>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, io_request&& r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, file_query&& r, handler<file_facts> h) {
  initiate<plain_call<file_facts>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, force_break_request&& r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, disconnect_request&& r, handler<disconnect_result> h) {
  initiate_plain<plain_call<disconnect_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, end_session_request&& r, handler<disconnect_result> h) {
  initiate_plain<plain_call<disconnect_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, end_tree_request&& r, handler<disconnect_result> h) {
  initiate_plain<plain_call<disconnect_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, lock_query&& r, handler<std::vector<listed_entry>> h) {
  initiate_plain<plain_call<std::vector<listed_entry>>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, list_request&& r, handler<listed_page> h) {
  initiate_plain<plain_call<listed_page>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, start_request&& r, handler<start_result> h) {
  initiate_plain<plain_call<start_result>>(self, std::move(r), std::move(h));
}

void start(const impl_ref& self, shutdown_request&& r, handler<void> h) {
  initiate_plain<plain_call<void>>(self, std::move(r), std::move(h));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
