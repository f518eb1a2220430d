#include <smb_server/runtime/loop_set.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/query.hpp>

#include <thread>

namespace leasebreak::smb {

namespace asio = boost::asio;

namespace {

/// The connections of a loop. A service of the loop, so that a connection finds it.
class connection_count final : public asio::execution_context::service {
public:
  using key_type = connection_count;
  static inline asio::execution_context::id id;

  explicit connection_count(asio::execution_context& of) : service{of} {}

  std::atomic<std::size_t> value{0};

private:
  void shutdown() override {}
};

std::atomic<std::size_t>& connections_of(asio::execution_context& loop) {
  return asio::use_service<connection_count>(loop).value;
}

} // namespace

loop_seat::loop_seat(const asio::any_io_executor& executor)
  : taken_{connections_of(asio::query(executor, asio::execution::context))} {
  ++taken_;
}

loop_seat::~loop_seat() {
  --taken_;
}

class loop_set::loop : public asio::io_context {
public:
  loop() : io_context{1}, connections{connections_of(*this)} {}

  /// Destroys all handlers. Objects of the loop can still be destroyed.
  void abandon() { shutdown(); }

  std::atomic<std::size_t>& connections;
};

loop_set::loop_set(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    loops_.push_back(std::make_unique<loop>());
}

loop_set::~loop_set() {
  for (const auto& l : loops_)
    l->abandon();
}

asio::io_context& loop_set::main() noexcept {
  return *loops_.front();
}

asio::io_context& loop_set::least_used() noexcept {
  loop* found = loops_.back().get();
  for (auto l = loops_.rbegin(); l != loops_.rend(); ++l) {
    if ((*l)->connections < found->connections)
      found = l->get();
  }
  return *found;
}

std::vector<asio::any_io_executor> loop_set::executors() const {
  std::vector<asio::any_io_executor> all;
  for (const auto& l : loops_)
    all.emplace_back(l->get_executor());
  return all;
}

void loop_set::run(const runner& how) {
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  std::vector<std::jthread> threads;
  for (auto l = loops_.begin() + 1; l != loops_.end(); ++l) {
    guards.push_back(asio::make_work_guard(**l));
    threads.emplace_back([&how, &io = **l] { how(io); });
  }
  how(main());
  for (auto l = loops_.begin() + 1; l != loops_.end(); ++l)
    (*l)->stop();
}

} // namespace leasebreak::smb
