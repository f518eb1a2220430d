// What a coordinator needs of a cluster, in which other servers execute the operations of some
// files.
#pragma once

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/file_snapshot.hpp>
#include <leasebreak/model/ids.hpp>

#include <memory>
#include <string>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

struct file_policy;

/// A change of the parts that the clients of a server have of a file.
struct remote_change {
  std::vector<open_ended> ended; ///< Opens that have ended, in order.
  /// What clients have of the file through this server now; the others have what they had. An open
  /// that is neither in the part of its client nor in `ended` is lost.
  std::vector<client_part> parts;
};

/// What a coordinator is told of its files; for each file, in order. Each function names the run to
/// which the news belongs; news of another run than the current one is ignored. All are
/// thread-safe, do not block, and may be called within `remote_files::submit`.
class remote_files_user {
public:
  virtual ~remote_files_user() = default;

  /// The server is a member of the cluster from now on, as `run`, and operations may begin.
  virtual void joined(node_id run) = 0;
  /// The parts that clients have of a file have changed. Precedes the breaks and results of the
  /// same change.
  virtual void changed(node_id run, const std::string& file_id, remote_change what) = 0;
  /// A break notification for a client.
  virtual void broken(node_id run, const std::string& file_id, break_notification what) = 0;
  /// An operation has ended.
  virtual void completed(node_id run, const std::string& file_id, completion what) = 0;
  /// The server is no longer a member. Its operations fail with `errc::not_a_member`, and all opens
  /// have ended. The server must disconnect its clients at once.
  virtual void stepped_down(node_id run) = 0;

protected:
  remote_files_user() = default;
  remote_files_user(const remote_files_user&) = default;
  remote_files_user& operator=(const remote_files_user&) = default;
};

/// Executes the commands of all files, here or on other servers. `cluster::member` is one.
class remote_files {
public:
  virtual ~remote_files() = default;

  /// Called once, by the coordinator's constructor, to which it may throw, with the settings.
  virtual void use(std::shared_ptr<remote_files_user> user, const file_policy& policy) = 0;

  /// Executes a command in `run`. Its operation, if it has one, contains the run and is unique; it
  /// completes once, unless `stepped_down` is told before. `about` is the break that the command
  /// acknowledges. Thread-safe; must not block. If the run is over, the command is dropped.
  virtual void submit(node_id run, const std::string& file_id, command what, break_id about) = 0;

protected:
  remote_files() = default;
  remote_files(const remote_files&) = default;
  remote_files& operator=(const remote_files&) = default;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
