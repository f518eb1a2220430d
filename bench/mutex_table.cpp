// The same rules without actors: files in a sharded hash map with mutexes, which is the obvious
// alternative. Completions are posted to the caller's strand, like those of the coordinator.
#include "driver.hpp"

#include <leasebreak/model/file_state.hpp>

#include <chrono>
#include <mutex>
#include <unordered_map>

namespace leasebreak::bench {

namespace {

class file_table {
public:
  /// Executes a command on a file and returns its effects.
  effects apply(const std::string& file, const command& c) {
    auto& s = shards_[std::hash<std::string>{}(file) % shards_.size()];
    const auto now = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
    effects out;
    const std::scoped_lock lock{s.mutex};
    const auto [entry, is_new] = s.files.try_emplace(file, policy_, file);
    entry->second.apply(c, now, out);
    // Keeps some files without state for reuse, like the coordinator.
    if (s.files.size() > idle_max && entry->second.empty())
      s.files.erase(entry);
    return out;
  }

private:
  static constexpr std::size_t idle_max = 16;

  struct alignas(64) shard {
    std::mutex mutex;
    std::unordered_map<std::string, file_state> files;
  };

  file_policy policy_;
  std::array<shard, 64> shards_;
};

class table_chain final : public chain {
public:
  table_chain(boost::asio::io_context& io, countdown& running, std::size_t first, std::size_t step,
    std::size_t files, file_table& table)
    : chain{io, running, first, step, files}, table_{table} {}

private:
  void round(std::size_t file) override {
    auto request = lease_open(file, this->first() + 1, file + 1, lease_state::rwh);
    open_file open;
    open.operation = operation_id{++operations_};
    open.open = open_id{operations_ * 1'000 + this->first() + 1};
    open.client = request.client;
    open.share = std::move(request.share);
    open.access = request.access;
    open.lease = request.lease;
    const auto id = open.open;
    finish(table_.apply(request.file, std::move(open)), [this, file, id] { close(file, id); });
  }

  void close(std::size_t file, open_id open) {
    finish(table_.apply(file_name(file), close_open{{open}, operation_id{++operations_}}),
      [this] { next(); });
  }

  // Completes on the strand, never within the call that starts the operation.
  template <class Then>
  void finish(effects out, Then then) {
    boost::asio::defer(strand(), [out = std::move(out), then = std::move(then)] {
      if (out.completions.size() != 1 || out.completions[0].error != errc::success)
        std::abort();
      then();
    });
  }

  file_table& table_;
  std::uint64_t operations_ = 0;
};

void mutex_table(benchmark::State& state) {
  const auto files = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  io_threads io;
  file_table table;
  countdown running;
  chains all;
  for (std::size_t i = 0; i < in_flight; ++i)
    all.push_back(std::make_unique<table_chain>(io.context(), running, i, in_flight, files, table));
  run_chains(state, all, running, 2);
}

} // namespace

void register_mutex_table() {
  auto* b = benchmark::RegisterBenchmark("mutex_table", mutex_table);
  b->Args({1, 1})->Args({64, 1})->Args({64, 64})->Args({100'000, 1})->Args({100'000, 64});
  b->UseRealTime()->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench
