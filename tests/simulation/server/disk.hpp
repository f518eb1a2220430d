// The directory that a simulated server serves, and which file had which name when.
#pragma once

#include "loop.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leasebreak::smb::simulation {

/// A directory of the process, in memory where there is such a file system.
class disk {
public:
  disk();
  ~disk();
  disk(const disk&) = delete;
  disk& operator=(const disk&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Empties it, and makes the directories of the names.
  void begin_anew(const std::vector<std::string>& names);

  /// Something may have changed.
  void look(leasebreak::simulation::span now);

  /// The file's number; 0: there is none of this name.
  [[nodiscard]] std::uint64_t at(const std::string& name) const;

  /// Whether it had the name at some time between these two.
  [[nodiscard]] bool was_at(const std::string& name, std::uint64_t file,
    leasebreak::simulation::span from, leasebreak::simulation::span until) const;

  /// All that ever had the name.
  [[nodiscard]] std::vector<std::uint64_t> all_at(const std::string& name) const;

  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  /// The number that is written in it.
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

/// The process has one for all its scenes.
[[nodiscard]] disk& the_disk();

/// How many descriptors the process has.
[[nodiscard]] std::size_t descriptors_now();

} // namespace leasebreak::smb::simulation
