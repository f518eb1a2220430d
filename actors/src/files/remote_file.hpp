// The part of a file that clients of this server have, while the cluster executes its commands.
#pragma once

#include "completion/operation.hpp"

#include <leasebreak/model/file_state.hpp>
#include <leasebreak/remote_files.hpp>

#include <string>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Names the run in a command for the cluster, and makes its operations unique there. Persistent
/// opens, streams that are known to their file, and records are for one server alone; the command
/// asks for none.
void put_in_run(command& what, node_id run);

/// Returns the id of an operation before `put_in_run`.
[[nodiscard]] operation_id operation_before_run(operation_id operation) noexcept;

/// What the cluster said last. Commands are not applied to it.
class remote_file {
public:
  remote_file(const file_policy& policy, const std::string& file_id, node_id run);

  [[nodiscard]] node_id run() const noexcept { return run_; }
  [[nodiscard]] const file_state& state() const noexcept { return state_; }
  /// Returns the break that a command acknowledges, or none.
  [[nodiscard]] break_id acknowledged_by(const command& what) const;

  /// Takes what has changed, and adds to `change.ended` the opens that are lost; the cause of
  /// disconnected ones is `expired`, so that the server is told. Returns what is wrong with a part;
  /// then its client has nothing here.
  [[nodiscard]] std::string take(remote_change& change, time_point now);

  /// The run is over: forgets all, and returns the ends of all opens.
  [[nodiscard]] std::vector<open_ended> end(time_point now);

private:
  node_id run_;
  file_state state_;
};

/// What the cluster tells a file.
class remote_news final : public file_message {
public:
  using content = std::variant<remote_change, break_notification, completion>;

  remote_news(node_id run, content what) : run_(run), what_(std::move(what)) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

private:
  node_id run_;
  content what_;
};

/// The server is not a member of the cluster any more.
class remote_run_ended final : public file_message {
public:
  explicit remote_run_ended(node_id run) : run_(run) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

private:
  node_id run_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
