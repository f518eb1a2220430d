// A client (ClientGuid): its lease table, its counts for limits, and its break sink.
//
// It is a passive object behind a leaf mutex rather than an actor: every open needs the lease table
// before it is sent to its file, and an actor would need two messages for that.
#pragma once

#include "runtime/turn_actor.hpp"
#include "sink_queue.hpp"

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

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class file_actor;
using file_ref = actor_ref<file_actor>;

/// A registered client. Thread-safe. Lives at least as long as it has opens, opens in flight, or
/// operations that may wait without an open.
class client {
public:
  /// The sink is called on `own`, or on `common`, the coordinator's executor, if `own` is empty.
  client(const client_guid& guid, std::string label, break_sink sink,
    boost::asio::any_io_executor own, const boost::asio::any_io_executor& common);

  [[nodiscard]] const client_guid& guid() const noexcept { return guid_; }
  [[nodiscard]] std::string label() const;
  void set_label(std::string label);
  [[nodiscard]] listed_client describe() const;

  /// Counts an open of `file` that is about to be tried, and binds its lease key to the file.
  /// `release_open` must undo it when the open fails or ends.
  [[nodiscard]] errc reserve_open(file_actor& file, const lease_key& key, std::size_t opens_max);
  void release_open(file_actor& file, const lease_key& key);

  /// Counts an operation on `file` that may wait for the client without an open, so that a
  /// disconnect finds it. `leave` must undo it. Returns false, without effect, if the client was
  /// retired.
  [[nodiscard]] bool enter(file_actor& file);
  void leave(file_actor& file);

  /// Like `reserve_open`, for byte-range locks.
  [[nodiscard]] bool reserve_locks(std::size_t n, std::size_t locks_max) noexcept;
  void release_locks(std::size_t n) noexcept;

  /// Returns the file to which the lease key is bound; empty if there is none.
  [[nodiscard]] file_name_id file_of(const lease_key& key) const;

  /// Returns the files that have opens or entered operations of the client.
  [[nodiscard]] std::vector<file_ref> files() const;

  /// Adds a channel: a session was bound to a connection.
  [[nodiscard]] errc add_channel(
    const channel_id& c, std::uint16_t dialect, std::size_t channels_max);
  /// Like `client_channels::lose`, for one or all connections. Before that, calls `prepare` with
  /// `files` at that time and the remaining channels of the sessions. A later call of
  /// `successor_of` knows of the loss. `prepare` must not call out; if it throws, nothing has
  /// changed.
  void lose(const std::optional<connection_id>& connection,
    const std::function<void(std::vector<file_ref>, std::vector<channel_id>)>& prepare);
  /// The same for `client_channels::end`. Returns false if there is no such session.
  [[nodiscard]] bool end_session(
    session_id session, const std::function<void(std::vector<file_ref>)>& prepare);
  [[nodiscard]] bool has_session(session_id session) const;
  [[nodiscard]] std::optional<channel_id> successor_of(const channel_id& c) const;

  /// Makes later opens fail. Returns false, without effect, while the client has opens or entered
  /// operations. After success, the caller must silence its sink.
  [[nodiscard]] bool retire();

  /// Returns the sink with its queue; shares ownership of the client.
  [[nodiscard]] static std::shared_ptr<sink_queue> notifications(std::shared_ptr<client> self) {
    auto* const queue = &self->notifications_;
    return {std::move(self), queue};
  }
  [[nodiscard]] sink_queue& notifications() noexcept { return notifications_; }
  /// Sets the channels on which to send the notification. Returns false if there are none.
  [[nodiscard]] bool find_way(break_notification& n) const;

private:
  /// Keyed by file id, not by actor: while an actor is being replaced, an open may still be
  /// addressed to the old one when the new one already owns the lease.
  struct binding {
    explicit binding(file_name_id f) : file(std::move(f)) {}

    file_name_id file;
    std::size_t opens = 0;
  };

  /// Hashes the file's id, so that messages to all files are sent in an order that does not depend
  /// on addresses. Simulations must be repeatable.
  struct hash_of_actor {
    [[nodiscard]] std::size_t operator()(const file_actor* file) const noexcept;
  };

  const client_guid guid_;
  [[nodiscard]] std::vector<file_ref> files_locked() const;
  [[nodiscard]] bool bind_locked(const lease_key& key, const file_actor& file);
  void leave_locked(file_actor& file);

  mutable std::mutex mutex_; ///< A leaf mutex: never held during a call out of this class.
  std::string label_;
  std::unordered_map<lease_key, binding> leases_;
  /// The number of opens and entered operations of each file. These raw pointers are valid: an
  /// actor with opens or queued operations cannot end, and a sender holds a reference until its
  /// message is queued.
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
  /// Removes a client. When it returns, the client's sink is not running on another thread and is
  /// not called again.
  [[nodiscard]] errc remove(const client_guid& guid);
  [[nodiscard]] std::shared_ptr<client> find(const client_guid& guid) const;
  [[nodiscard]] std::size_t size() const;
  /// Those with the least ids greater than `after`, in this order, at most `most`.
  [[nodiscard]] std::vector<std::shared_ptr<client>> after(
    const client_guid& after, std::size_t most) const;

  /// Accepts no more clients, and silences the sinks of all clients.
  void silence_all();

private:
  struct alignas(64) shard {
    mutable std::mutex mutex;
    bool closed = false;
    /// Clients that were removed from within their own sink, while it runs.
    std::vector<std::shared_ptr<client>> leaving;
    std::unordered_map<client_guid, std::shared_ptr<client>> clients;
  };
  static constexpr std::size_t shard_count = 16;

  [[nodiscard]] static std::size_t index(const client_guid& guid) noexcept {
    // An unkeyed hash is enough: clients could only force themselves into one shard, and the tables
    // within have keyed hashes.
    const auto words = guid.words();
    return ((words[0] ^ words[1]) * 0x9e37'79b9'7f4a'7c15U >> 60U) % shard_count;
  }

  std::array<shard, shard_count> shards_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
