// A client (ClientGuid): its lease table, what counts against its limits, and its break sink.
//
// It is a passive object behind a leaf mutex rather than an actor: every open needs its lease table
// before it goes to its file, and an actor would make that a message there and back.
#pragma once

#include "sink_queue.hpp"
#include "turn_actor.hpp"

#include <leasebreak/model/client_channels.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/limits.hpp>
#include <leasebreak/requests.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace leasebreak::detail {

class file_actor;
using file_ref = actor_ref<file_actor>;

/// A registered client. Thread-safe. Lives at least as long as it has opens, opens on their way, or
/// operations that may wait without one.
class client {
public:
  /// `own` is where the sink is called; if it is empty, that is `common`, the coordinator's.
  client(const client_guid& guid, std::string label, break_sink sink,
    boost::asio::any_io_executor own, const boost::asio::any_io_executor& common);

  [[nodiscard]] const client_guid& guid() const noexcept { return guid_; }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }

  /// Counts an open of `file` that is about to be tried, and binds its lease key to the file.
  /// To be undone with `release_open` when the open fails or ends.
  [[nodiscard]] errc reserve_open(file_actor& file, const lease_key& key, const limits& limit);
  void release_open(file_actor& file, const lease_key& key);

  /// Counts an operation on `file` that may wait for the client without an open: a disconnect has
  /// to find it. To be undone with `leave`. False, and nothing counts, if the client was retired.
  [[nodiscard]] bool enter(file_actor& file);
  void leave(file_actor& file);

  /// As for opens, for byte-range locks.
  [[nodiscard]] bool reserve_locks(std::size_t n, const limits& limit) noexcept;
  void release_locks(std::size_t n) noexcept;

  /// The file that the lease key is bound to; empty if it is bound to none.
  [[nodiscard]] file_name_id file_of(const lease_key& key) const;

  /// The files of which it has opens, and those that it has entered.
  [[nodiscard]] std::vector<file_ref> files() const;

  /// A session can be used on a connection.
  [[nodiscard]] errc add_channel(const channel_id& c, std::uint16_t dialect, const limits& limit);
  /// As `client_channels::lose`, or for all connections. Before that `prepare` gets `files`, as of
  /// the same moment, and the heirs: whoever asks `successor_of` later than that knows of the loss.
  /// It calls nothing; if it throws, nothing has changed.
  void lose(const std::optional<connection_id>& connection,
    const std::function<void(std::vector<file_ref>, std::vector<channel_id>)>& prepare);
  /// The same for `client_channels::end`. False if it has no such session.
  [[nodiscard]] bool end_session(
    session_id session, const std::function<void(std::vector<file_ref>)>& prepare);
  [[nodiscard]] bool has_session(session_id session) const;
  [[nodiscard]] std::optional<channel_id> successor_of(const channel_id& c) const;

  /// Makes later opens fail. False, and no effect, while it has any of these. After success its
  /// sink is to be silenced.
  [[nodiscard]] bool retire();

  /// Its sink and what that is to be told; keeps the client alive.
  [[nodiscard]] static std::shared_ptr<sink_queue> notifications(std::shared_ptr<client> self) {
    auto* const queue = &self->notifications_;
    return {std::move(self), queue};
  }
  [[nodiscard]] sink_queue& notifications() noexcept { return notifications_; }
  /// Says on which channels to send it. False: there are none any more.
  [[nodiscard]] bool find_way(break_notification& n) const;

private:
  /// Not to an actor: two may stand for one file for a moment, one that has just ended, on the way
  /// to which an open still is, and the next, which has the lease.
  struct binding {
    explicit binding(file_name_id f) : file(std::move(f)) {}

    file_name_id file;
    std::size_t opens = 0;
  };

  /// By its id, so that what is told all files is told them in an order that depends on no address:
  /// a simulation is to go the same way twice.
  struct hash_of_actor {
    [[nodiscard]] std::size_t operator()(const file_actor* file) const noexcept;
  };

  const client_guid guid_;
  const std::string label_;

  [[nodiscard]] std::vector<file_ref> files_locked() const;
  [[nodiscard]] bool bind_locked(const lease_key& key, const file_actor& file);
  void leave_locked(file_actor& file);

  mutable std::mutex mutex_; ///< Never held while anything outside of this class is called.
  std::unordered_map<lease_key, binding> leases_;
  /// How many opens of each, and who has entered. All are alive: what has an open or an operation
  /// has not ended, and who is on the way to one holds it.
  std::unordered_map<file_actor*, std::size_t, hash_of_actor> files_;
  std::size_t opens_ = 0;
  bool retired_ = false;
  client_channels channels_;
  std::atomic<std::size_t> locks_{0};

  sink_queue notifications_;
};

/// All registered clients. Thread-safe.
class client_table {
public:
  [[nodiscard]] errc add(std::shared_ptr<client> c);
  /// When it returns, the client's sink runs on no other thread, and is not called again.
  [[nodiscard]] errc remove(const client_guid& guid);
  [[nodiscard]] std::shared_ptr<client> find(const client_guid& guid) const;
  [[nodiscard]] std::size_t size() const;

  /// Takes no more clients, and silences all that there are.
  void silence_all();

private:
  struct alignas(64) shard {
    mutable std::mutex mutex;
    bool closed = false;
    /// Those that were removed by their own sink, while it runs.
    std::vector<std::shared_ptr<client>> leaving;
    std::unordered_map<client_guid, std::shared_ptr<client>> clients;
  };
  static constexpr std::size_t shard_count = 16;

  [[nodiscard]] static std::size_t index(const client_guid& guid) noexcept {
    // Whoever has all clients in one shard has gained nothing: the tables within have keyed hashes.
    const auto words = guid.words();
    return ((words[0] ^ words[1]) * 0x9e37'79b9'7f4a'7c15U >> 60U) % shard_count;
  }

  std::array<shard, shard_count> shards_;
};

} // namespace leasebreak::detail
