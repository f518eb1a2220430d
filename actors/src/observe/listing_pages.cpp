// Listings a page at a time (`coordinator::async_list_page`): asks some files, and when all of them
// have answered, pauses and asks the next ones, until the page is full. With a path, it asks only
// the files that the index of paths finds.
#include "api/coordinator_impl.hpp"
#include "completion/operation.hpp"
#include "files/file_actor.hpp"
#include "files/path_search.hpp"
#include "listing_pace.hpp"
#include "runtime/out_of_memory.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// How many files are looked up at a time: that looks at a whole shard of the registry.
constexpr std::size_t files_looked_up = 1'024;

class listing_pages;

bool is_by_path(const list_request& r) noexcept {
  return !r.path_prefix.empty() || !r.path_tail.empty();
}

/// Shared by the messages to some files: the last of them, handled or dropped, ends the step.
class listing_step {
public:
  listing_step(std::shared_ptr<listing_pages> of, std::vector<file_name_id> files)
    : files_(std::move(files)), found_(files_.size()), of_(std::move(of)) {}
  ~listing_step();
  listing_step(const listing_step&) = delete;
  listing_step& operator=(const listing_step&) = delete;

  [[nodiscard]] const std::vector<file_name_id>& files() const noexcept { return files_; }
  [[nodiscard]] const list_request& what() const noexcept;
  /// Each file has a place of its own, so that none waits for another.
  void set(std::size_t i, std::vector<listed_entry> found) noexcept { found_[i].swap(found); }
  /// A file was stopped before it answered.
  void lose() noexcept { lost_.store(true); }

private:
  std::vector<file_name_id> files_;
  std::vector<std::vector<listed_entry>> found_;
  std::shared_ptr<listing_pages> of_;
  std::atomic<bool> lost_{false};
};

/// Asks one file.
class listing_question final : public file_message {
public:
  listing_question(std::shared_ptr<listing_step> step, std::size_t i)
    : step_(std::move(step)), i_(i) {}
  ~listing_question() override {
    if (!answered_)
      step_->lose();
  }
  listing_question(const listing_question&) = delete;
  listing_question& operator=(const listing_question&) = delete;

  void act(file_actor& file, std::unique_ptr<file_message>) override {
    answered_ = true;
    const auto& r = step_->what();
    if (has_none(r.what, file.state()) || (is_by_path(r) && !file.has_path(r)))
      return;
    auto found = file.state().list(r.matching);
    std::erase_if(found, [&r](const auto& e) { return !is_in(r.what, e); });
    file.name(found);
    step_->set(i_, std::move(found));
  }

  /// The file has ended by itself: it had nothing.
  void not_needed() noexcept { answered_ = true; }

private:
  // Most files have no breaks and nothing that waits, and are not listed for nothing.
  [[nodiscard]] static bool has_none(list_request::scope what, const file_state& of) noexcept {
    return (what == list_request::scope::waiting && of.waiting() == 0) ||
      (what == list_request::scope::breaking && of.breaking() == 0);
  }
  [[nodiscard]] static bool is_in(list_request::scope what, const listed_entry& e) noexcept {
    if (what == list_request::scope::waiting)
      return e.kind == entry_kind::waiting;
    return what == list_request::scope::all || (e.lease && e.lease->breaking);
  }

  std::shared_ptr<listing_step> step_;
  std::size_t i_;
  bool answered_ = false;
};

/// The operation. Its steps follow one another, so that no two threads use it at once.
class listing_pages : public std::enable_shared_from_this<listing_pages> {
public:
  listing_pages(coordinator_impl& owner, boost::asio::any_io_executor executor, list_request r,
    std::unique_ptr<plain_call<listed_page>> op)
    : owner_(owner.weak()), pause_(std::move(executor)), request_(std::move(r)), op_(std::move(op)),
      after_(request_.after), by_path_(is_by_path(request_) && request_.matching.file_id.empty()) {}

  [[nodiscard]] const list_request& what() const noexcept { return request_; }

  /// Asks the next files; without any, the page is complete.
  void go_on(coordinator_impl& owner) {
    began_ = owner.now();
    if (ids_.empty() && !exhausted_ && !look_up(owner))
      return pause();
    if (ids_.empty())
      return finish(owner, errc::success);
    const auto count = static_cast<std::ptrdiff_t>(std::min(files_at_once, ids_.size()));
    const auto first = ids_.rbegin();
    std::vector<file_name_id> files(
      std::make_move_iterator(first), std::make_move_iterator(first + count));
    ids_.erase(ids_.end() - count, ids_.end());
    after_ = files.back();
    ask(owner, std::make_shared<listing_step>(shared_from_this(), std::move(files)));
  }

