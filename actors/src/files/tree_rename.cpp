// Renames of directories, and opens beneath them meanwhile. Operations wait in the file actor of
// the directory, like all operations that wait for a file. This file routes them there and back.
#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

class place_of_open final : public file_message {
public:
  place_of_open(open_id open, std::unique_ptr<placed_open> place)
    : open_(open), place_(std::move(place)) {}
  void act(file_actor& file, std::unique_ptr<file_message>) override {
    file.place(open_, std::move(place_));
  }

private:
  open_id open_;
  std::unique_ptr<placed_open> place_;
};

} // namespace

/// The content of a `tree_guard`. When it is destroyed, new opens are allowed first, and then the
/// holds end.
class tree_link {
public:
  tree_link(std::weak_ptr<coordinator_impl> owner, renamed_tree what)
    : owner_(std::move(owner)), what_(std::move(what)) {}
  tree_link(const tree_link&) = delete;
  tree_link& operator=(const tree_link&) = delete;
  ~tree_link() {
    if (const auto alive = owner_.lock())
      alive->paths().end_rename(what_);
  }

  void keep(hold h) { holds_.push_back(std::move(h)); }

private:
  std::weak_ptr<coordinator_impl> owner_;
  const renamed_tree what_;
  std::vector<hold> holds_;
};

namespace {

/// An open that waits for the rename of a directory above it.
class tree_entry final : public operation {
public:
  tree_entry(coordinator_impl& owner, std::shared_ptr<client> whose,
    std::unique_ptr<file_call<open_result>> open)
    : owner_(owner), client_(std::move(whose)), open_(std::move(open)) {
    const auto& opens = std::get<open_file>(open_->what);
    access_file enter;
    enter.operation = id;
    enter.kind = access_kind::enter_tree;
    enter.client = client_->guid();
    enter.connection = opens.connection;
    enter.session = opens.session;
    enter.tree = opens.tree;
    enter.can_come_again = opens.session != session_id::none && can_come_again(opens);
    what = enter;
  }

  // A cancellation finds the open here until it is sent to its file, and in the file from then on.
  void finish(file_actor&, std::unique_ptr<operation>, errc error, operation_result&) override {
    const auto open = open_->id;
    const file_name_id file = open_->reserved.place->file();
    open_->reserved.place->set_open(true);
    if (owner_.leave_gate(open, id, true) && error == errc::success)
      error = errc::cancelled;
    if (error == errc::success)
      owner_.place_open(std::move(client_), std::move(open_), true);
    if (owner_.leave_gate(open, id, false) && error == errc::success)
      owner_.cancel(file, open);
    if (open_ != nullptr)
      owner_.drop_open(std::move(open_), error);
  }

  void keep_working() override { open_->track_work(); }

  [[nodiscard]] std::unique_ptr<file_call<open_result>> take() noexcept { return std::move(open_); }

private:
  coordinator_impl& owner_;
  std::shared_ptr<client> client_;
  std::unique_ptr<file_call<open_result>> open_;
};

/// How many opens a rename looks at before it looks at the others. Usually an open that refuses the
/// rename is among them, and the rename costs the same however many there are.
constexpr std::size_t opens_first = 8;
/// How many files it asks before other work gets its turn.
constexpr std::size_t files_in_a_row = 64;

/// The rename of one directory, until its guard is granted. First breaks Handle caching of the
/// files beneath it, and ends when an open there stays. Then blocks new opens there, and checks
/// whether any open remains.
class tree_rename final : public std::enable_shared_from_this<tree_rename> {
public:
  tree_rename(
    coordinator_impl& owner, rename_tree_request&& r, std::unique_ptr<plain_call<tree_guard>> op)
    : owner_(owner),
      client_(r.client), what_{std::move(r.root), std::move(r.from), std::move(r.directory)},
      op_(std::move(op)) {}

