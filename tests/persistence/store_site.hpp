// Places where stores can be opened one after the other, for tests that run on every kind of store.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <functional>
#include <memory>
#include <string>

namespace leasebreak::test {

/// A new place for a store: a directory or a schema. It is deleted with the object.
class store_site {
public:
  virtual ~store_site() = default;

  /// Opens the store at this place. Fails the test on an error.
  virtual std::unique_ptr<lock_store> open(bool durable = false) = 0;

  /// Returns whether a store finds the content of its predecessor.
  [[nodiscard]] virtual bool keeps() const { return true; }
};

/// A kind of store with a function that makes a place for one.
struct store_kind {
  std::string name;
  std::function<std::unique_ptr<store_site>()> make;
};

[[nodiscard]] store_kind memory_kind();

/// An empty temporary directory, which is deleted with the object.
class temporary_directory {
public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace leasebreak::test
