// What files are sent: operations of the API, and what needs no answer.
#pragma once

#include "completions.hpp"
#include "message.hpp"
#include "path_index.hpp"

#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::detail {

class client;
class file_actor;

/// A message to a file.
class file_message : public message {
public:
  /// Carries it out, within the file's turn. `self` is this.
  virtual void act(file_actor& file, std::unique_ptr<file_message> self) = 0;
};

/// A command that nobody waits for.
class plain_command final : public file_message {
public:
  explicit plain_command(command c) : what(std::move(c)) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  command what;
};

/// A command that is answered. Destroyed without an answer, it answers `errc::shutting_down`.
class operation : public file_message {
public:
  operation() noexcept : id(next_id()) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  /// Answers. `self` is this. Within the file's turn.
  virtual void finish(
    file_actor& file, std::unique_ptr<operation> self, errc error, operation_result& result) = 0;

  /// It waits from now on, and nothing in the executor's queue stands for it.
  virtual void keep_working() {
    // Whoever it stands for sees to that.
  }

  /// What it has reserved of its client's limits, until it fails or the file gives it back.
  struct reservation {
    client* owner = nullptr; ///< Kept alive by the reservation itself.
    open_id open{}; ///< An open's: its id,
    lease_key key; ///< and its lease key.
    std::unique_ptr<placed_open> place; ///< An open's with a path.
    std::size_t locks = 0; ///< A lock's: how many.
    bool has_entered = false; ///< One's that may wait without an open: its client knows the file.
  };

  const operation_id id;
  command what;
  reservation reserved;
  /// An open's or a change's that is granted: what holds breaks back until its client is told.
  pending_answer pending;
  /// What is to go with a file that an end deletes.
  std::vector<deleted_name> deleted;
  /// A close's that waits: its open, which is gone by now, was a persistent one.
  bool ended_persistent = false;

  [[nodiscard]] static operation_id next_id() noexcept;
};

/// An operation of the API on no file, or on many.
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

} // namespace leasebreak::detail
