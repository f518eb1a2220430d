// Maps file ids to file actors.
//
// It consists of shards behind leaf mutexes rather than an actor, because a single mailbox would be
// a bottleneck for all files. No lock is held while anything except the table is used.
#pragma once

#include "clients/client.hpp"
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

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;

/// The file actors that are alive. Thread-safe.
///
/// A limited number of actors without state is kept for reuse; others are ended. No message is lost
/// by that: an actor is ended by a compare-and-swap that succeeds only if its mailbox is empty.
/// From then on it refuses messages, and the senders return to the registry.
class file_registry {
public:
  file_registry(coordinator_impl& owner, std::size_t unused_max) noexcept
    : owner_(owner), unused_max_(unused_max) {}

  [[nodiscard]] file_ref find(std::string_view file) const;
  /// Returns null only after `stop_all`.
  [[nodiscard]] file_ref find_or_create(std::string_view file);

  /// Sends `m` to the file, which is created if needed. Returns null, and `m` is unchanged, after
  /// `stop_all`.
  [[nodiscard]] file_ref deliver(std::string_view file, message_ptr& m);

  /// The actor has no state and is idle, or was so very recently.
  void unused(file_actor& file);

  [[nodiscard]] std::vector<file_ref> all() const;
  [[nodiscard]] std::size_t size() const;

  /// Returns the ids of at most `most` files that follow `file`, which need not exist any more, in
  /// an order that stays the same for the lifetime of the process. Empty: from the beginning.
  [[nodiscard]] std::vector<file_name_id> ids_after(std::string_view file, std::size_t most) const;
  /// Returns those of `files`, in the same order.
  [[nodiscard]] static std::vector<file_name_id> ids_after(
    std::string_view file, std::size_t most, const std::vector<file_ref>& files);

  /// Returns the shard of a file. Listings follow the order of the shards, then of the ids.
  [[nodiscard]] static std::size_t shard_of(std::string_view file) noexcept {
    return hashed_id(file).shard();
  }

  /// Ends all actors. Afterwards none is created or found. They stay in memory, because the tables
  /// of clients refer to them.
  void stop_all() noexcept;
  /// Frees the stopped actors.
  void forget_stopped() noexcept;

private:
  /// The id of a file with its hash, which is computed once, because the keyed hash costs more than
  /// everything else here.
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
    /// Those marked as listed, in the order in which they were listed.
    std::deque<file_ref> unused;
    bool stopped = false; ///< The tables no longer change.
  };
  static constexpr std::size_t shard_count = 256; // listings look at whole shards

  class least_ids;
  /// Offers the ids of the files of `s` that follow `file` to `to`. Returns false if the table has
  /// changed its size meanwhile, so that some may be missing.
  [[nodiscard]] static bool look_at(const shard& s, std::string_view file, least_ids& to);
  /// Ends `file` if it still has no state. The shard's mutex must be held.
  static void end(shard& s, file_actor& file);

  coordinator_impl& owner_;
  const std::size_t unused_max_;
  std::atomic<std::size_t> listed_{0};
  std::array<shard, shard_count> shards_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
