// A server and its clients on one thread, from the bytes of a frame on, and the oracles that watch
// them.
#pragma once

#include "contents.hpp"
#include "disk.hpp"
#include "link.hpp"
#include "machine.hpp"
#include "scene.hpp"

#include <smb_server/server.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::smb::simulation {

using leasebreak::simulation::outcome;
using leasebreak::simulation::scene;
using leasebreak::simulation::step;

/// The scene of a seed.
[[nodiscard]] scene scene_of(std::uint64_t seed);

/// Runs a scene; operations are those of clients. With `keeps_history`, the result says what has
/// happened.
[[nodiscard]] outcome run(const scene& s, bool keeps_history);

/// Both for the program.
[[nodiscard]] leasebreak::simulation::simulation_kind server_kind();

class world final : public link_watcher {
public:
  world(const scene& s, bool keeps_history);
  ~world() override;

  outcome run();

  void complain(std::string what) override;
  void note(std::string what) override;

private:
  static constexpr std::size_t clients_count = 3;

  /// Before the server notices that a connection is gone.
  static constexpr span cut_unnoticed_max = std::chrono::seconds{100};

  /// An open, as its client knows it.
  struct handle {
    std::uint64_t number = 0;
    std::size_t client = 0;
    link_ptr on; ///< Null while it is lost, and may be taken back.
    file_id id;
    std::uint64_t file = 0; ///< Its number on the disk.
    std::string name; ///< By which it was opened.
    guid key{}; ///< Of its lease; zero: none.
    std::optional<guid> create_guid; ///< Durable.
    std::uint8_t lease_version = 0;
    bool is_closing = false;
  };
  using handle_ptr = std::shared_ptr<handle>;

  /// A lease by its client and key; an oplock by its open.
  using cache_name = std::tuple<std::size_t, guid, std::uint64_t>;

  /// What a client has read and may read again without asking.
  struct cache {
    std::uint64_t file = 0;
    std::uint32_t state = 0; ///< As the server has told, on the wire.
    std::optional<std::uint64_t> value;
    std::uint64_t tellings = 0; ///< Breaks, and writes of its own.
    std::optional<span> asked; ///< When the server has asked for an acknowledgement.
  };

  /// What a CREATE asks for.
  struct wish {
    std::string name;
    disposition how = disposition::open_if;
    std::uint32_t access = 0;
    std::uint32_t share = 7;
    std::uint32_t options = 0;
    std::uint8_t oplock = 0;
    guid key{};
    std::uint8_t lease_version = 0;
    std::uint32_t lease_state = 0;
    std::optional<guid> create_guid;
    [[nodiscard]] bool truncates() const noexcept;
    [[nodiscard]] bool deletes() const noexcept {
      return (options & create_option::delete_on_close) != 0;
    }
  };

  struct client {
    guid id{};
    link_ptr on; ///< The newest one.
    std::map<std::string, guid> keys; ///< By name, those that were used last.
  };

  // -- the scene (steps.cpp) --
  void act(const step& s);
  void connect(std::size_t client, const step& s);
  task<void> set_up(link_ptr l);
  [[nodiscard]] wish wish_of(std::size_t client, const step& s);
  [[nodiscard]] asked create_of(const wish& w) const;
  [[nodiscard]] handle_ptr pick(std::size_t client, std::uint16_t n);
  task<void> create(link_ptr l, wish w);
  task<void> close(handle_ptr h);
  task<void> read(handle_ptr h);
  task<void> write(handle_ptr h);
  task<void> lock(handle_ptr h, std::uint16_t n);
  task<void> move(handle_ptr h, std::string to, bool replaces, bool links);
  task<void> set_disposition(handle_ptr h, bool deletes);
  task<void> write_at_one_go(link_ptr l, wish w);
  task<void> delete_at_one_go(link_ptr l, std::string name);
  task<void> log_off(link_ptr l);
  task<void> acknowledge(link_ptr l, smb::command c, byte_vector body, span after);
  task<void> take_back(link_ptr l, handle_ptr h);
  void cancel(link& l, std::uint16_t n);
  void cut(link& l, const step& s);

  // -- what is seen (oracles.cpp) --
  void on_written(link& l, const answer& a) override;
  void on_break(link& l, const answer& a) override;
  void on_ended(link& l) override;
  handle_ptr opened(const link_ptr& l, const wish& w, const answer& a, span since);
  void forget(const handle_ptr& h);
  void distrust(const cache_name& name);
  void check_name(const std::string& name, std::uint64_t file, span since, const char* what);
  void check_quiet();
  void check_times();
  void check_caches();
  void check_gone(std::uint64_t file);
  void see_break(const answer& a, link& l);
  [[nodiscard]] span shortly_before(span sent) const;
  [[nodiscard]] bool is_held_back(const cache_name& name) const;
  [[nodiscard]] cache_name cache_of(const handle& h) const;
  void see_read(const handle_ptr& h, const answered& a, moment began, std::uint64_t tellings);
  void doom(const std::string& name, bool for_good = false);

  // -- its life (world.cpp) --
  void spawn(task<void> what);
  void run_until_started();
  void end();
  void stop();
  void check_nothing_is_left();
  void check_disk();

  scene scene_;
  bool keeps_history_;
  random_source random_;
  outcome result_;
  loop loop_;
  simulated_machine machine_;
  server_options options_;
  std::unique_ptr<server> server_;
  std::size_t descriptors_before_ = 0;
  bool is_started_ = false;
  bool is_ending_ = false;
  span last_cut_{-std::chrono::hours{1}}; ///< When a link was cut last.
  bool is_stopped_ = false;
  std::uint64_t tasks_ = 0;
  moment last_moment_ = 0;
  std::uint64_t last_number_ = 0;

  std::array<client, clients_count> clients_;
  std::vector<link_ptr> links_;
  std::vector<handle_ptr> handles_;
  std::map<cache_name, cache> caches_;
  std::set<cache_name> told_; ///< Whatever was granted in an answer.
  std::set<cache_name> excused_; ///< May have been, in an answer that was lost.
  contents contents_;
  std::set<std::uint64_t> files_; ///< All that were seen.
  std::set<std::uint64_t> doomed_; ///< Those that somebody wanted to delete or to replace.
  std::set<std::string> doomed_names_;
  std::set<std::uint64_t> deleted_; ///< Whose deletion was asked for, and granted.
  std::set<std::uint64_t> spared_; ///< Which somebody wanted not to be, or to have other names.
};

} // namespace leasebreak::smb::simulation
