// A program that writes batches to a store until it is killed: `store_crash_writer URI MODE`, where
// the mode is "durable" or "fast". It first prints "ready". After each batch that the store has
// acknowledged, it prints the number of the batch on a line.
#include "crash_batches.hpp"

#include <leasebreak/persistence/store_uri.hpp>

#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

bool say(const std::string& line) {
  const auto text = line + "\n";
  return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

} // namespace

int main(int count, char** arguments) {
  if (count != 3)
    return 2;
  const bool durable = std::string{arguments[2]} == "durable";
  auto opened = leasebreak::open_store(arguments[1], {.durable = durable});
  if (!opened.ok()) {
    std::fprintf(
      stderr, "%s: %s\n", opened.status.code.message().c_str(), opened.status.detail.c_str());
    return 1;
  }
  const auto last = leasebreak::test::newest_batch(*opened.value);
  if (!last || !say("ready"))
    return 1;
  for (auto number = *last + 1;; ++number) {
    const auto status = opened.value->apply(leasebreak::test::crash_batch(number));
    if (!status.ok() || !say(std::to_string(number)))
      return 1;
  }
}
