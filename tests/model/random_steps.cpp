#include "random_steps.hpp"

#include <set>

namespace leasebreak::model_test {

std::vector<step> random_steps(std::mt19937_64& random, std::size_t count) {
  std::vector<step> steps(count);
  for (auto& s : steps) {
    const auto value = random();
    const auto more = random();
    s.what = static_cast<std::uint8_t>(value);
    s.a = static_cast<std::uint16_t>(value >> 8);
    s.b = static_cast<std::uint16_t>(value >> 24);
    s.c = static_cast<std::uint16_t>(value >> 40);
    s.d = static_cast<std::uint16_t>(more);
  }
  return steps;
}

std::vector<node_report> reports_of(
  const file_state& file, std::initializer_list<node_id> nodes, time_point now) {
  std::set<client_guid> clients{{}};
  for (const auto& entry : file.list({}))
    clients.insert(entry.client);
  std::vector<node_report> reports;
  for (const auto node : nodes)
    for (const auto& client : clients)
      if (client.is_zero() || file.is_used_by(node, client))
        reports.push_back({node, file.report_client(node, client, now), {}});
  return reports;
}

} // namespace leasebreak::model_test
