// FLUSH, READ, WRITE, LOCK, IOCTL, OPLOCK_BREAK (MS-SMB2 2.2.17 to 2.2.26, 2.2.31, 2.2.32).
#pragma once

#include <smb_server/wire/create.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak::smb {

[[nodiscard]] std::optional<file_id> parse_flush(bytes_view message);

struct read_request {
  std::uint8_t flags = 0;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
  file_id id;
  std::uint32_t minimum = 0;
};

[[nodiscard]] std::optional<read_request> parse_read(bytes_view message);

/// The offset of a READ response's data from the header.
inline constexpr std::size_t read_data_offset = 80;

/// Appends the body of a READ response.
void encode_read_response(byte_writer& out, bytes_view data);

struct write_request {
  std::uint64_t offset = 0;
  file_id id;
  std::uint32_t flags = 0;
  bytes_view data;
};

[[nodiscard]] std::optional<write_request> parse_write(bytes_view message);

void encode_write_response(byte_writer& out, std::uint32_t count);

/// MS-SMB2 2.2.26.1 Flags.
namespace lock_flag {
inline constexpr std::uint32_t shared = 0x01;
inline constexpr std::uint32_t exclusive = 0x02;
inline constexpr std::uint32_t unlock = 0x04;
inline constexpr std::uint32_t fail_immediately = 0x10;
} // namespace lock_flag

struct lock_range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint32_t flags = 0;
};

struct lock_message {
  std::uint32_t sequence = 0; ///< MS-SMB2 2.2.26: LockSequenceNumber and LockSequenceIndex.
  file_id id;
  std::vector<lock_range> ranges; ///< May be empty.
};

[[nodiscard]] std::optional<lock_message> parse_lock(bytes_view message);

struct ioctl_request {
  std::uint32_t code = 0;
  file_id id;
  bytes_view input;
  std::uint32_t output_max = 0;
  std::uint32_t flags = 0; ///< 1: an FSCTL.
};

[[nodiscard]] std::optional<ioctl_request> parse_ioctl(bytes_view message);

void encode_ioctl_response(
  byte_writer& out, std::uint32_t code, const file_id& id, bytes_view output);

struct oplock_break_message {
  std::uint8_t level = 0;
  file_id id;
};

struct lease_break_message {
  guid key{};
  std::uint32_t state = 0;
};

/// Both kinds of acknowledgement have the same command; StructureSize distinguishes them.
struct break_acknowledgement {
  std::optional<oplock_break_message> oplock;
  std::optional<lease_break_message> lease;
};

[[nodiscard]] std::optional<break_acknowledgement> parse_break_acknowledgement(bytes_view message);

/// Appends the body of an oplock break notification or response (MS-SMB2 2.2.23.1, 2.2.25.1).
void encode(byte_writer& out, const oplock_break_message& m);

/// Appends the body of a lease break response (MS-SMB2 2.2.25.2).
void encode(byte_writer& out, const lease_break_message& m);

struct lease_break_notification {
  std::uint16_t epoch = 0;
  bool ack_required = false;
  guid key{};
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// Appends the body of a lease break notification (MS-SMB2 2.2.23.2).
void encode(byte_writer& out, const lease_break_notification& n);

} // namespace leasebreak::smb