  void begin() {
    first_ = owner_.paths().beneath(what_.root, what_.path, opens_first);
    if (first_.empty())
      return shut();
    unanswered_ = 1; // until all files have been asked
    static_cast<void>(ask(first_, access_kind::rename_ancestor));
    ask_more_after(first_.back());
  }

  void cancel() { fail_with(errc::cancelled); }

  /// The end of a question to `file`, or with null of all questions of a kind.
  void answered(const file_name_id* file, errc error, hold h) {
    // The open that remains may use a hard link elsewhere. The last check decides then.
    const bool stays = file != nullptr && error == errc::access_denied && !has_failed() &&
      owner_.paths().has_beneath(what_.root, what_.path, file);
    if (stays)
      fail_with(errc::access_denied);
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      if (h)
        holds_.push_back(std::move(h));
      if (error != errc::success && error != errc::access_denied && error_ == errc::success)
        error_ = error;
      is_last = --unanswered_ == 0;
      error = error_;
      if (is_last)
        asked_.clear();
    }
    if (is_last)
      go_on(error);
  }

  /// Asks the next files, after the answers that could come at once.
  void ask_more() {
    if (has_failed())
      return answered(nullptr, errc::success, {});
    if (!first_.empty()) {
      const auto all = owner_.paths().beneath(what_.root, what_.path);
      std::set_difference(
        all.begin(), all.end(), first_.begin(), first_.end(), std::back_inserter(left_));
      first_.clear();
    }
    const auto count = std::min(left_.size(), files_in_a_row);
    const std::vector<file_name_id> next(
      left_.end() - static_cast<std::ptrdiff_t>(count), left_.end());
    left_.resize(left_.size() - count);
    if (count == 0 || !ask(next, access_kind::rename_ancestor))
      return answered(nullptr, errc::success, {});
    ask_more_after(next.back());
  }

private:
  class step;
  class later;
  using asked_file = std::pair<file_name_id, operation_id>;

  [[nodiscard]] bool has_failed() {
    const std::lock_guard lock(mutex_);
    return error_ != errc::success;
  }

  /// Ends the questions. The first error is that of the rename.
  void fail_with(errc error) {
    std::vector<asked_file> asked;
    {
      const std::lock_guard lock(mutex_);
      if (error_ == errc::success)
        error_ = error;
      asked.swap(asked_);
    }
    for (const auto& [file, id] : asked)
      owner_.cancel(file, id);
  }

  /// From here on, opens beneath the directory wait. Opens that were entered before are seen.
  void shut() {
    link_ = std::make_shared<tree_link>(owner_.weak(), what_);
    owner_.paths().begin_rename(what_);
    unanswered_ = 1;
    static_cast<void>(ask({what_.directory}, access_kind::rename_tree));
    answered(nullptr, errc::success, {});
  }

  void go_on(errc error) {
    if (error == errc::success && link_ == nullptr)
      return shut();
    if (error == errc::success && !LEASEBREAK_MUTANT(trees_seen_once) &&
      owner_.paths().has_beneath(what_.root, what_.path))
      error = errc::access_denied;
    if (error != errc::success)
      return fail(error);
    for (auto& h : std::exchange(holds_, {}))
      link_->keep(std::move(h));
    op_->complete({}, tree_guard(std::move(link_)));
  }

  void fail(errc error) {
    link_.reset();
    holds_.clear();
    op_->answer(error);
  }

  bool ask(const std::vector<file_name_id>& files, access_kind kind);
  void ask_more_after(const file_name_id& file);
  void cancel_if_failed(const std::vector<asked_file>& sent);

  coordinator_impl& owner_;
  const client_guid client_;
  const renamed_tree what_;
  std::shared_ptr<tree_link> link_;
  std::unique_ptr<plain_call<tree_guard>> op_;
  std::mutex mutex_;
  errc error_ = errc::success;
  std::size_t unanswered_ = 0;
  std::vector<hold> holds_;
  std::vector<asked_file> asked_;
  std::vector<file_name_id> first_; ///< The files that were asked first, sorted.
  std::vector<file_name_id> left_; ///< Files that will be asked.
};

