#include "records.hpp"
#include "support/seed.hpp"

#include <leasebreak/persistence/record_json.hpp>

#include <cstdlib>
#include <iostream>
#include <vector>

namespace leasebreak::test {

namespace {

using namespace std::string_literals;

const std::vector<std::string>& awkward_texts() {
  static const std::vector<std::string> texts{"a", "b", "a:b", "a\0b"s, "\xff\xfe", "\xc3\xa4<&>",
    "f", "\xff", "a\x00"s, "'quo\"te\\", std::string(1000, 'x'), "{},\n"};
  return texts;
}

std::string one_of(random_source& random, const std::vector<std::string>& texts) {
  return texts[below(random, texts.size())];
}

std::uint64_t random_u64(random_source& random) {
  // All magnitudes equally often, and the limits often.
  const auto kind = below(random, 8);
  if (kind == 0)
    return 0;
  if (kind == 1)
    return UINT64_MAX;
  return random() >> below(random, 64);
}

time_point random_time(random_source& random) {
  if (below(random, 4) == 0)
    return {};
  return time_point{duration{static_cast<std::int64_t>(random())}};
}

bool coin(random_source& random) {
  return below(random, 2) == 0;
}

std::vector<std::uint8_t> random_key(random_source& random) {
  return std::vector<std::uint8_t>(16, static_cast<std::uint8_t>(1 + below(random, 4)));
}

void make_lease(random_source& random, persisted_lock& r) {
  constexpr std::uint32_t file_states[] = {0, 1, 3, 5, 7};
  constexpr std::uint32_t directory_states[] = {0, 1, 3};
  r.is_directory = coin(random);
  const auto state = [&] {
    return r.is_directory ? directory_states[below(random, 3)] : file_states[below(random, 5)];
  };
  r.lease_key = random_key(random);
  r.lease_state = state();
  r.lease_epoch = static_cast<std::uint16_t>(random());
  r.breaking = coin(random);
  if (r.breaking) {
    // Each within the other, as `validate` requires: every state except none contains R.
    r.break_to_state = r.lease_state == 0 ? 0 : 1;
    r.breaking_to_required = r.break_to_state == 0 || coin(random) ? 0 : 1;
    r.break_started = random_time(random);
  }
  if (coin(random))
    r.parent_lease_key = random_key(random);
  r.is_traditional_oplock = coin(random);
  r.broken_via_timeout = coin(random);
  r.lease_version = static_cast<std::uint8_t>(below(random, 3));
}

void make_open(random_source& random, persisted_lock& r) {
  auto& open = r.open.emplace();
  open.id = 1 + below(random, UINT64_MAX);
  open.access = static_cast<std::uint32_t>(1 + below(random, UINT32_MAX));
  open.share_access = static_cast<std::uint32_t>(below(random, 8));
  open.delete_on_close = coin(random);
  open.delete_pending = coin(random);
  if (coin(random))
    open.create_guid = random_key(random);
  open.timeout_ms = 1 + below(random, persisted_timeout_max_ms);
  if (coin(random))
    open.lease_key = random_key(random);
  open.server_state = random_bytes(random, 40);
  if (!coin(random))
    return;
  open.app_instance = random_key(random);
  open.app_versioned = coin(random);
  if (!open.app_versioned)
    return;
  open.app_version_high = random();
  open.app_version_low = random();
}

} // namespace

std::uint64_t test_seed() {
  return test::seed_of_this_run();
}

std::uint64_t below(random_source& random, std::uint64_t end) {
  return random() % end;
}

lease_key key_of(std::uint8_t fill) {
  lease_key key;
  key.bytes.fill(fill);
  return key;
}

persisted_lock lease_record(std::string id) {
  persisted_lock r;
  r.id = std::move(id);
  r.share_name = "share";
  r.file_id = "file-1";
  r.owner_id = "owner-1";
  r.client_id = "client-1";
  r.acquired_at = time_point{std::chrono::seconds{1'700'000'000}};
  r.server_epoch = 3;
  r.lease_key.assign(16, 0x11);
  r.lease_state = 7;
  r.lease_epoch = 1;
  r.lease_version = 2;
  return r;
}

persisted_lock range_record(std::string id) {
  auto r = lease_record(std::move(id));
  r.lease_key.clear();
  r.lease_state = 0;
  r.lease_epoch = 0;
  r.lease_version = 0;
  r.lock_type = 1;
  r.offset = 100;
  r.length = 50;
  r.is_legacy_byte_range = true;
  return r;
}

persisted_lock full_record(std::string id) {
  auto r = lease_record(std::move(id));
  r.lock_type = 1;
  r.offset = UINT64_MAX;
  r.is_zero_byte = true;
  r.is_legacy_byte_range = true;
  r.share_reservation = 3;
  r.acquired_at = time_point{duration{1'234'567'890'123'456'789}};
  r.server_epoch = UINT64_MAX;
  r.lease_state = 3;
  r.lease_epoch = 0xffff;
  r.breaking = true;
  r.break_to_state = 1;
  r.breaking_to_required = 1;
  r.break_started = time_point{duration{-1}};
  r.parent_lease_key.assign(16, 0x22);
  r.is_directory = true;
  r.is_traditional_oplock = true;
  r.delegation_id = "delegation";
  r.deleg_type = 1;
  r.deleg_breaking = true;
  r.deleg_recalled = true;
  r.deleg_revoked = true;
  r.deleg_notification_mask = UINT32_MAX;
  r.lease_version = 1;
  r.broken_via_timeout = true;
  return r;
}

persisted_lock open_record(std::string id) {
  auto r = range_record(std::move(id));
  r.lock_type = 0;
  r.offset = 0;
  r.length = 0;
  r.is_zero_byte = true;
  r.lease_epoch = 5;
  r.lease_version = 2;
  auto& open = r.open.emplace();
  open.id = UINT64_MAX;
  open.access = UINT32_MAX;
  open.share_access = 7;
  open.delete_on_close = true;
  open.delete_pending = true;
  open.create_guid.assign(16, 0x33);
  open.timeout_ms = persisted_timeout_max_ms;
  open.lease_key.assign(16, 0x44);
  open.server_state = std::string("\0\xff'state", 8);
  return r;
}

lock_query query_of(std::string file_id, std::string owner_id, std::string client_id) {
  lock_query query;
  query.file_id = std::move(file_id);
  query.owner_id = std::move(owner_id);
  query.client_id = std::move(client_id);
  return query;
}

lock_query by_file(std::string file_id) {
  return query_of(std::move(file_id));
}

lock_query by_owner(std::string owner_id) {
  return query_of({}, std::move(owner_id));
}

lock_query by_client(std::string client_id) {
  return query_of({}, {}, std::move(client_id));
}

lock_query by_share(std::string share_name) {
  lock_query query;
  query.share_name = std::move(share_name);
  return query;
}

std::string random_bytes(random_source& random, std::size_t bytes_max) {
  std::string bytes(below(random, bytes_max + 1), '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  return bytes;
}

std::string random_file(random_source& random) {
  return one_of(random, awkward_texts());
}

std::string random_owner(random_source& random) {
  return coin(random) ? "" : one_of(random, awkward_texts());
}

std::string random_client(random_source& random) {
  return below(random, 4) == 0 ? "" : one_of(random, awkward_texts());
}

persisted_lock random_record(random_source& random, std::string id) {
  persisted_lock r;
  r.id = std::move(id);
  r.share_name = random_bytes(random, 4);
  r.file_id = random_file(random);
  r.owner_id = random_owner(random);
  r.client_id = random_client(random);
  r.lock_type = static_cast<std::uint8_t>(below(random, 2));
  r.offset = random_u64(random);
  r.is_zero_byte = coin(random);
  r.length = r.is_zero_byte ? 0 : random_u64(random);
  if (r.length != 0 && r.offset > UINT64_MAX - (r.length - 1))
    r.length = 0;
  r.is_legacy_byte_range = coin(random);
  r.share_reservation = static_cast<std::uint8_t>(below(random, 4));
  r.acquired_at = random_time(random);
  r.server_epoch = random_u64(random);
  const auto kind = below(random, 8);
  if (kind < 4)
    make_lease(random, r);
  else if (kind == 4)
    make_open(random, r);
  if (below(random, 8) == 0) {
    r.delegation_id = random_bytes(random, 8);
    r.deleg_type = static_cast<std::uint8_t>(below(random, 2));
    r.deleg_breaking = coin(random);
    r.deleg_recalled = coin(random);
    r.deleg_revoked = coin(random);
    r.deleg_notification_mask = static_cast<std::uint32_t>(random());
  }
  return r;
}

} // namespace leasebreak::test

namespace leasebreak {

void PrintTo(const persisted_lock& record, std::ostream* out) {
  *out << to_json(record);
}

void PrintTo(const record_error& error, std::ostream* out) {
  *out << to_string(error);
}

void PrintTo(const store_status& status, std::ostream* out) {
  *out << status.code.message() << " (" << status.detail << ")";
}

} // namespace leasebreak
