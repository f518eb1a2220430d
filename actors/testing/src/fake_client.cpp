#include <leasebreak/testing/fake_client.hpp>

#include <boost/system/system_error.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

namespace {

void throw_unless_done(const probe& p, const char* what) {
  if (!p.done())
    throw std::logic_error(std::string("leasebreak::testkit::fake_client: waits: ") + what);
  if (p.ec)
    throw boost::system::system_error(p.ec, what);
}

/// Starts the acknowledgement of a break; false if it needs none.
template <class Start>
bool acknowledge_break(
  const client_guid& holder, const seen_break& broken, lease_state keeps, const Start& start) {
  const auto& n = broken.notification;
  if (!n.ack_required)
    return false;
  if (n.is_oplock)
    start(oplock_acknowledgement{broken.file, holder, n.open, oplock_of(keeps)});
  else
    start(lease_acknowledgement{holder, n.key, keeps});
  return true;
}

void answer_break(
  coordinator& c, const client_guid& holder, const seen_break& broken, break_answer how) {
  const auto keeps = how == break_answer::obeys ? broken.notification.to : lease_state::none;
  switch (how) {
  case break_answer::obeys:
  case break_answer::releases:
    acknowledge_break(holder, broken, keeps, [&c](auto acknowledgement) {
      c.async_acknowledge(std::move(acknowledgement), [](error_code, auto) {});
    });
    return;
  case break_answer::waits:
    return;
  case break_answer::is_unreachable:
    broken.report.undeliverable();
    return;
  }
}

} // namespace

fake_client::fake_client(
  driven_coordinator& with, const client_guid& guid, const std::string& label)
  : with_(with), guid_(guid) {
  // The sink belongs to the coordinator, which it may thus use, and may outlive this object.
  auto sink = [c = &with.leases(), guid, record = sink_.sink(), how = how_](
                const break_notification& n, const file_name_id& file, break_report report) {
    record(n, file, report);
    answer_break(*c, guid, {n, file, std::move(report)}, *how);
  };
  if (const auto ec = with.leases().register_client(guid, std::move(sink), label))
    throw boost::system::system_error(ec, "leasebreak::testkit::fake_client");
}

open_request fake_client::request(
  const file_name_id& file, const lease_key& key, lease_state want) const {
  open_request r;
  r.file = file;
  r.client = guid_;
  r.access = access::read_data | access::write_data;
  r.lease = lease_request{key, want, 2, 0, std::nullopt};
  return r;
}

probe& fake_client::start_open(const file_name_id& file, const lease_key& key, lease_state want) {
  return with_.start(request(file, key, want));
}

open_result fake_client::open(const file_name_id& file, const lease_key& key, lease_state want) {
  auto& p = start_open(file, key, want);
  with_.settle();
  throw_unless_done(p, "open");
  return std::move(p.as<open_result>());
}

close_result fake_client::close(const file_name_id& file, open_id open) {
  auto& p = with_.start(close_request{file, open});
  with_.settle();
  throw_unless_done(p, "close");
  return std::move(p.as<close_result>());
}

probe* fake_client::acknowledge(const seen_break& broken, lease_state keeps) {
  probe* started = nullptr;
  acknowledge_break(guid_, broken, keeps,
    [&](auto acknowledgement) { started = &with_.start(std::move(acknowledgement)); });
  return started;
}

probe& fake_client::disconnect() {
  return with_.start(disconnect_request{guid_, {}});
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
