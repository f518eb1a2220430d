// The pending operations of a file.
#pragma once

#include "operation.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Operations found by id. Usually there are few, for which a search is faster than a table. With
/// many, searching would take quadratic time to complete all of them.
class parked_operations {
public:
  [[nodiscard]] bool empty() const noexcept { return few_.empty() && many_ == nullptr; }

  void add(std::unique_ptr<operation> op) {
    if (few_.size() < few_max)
      return few_.push_back(std::move(op));
    if (many_ == nullptr)
      many_ = std::make_unique<table>();
    const auto id = op->id;
    many_->emplace(id, std::move(op));
  }

  /// Returns null if the operation is not here.
  [[nodiscard]] std::unique_ptr<operation> take(operation_id id) {
    const auto found =
      std::find_if(few_.begin(), few_.end(), [id](const auto& op) { return op->id == id; });
    return found != few_.end() ? take_few(found) : take_many(id);
  }

  /// Returns null if the operation is not here.
  [[nodiscard]] const operation* find(operation_id id) const {
    const auto found =
      std::find_if(few_.begin(), few_.end(), [id](const auto& op) { return op->id == id; });
    if (found != few_.end())
      return found->get();
    const auto* const many = many_.get();
    const auto at = many != nullptr ? many->find(id) : table::const_iterator();
    return many != nullptr && at != many->end() ? at->second.get() : nullptr;
  }

  template <class Function>
  void for_each(const Function& f) const {
    for (const auto& op : few_)
      f(*op);
    if (many_ != nullptr)
      for (const auto& [id, op] : *many_)
        f(*op);
  }

  void clear() noexcept {
    few_.clear();
    many_.reset();
  }

private:
  using table = std::unordered_map<operation_id, std::unique_ptr<operation>>;
  static constexpr std::size_t few_max = 16;

  std::unique_ptr<operation> take_few(std::vector<std::unique_ptr<operation>>::iterator found) {
    auto op = std::move(*found);
    few_.erase(found);
    if (few_.empty())
      few_.shrink_to_fit();
    return op;
  }
  std::unique_ptr<operation> take_many(operation_id id) {
    if (many_ == nullptr)
      return nullptr;
    auto taken = many_->extract(id);
    if (many_->empty())
      many_.reset();
    return taken ? std::move(taken.mapped()) : nullptr;
  }

  std::vector<std::unique_ptr<operation>> few_;
  std::unique_ptr<table> many_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
