// The NTSTATUS of each error.
#include "support.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <set>

namespace leasebreak::smb::vfs::testing {

namespace {

struct status_row {
  error_code error;
  std::uint32_t status;
};

TEST(Statuses, AreThoseOfTheTable) {
  const status_row rows[] = {
    {{}, 0},
    {errc::invalid_name, 0xC0000033},
    {errc::dot_component, 0xC000003B},
    {errc::leading_separator, 0xC000000D},
    {errc::name_too_long, 0xC0000033},
    {errc::path_too_long, 0xC0000033},
    {errc::invalid_stream, 0xC0000033},
    {errc::path_not_found, 0xC000003A},
    {errc::name_not_found, 0xC0000034},
    {errc::name_collision, 0xC0000035},
    {errc::is_directory, 0xC00000BA},
    {errc::not_directory, 0xC0000103},
    {errc::not_served, 0xC0000022},
    {errc::escapes_root, 0xC0000022},
    {errc::read_only, 0xC0000022},
    {errc::cannot_delete, 0xC0000121},
    {errc::attributes_mismatch, 0xC0000022},
    {errc::cannot_replace, 0xC0000022},
    {errc::stream_too_large, 0xC0000904},
    {errc::too_many_streams, 0xC000009A},
    {errc::streams_not_supported, 0xC0000033},
    {errc::too_many_opens, 0xC000011F},
    {errc::too_many_operations, 0xC000009A},
    {errc::keeps_changing, 0xC0000043},
    {errc::no_access, 0xC0000022},
    {errc::invalid_argument, 0xC000000D},
    {errc::behind_end, 0xC000001F},
    {errc::shutting_down, 0xC00000C9},
    {from_errno(EACCES), 0xC0000022},
    {from_errno(EPERM), 0xC0000022},
    {from_errno(ENOENT), 0xC0000034},
    {from_errno(EEXIST), 0xC0000035},
    {from_errno(ENOTDIR), 0xC0000103},
    {from_errno(EISDIR), 0xC00000BA},
    {from_errno(ENOTEMPTY), 0xC0000101},
    {from_errno(ENAMETOOLONG), 0xC0000106},
    {from_errno(ENOSPC), 0xC000007F},
    {from_errno(EDQUOT), 0xC0000044},
    {from_errno(EROFS), 0xC00000A2},
    {from_errno(EXDEV), 0xC00000D4},
    {from_errno(EMLINK), 0xC0000265},
    {from_errno(EFBIG), 0xC0000904},
    {from_errno(EMFILE), 0xC000011F},
    {from_errno(ENOMEM), 0xC0000017},
    {from_errno(ETXTBSY), 0xC0000043},
    {from_errno(EINVAL), 0xC000000D},
    {from_errno(EIO), 0xC0000185},
    {from_errno(EOPNOTSUPP), 0xC00000BB},
    {boost::asio::error::operation_aborted, 0xC0000120},
    {from_errno(EPROTO), 0xC0000001},
    {boost::asio::error::eof, 0xC0000001},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_nt_status(row.error), row.status) << row.error.message();
  }
}

TEST(Errors, EachHasATextOfItsOwn) {
  std::set<std::string> texts;

  for (int value = 1; value <= static_cast<int>(errc::shutting_down); ++value) {
    texts.insert(error_code(static_cast<errc>(value)).message());
  }

  EXPECT_EQ(texts.size(), static_cast<std::size_t>(errc::shutting_down));
  EXPECT_EQ(texts.count("unknown error"), 0U);
  EXPECT_STREQ(vfs_category().name(), "leasebreak.smb.vfs");
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
