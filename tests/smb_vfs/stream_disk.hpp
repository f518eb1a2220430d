// What a share has on the disk for large streams.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/xattr.h>

namespace leasebreak::smb::vfs::testing {

inline std::filesystem::path stream_store(const std::filesystem::path& root) {
  return root / ".leasebreak.streams";
}

/// The names of all files in the store, without folders.
inline std::set<std::string> stored_files(const std::filesystem::path& root) {
  std::set<std::string> found;
  if (std::filesystem::exists(stream_store(root))) {
    for (const auto& each : std::filesystem::recursive_directory_iterator(stream_store(root))) {
      if (!each.is_directory()) {
        found.insert(each.path().filename().string());
      }
    }
  }
  return found;
}

/// The names of the files that the references in the attributes of a file mean.
inline void add_references(const std::filesystem::path& file, std::multiset<std::string>& found) {
  constexpr std::size_t head = 17;
  constexpr std::string_view prefix = "user.leasebreak.stream.";
  std::vector<char> names(65536);
  const auto size = ::llistxattr(file.c_str(), names.data(), names.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const std::string name = names.data() + at;
    at += name.size() + 1;
    std::array<unsigned char, 64> value{};
    const auto got = ::lgetxattr(file.c_str(), name.c_str(), value.data(), value.size());
    if (!name.starts_with(prefix) || got != head + 16 || value[0] != 0x9e || value[16] != 1) {
      continue;
    }
    std::string id;
    for (std::size_t i = head; i < head + 16; ++i) {
      constexpr std::string_view digits = "0123456789abcdef";
      id += digits[value[i] >> 4U];
      id += digits[value[i] & 0x0fU];
    }
    found.insert(id);
  }
}

/// The same of the whole share.
inline std::multiset<std::string> all_references(const std::filesystem::path& root) {
  std::multiset<std::string> found;
  std::set<ino_t> seen; // a file may have several names
  add_references(root, found);
  for (auto each = std::filesystem::recursive_directory_iterator(root);
       each != std::filesystem::recursive_directory_iterator(); ++each) {
    if (each->path() == stream_store(root)) {
      each.disable_recursion_pending();
    } else if (struct stat status{};
               ::lstat(each->path().c_str(), &status) == 0 && seen.insert(status.st_ino).second) {
      add_references(each->path(), found);
    }
  }
  return found;
}

/// Whether each stored file has exactly one reference, and the other way round.
inline bool is_store_exact(const std::filesystem::path& root) {
  const auto references = all_references(root);
  const auto files = stored_files(root);
  return std::equal(references.begin(), references.end(), files.begin(), files.end());
}

} // namespace leasebreak::smb::vfs::testing
