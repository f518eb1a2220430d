// The directory that a simulated server serves, and which name each file had at which time.
#pragma once

#include "loop.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leasebreak::smb::simulation {

/// A temporary directory of the process, in memory where such a file system exists.
class disk {
public:
  disk();
  ~disk();
  disk(const disk&) = delete;
  disk& operator=(const disk&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Empties it, and creates the parent directories of the names.
  void begin_anew(const std::vector<std::string>& names);

  /// Records changes of names. Called whenever something may have changed.
  void look(leasebreak::simulation::span now);

  /// Returns the file's number, or 0 if no file has this name.
  [[nodiscard]] std::uint64_t at(const std::string& name) const;

  /// Returns whether the file had the name at some time in this interval.
  [[nodiscard]] bool was_at(const std::string& name, std::uint64_t file,
    leasebreak::simulation::span from, leasebreak::simulation::span until) const;

  /// Returns all files that ever had the name.
  [[nodiscard]] std::vector<std::uint64_t> all_at(const std::string& name) const;

  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  /// Returns the number that the file contains.
  [[nodiscard]] std::uint64_t read(const std::string& name) const;

private:
  struct entry {
    leasebreak::simulation::span since;
    std::uint64_t file;
  };

  std::string path_;
  std::vector<std::string> names_;
  std::map<std::string, std::vector<entry>> history_; ///< Of each name, oldest first.
};

/// Returns the process's only disk, which all scenes share.
[[nodiscard]] disk& the_disk();

/// Returns the number of descriptors of the process.
[[nodiscard]] std::size_t descriptors_now();

} // namespace leasebreak::smb::simulation
