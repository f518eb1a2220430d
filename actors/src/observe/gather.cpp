// Operations that involve many files. Each file reports to a shared gatherer, which completes the
// operation when the last reference to it is released.
#include "api/coordinator_impl.hpp"
#include "events.hpp"
#include "files/file_actor.hpp"
#include "runtime/out_of_memory.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// Collects the results of the files. It is not part of an actor's state, and thus has a leaf
/// mutex.
template <class Result>
class gatherer {
public:
  explicit gatherer(std::unique_ptr<plain_call<Result>> op) : op_(std::move(op)) {}
  gatherer(const gatherer&) = delete;
  gatherer& operator=(const gatherer&) = delete;
  ~gatherer() {
    if (initiating::has_failed())
      return; // and the handler is not called
    if (error_ != errc::success) {
      op_->answer(error_);
    } else {
      arrange(result_);
      op_->complete(error_code{}, std::move(result_));
    }
  }

  template <class Add>
  void add(Add add_to) {
    const std::lock_guard lock(mutex_);
    add_to(result_);
  }

  void fail(errc error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  /// A file was stopped before it reported.
  void lose() { fail(errc::shutting_down); }

private:
  static void arrange(disconnect_result&) {
    // nop
  }
  static void arrange(std::vector<listed_entry>& entries) {
    std::stable_sort(entries.begin(), entries.end(),
      [](const auto& a, const auto& b) { return a.file_id < b.file_id; });
  }

  std::unique_ptr<plain_call<Result>> op_;
  std::mutex mutex_;
  Result result_;
  errc error_ = errc::success;
};

template <class Result>
using gatherer_ptr = std::shared_ptr<gatherer<Result>>;

class client_leaves final : public operation {
public:
  client_leaves(gatherer_ptr<disconnect_result> to, client_gone gone) : to_(std::move(to)) {
    gone.operation = id;
    what = std::move(gone);
  }
  ~client_leaves() override {
    if (!answered_)
      to_->lose();
  }
  client_leaves(const client_leaves&) = delete;
  client_leaves& operator=(const client_leaves&) = delete;

  void finish(
    file_actor& file, std::unique_ptr<operation>, errc, operation_result& result) override {
    answered_ = true;
    const auto* const removed = std::get_if<client_removed>(&result);
    if (removed == nullptr)
      return;
    to_->add([&](disconnect_result& all) {
      all.opens += removed->opens;
      all.kept.insert(all.kept.end(), removed->kept.begin(), removed->kept.end());
      if (removed->delete_file)
        all.to_delete.push_back(
          {file.file_id(), file.make_hold(removed->hold), removed->parent_key, std::move(deleted)});
    });
  }

  /// The actor ended before delivery, so that it had nothing of the client.
  void not_needed() noexcept { answered_ = true; }

private:
  gatherer_ptr<disconnect_result> to_;
  bool answered_ = false;
};

class listing final : public file_message {
public:
  listing(gatherer_ptr<std::vector<listed_entry>> to, lock_query query)
    : to_(std::move(to)), query_(std::move(query)) {}
  ~listing() override {
    if (!answered_)
      to_->lose();
  }
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

  void act(file_actor& file, std::unique_ptr<file_message>) override {
    answered_ = true;
    auto found = file.state().list(query_);
    file.name(found);
    to_->add([&](std::vector<listed_entry>& all) {
      std::move(found.begin(), found.end(), std::back_inserter(all));
    });
  }

  void not_needed() noexcept { answered_ = true; }

private:
  gatherer_ptr<std::vector<listed_entry>> to_;
  lock_query query_;
  bool answered_ = false;
};

/// One message for each of several files. All are allocated before one is sent, so that an
/// exception has no effect.
template <class Message>
class file_messages {
public:
  template <class Make>
  void make(std::vector<file_ref> files, Make make_one) {
    files_ = std::move(files);
    messages_.reserve(files_.size());
    for (std::size_t i = 0; i < files_.size(); ++i)
      messages_.push_back(make_one());
  }

  void send(coordinator_impl& owner) {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      message_ptr m = std::move(messages_[i]);
      // A file that refuses has ended, because it was unused or because of a shutdown. Check for
      // the shutdown afterwards, because it can begin at any time.
      if (!files_[i]->deliver(m) && !owner.is_stopping())
        static_cast<Message&>(*m).not_needed();
    }
  }

private:
  std::vector<file_ref> files_;
  std::vector<std::unique_ptr<Message>> messages_;
};

/// Ends opens of a client. The messages go to all files at once. Later opens in these files find
/// that the channel or session is gone.
class ending_opens {
public:
  explicit ending_opens(std::unique_ptr<plain_call<disconnect_result>> op)
    : all_(std::make_shared<gatherer<disconnect_result>>(std::move(op))) {}