/// The request to one file. If it is destroyed before completion, the rename fails.
class tree_rename::step final : public operation {
public:
  step(std::shared_ptr<tree_rename> of, file_name_id file, access_kind kind)
    : of_(std::move(of)), file_(std::move(file)) {
    access_file asked;
    asked.operation = id;
    asked.kind = kind;
    asked.client = of_->client_;
    what = asked;
  }
  step(const step&) = delete;
  step& operator=(const step&) = delete;
  ~step() override {
    if (of_ != nullptr)
      of_->answered(&file_, errc::shutting_down, {});
  }

  void finish(
    file_actor& file, std::unique_ptr<operation>, errc error, operation_result& result) override {
    const auto* const granted = std::get_if<access_granted>(&result);
    std::exchange(of_, nullptr)
      ->answered(&file_, error, granted != nullptr ? file.make_hold(granted->hold) : hold{});
  }

private:
  std::shared_ptr<tree_rename> of_;
  const file_name_id file_;
};

/// Comes back after the question to the same file.
class tree_rename::later final : public file_message {
public:
  explicit later(std::shared_ptr<tree_rename> of) : of_(std::move(of)) {}
  later(const later&) = delete;
  later& operator=(const later&) = delete;
  ~later() override {
    if (of_ != nullptr)
      of_->answered(nullptr, errc::shutting_down, {});
  }
  void act(file_actor&, std::unique_ptr<file_message>) override {
    std::exchange(of_, nullptr)->ask_more();
  }

private:
  std::shared_ptr<tree_rename> of_;
};

/// Goes on when `file`, the last one that was asked, has looked at the question.
void tree_rename::ask_more_after(const file_name_id& file) {
  message_ptr m = std::make_unique<later>(shared_from_this());
  operation::reservation none;
  static_cast<void>(owner_.deliver_of_client(file, nullptr, m, none));
}

/// Returns false if the rename has failed: then no file is asked.
bool tree_rename::ask(const std::vector<file_name_id>& files, access_kind kind) {
  std::vector<std::unique_ptr<step>> steps;
  std::vector<asked_file> sent;
  const auto self = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    if (error_ != errc::success)
      return false;
    unanswered_ += files.size();
    for (const auto& file : files) {
      steps.push_back(std::make_unique<step>(self, file, kind));
      sent.emplace_back(file, steps.back()->id);
    }
    asked_.insert(asked_.end(), sent.begin(), sent.end());
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto& reserved = steps[i]->reserved;
    message_ptr m = std::move(steps[i]);
    const auto owner = client_.is_zero() ? nullptr : owner_.clients().find(client_);
    static_cast<void>(owner_.deliver_of_client(files[i], owner.get(), m, reserved));
  }
  cancel_if_failed(sent);
  return true;
}

// A cancellation on another thread may have come to a file before the question to it.
void tree_rename::cancel_if_failed(const std::vector<asked_file>& sent) {
  if (!has_failed())
    return;
  for (const auto& [file, id] : sent)
    owner_.cancel(file, id);
}

} // namespace

bool coordinator_impl::deliver_of_client(
  const file_name_id& file, client* owner, message_ptr& m, operation::reservation& reserved) {
  while (const auto to = files_.find_or_create(file)) {
    if (owner != nullptr && owner->enter(*to)) {
      reserved.owner = owner;
      reserved.has_entered = true;
    }
    if (to->deliver(m))
      return true;
    if (std::exchange(reserved.has_entered, false))
      owner->leave(*to);
    reserved.owner = nullptr;
  }
  return false;
}

void coordinator_impl::place(
  const file_name_id& file, open_id open, std::string root, std::string path) {
  if (path.empty() || std::max(root.size(), path.size()) > limit(&limits::path_bytes))
    return;
  auto place = std::make_unique<placed_open>(paths_, std::move(root), std::move(path), file);
  message_ptr m = std::make_unique<place_of_open>(open, std::move(place));
  static_cast<void>(deliver(file, m, false));
}

