// Links between machines, and between machines and the engine. They lose, repeat, delay and reorder
// what is sent, and can be cut in one direction.
#pragma once

#include "loop.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <utility>

namespace leasebreak::simulation {

class network {
public:
  /// With `is_slow`, one message in twenty takes up to two seconds.
  network(loop& on, random_source& random, bool is_slow)
    : loop_(on), random_(random), is_slow_(is_slow) {}

  /// Calls `arrives` later, perhaps never, perhaps twice. The link must not be cut when the message
  /// leaves, nor when it arrives.
  void send(std::size_t from, std::size_t to, std::function<void()> arrives);
  /// Cuts the link in this direction for a time.
  void cut(std::size_t from, std::size_t to, span how_long);
  /// Ends all cuts, and loses nothing from now on.
  void heal();
  /// Whether a machine may have been silent to another one in the last `within`.
  [[nodiscard]] bool was_bad_around(std::size_t machine, span within) const;

private:
  [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const;
  [[nodiscard]] span delay();
  void put(std::size_t from, std::size_t to, std::function<void()> arrives);

  loop& loop_;
  random_source& random_;
  bool is_slow_;
  bool is_healed_ = false;
  std::map<std::pair<std::size_t, std::size_t>, span> cut_until_;
};

} // namespace leasebreak::simulation
