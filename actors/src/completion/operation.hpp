// Messages to files: operations of the API, and commands without a result.
#pragma once

#include "completions.hpp"
#include "files/path_index.hpp"
#include "runtime/message.hpp"

#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class client;
class file_actor;

/// An open of a file that stands for an open of one of its named streams.
struct stand_in {
  file_name_id file;
  open_id open{};
};

/// A message to a file.
class file_message : public message {
public:
  /// Executes the message in the file's turn. `self` is this object.
  virtual void act(file_actor& file, std::unique_ptr<file_message> self) = 0;
};

/// A command without a result.
class plain_command final : public file_message {
public:
  explicit plain_command(command c) : what(std::move(c)) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  command what;
};

/// A command with a result. If it is destroyed before completion, it completes with
/// `errc::shutting_down`.
class operation : public file_message {
public:
  operation() noexcept : id(next_id()) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  /// Completes the operation in the file's turn. `self` is this object.
  virtual void finish(
    file_actor& file, std::unique_ptr<operation> self, errc error, operation_result& result) = 0;

  /// The operation becomes pending: nothing in the executor's queue stands for it any more.
  virtual void keep_working() {
    // nothing to do for internal operations
  }

  /// What the operation has reserved of its client's limits, until it fails or the file releases
  /// it.
  struct reservation {
    client* owner = nullptr; ///< Kept alive by the reservation itself.
    open_id open{}; ///< Of an open: its id.
    lease_key key; ///< Of an open: its lease key.
    std::unique_ptr<placed_open> place; ///< Of an open with a path.
    std::unique_ptr<stand_in> base; ///< Of an open of a stream whose file is to be told.
    std::size_t locks = 0; ///< Of a lock: how many.
    /// Of an operation that may wait without an open: its client knows the file.
    bool has_entered = false;
  };

  /// Of an operation that has become pending.
  struct wait {
    time_point since{}; ///< Zero: it has not waited.
    client_guid client; ///< Zero: not an SMB client.
  };

  const operation_id id;
  command what;
  wait waits;
  reservation reserved;
  /// Of a granted open or change: holds breaks back until the response is sent.
  pending_answer pending;
  /// The names to delete, if the operation deletes the file.
  std::vector<deleted_name> deleted;
  /// Of a pending close: its open, which has ended, was persistent.
  bool ended_persistent = false;

  [[nodiscard]] static operation_id next_id() noexcept;
};

/// An operation of the API on no file or on several files.
template <class Result>
using plain_call = call<typename signature<Result>::type>;

/// An operation of the API on one file.
template <class Result>
class file_call final : public operation, public plain_call<Result> {
public:
  using plain_call<Result>::plain_call;

  void keep_working() override { this->track_work(); }

  void finish(file_actor& file, std::unique_ptr<operation> self, errc error,
    operation_result& result) override;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