void coordinator_impl::cancel(const file_name_id& file, operation_id id) {
  message_ptr m = std::make_unique<plain_command>(cancel_operation{id});
  if (const auto to = files_.find(file))
    static_cast<void>(to->deliver(m));
}

void coordinator_impl::drop_open(std::unique_ptr<file_call<open_result>> op, errc error) {
  opens_.release(1);
  counters_.add(counters::opens_refused);
  op->reserved = {};
  op->answer(error);
}

// The open is entered in the index before this checks for renames, and a rename checks the index
// after it is visible. Thus at least one of the two sees the other.
void coordinator_impl::place_open(
  std::shared_ptr<client> owner, std::unique_ptr<file_call<open_result>> op, bool has_waited) {
  auto& ask = std::get<open_file>(op->what);
  ask.has_waited = ask.has_waited || has_waited;
  const auto& place = *op->reserved.place;
  const auto renamed = place.renamed_above();
  if (!renamed ||
    LEASEBREAK_MUTANT(
      opens_enter_renamed_trees)) // the place lives until `send_open` has used the id
    return send_open(place.file(), *owner, std::move(op));
  op->reserved.place->set_open(false);
  const auto open = op->id;
  auto entry = std::make_unique<tree_entry>(*this, owner, std::move(op));
  const auto waits_as = entry->id;
  bool is_cancelled = false;
  {
    const std::lock_guard lock(gates_mutex_);
    auto& there = gates_[open]; // may exist from another rename, and may be cancelled
    there.waits_as = waits_as;
    there.directory = *renamed;
    is_cancelled = there.is_cancelled;
    gates_count_.store(gates_.size());
  }
  auto& reserved = entry->reserved;
  message_ptr m = std::move(entry);
  if (!deliver_of_client(*renamed, owner.get(), m, reserved)) {
    static_cast<void>(leave_gate(open, waits_as, false));
    drop_open(static_cast<tree_entry&>(*m).take(), errc::shutting_down);
  } else if (is_cancelled) {
    cancel(*renamed, waits_as);
  }
}

bool coordinator_impl::leave_gate(operation_id open, operation_id waits_as, bool keeps) {
  const std::lock_guard lock(gates_mutex_);
  const auto found = gates_.find(open);
  if (found == gates_.end() || found->second.waits_as != waits_as)
    return false; // it waits for another rename now
  const bool is_cancelled = found->second.is_cancelled;
  if (!keeps)
    gates_.erase(found);
  gates_count_.store(gates_.size());
  return is_cancelled;
}

void coordinator_impl::cancel_gate(operation_id open) {
  if (gates_count_.load() == 0)
    return;
  gate there;
  {
    const std::lock_guard lock(gates_mutex_);
    const auto found = gates_.find(open);
    if (found == gates_.end())
      return;
    found->second.is_cancelled = true;
    there = found->second;
  }
  cancel(there.directory, there.waits_as);
}

void coordinator_impl::start(rename_tree_request&& r, std::unique_ptr<plain_call<tree_guard>> op) {
  auto error = admit(r.directory);
  const auto longest = std::max(r.root.size(), r.from.size());
  if (error == errc::success &&
    (r.root.empty() || r.from.empty() || longest > limit(&limits::path_bytes)))
    error = errc::invalid_argument;
  if (error != errc::success)
    return op->answer(error);
  auto slot = op->cancellation_slot();
  const auto rename = std::make_shared<tree_rename>(*this, std::move(r), std::move(op));
  if (slot.is_connected())
    slot.assign(
      [self = weak(), weak_rename = std::weak_ptr(rename)](boost::asio::cancellation_type type) {
        const auto alive = self.lock();
        const auto going = weak_rename.lock();
        if (type != boost::asio::cancellation_type::none && alive != nullptr && going != nullptr)
          going->cancel();
      });
  rename->begin();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
