// Finds the loop on which an operation begins.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT detail {

/// Returns the `io_context` of an executor if this thread is running it, otherwise null. Strands
/// count as the executor that they wrap. For other executors, nothing is known: null.
template <class Executor>
[[nodiscard]] boost::asio::io_context* calling_loop(const Executor&) noexcept {
  return nullptr;
}

template <class Allocator, std::uintptr_t Bits>
[[nodiscard]] boost::asio::io_context* calling_loop(
  const boost::asio::io_context::basic_executor_type<Allocator, Bits>& e) noexcept {
  return e.running_in_this_thread() ? &boost::asio::query(e, boost::asio::execution::context)
                                    : nullptr;
}

template <class Inner>
[[nodiscard]] boost::asio::io_context* calling_loop(
  const boost::asio::strand<Inner>& strand) noexcept;

[[nodiscard]] inline boost::asio::io_context* calling_loop(
  const boost::asio::any_io_executor& e) noexcept {
  using loop_executor = boost::asio::io_context::executor_type;
  if (const auto* plain = e.target<loop_executor>())
    return calling_loop(*plain);
  if (const auto* strand = e.target<boost::asio::strand<loop_executor>>())
    return calling_loop(*strand);
  if (const auto* strand = e.target<boost::asio::strand<boost::asio::any_io_executor>>())
    return calling_loop(*strand);
  return nullptr;
}

template <class Inner>
boost::asio::io_context* calling_loop(const boost::asio::strand<Inner>& strand) noexcept {
  return calling_loop(strand.get_inner_executor());
}

} // namespace detail
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
