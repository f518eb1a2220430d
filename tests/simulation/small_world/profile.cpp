#include "profile.hpp"

#include <algorithm>

namespace leasebreak::small_world {

namespace {

using enum lease_state;
constexpr auto batch = oplock_level::batch;
constexpr auto exclusive = oplock_level::exclusive;
constexpr auto level_ii = oplock_level::level_ii;

constexpr auto full =
  access::read_data | access::write_data | access::delete_file | access::read_attributes;
constexpr auto reading = access::read_data | access::read_attributes;
constexpr auto removing = access::delete_file | access::read_attributes;
constexpr auto attributes =
  access::read_attributes | access::write_attributes | access::synchronize;

/// A lease of version 2 with all access rights and full sharing.
open_choice lease(std::string name, lease_state state) {
  return {.name = std::move(name), .access = full, .version = 2, .state = state};
}

open_choice lease_v1(std::string name, lease_state state) {
  auto choice = lease(std::move(name), state);
  choice.version = 1;
  return choice;
}

open_choice oplock(std::string name, oplock_level level) {
  return {.name = std::move(name), .access = full, .oplock = level};
}

/// Neither a lease nor an oplock.
open_choice plain(std::string name, std::uint32_t access = full) {
  return {.name = std::move(name), .access = access};
}

open_choice sharing(open_choice choice, std::uint32_t share_access) {
  choice.share_access = share_access;
  return choice;
}

open_choice overwriting(open_choice choice) {
  choice.overwrites = true;
  return choice;
}

open_choice deleting(open_choice choice) {
  choice.delete_on_close = true;
  return choice;
}

open_choice durable(open_choice choice) {
  choice.durable = true;
  return choice;
}

// The commands of each small world.
std::vector<profile> make_profiles() {
  return {
    {
      .name = "leases",
      .about = "leases of version 2, writes, cancelled operations",
      .opens = {lease("R", r), lease("RH", rh), lease("RWH", rwh), overwriting(lease("RW!", rw)),
        plain("plain"), plain("attributes", attributes)},
      .accesses = {access_kind::write},
      .cancels = true,
      .test_depth = 4,
    },
    {
      .name = "sharing",
      .about = "leases and share modes, renames, deletions",
      // One open each does not share writing, deletion and reading.
      .opens = {lease("RH", rh),
        sharing(lease("RWH without writers", rwh), ~share::write & share::all),
        sharing(plain("reader without deletion", reading), ~share::delete_file & share::all),
        deleting(sharing(plain("deleting without readers", removing), ~share::read & share::all))},
      .accesses = {access_kind::rename, access_kind::set_delete, access_kind::clear_delete},
      .test_depth = 5,
    },
    {
      .name = "oplocks",
      .about = "oplocks of each level, share modes, overwrites, writes",
      .opens = {oplock("II", level_ii), oplock("exclusive", exclusive), oplock("batch", batch),
        sharing(oplock("batch alone", batch), share::none), overwriting(oplock("batch!", batch)),
        plain("plain"), plain("attributes", attributes)},
      .accesses = {access_kind::write, access_kind::rename},
      .cancels = true,
      .test_depth = 5,
    },
    {
      .name = "mixed",
      .about = "leases of both versions beside oplocks, local accesses, changes that take time",
      .opens = {lease_v1("RWH v1", rwh), lease("RH", rh), oplock("batch", batch),
        oplock("II", level_ii), overwriting(plain("plain!"))},
      .accesses = {access_kind::write},
      .local = {access_kind::read, access_kind::write, access_kind::unlink},
      .holds = true,
      .test_depth = 4,
    },
    {
      .name = "durable",
      .about = "durable opens, lost connections, reconnects",
      .opens = {durable(lease("RWH durable", rwh)), durable(lease("RH durable", rh)),
        durable(oplock("batch durable", batch)), plain("plain"),
        sharing(plain("alone"), share::none), deleting(plain("deleting"))},
      .accesses = {access_kind::write, access_kind::set_delete},
      .connections = true,
      .test_depth = 4,
    },
    {
      .name = "locks",
      .about = "byte-range locks of one range beside caching, locks that wait",
      .opens = {lease("R", r), lease("RWH", rwh), oplock("II", level_ii), oplock("batch", batch),
        plain("plain")},
      .accesses = {access_kind::write},
      .locks = {{false, false}, {true, false}, {true, true}},
      .cancels = true,
      .test_depth = 4,
    },
    {
      .name = "answers",
      .about = "late answers, breaks that are held back until an answer is sent",
      .opens = {lease("RH", rh), lease("RWH", rwh), lease_v1("RH v1", rh), oplock("batch", batch),
        plain("plain"), overwriting(plain("plain!"))},
      .accesses = {access_kind::write},
      .answers = true,
      .test_depth = 4,
    },
    {
      .name = "lost answers",
      .about = "durable opens with lost answers and connections",
      .opens = {durable(lease("RWH durable", rwh)), durable(oplock("batch durable", batch)),
        lease("RH", rh), plain("plain")},
      .accesses = {access_kind::write},
      .connections = true,
      .answers = true,
      .test_depth = 5,
    },
  };
}

// Adds each open with a lease once for each key.
std::vector<profile> expand_keys(std::vector<profile> all) {
  for (auto& p : all) {
    std::vector<open_choice> opens;
    for (auto& choice : p.opens) {
      if (!choice.has_lease()) {
        opens.push_back(std::move(choice));
        continue;
      }
      for (std::uint8_t key = 1; key <= 2; ++key) {
        opens.push_back(choice);
        opens.back().key = key;
        opens.back().name += key == 1 ? " k1" : " k2";
      }
    }
    p.opens = std::move(opens);
  }
  return all;
}

} // namespace

const std::vector<profile>& profiles() {
  static const std::vector<profile> all = expand_keys(make_profiles());
  return all;
}

const profile* find_profile(std::string_view name) {
  const auto found = std::ranges::find(profiles(), name, &profile::name);
  return found != profiles().end() ? &*found : nullptr;
}

} // namespace leasebreak::small_world
