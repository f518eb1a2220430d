// Requests and clients for tests of the meaning of names.
#pragma once

#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace leasebreak::smb::testing {

/// The parameters of a CREATE, which requests all access.
struct opening {
  disposition how = disposition::open_if;
  std::uint32_t options = 0;
  std::uint32_t share = 7; ///< All.
  std::uint8_t level = 0;
  std::optional<lease_context> lease = {};
};

inline byte_vector body_of(const std::string& name, const opening& o = {}) {
  byte_writer body{raw_client::create_body(name, o.level, o.lease, o.how, o.options)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  body.patch_u32(32, o.share);
  return body.take();
}

/// Opens with a lease, whose key consists of equal bytes.
inline opening leased(std::uint8_t key, std::uint32_t state, std::uint8_t version = 1) {
  opening o;
  o.level = lease_level;
  o.lease.emplace();
  o.lease->version = version;
  o.lease->key.fill(key);
  o.lease->state = state;
  return o;
}

/// Opens existing files only.
inline opening existing(std::uint32_t options = 0) {
  opening o;
  o.how = disposition::open;
  o.options = options;
  return o;
}

/// FileRenameInformation or FileLinkInformation.
inline byte_vector move_body(
  const file_id& id, file_class what, const std::string& to, bool replaces) {
  const byte_vector name = utf8_to_utf16(to);
  byte_writer data;
  data.u8(replaces ? 1 : 0);
  data.zeros(15);
  data.u32(static_cast<std::uint32_t>(name.size()));
  data.append(name);
  return raw_client::set_info_body(id, static_cast<std::uint8_t>(what), data.view());
}

inline byte_vector disposition_body(const file_id& id, bool deletes) {
  byte_writer data;
  data.u8(deletes ? 1 : 0);
  return raw_client::set_info_body(
    id, static_cast<std::uint8_t>(file_class::disposition), data.view());
}

/// The parameter says whether the file system supports unnamed files and RENAME_NOREPLACE.
class names_fixture : public ::testing::TestWithParam<bool> {
protected:
  static constexpr std::uint32_t delete_on_close = 0x1000;

  names_fixture() {
    alice.set_up({1});
    bob.set_up({2});
    carol.set_up({3});
  }

  file_id open(raw_client& c, const std::string& name, const opening& o = {}) {
    const answer a = c.call(command::create, body_of(name, o));
    EXPECT_EQ(a.head.status, status::success) << name;
    return a.head.status == status::success ? raw_client::read_created(a).id : file_id{};
  }

  std::uint32_t status_of_open(raw_client& c, const std::string& name, const opening& o = {}) {
    return c.call(command::create, body_of(name, o)).head.status;
  }

  std::uint32_t move(raw_client& c, const file_id& id, const std::string& to, bool replaces = false,
    file_class what = file_class::rename) {
    return c.call(command::set_info, move_body(id, what, to, replaces)).head.status;
  }

  std::uint32_t set_deletion(raw_client& c, const file_id& id, bool deletes = true) {
    return c.call(command::set_info, disposition_body(id, deletes)).head.status;
  }

  void put(const std::string& name, const std::string& text) const {
    std::ofstream{server.directory() / name} << text;
  }

  [[nodiscard]] std::string text_of(const std::string& name) const {
    std::ifstream in{server.directory() / name};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(server.directory() / name);
  }

  /// The next message must be a break notification.
  static void expect_break(raw_client& c) {
    const auto told = c.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);
  }

  static server_options options_of(bool uses_new_calls) {
    server_options o;
    o.uses_new_calls = uses_new_calls;
    return o;
  }

  test_server server{options_of(GetParam())};
  raw_client alice{server.port()};
  raw_client bob{server.port()};
  raw_client carol{server.port()};
};

} // namespace leasebreak::smb::testing
