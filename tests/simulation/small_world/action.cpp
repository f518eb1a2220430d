#include "action.hpp"

#include "ledger.hpp"
#include "reference.hpp"

#include <sstream>

namespace leasebreak::small_world {

namespace {

// For example "A1", the first client's first open.
std::string name_of_slot(std::uint8_t s) {
  if (s == local_slot)
    return "a local process";
  return std::string{s < 2 ? 'A' : 'B', s % 2 == 0 ? '1' : '2'};
}

std::string_view name_of(acknowledgement a) {
  switch (a) {
  case acknowledgement::right:
    return "as notified";
  case acknowledgement::nothing:
    return "with none";
  case acknowledgement::everything:
    return "with more than allowed";
  }
  return "";
}

} // namespace

std::string describe(const profile& p, const action& a) {
  const auto who = name_of_slot(a.slot);
  switch (a.what) {
  case verb::open:
    return who + " opens with " + p.opens[a.which].name;
  case verb::close:
    return who + " closes";
  case verb::access:
    return who + ": " + std::string(to_string(p.accesses[a.which]));
  case verb::local_access:
    return who + ": " + std::string(to_string(p.local[a.which]));
  case verb::lock:
    return who + " asks for " + (p.locks[a.which].exclusive ? "an exclusive" : "a shared") +
      " lock" + (p.locks[a.which].waits ? ", and waits" : "");
  case verb::unlock:
    return who + " unlocks";
  case verb::acknowledge:
    return name_of_holder(a.slot) + " is acknowledged " +
      std::string(name_of(static_cast<acknowledgement>(a.which)));
  case verb::answer:
    return who + "'s answer is sent";
  case verb::lose:
    return who + "'s connection is lost";
  case verb::reconnect:
    return who + " reconnects";
  case verb::cancel:
    return who + "'s operation is cancelled";
  case verb::make_change:
    return "announced change " + std::to_string(a.which + 1) + " is made";
  case verb::pass_time:
    return "time passes until the next deadline";
  }
  return "";
}

std::string describe(const profile& p, const std::vector<action>& history) {
  std::ostringstream out;
  std::size_t number = 0;
  for (const auto& a : history)
    out << "  " << ++number << ". " << describe(p, a) << '\n';
  return out.str();
}

} // namespace leasebreak::small_world
