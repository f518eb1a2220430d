#include "server_disk.hpp"

namespace leasebreak::simulated {

server_disk::server_disk(std::size_t files, oracle& judge, const sim_clock& clock)
  : judge_{judge}, clock_{clock} {
  slots_.reserve(files);
  for (std::size_t i = 0; i < files; ++i)
    slots_.push_back(std::make_unique<slot>());
}

content server_disk::write(std::size_t file, std::size_t writer, stamp mark) {
  auto& s = *slots_[file];
  const std::scoped_lock lock{s.mutex};
  s.now = {s.now.version + 1, mark};
  judge_.wrote(file, writer, s.now.version, mark, clock_.now());
  return s.now;
}

content server_disk::read(std::size_t file) const {
  const auto& s = *slots_[file];
  const std::scoped_lock lock{s.mutex};
  return s.now;
}

} // namespace leasebreak::simulated
