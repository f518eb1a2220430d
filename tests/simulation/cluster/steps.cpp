// One step of a scene.
#include "cluster_run.hpp"

namespace leasebreak::simulation {

void cluster_run::perform(const step& s) {
  const auto who = s.a % clients_.size();
  constexpr lease_state wanted[]{
    lease_state::rwh, lease_state::rwh, lease_state::rh, lease_state::r, lease_state::rw};
  switch (s.what % 20) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
  case 6:
  case 7:
    return open(who, home_of(who, s.d), s.b % file_count, wanted[s.c % std::size(wanted)]);
  case 8:
  case 9:
  case 10:
  case 11:
  case 12:
    return close(who, s.b);
  case 13:
  case 14:
    return write(who, s.b);
  case 15:
    return abandon(s.b);
  case 16:
    clients_[who].is_silent = s.b % 4 == 0;
    return;
  case 17:
  case 18:
    return cause_fault(s);
  default:
    return;
  }
}

} // namespace leasebreak::simulation
