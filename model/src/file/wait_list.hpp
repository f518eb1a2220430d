// The pending operations of a file in the order of arrival. Internal to the model.
//
// Many operations may be pending and may complete in one command. An operation is therefore found
// and removed without scanning the others.
#pragma once

#include "file/parts.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class wait_list {
public:
  using iterator = std::list<waiting_operation>::iterator;
  using const_iterator = std::list<waiting_operation>::const_iterator;

  [[nodiscard]] iterator begin() noexcept { return all_.begin(); }
  [[nodiscard]] iterator end() noexcept { return all_.end(); }
  [[nodiscard]] const_iterator begin() const noexcept { return all_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return all_.end(); }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

  /// Returns null if it is not pending.
  [[nodiscard]] waiting_operation* find(operation_id id) noexcept {
    const auto at = position(id);
    return at == all_.end() ? nullptr : &*at;
  }

  /// Appends an operation.
  waiting_operation& add(waiting_operation w) {
    all_.push_back(std::move(w));
    if (places_ != nullptr)
      places_->emplace(all_.back().id, std::prev(all_.end()));
    else if (all_.size() > few)
      index();
    return all_.back();
  }

  /// Returns the next operation. The order of the others does not change.
  iterator erase(iterator at) {
    if (places_ != nullptr)
      places_->erase(at->id);
    const auto next = all_.erase(at);
    if (all_.empty())
      places_.reset();
    return next;
  }
  void erase(operation_id id) {
    if (const auto at = position(id); at != all_.end())
      erase(at);
  }

  template <class Predicate>
  void erase_if(Predicate is_one) {
    for (auto at = all_.begin(); at != all_.end();)
      at = is_one(*at) ? erase(at) : std::next(at);
  }
  void clear() noexcept {
    all_.clear();
    places_.reset();
  }

private:
  static constexpr std::size_t few = 16; ///< Up to this number, a linear search is used.

  [[nodiscard]] iterator position(operation_id id) noexcept {
    if (places_ != nullptr) {
      const auto found = places_->find(id);
      return found == places_->end() ? all_.end() : found->second;
    }
    auto at = all_.begin();
    while (at != all_.end() && at->id != id)
      ++at;
    return at;
  }
  void index() {
    places_ = std::make_unique<std::unordered_map<operation_id, iterator>>();
    for (auto at = all_.begin(); at != all_.end(); ++at)
      places_->emplace(at->id, at);
  }

  std::list<waiting_operation> all_;
  /// The positions of all operations, if there are many.
  std::unique_ptr<std::unordered_map<operation_id, iterator>> places_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
