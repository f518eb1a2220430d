// The operations of a share as Asio operations, executed by a worker pool.
#pragma once

#include "share.hpp"
#include "worker_pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace leasebreak::smb::vfs {

/// A share whose operations do not block. Each does the same as the member of that name in `share`,
/// `open_file` or `directory_cursor`, with the same errors and those of `worker_pool::async_run`.
/// Operations on one open may overtake each other; if the order matters, wait for one before
/// starting the next. A value type; copies refer to the same share. Thread-safe.
class async_share {
public:
  using executor_type = boost::asio::any_io_executor;

  /// `executor` is the default of the handlers.
  async_share(share_ptr share, const worker_pool& pool, executor_type executor)
    : share_(std::move(share)), pool_(pool.access()), executor_(std::move(executor)) {}

  /// Returns the same share with its operations in another lane.
  [[nodiscard]] async_share in(pool_lane lane) const {
    async_share result = *this;
    result.pool_ = pool_.in(lane);
    return result;
  }

  /// Returns the same share, for work on which other users wait, such as that under an entry guard.
  /// It goes ahead of the other work of its user.
  [[nodiscard]] async_share ahead() const {
    async_share result = *this;
    result.pool_ = pool_.ahead();
    return result;
  }

  /// Returns the same share, for work that keeps a processor busy, such as a portion of a listing.
  [[nodiscard]] async_share bulk() const {
    async_share result = *this;
    result.pool_ = pool_.bulk();
    return result;
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] const share_ptr& core() const noexcept { return share_; }

