// The watches of all clients by directory, and the bounds on the changes that they keep.
#pragma once

#include <smb_server/notify/directory_watches.hpp>

#include <leasebreak/model/keyed_hash.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace leasebreak::smb {

/// A change costs one look-up for each directory above it, and an entry for each client and kind of
/// watch that it concerns: watches that nobody waits for cost nothing. May be used from any thread.
class watch_table {
public:
  explicit watch_table(watch_limits limits) noexcept : limits_{limits} {}

  void add(watch& w);
  void remove(watch& w) noexcept;

  /// What a watch has not told. Nothing: the watch is told (`watch::answer`, on its executor) when
  /// there is something. Look and registration are one step, so that no change comes between them.
  [[nodiscard]] std::optional<change_log::news> take_or_await(watch& w);

  void report(const void* share, const std::vector<name_change>& changes);

  /// The watches of a directory.
  [[nodiscard]] std::vector<watch_ptr> of(const void* share, const std::string& directory);

  [[nodiscard]] std::size_t bytes() const;

private:
  /// The logs of a directory.
  struct directory {
    struct entry {
      const void* client;
      bool recursive;
      std::uint32_t filter;
      std::unique_ptr<watched_log> log;
    };
    std::vector<entry> entries;
  };
  /// By path.
  using directories = std::unordered_map<std::string, directory, keyed_string_hash>;
  struct client {
    std::size_t bytes = 0;
    std::unordered_set<watched_log*> logs;
  };

  void append(const void* share, const change_ptr& c, std::vector<watch_ptr>& woken);
  void append(directory& d, const change_ptr& c, bool is_parent, std::vector<watch_ptr>& woken);
  void wake(watched_log& log, std::vector<watch_ptr>& woken);
  void count(const void* whose, std::size_t before, std::size_t after);
  void keep_within_limits(const void* whose);
  void forget_changes(client& c) noexcept;
  void drop_log(const watch_terms& terms, watched_log& log);

  const watch_limits limits_;
  mutable std::mutex mutex_;
  std::atomic<bool> any_{false}; ///< Whether there are watches.
  std::unordered_map<const void*, directories> shares_;
  std::unordered_map<const void*, client> clients_;
  std::size_t bytes_ = 0;
};

} // namespace leasebreak::smb
