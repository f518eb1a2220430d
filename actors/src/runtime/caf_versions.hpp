// Everything that differs between the versions of CAF: 0.17.6, and 1.1.
//
// Other files use of CAF only what is the same in both: the control block of an actor, references
// to it, and `make_actor`.
#pragma once

#include <leasebreak/model/export.hpp>

#include <caf/abstract_actor.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/config.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

#if defined(CAF_VERSION_MAJOR) && CAF_VERSION_MAJOR >= 1
#define LEASEBREAK_CAF_1 1
#include <caf/action.hpp>
#include <caf/disposable.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scheduler.hpp>

#include <mutex>
#include <unordered_map>
#include <utility>
#else
#define LEASEBREAK_CAF_1 0
#include <caf/atom.hpp>
#include <caf/attachable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/system_messages.hpp>
#endif

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The part of an actor that CAF knows. It has no behavior, no links and no monitors, and does not
/// use an actor system.
class caf_actor : public caf::abstract_actor, public caf::resumable {
public:
  /// Runs a turn on a thread of a pool.
  virtual void run_on_pool(std::size_t messages_max) = 0;
  /// Called when the clock's time has come.
  virtual void deliver_timeout() = 0;
  /// Called when the last reference has gone, before the destructor.
  virtual void no_longer_referenced() noexcept = 0;
  /// Called on a thread that is about to give back its reference.
  virtual void before_release() const noexcept = 0;

protected:
  explicit caf_actor(caf::actor_config& config) : caf::abstract_actor(config) {}

#if LEASEBREAK_CAF_1
public:
  // -- CAF 1.1

  const char* name() const override {
    return "leasebreak";
  }
  bool enqueue(caf::mailbox_element_ptr, caf::scheduler*) override {
    return false;
  }
  resume_result resume(caf::scheduler*, std::size_t messages_max) override {
    run_on_pool(messages_max);
    return awaiting_message;
  }
  void ref_resumable() const noexcept override {
    intrusive_ptr_add_ref(ctrl());
  }
  void deref_resumable() const noexcept override {
    before_release();
    intrusive_ptr_release(ctrl());
  }
  /// Part of the interface that `make_actor` expects.
  void setup_metrics() noexcept {}

private:
  void force_close_mailbox() override {
    no_longer_referenced();
  }
};

#else
public:
  // -- CAF 0.17

  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    if (what != nullptr && what->content().match_elements<caf::timeout_msg>())
      deliver_timeout();
  }
  resume_result resume(caf::execution_unit*, std::size_t messages_max) override {
    run_on_pool(messages_max);
    return awaiting_message;
  }
  subtype_t subtype() const override {
    return unspecified;
  }
  void intrusive_ptr_add_ref_impl() override {
    intrusive_ptr_add_ref(ctrl());
  }
  void intrusive_ptr_release_impl() override {
    before_release();
    intrusive_ptr_release(ctrl());
  }
  void on_destroy() override {
    no_longer_referenced();
  }

  void attach(caf::attachable_ptr) override {}
  std::size_t detach(const caf::attachable::token&) override {
    return 0;
  }
  void add_link(caf::abstract_actor*) override {}
  void remove_link(caf::abstract_actor*) override {}
  bool add_backlink(caf::abstract_actor*) override {
    return false;
  }
  bool remove_backlink(caf::abstract_actor*) override {
    return false;
  }
};
#endif

/// A thread pool of CAF with its clock.
class caf_pool {
public:
  using time_point = std::chrono::steady_clock::time_point;

  caf_pool(bool stealing, std::size_t threads, std::size_t messages_per_turn)
    : config_(stealing, threads, messages_per_turn), system_(config_) {}
  caf_pool(const caf_pool&) = delete;
  caf_pool& operator=(const caf_pool&) = delete;
  ~caf_pool() { drop_timeouts(); }

  [[nodiscard]] time_point now() const noexcept { return std::chrono::steady_clock::now(); }

#if LEASEBREAK_CAF_1
  /// Takes over a reference.
  void schedule(caf_actor* job) {
    system_.scheduler().schedule(job);
  }

  void set_timeout(caf_actor& to, time_point t) {
    const std::lock_guard lock(mutex_);
    if (stopped_)
      return;
    auto& entry = timeouts_[&to];
    entry.second.dispose();
    const auto number = ++numbers_;
    entry.first = number;
    entry.second =
      system_.clock().schedule(t, caf::make_single_shot_action([this, to = ref(to), number] {
        if (take(to.second, number))
          to.second->deliver_timeout();
      }));
  }

  void cancel_timeout(caf_actor& of) {
    caf::disposable dropped;
    const std::lock_guard lock(mutex_);
    if (const auto found = timeouts_.find(&of); found != timeouts_.end()) {
      dropped = std::move(found->second.second);
      timeouts_.erase(found);
    }
    dropped.dispose();
  }

  void drop_timeouts() {
    timeouts dropped;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      dropped.swap(timeouts_);
    }
    for (auto& [actor, entry] : dropped)
      entry.second.dispose();
  }

private:
  /// The number of each timeout, and its handle.
  using timeouts = std::unordered_map<const caf_actor*, std::pair<std::uint64_t, caf::disposable>>;

  static std::pair<caf::strong_actor_ptr, caf_actor*> ref(caf_actor& actor) {
    return {caf::strong_actor_ptr(actor.ctrl()), &actor};
  }

  /// Removes a timeout. Returns whether it was neither cancelled nor replaced.
  bool take(const caf_actor* actor, std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = timeouts_.find(actor);
    if (found == timeouts_.end() || found->second.first != number)
      return false;
    timeouts_.erase(found);
    return true;
  }

  /// Makes CAF's type ids known, which its configuration needs.
  struct types {
    types() { caf::core::init_global_meta_objects(); }
  };

  struct config : private types, caf::actor_system_config {
    config(bool stealing, std::size_t threads, std::size_t messages_per_turn) {
      set("caf.scheduler.policy", stealing ? "stealing" : "sharing");
      set("caf.scheduler.max-threads", threads);
      set("caf.scheduler.max-throughput", messages_per_turn);
    }
  };

  std::mutex mutex_;
  bool stopped_ = false;
  std::uint64_t numbers_ = 0;
  timeouts timeouts_;

#else
  /// Takes over a reference.
  void schedule(caf_actor* job) {
    system_.scheduler().enqueue(job);
  }
  void set_timeout(caf_actor& to, time_point t) {
    system_.clock().set_ordinary_timeout(t, &to, tick, 0);
  }
  void cancel_timeout(caf_actor& of) {
    system_.clock().cancel_ordinary_timeout(&of, tick);
  }
  /// Nothing to do: the actor system does it when it ends.
  void drop_timeouts() noexcept {}

private:
  static constexpr caf::atom_value tick = caf::atom("lb.tick");

  struct config : caf::actor_system_config {
    config(bool stealing, std::size_t threads, std::size_t messages_per_turn) {
      set("scheduler.policy", stealing ? caf::atom("stealing") : caf::atom("sharing"));
      set("scheduler.max-threads", threads);
      set("scheduler.max-throughput", messages_per_turn);
    }
  };

#endif

  config config_;
  caf::actor_system system_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