  void prepare(const client_gone& what, std::vector<file_ref> files) {
    parts_.make(std::move(files), [&] { return std::make_unique<client_leaves>(all_, what); });
  }
  void send(coordinator_impl& owner) { parts_.send(owner); }
  void fail(errc error) { all_->fail(error); }

private:
  gatherer_ptr<disconnect_result> all_;
  file_messages<client_leaves> parts_; // destroyed before the last reference to `all_`
};

} // namespace

// Returns null after completing `op`, if there is no such client.
std::shared_ptr<client> coordinator_impl::owner_of(
  const client_guid& guid, plain_call<disconnect_result>& op) const {
  auto error = admit();
  if (error == errc::not_a_member) // the client's tables change all the same
    error = errc::success;
  auto owner = error == errc::success ? clients_.find(guid) : nullptr;
  if (error == errc::success && owner == nullptr)
    error = errc::unknown_client;
  if (error != errc::success)
    op.answer(error);
  return owner;
}

void coordinator_impl::start(
  disconnect_request&& r, std::unique_ptr<plain_call<disconnect_result>> op) {
  const auto owner = owner_of(r.client, *op);
  if (owner == nullptr)
    return;
  if (events() != nullptr) {
    event e;
    e.kind = event_kind::client_lost;
    e.client = r.client;
    e.connection = r.connection.value_or(connection_id::none);
    tell_of_client(*this, std::move(e));
  }
  ending_opens ending(std::move(op));
  owner->lose(r.connection, [&](std::vector<file_ref> files, std::vector<channel_id> heirs) {
    ending.prepare({{}, r.client, r.connection, std::move(heirs)}, std::move(files));
  });
  ending.send(*this);
}

void coordinator_impl::start(
  end_session_request&& r, std::unique_ptr<plain_call<disconnect_result>> op) {
  const auto owner = owner_of(r.client, *op);
  if (owner == nullptr)
    return;
  ending_opens ending(std::move(op));
  const bool was_there = owner->end_session(r.session, [&](std::vector<file_ref> files) {
    ending.prepare({{}, r.client, {}, {}, r.session}, std::move(files));
  });
  if (!was_there)
    return ending.fail(errc::unknown_session);
  ending.send(*this);
}

void coordinator_impl::start(
  end_tree_request&& r, std::unique_ptr<plain_call<disconnect_result>> op) {
  const auto owner = owner_of(r.client, *op);
  if (owner == nullptr)
    return;
  auto error = r.tree == tree_id::none ? errc::invalid_argument : errc::success;
  if (error == errc::success && !owner->has_session(r.session))
    error = errc::unknown_session;
  if (error != errc::success)
    return op->answer(error);
  ending_opens ending(std::move(op));
  ending.prepare({{}, r.client, {}, {}, r.session, r.tree}, owner->files());
  ending.send(*this);
}

void coordinator_impl::start(
  lock_query&& r, std::unique_ptr<plain_call<std::vector<listed_entry>>> op) {
  if (const auto error = admit(); error != errc::success)
    return op->answer(error);
  const auto files = files_of(r);
  if (is_stopping()) // the file may not have been found because of the shutdown
    return op->answer(errc::shutting_down);
  const auto all = std::make_shared<gatherer<std::vector<listed_entry>>>(std::move(op));
  file_messages<listing> parts;
  parts.make(files, [&] { return std::make_unique<listing>(all, r); });
  parts.send(*this);
}

// The client's table does not contain opens that were recovered for it. Check records in flight
// first: those that arrive meanwhile are in the other counts.
bool coordinator_impl::may_have_unclaimed() const noexcept {
  return loading_.load() != 0 || in_grace_.load() || unclaimed_.load() != 0;
}

std::vector<file_ref> coordinator_impl::files_of(const lock_query& query) const {
  if (!query.file_id.empty()) {
    const auto file = files_.find(query.file_id);
    return file ? std::vector<file_ref>{file} : std::vector<file_ref>{};
  }
  if (const auto guid = from_hex(query.client_id); guid && !may_have_unclaimed())
    if (const auto owner = clients_.find(client_guid{*guid}))
      return owner->files();
  return files_.all();
}

std::vector<file_name_id> coordinator_impl::ids_for(
  const lock_query& query, std::string_view after, std::size_t most) const {
  const bool is_of_few = !query.file_id.empty() || !query.client_id.empty();
  return is_of_few ? file_registry::ids_after(after, most, files_of(query))
                   : files_.ids_after(after, most);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
