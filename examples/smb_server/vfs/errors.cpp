// Texts of the library's errors.
#include "errors.hpp"

#include <string>

namespace leasebreak::smb::vfs {

namespace {

const char* text_of(errc value) noexcept {
  switch (value) {
  case errc::invalid_name:
    return "the name has a forbidden character or is empty";
  case errc::dot_component:
    return "the path has . or .. as a component";
  case errc::leading_separator:
    return "the path begins with a separator";
  case errc::name_too_long:
    return "a component of the path is too long";
  case errc::path_too_long:
    return "the path is too long";
  case errc::invalid_stream:
    return "the stream's name or type is invalid";
  case errc::path_not_found:
    return "a folder of the path does not exist";
  case errc::name_not_found:
    return "the name does not exist";
  case errc::name_collision:
    return "the name already exists";
  case errc::is_directory:
    return "the file is a directory";
  case errc::not_directory:
    return "the file is not a directory";
  case errc::not_served:
    return "links, devices, sockets and pipes are not served";
  case errc::escapes_root:
    return "the path leads outside the share";
  case errc::read_only:
    return "the file has the read-only attribute";
  case errc::cannot_delete:
    return "the file must not be deleted";
  case errc::attributes_mismatch:
    return "a hidden or system file would be overwritten";
  case errc::cannot_replace:
    return "the target must not be replaced";
  case errc::stream_too_large:
    return "the named stream would be too large";
  case errc::too_many_streams:
    return "the file has too many named streams";
  case errc::streams_not_supported:
    return "the file system has no extended attributes, which streams need";
  case errc::invalid_attribute_name:
    return "the name is invalid for an extended attribute";
  case errc::attributes_not_supported:
    return "the file system has no extended attributes for users";
  case errc::attributes_too_large:
    return "the extended attributes are too large for the file";
  case errc::too_many_opens:
    return "too many opens on the share";
  case errc::too_many_operations:
    return "too many file operations in flight";
  case errc::name_changed:
    return "the names have changed";
  case errc::keeps_changing:
    return "the name keeps changing";
  case errc::no_access:
    return "the file was not opened for this kind of access";
  case errc::invalid_argument:
    return "an argument is invalid";
  case errc::behind_end:
    return "the file has fewer bytes";
  case errc::shutting_down:
    return "the worker pool is shutting down";
  }
  return "unknown error";
}

class category final : public boost::system::error_category {
public:
  [[nodiscard]] const char* name() const noexcept override { return "leasebreak.smb.vfs"; }
  [[nodiscard]] std::string message(int value) const override {
    return text_of(static_cast<errc>(value));
  }
};

} // namespace

const boost::system::error_category& vfs_category() noexcept {
  static const category instance;
  return instance;
}

} // namespace leasebreak::smb::vfs
