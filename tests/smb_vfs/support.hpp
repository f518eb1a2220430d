// A share on a temporary directory, and helpers for its tests.
#pragma once

#include "vfs/vfs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::smb::vfs::testing {

/// A directory that the destructor deletes.
class temporary_directory {
public:
  temporary_directory() {
    std::string pattern =
      (std::filesystem::temp_directory_path() / "leasebreak_vfs.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot create a temporary directory");
    }
    where_ = pattern;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(where_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  [[nodiscard]] const std::filesystem::path& where() const { return where_; }

private:
  std::filesystem::path where_;
};

/// Parses a valid path.
inline path at(std::string_view text) {
  return path::parse(text).value();
}

inline std::vector<std::uint8_t> bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

inline std::string text(const std::vector<std::uint8_t>& data) {
  return {data.begin(), data.end()};
}

/// Returns the error of a result, or success if it has a value. Returns an error_code unchanged.
template <class T>
error_code error_of(const result<T>& outcome) {
  return outcome ? error_code{} : outcome.error();
}

/// `outside/` beside `root/`, which is the share.
class share_test : public ::testing::Test {
protected:
  share_test() : share_test(share_options{}) {}
  explicit share_test(const share_options& options) {
    std::filesystem::create_directory(root());
    std::filesystem::create_directory(outside());
    share_ = share::open_root(root().string(), options).value();
  }

  [[nodiscard]] std::filesystem::path root() const { return directory_.where() / "root"; }
  [[nodiscard]] std::filesystem::path outside() const { return directory_.where() / "outside"; }

  void put(const std::string& name, std::string_view content = "content") const {
    std::ofstream(root() / name) << content;
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream in(root() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(root() / name));
  }
  void make_directory(const std::string& name) const {
    std::filesystem::create_directories(root() / name);
  }

  /// Opens for reading and writing.
  result<opened> open(std::string_view name, disposition how = disposition::open,
    node_kind kind = node_kind::any, std::uint32_t attributes = 0) {
    open_options options;
    options.how = how;
    options.kind = kind;
    options.read = options.write = true;
    options.attributes = attributes;
    return share_->open(at(name), options);
  }
  /// Opens for attributes only.
  result<opened> look(std::string_view name) { return share_->open(at(name), {}); }

  temporary_directory directory_;
  share_ptr share_;
};

} // namespace leasebreak::smb::vfs::testing
