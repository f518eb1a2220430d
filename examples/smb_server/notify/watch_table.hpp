// The watches of all clients by directory, and the limits of their unreported changes.
#pragma once

#include <smb_server/notify/directory_watches.hpp>

#include <leasebreak/model/keyed_hash.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace leasebreak::smb {

/// A change costs one lookup for each directory above it, and one entry for each affected log.
/// Watches without a pending request add no cost. Thread-safe.
class watch_table {
public:
  explicit watch_table(watch_limits limits) noexcept : limits_{limits} {}

  void add(watch& w);
  void remove(watch& w) noexcept;

  struct taken {
    change_log::news news;
    std::string directory; ///< The path of the directory when these changes were made.
  };
  /// Returns the unreported changes of a watch. If there are none, registers the watch and returns
  /// nothing; `watch::answer` is then called on its executor after the next change. This is atomic,
  /// thus no change is missed.
  [[nodiscard]] std::optional<taken> take_or_await(watch& w);

  void report(const void* share, const std::vector<name_change>& changes);

  /// See `directory_watches::rename`. Has no effect if it throws.
  void rename(const void* share, const std::string& from, const std::string& to);

  /// The watches of a directory.
  [[nodiscard]] std::vector<watch_ptr> of(const void* share, const std::string& directory);

  [[nodiscard]] std::size_t bytes() const;

private:
  /// A client of a user.
  struct owner {
    const void* client = nullptr;
    std::uint64_t user = 0;

    friend bool operator==(const owner&, const owner&) = default;
  };
  struct owner_hash {
    std::size_t operator()(const owner& o) const noexcept {
      return std::hash<const void*>{}(o.client) ^ std::hash<std::uint64_t>{}(o.user << 1);
    }
  };
  [[nodiscard]] static owner owner_of(const watch_terms& t) noexcept { return {t.client, t.user}; }

  /// The logs of a directory.
  struct directory {
    struct entry {
      owner whose;
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
  void count(const owner& whose, std::size_t before, std::size_t after);
  void keep_within_limits(const owner& whose);
  [[nodiscard]] client& client_with_most();
  void forget_changes(client& c) noexcept;
  void drop_log(const watch_terms& terms, watched_log& log);
  void move_logs(directories& all, const std::string& from, std::string to);

  const watch_limits limits_;
  mutable std::mutex mutex_;
  std::atomic<bool> any_{false}; ///< Whether there are watches.
  std::unordered_map<const void*, directories> shares_;
  std::unordered_map<owner, client, owner_hash> clients_;
  std::size_t bytes_ = 0;
};

} // namespace leasebreak::smb
