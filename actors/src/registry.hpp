// Which file actor stands for which file.
//
// Shards behind leaf mutexes, not an actor: the way to a file must not lead through something that
// all files share. No lock is held while anything but the table is touched.
#pragma once

#include "client.hpp"
#include "file_actor.hpp"

#include <leasebreak/model/keyed_hash.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace leasebreak::detail {

class coordinator_impl;

/// The file actors that are alive. Thread-safe.
///
/// A file actor that owns nothing is kept for its next use, up to a number, and then ended. No
/// message is lost over that: an actor is ended by a compare-and-swap that succeeds only if its
/// mailbox is empty, and from then on refuses messages, whose senders come back here.
class file_registry {
public:
  file_registry(coordinator_impl& owner, std::size_t unused_max) noexcept
    : owner_(owner), unused_max_(unused_max) {}

  [[nodiscard]] file_ref find(std::string_view file) const;
  /// Nothing only after `stop_all`.
  [[nodiscard]] file_ref find_or_create(std::string_view file);

  /// Sends `m` to the file, which exists from then on. Nothing, and `m` stays, after `stop_all`.
  [[nodiscard]] file_ref deliver(std::string_view file, message_ptr& m);

  /// The actor owns nothing and is idle, or was a moment ago.
  void unused(file_actor& file);

  [[nodiscard]] std::vector<file_ref> all() const;
  [[nodiscard]] std::size_t size() const;

  /// Ends all actors; none is made, and none is found, after that. They stay in memory, since
  /// clients' tables refer to them.
  void stop_all() noexcept;
  /// Frees them.
  void forget_stopped() noexcept;

private:
  /// A file's id, hashed once: keyed hashes cost more than all else that is done here.
  struct hashed_id {
    explicit hashed_id(std::string_view file) noexcept
      : text(file), hash(keyed_string_hash{}(file)) {}
    [[nodiscard]] std::size_t shard() const noexcept { return shard_of(hash); }
    [[nodiscard]] static std::size_t shard_of(std::size_t h) noexcept {
      return (h ^ (h >> 29)) % shard_count;
    }

    std::string_view text;
    std::size_t hash;
  };
  struct hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(const hashed_id& file) const noexcept { return file.hash; }
    [[nodiscard]] std::size_t operator()(const file_ref& file) const noexcept;
  };
  struct equal {
    using is_transparent = void;
    [[nodiscard]] bool operator()(const file_ref& a, const file_ref& b) const noexcept {
      return a.get() == b.get();
    }
    [[nodiscard]] bool operator()(const hashed_id& a, const file_ref& b) const noexcept;
    [[nodiscard]] bool operator()(const file_ref& a, const hashed_id& b) const noexcept {
      return (*this)(b, a);
    }
  };
  struct alignas(64) shard {
    mutable std::mutex mutex;
    std::unordered_set<file_ref, hash, equal> files;
    std::deque<file_ref> unused; ///< Those marked as listed, the longest listed first.
    bool stopped = false; ///< The tables do not change any more.
  };
  static constexpr std::size_t shard_count = 64;

  /// Ends `file`, if it still owns nothing; with the shard's mutex held.
  static void end(shard& s, file_actor& file);

  coordinator_impl& owner_;
  const std::size_t unused_max_;
  std::atomic<std::size_t> listed_{0};
  std::array<shard, shard_count> shards_;
};

} // namespace leasebreak::detail
