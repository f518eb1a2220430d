// Enumerates all histories of a small world, and prints the depth that it reached.
#include "search.hpp"

#include <charconv>
#include <iostream>
#include <string_view>
#include <vector>

namespace leasebreak::small_world {

namespace {

constexpr std::string_view usage =
  R"(usage: small_world [--seconds N] [--depth D] [--profile NAME] [--fault NAME] [--list]

Runs every sequence of commands of two clients with two opens each on one file of the model.

  --seconds N     time for all profiles together; 600 by default
  --depth D       maximum depth; by default, as deep as the time allows
  --profile NAME  run only this profile
  --fault NAME    inject this fault, which the search should find
  --list          list the profiles and the faults
)";

struct options {
  unsigned seconds = 600;
  bounds within{};
  std::vector<const profile*> profiles;
  fault what = fault::none;
};

bool parse(std::string_view text, unsigned& value) {
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && rest == end;
}

void list() {
  for (const auto& p : profiles())
    std::cout << p.name << ": " << p.about << '\n';
  std::cout << "\nfaults:\n";
  for (const auto f : all_faults())
    std::cout << to_string(f) << '\n';
}

bool take(options& o, std::string_view name, std::string_view value) {
  if (name == "--seconds")
    return parse(value, o.seconds);
  if (name == "--depth")
    return parse(value, o.within.depth);
  if (name == "--profile") {
    o.profiles = {find_profile(value)};
    return o.profiles.front() != nullptr;
  }
  if (name != "--fault")
    return false;
  for (const auto f : all_faults())
    if (to_string(f) == value)
      o.what = f;
  return o.what != fault::none;
}

// The profiles share the remaining time equally.
int search_all(const options& o) {
  bool is_well = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{o.seconds};
  auto left = static_cast<int>(o.profiles.size());
  for (const auto* const p : o.profiles) {
    auto within = o.within;
    within.time = (end - std::chrono::steady_clock::now()) / left--;
    const auto found = search(*p, within, o.what);
    std::cout << describe(*p, found) << std::flush;
    is_well = is_well && found.problem.empty();
  }
  return is_well ? 0 : 1;
}

int run(int argc, char** argv) {
  options o;
  for (const auto& p : profiles())
    o.profiles.push_back(&p);
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      std::cout << usage;
      return 0;
    }
    if (name == "--list") {
      list();
      return 0;
    }
    if (i + 1 == argc || !take(o, name, argv[++i])) {
      std::cerr << "small_world: bad argument " << name << '\n' << usage;
      return 2;
    }
  }
  return search_all(o);
}

} // namespace
} // namespace leasebreak::small_world

int main(int argc, char** argv) {
  return leasebreak::small_world::run(argc, argv);
}
