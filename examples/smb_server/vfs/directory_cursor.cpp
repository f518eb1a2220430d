// Lists directories with getdents64, whose offsets are used to resume a listing.
#include "directory_cursor.hpp"

#include "client_names.hpp"
#include "share_core.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <dirent.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

constexpr std::size_t buffer_bytes = 32768;

enum stage : std::uint32_t { at_dot = 0, at_dot_dot = 1, at_entries = 2, at_end = 3 };

bool may_be_served(unsigned char type) {
  return type == DT_REG || type == DT_DIR || type == DT_UNKNOWN;
}

/// Whether the entry was removed or replaced during the listing.
bool is_gone(const error_code& error) {
  return error == from_errno(ENOENT) || error == errc::not_served;
}

} // namespace

directory_cursor::directory_cursor(
  open_ptr directory, int fd, std::string pattern, bool ignore_case)
  : directory_(std::move(directory)), fd_(fd), pattern_(std::move(pattern)),
    matcher_(pattern_, ignore_case), ignore_case_(ignore_case) {}

directory_cursor::~directory_cursor() {
  ::close(fd_);
  directory_->core()->opens->fetch_sub(1);
}

error_code directory_cursor::seek(list_position position) {
  const std::lock_guard lock(mutex_);
  return seek_locked(position);
}

error_code directory_cursor::seek_locked(list_position position) {
  if (position.stage > at_end) {
    return errc::invalid_argument;
  }
  const off_t offset = position.stage == at_entries ? position.offset : 0;
  if (::lseek(fd_, offset, SEEK_SET) < 0) {
    return from_errno(errno);
  }
  used_ = size_ = 0;
  position_ = position;
  single_ = !ignore_case_ && !has_wildcards(pattern_) && pattern_ != "." && pattern_ != "..";
  return {};
}

error_code directory_cursor::fill() {
  buffer_.resize(buffer_bytes);
  const ssize_t got = ::getdents64(fd_, buffer_.data(), buffer_.size());
  if (got < 0 && errno != ENOENT) { // ENOENT: the directory was removed.
    return from_errno(errno);
  }
  used_ = 0;
  size_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  if (size_ == 0) {
    position_ = {at_end, 0};
  }
  return {};
}

error_code directory_cursor::add(
  list_batch& batch, const std::string& name, std::string shown, list_position after) {
  auto info = detail::read_entry_info(*directory_->core(), fd_, name);
  if (!info) {
    return is_gone(info.error()) ? error_code{} : info.error();
  }
  batch.entries.push_back({std::move(shown), std::move(*info), after});
  return {};
}

void directory_cursor::add_dots(list_batch& batch, std::size_t count) {
  const auto& core = *directory_->core();
  while (position_.stage < at_entries && batch.entries.size() < count) {
    const bool is_parent = position_.stage == at_dot_dot;
    ++position_.stage;
    const std::string name = is_parent ? ".." : ".";
    if (!matcher_.matches(name)) {
      continue;
    }
    // Do not reveal the parent of the root: report the root itself.
    auto info = detail::read_entry_info(core, fd_, is_parent && is_root() ? "." : name);
    if (info) {
      batch.entries.push_back({name, std::move(*info), position_});
    }
  }
}

bool directory_cursor::is_hidden(std::string_view name) const {
  return name == "." || name == ".." || (is_root() && is_reserved_in_root(name));
}

bool directory_cursor::is_root() const {
  const auto& core = *directory_->core();
  const identity id = directory_->id();
  return id.device == core.root_device && id.inode == core.root_inode;
}

result<list_batch> directory_cursor::single() {
  list_batch batch;
  batch.end = true;
  const auto entry = to_entry(pattern_);
  if (position_.stage != at_end && entry && !is_hidden(*entry)) {
    if (const error_code error = add(batch, *entry, to_client_name(*entry), {at_end, 0})) {
      return error;
    }
  }
  position_ = {at_end, 0};
  return batch;
}

result<list_batch> directory_cursor::next(std::size_t count) {
  count = std::clamp<std::size_t>(count, 1, directory_->core()->options.list_batch_max);
  const std::lock_guard lock(mutex_);
  if (single_) {
    return single();
  }
  list_batch batch;
  add_dots(batch, count);
  std::size_t names_left = directory_->core()->options.list_names_max;
  while (position_.stage == at_entries && batch.entries.size() < count && names_left > 0) {
    if (used_ == size_) {
      if (const error_code error = fill()) {
        return error;
      }
      continue;
    }
    const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + used_);
    used_ += entry->d_reclen;
    position_.offset = entry->d_off;
    --names_left;
    if (!may_be_served(entry->d_type)) {
      continue;
    }
    const std::string name = entry->d_name;
    if (is_hidden(name)) {
      continue;
    }
    std::string shown = to_client_name(name);
    if (!matcher_.matches(shown)) {
      continue;
    }
    if (const error_code error = add(batch, name, std::move(shown), position_)) {
      return error;
    }
  }
  batch.end = position_.stage == at_end;
  return batch;
}

} // namespace leasebreak::smb::vfs
