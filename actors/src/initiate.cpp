// What the public operations call; declared in coordinator.hpp.
#include "coordinator_impl.hpp"

#include <type_traits>
#include <utility>

namespace leasebreak::detail {

namespace {

template <class Op, class Request, class Handler>
void initiate(const impl_ref& self, any_io_executor&& io, Request&& request, Handler&& h) {
  // From here on the operation completes, come what may: its destructor sees to it.
  auto op = std::make_unique<Op>(std::move(io), std::move(h));
  if (const auto alive = self.lock())
    alive->start(std::move(request), std::move(op));
}

} // namespace

void start(const impl_ref& self, any_io_executor io, open_request r, handler<open_result> h) {
  initiate<file_call<open_result>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, close_request r, handler<close_result> h) {
  initiate<file_call<close_result>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, reconnect_request r, handler<open_result> h) {
  initiate<file_call<open_result>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, lock_request r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, reclaim_lock_request r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, unlock_request r, handler<std::size_t> h) {
  initiate<file_call<std::size_t>>(self, std::move(io), std::move(r), std::move(h));
}

void start(
  const impl_ref& self, any_io_executor io, lease_acknowledgement r, handler<lease_state> h) {
  initiate<file_call<lease_state>>(self, std::move(io), std::move(r), std::move(h));
}

void start(
  const impl_ref& self, any_io_executor io, oplock_acknowledgement r, handler<oplock_level> h) {
  initiate<file_call<oplock_level>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, access_request r, handler<hold> h) {
  initiate<file_call<hold>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, io_request r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, force_break_request r, handler<void> h) {
  initiate<file_call<void>>(self, std::move(io), std::move(r), std::move(h));
}

void start(
  const impl_ref& self, any_io_executor io, disconnect_request r, handler<disconnect_result> h) {
  initiate<plain_call<disconnect_result>>(self, std::move(io), std::move(r), std::move(h));
}

void start(
  const impl_ref& self, any_io_executor io, lock_query r, handler<std::vector<listed_entry>> h) {
  initiate<plain_call<std::vector<listed_entry>>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, start_request r, handler<start_result> h) {
  initiate<plain_call<start_result>>(self, std::move(io), std::move(r), std::move(h));
}

void start(const impl_ref& self, any_io_executor io, shutdown_request r, handler<void> h) {
  initiate<plain_call<void>>(self, std::move(io), std::move(r), std::move(h));
}

} // namespace leasebreak::detail
