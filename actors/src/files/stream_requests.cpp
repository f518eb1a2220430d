// Requests from a file to the files of its named streams, and reports from these to it (MS-FSA
// 2.1.5.1.2). Each goes its way as a message; no actor waits.
#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"
#include "runtime/out_of_memory.hpp"

#include <atomic>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// One request to some streams. The last answer sends the result to the file.
class stream_request {
public:
  stream_request(file_ref base, const streams_asked& asked)
    : base_(std::move(base)), operation_(asked.operation), round_(asked.round),
      unanswered_(asked.streams.size() + 1) {}

  /// Thread-safe. Called once for each stream, and once when all are asked.
  void answered(errc error) noexcept {
    if (error != errc::success)
      error_.store(error);
    if (unanswered_.fetch_sub(1) != 1 || operation_ == operation_id::none)
      return;
    message_ptr m = needs_memory("to answer for named streams", [this] {
      return std::make_unique<plain_command>(streams_answered{operation_, round_, error_.load()});
    });
    static_cast<void>(base_->deliver(m)); // fails only at the shutdown
  }

private:
  const file_ref base_;
  const operation_id operation_;
  const std::uint32_t round_;
  std::atomic<std::size_t> unanswered_;
  std::atomic<errc> error_{errc::success};
};

/// The part of a request that one stream answers. If it is destroyed before completion, the request
/// fails.
class stream_step final : public operation {
public:
  stream_step(std::shared_ptr<stream_request> of, access_kind kind, const client_guid& client)
    : of_(std::move(of)) {
    access_file asked;
    asked.operation = id;
    asked.kind = kind;
    asked.client = client;
    what = asked;
  }
  stream_step(const stream_step&) = delete;
  stream_step& operator=(const stream_step&) = delete;
  ~stream_step() override { answer(errc::shutting_down); }

  void finish(file_actor&, std::unique_ptr<operation>, errc error, operation_result&) override {
    answer(error);
  }

  void answer(errc error) noexcept {
    if (const auto of = std::exchange(of_, nullptr))
      of->answered(error);
  }

private:
  std::shared_ptr<stream_request> of_;
};

} // namespace

// A file without an actor caches nothing.
void coordinator_impl::ask_streams(file_actor& base, const streams_asked& asked) {
  const auto request = std::make_shared<stream_request>(file_ref(base), asked);
  for (const auto& stream : asked.streams) {
    message_ptr m = std::make_unique<stream_step>(request, asked.kind, asked.client);
    if (!deliver(stream, m, false))
      static_cast<stream_step&>(*m).answer(unless_stopping(errc::success));
  }
  request->answered(errc::success);
}

void coordinator_impl::tell_base(const stand_in& base, command what) {
  message_ptr m = std::make_unique<plain_command>(std::move(what));
  static_cast<void>(deliver(base.file, m, false)); // without an actor, nothing stands there
}

errc coordinator_impl::admit_stream(const open_request& r) const noexcept {
  if (r.stream.size() > limit(&limits::file_id_bytes))
    return errc::file_id_too_long;
  const bool is_of_base = r.stand_in != open_id::none;
  if ((!r.stream.empty() && !r.of_stream) || is_of_base == r.base.empty())
    return errc::invalid_argument;
  return is_of_base ? admit(r.base) : errc::success;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