  /// Runs any work on the share as one operation, such as both phases of an open.
  /// Handler: `void(error_code, T)`, `void(error_code)` for `void`.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_run(work<T> job, Token&& token = {}) const {
    return pool_.async_run<T>(executor_, std::move(job), std::forward<Token>(token));
  }

  /// Like `async_run`, but never refused for too many operations: see `worker_pool::async_finish`.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_finish(work<T> job, Token&& token = {}) const {
    return pool_.async_finish<T>(executor_, std::move(job), std::forward<Token>(token));
  }

  /// Handler: `void(error_code, file_info)`.
  template <class Token = boost::asio::deferred_t>
  auto async_lookup(path name, Token&& token = {}) const {
    return async_run<file_info>(
      [s = share_, n = std::move(name)] { return s->lookup(n); }, std::forward<Token>(token));
  }

  /// First phase. Handler: `void(error_code, opened)`.
  template <class Token = boost::asio::deferred_t>
  auto async_open(path name, open_options options, Token&& token = {}) const {
    return async_run<opened>(
      [s = share_, n = std::move(name), options] { return s->open(n, options); },
      std::forward<Token>(token));
  }

  /// See `share::make`. Never refused for too many operations. Handler: `void(error_code, opened)`.
  template <class Token = boost::asio::deferred_t>
  auto async_make(path name, open_options options, identity directory, Token&& token = {}) const {
    return async_finish<opened>([s = share_, n = std::move(name), options,
                                  d = std::move(directory)] { return s->make(n, options, d); },
      std::forward<Token>(token));
  }

  /// See `share::give_name`; completes with the changed `open`. Never refused for too many
  /// operations. Handler: `void(error_code, opened)`.
  template <class Token = boost::asio::deferred_t>
  auto async_give_name(opened open, path name, Token&& token = {}) const {
    return async_finish<opened>(
      [s = share_, o = std::move(open), n = std::move(name)]() mutable -> result<opened> {
        if (const error_code error = s->give_name(o, n)) {
          return error;
        }
        return std::move(o);
      },
      std::forward<Token>(token));
  }

  /// Second phase. Handler: `void(error_code, file_info)`.
  template <class Token = boost::asio::deferred_t>
  auto async_truncate_for_overwrite(opened open, Token&& token = {}) const {
    return async_run<file_info>(
      [s = share_, o = std::move(open)] { return s->truncate_for_overwrite(o); },
      std::forward<Token>(token));
  }

  /// Never refused for too many operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_undo_create(opened open, Token&& token = {}) const {
    return async_finish<void>(
      [s = share_, o = std::move(open)] { return s->undo_create(o); }, std::forward<Token>(token));
  }

  /// Releases a reference without waiting. Closes on this thread if that does not block or the pool
  /// is destroyed, otherwise on the pool.
  void close(open_ptr open) const noexcept;

  /// Releases a reference on the pool; the last one closes the file. Never refused for too many
  /// operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_close(open_ptr open, Token&& token = {}) const {
    return async_finish<void>(
      [o = std::move(open)]() mutable {
        o.reset();
        return error_code{};
      },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code, std::vector<std::uint8_t>)`.
  template <class Token = boost::asio::deferred_t>
  auto async_read(
    open_ptr open, std::uint64_t offset, std::size_t length, Token&& token = {}) const {
    return async_run<std::vector<std::uint8_t>>(
      [o = std::move(open), offset, length] { return o->read(offset, length); },
      std::forward<Token>(token));
  }

  /// `owner` keeps the bytes of `data` alive. Handler: `void(error_code, std::size_t)`.
  template <class Token = boost::asio::deferred_t>
  auto async_write(open_ptr open, std::uint64_t offset, std::span<const std::uint8_t> data,
    std::shared_ptr<const void> owner, Token&& token = {}) const {
    return async_run<std::size_t>([o = std::move(open), offset, data,
                                    keep = std::move(owner)] { return o->write(offset, data); },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code, std::size_t)`.
  template <class Token = boost::asio::deferred_t>
  auto async_write(
    open_ptr open, std::uint64_t offset, std::vector<std::uint8_t> data, Token&& token = {}) const {
    auto owner = std::make_shared<const std::vector<std::uint8_t>>(std::move(data));
    const std::span<const std::uint8_t> view = *owner;
    return async_write(std::move(open), offset, view, std::move(owner), std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_flush(open_ptr open, Token&& token = {}) const {
    return async_run<void>(
      [o = std::move(open)] { return o->flush(); }, std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_set_end_of_file(open_ptr open, std::uint64_t size, Token&& token = {}) const {
    return async_run<void>(
      [o = std::move(open), size] { return o->set_end_of_file(size); }, std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_set_allocation(open_ptr open, std::uint64_t size, Token&& token = {}) const {
    return async_run<void>(
      [o = std::move(open), size] { return o->set_allocation(size); }, std::forward<Token>(token));
  }

  /// Handler: `void(error_code, file_info)`.
  template <class Token = boost::asio::deferred_t>
  auto async_info(open_ptr open, Token&& token = {}) const {
    return async_run<file_info>(
      [o = std::move(open)] { return o->info(); }, std::forward<Token>(token));
  }

  /// The same for a coroutine, which continues at once if no disk access is needed.
  [[nodiscard]] boost::asio::awaitable<std::tuple<error_code, file_info>> info(open_ptr open) const;

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_change(open_ptr open, basic_changes changes, Token&& token = {}) const {
    return async_run<void>(
      [o = std::move(open), changes] { return o->change(changes); }, std::forward<Token>(token));
  }

  /// By path. Handler: `void(error_code, file_info)`.
  template <class Token = boost::asio::deferred_t>
  auto async_change_path(path name, file_changes changes, Token&& token = {}) const {
    return async_run<file_info>(
      [s = share_, n = std::move(name), changes] { return s->change(n, changes); },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_rename(open_ptr open, path target, bool replace, Token&& token = {}) const {
    return async_run<void>([s = share_, o = std::move(open), t = std::move(target),
                             replace] { return s->rename(*o, t, replace); },
      std::forward<Token>(token));
  }

  /// If the names still are as expected. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_rename(
    open_ptr open, path target, bool replace, expected_names expected, Token&& token = {}) const {
    return async_run<void>([s = share_, o = std::move(open), t = std::move(target), replace,
                             e = std::move(expected)] { return s->rename(*o, t, replace, e); },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_rename_stream(
    open_ptr open, std::string new_name, bool replace, Token&& token = {}) const {
    return async_run<void>([o = std::move(open), n = std::move(new_name),
                             replace] { return o->rename_stream(n, replace); },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_link(open_ptr open, path target, bool replace, Token&& token = {}) const {
    return async_run<void>([s = share_, o = std::move(open), t = std::move(target),
                             replace] { return s->link(*o, t, replace); },
      std::forward<Token>(token));
  }

  /// If the names still are as expected. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_link(
    open_ptr open, path target, bool replace, expected_names expected, Token&& token = {}) const {
    return async_run<void>([s = share_, o = std::move(open), t = std::move(target), replace,
                             e = std::move(expected)] { return s->link(*o, t, replace, e); },
      std::forward<Token>(token));
  }

  /// Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_check_removable(open_ptr open, Token&& token = {}) const {
    return async_run<void>([s = share_, o = std::move(open)] { return s->check_removable(*o); },
      std::forward<Token>(token));
  }

  /// Never refused for too many operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_check_empty(open_ptr directory, Token&& token = {}) const {
    return async_finish<void>([s = share_, d = std::move(directory)] { return s->check_empty(*d); },
      std::forward<Token>(token));
  }

  /// Never refused for too many operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_remove(open_ptr open, Token&& token = {}) const {
    return async_finish<void>(
      [s = share_, o = std::move(open)] { return s->remove(*o); }, std::forward<Token>(token));
  }

  /// Never refused for too many operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_remove_file(open_ptr open, Token&& token = {}) const {
    return async_finish<void>(
      [s = share_, o = std::move(open)] { return s->remove_file(*o); }, std::forward<Token>(token));
  }

  /// Never refused for too many operations. Handler: `void(error_code)`.
  template <class Token = boost::asio::deferred_t>
  auto async_remove_name(open_ptr open, path name, Token&& token = {}) const {
    return async_finish<void>(
      [s = share_, o = std::move(open), n = std::move(name)] { return s->remove_name(*o, n); },
      std::forward<Token>(token));
  }

  /// Starts a listing. Handler: `void(error_code, cursor_ptr)`.
  template <class Token = boost::asio::deferred_t>
  auto async_list(
    open_ptr directory, std::string pattern, bool ignore_case, Token&& token = {}) const {
    return async_run<cursor_ptr>([s = share_, d = std::move(directory), p = std::move(pattern),
                                   ignore_case] { return s->list(d, p, ignore_case); },
      std::forward<Token>(token));
  }

  /// Gets the next entries of a listing. Handler: `void(error_code, list_batch)`.
  template <class Token = boost::asio::deferred_t>
  auto async_next(cursor_ptr cursor, std::size_t count, Token&& token = {}) const {
    return async_run<list_batch>(
      [c = std::move(cursor), count] { return c->next(count); }, std::forward<Token>(token));
  }

  /// Handler: `void(error_code, std::vector<stream_info>)`.
  template <class Token = boost::asio::deferred_t>
  auto async_streams(open_ptr open, Token&& token = {}) const {
    return async_run<std::vector<stream_info>>(
      [o = std::move(open)] { return o->streams(); }, std::forward<Token>(token));
  }

  /// Handler: `void(error_code, space_info)`.
  template <class Token = boost::asio::deferred_t>
  auto async_space(Token&& token = {}) const {
    return async_run<space_info>([s = share_] { return s->space(); }, std::forward<Token>(token));
  }

private:
  share_ptr share_;
  pool_access pool_;
  executor_type executor_;
};

} // namespace leasebreak::smb::vfs
