// See disk.hpp.
#include "disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace leasebreak::smb::simulation {

namespace fs = std::filesystem;
using leasebreak::simulation::span;

disk::disk() {
  const fs::path memory{"/dev/shm"};
  const auto parent = fs::is_directory(memory) ? memory : fs::temp_directory_path();
  path_ = parent / "leasebreak-simulation-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("cannot make a directory in " + parent.string());
}

disk::~disk() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void disk::begin_anew(const std::vector<std::string>& names) {
  for (const auto& each : fs::directory_iterator{path_})
    fs::remove_all(each.path());
  names_ = names;
  history_.clear();
  for (const auto& name : names_) {
    fs::create_directories((fs::path{path_} / name).parent_path());
    history_[name].push_back({span{}, 0});
  }
  look(span{});
}

std::uint64_t disk::at(const std::string& name) const {
  struct stat status {};
  const auto path = path_ + "/" + name;
  return ::fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_ino : 0;
}

void disk::look(span now) {
  for (auto& [name, entries] : history_)
    if (const auto file = at(name); file != entries.back().file)
      entries.push_back({now, file});
}

bool disk::was_at(const std::string& name, std::uint64_t file, span from, span until) const {
  const auto& entries = history_.at(name);
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    const bool is_over = std::next(it) != entries.end() && std::next(it)->since < from;
    if (it->file == file && it->since <= until && !is_over)
      return true;
  }
  return false;
}

std::vector<std::uint64_t> disk::all_at(const std::string& name) const {
  std::vector<std::uint64_t> result;
  for (const auto& each : history_.at(name))
    result.push_back(each.file);
  return result;
}

std::uint64_t disk::read(const std::string& name) const {
  std::ifstream in{path_ + "/" + name, std::ios::binary};
  std::uint64_t value = 0;
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return in.gcount() == sizeof value ? value : 0;
}

disk& the_disk() {
  static disk made;
  return made;
}

std::size_t descriptors_now() {
  const fs::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace leasebreak::smb::simulation