  /// All of a step have answered.
  void take(const std::vector<file_name_id>& files, std::vector<std::vector<listed_entry>>& found) {
    auto& all = page_.entries;
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::move(found[i].begin(), found[i].end(), std::back_inserter(all));
      if (all.size() < request_.limit)
        continue;
      page_.next = files[i];
      break;
    }
    pause();
  }

  void fail() { op_->answer(errc::shutting_down); }

private:
  /// Looks up the next files. Returns false if that takes another step.
  bool look_up(coordinator_impl& owner) {
    if (by_path_) {
      if (search_ == nullptr)
        search_ = path_search::begin(owner.paths(), request_, after_, files_looked_up);
      if (search_->go_on(owner.paths()))
        return false;
      // If the paths of too many opens match, ask all files.
      by_path_ = !search_->has_stopped_early();
      ids_ = search_->take();
      search_ = nullptr;
    }
    if (!by_path_)
      ids_ = owner.ids_for(request_.matching, after_, files_looked_up);
    exhausted_ = ids_.size() < files_looked_up;
    std::reverse(ids_.begin(), ids_.end()); // taken from the back
    return true;
  }

  // A full page pauses as well: the next page may follow at once. With the clock of a test, no time
  // passes, and there is no pause.
  void pause() {
    const auto owner = owner_.lock();
    const auto length = owner != nullptr ? listing_pause(owner->now() - began_) : duration::zero();
    // Others get their turn first; and steps whose files have all gone would nest.
    if (length == duration::zero() || (ids_.empty() && exhausted_))
      return boost::asio::post(
        pause_.get_executor(), [self = shared_from_this()] { self->after_pause(); });
    pause_.expires_after(length);
    pause_.async_wait([self = shared_from_this()](error_code) { self->after_pause(); });
  }

  void after_pause() {
    needs_memory("to list", [this] {
      const auto owner = owner_.lock();
      if (owner == nullptr)
        return; // the end of the operation says so
      if (page_.next.empty())
        go_on(*owner);
      else
        finish(*owner, errc::success);
    });
  }

  static void ask(coordinator_impl& owner, const std::shared_ptr<listing_step>& step) {
    const auto& files = step->files();
    std::vector<std::unique_ptr<listing_question>> questions;
    questions.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i)
      questions.push_back(std::make_unique<listing_question>(step, i));
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto file = owner.files().find(files[i]);
      message_ptr m = std::move(questions[i]);
      if ((!file || !file->deliver(m)) && !owner.is_stopping())
        static_cast<listing_question&>(*m).not_needed();
    }
  }

  void finish(const coordinator_impl& owner, errc error) {
    if (owner.is_stopping())
      error = errc::shutting_down;
    if (error != errc::success)
      return op_->answer(error);
    page_.now = owner.now();
    op_->complete(error_code{}, std::move(page_));
  }

  const std::weak_ptr<coordinator_impl> owner_;
  boost::asio::steady_timer pause_;
  const list_request request_;
  std::unique_ptr<plain_call<listed_page>> op_;
  std::vector<file_name_id> ids_; ///< To be asked, in reverse.
  bool exhausted_ = false; ///< There are no others.
  file_name_id after_;
  bool by_path_; ///< The index of paths finds the files.
  std::shared_ptr<path_search> search_; ///< For the next files, while it is in progress.
  time_point began_{}; ///< Of the step.
  listed_page page_;
};

const list_request& listing_step::what() const noexcept {
  return of_->what();
}

listing_step::~listing_step() {
  if (initiating::has_failed())
    return; // and the handler is not called
  needs_memory("to list", [this] {
    if (lost_.load())
      of_->fail();
    else
      of_->take(files_, found_);
  });
}

} // namespace

void coordinator_impl::start(list_request&& r, std::unique_ptr<plain_call<listed_page>> op) {
  auto error = admit();
  if (error == errc::success && r.limit == 0)
    error = errc::invalid_argument;
  if (error != errc::success)
    return op->answer(error);
  std::make_shared<listing_pages>(*this, executor_, std::move(r), std::move(op))->go_on(*this);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
