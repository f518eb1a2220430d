// Operations on a file that need what clients cache of its named streams, whose files are other
// actors.
#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "runtime/manual_scheduler.hpp"
#include "support/seed.hpp"
#include "support/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>

namespace leasebreak::test {
namespace {

using clock = world::clock;

constexpr auto no_deletion = share::read | share::write;
constexpr auto stream_timeout = std::chrono::seconds{35};

/// The two opens of a stream.
struct opened_stream {
  open_id stand_in{};
  open_id open{};
};

open_request plain(const client_guid& who, const std::string& file) {
  auto r = world::request(who, file, 1, lease_state::none);
  r.lease.reset();
  return r;
}

open_request standing_for(
  const client_guid& who, const std::string& stream, std::uint32_t shares = share::all) {
  auto r = plain(who, "f");
  r.access = access::read_attributes;
  r.share_access = shares;
  r.of_stream = true;
  r.stream = stream;
  return r;
}

open_request of_stream(const client_guid& who, const std::string& stream, open_id stand_in,
  std::uint64_t key, lease_state want) {
  auto r = world::request(who, stream, key, want);
  r.base = "f";
  r.stand_in = stand_in;
  return r;
}

open_request deleting() {
  auto r = plain(world::bob, "f");
  r.access = access::delete_file;
  return r;
}

open_request overwriting() {
  auto r = plain(world::bob, "f");
  r.access = access::write_data;
  r.overwrites = true;
  return r;
}

class StreamsOfFiles : public ::testing::Test {
protected:
  opened_stream open_stream(const std::string& stream, lease_state want,
    std::uint32_t shares = share::all, std::uint64_t key = 7) {
    opened_stream s;
    s.stand_in = opened(standing_for(world::alice, stream, shares));
    s.open = opened(of_stream(world::alice, stream, s.stand_in, key, want));
    return s;
  }

  open_id opened(open_request r) {
    auto& p = begin(std::move(r));
    EXPECT_EQ(p.error(), errc::success);
    EXPECT_TRUE(p.done());
    return p.as<open_result>().open;
  }

  template <class Request>
  probe& begin(Request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }

  void close_stream(const std::string& stream, const opened_stream& s) {
    w.close(stream, s.open);
    w.close("f", s.stand_in);
  }

  void acknowledge(lease_state left, std::uint64_t key = 7) {
    auto& p = begin(lease_acknowledgement{world::alice, lease_key::of(key), left});
    EXPECT_EQ(p.error(), errc::success);
  }

  world w{clock::test};
};

TEST_F(StreamsOfFiles, AreReleasedBeforeTheFileIsOverwritten) {
  open_stream("f:s", lease_state::rwh);

  auto& b = begin(overwriting());
  EXPECT_FALSE(b.done());
  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(w.alice_saw.front().file, "f:s");
  EXPECT_EQ(w.alice_saw.front().notification.to, lease_state::none);
  EXPECT_EQ(w.alice_saw.front().notification.cause, break_cause::overwrite);
  acknowledge(lease_state::none);

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.done());
  EXPECT_TRUE(b.as<open_result>().waited);
}

TEST_F(StreamsOfFiles, AreNotOpenedUntilTheyAreRemoved) {
  auto& b = begin(overwriting());
  ASSERT_EQ(b.error(), errc::success);

  auto& s = begin(standing_for(world::alice, "f:s"));
  EXPECT_FALSE(s.done());
  b.as<open_result>().hold.release();
  w.settle();

  EXPECT_EQ(s.error(), errc::success);
  EXPECT_TRUE(s.as<open_result>().waited);
}

TEST_F(StreamsOfFiles, DoNotDenyADeletionIfTheirHolderClosesThem) {
  const auto s = open_stream("f:s", lease_state::rh, no_deletion);

  auto& b = begin(deleting());
  EXPECT_FALSE(b.done());
  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(w.alice_saw.front().notification.to, lease_state::r);
  w.close("f:s", s.open);
  EXPECT_FALSE(b.done()) << "the open that stands for the stream is about to be closed";
  w.close("f", s.stand_in);

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.done());
}

TEST_F(StreamsOfFiles, DenyADeletionIfTheirHolderKeepsThem) {
  open_stream("f:s", lease_state::rh, no_deletion);

  auto& b = begin(deleting());
  acknowledge(lease_state::r);

  EXPECT_EQ(b.error(), errc::sharing_violation);
}

TEST_F(StreamsOfFiles, ThatCacheNothingDenyADeletionAtOnce) {
  open_stream("f:s", lease_state::none, no_deletion);

  auto& b = begin(deleting());

  EXPECT_EQ(b.error(), errc::sharing_violation);
  EXPECT_TRUE(w.alice_saw.empty());
}

TEST_F(StreamsOfFiles, DoNotDenyADeletionIfTheirClientIsGone) {
  open_stream("f:s", lease_state::rh, no_deletion);

  auto& b = begin(deleting());
  begin(disconnect_request{world::alice, {}});

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.done());
}

TEST_F(StreamsOfFiles, DenyADeletionIfTheirHolderDoesNotAnswer) {
  open_stream("f:s", lease_state::rh, no_deletion);

  auto& b = begin(deleting());
  w.advance(stream_timeout);

  EXPECT_EQ(b.error(), errc::sharing_violation);
}

TEST_F(StreamsOfFiles, AreReleasedBeforeTheDispositionIsSet) {
  const auto s = open_stream("f:s", lease_state::rh);
  const auto b = opened(deleting());

  auto& set = begin(access_request{"f", access_kind::set_delete, b, world::bob});
  EXPECT_FALSE(set.done());
  close_stream("f:s", s);

  EXPECT_EQ(set.error(), errc::success);
  EXPECT_TRUE(begin(close_request{"f", b}).as<close_result>().delete_file);
}

TEST_F(StreamsOfFiles, AreReleasedBeforeAnotherFileIsRenamedOntoTheirs) {
  const auto s = open_stream("f:s", lease_state::rh);

  auto& replaced = begin(access_request{"f", access_kind::replace, {}, world::bob});
  EXPECT_FALSE(replaced.done());
  close_stream("f:s", s);

  EXPECT_EQ(replaced.error(), errc::success);
  EXPECT_TRUE(replaced.done());
}

TEST_F(StreamsOfFiles, OfTheOpenersOwnClientAreReleasedAsWell) {
  const auto s = open_stream("f:s", lease_state::rh, no_deletion);
  auto r = deleting();
  r.client = world::alice;

  auto& again = begin(std::move(r));
  EXPECT_FALSE(again.done());
  close_stream("f:s", s);

  EXPECT_EQ(again.error(), errc::success);
}

TEST_F(StreamsOfFiles, AreAskedOnceForOpensOfTheSameStream) {
  const auto first = open_stream("f:s", lease_state::rh);
  const auto second = open_stream("f:s", lease_state::rh);

  auto& b = begin(access_request{"f", access_kind::replace, {}, world::bob});
  EXPECT_EQ(w.alice_saw.size(), 1U);
  close_stream("f:s", first);
  EXPECT_FALSE(b.done());
  close_stream("f:s", second);

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.done());
}

TEST_F(StreamsOfFiles, HaveNoActorForWhatIsNotOpenThere) {
  opened(standing_for(world::alice, "f:s", no_deletion));
  const auto alive = w.c->stats().files_alive;

  auto& b = begin(deleting());

  EXPECT_FALSE(b.done()) << "the stream is still being opened";
  EXPECT_EQ(w.c->stats().files_alive, alive);
  b.signal.emit(asio::cancellation_type::terminal);
  w.settle();
  EXPECT_EQ(b.error(), errc::cancelled);
}

TEST_F(StreamsOfFiles, AnswerACancelledOperationToNoEffect) {
  const auto s = open_stream("f:s", lease_state::rwh);
  auto& b = begin(overwriting());

  b.signal.emit(asio::cancellation_type::terminal);
  w.settle();
  EXPECT_EQ(b.error(), errc::cancelled);
  acknowledge(lease_state::none);
  close_stream("f:s", s);

  EXPECT_EQ(b.calls, 1);
  EXPECT_EQ(w.c->stats().waiting_now, 0U);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
}

TEST_F(StreamsOfFiles, DoNotDelayAShutdown) {
  open_stream("f:s", lease_state::rwh);
  auto& b = begin(overwriting());

  auto& down = begin(detail::shutdown_request{});

  EXPECT_EQ(b.error(), errc::shutting_down);
  EXPECT_EQ(down.error(), errc::success);
}

TEST_F(StreamsOfFiles, MayBeDestroyedWithTheCoordinatorWhileTheyAreAsked) {
  open_stream("f:s", lease_state::rwh);
  auto& b = w.start(overwriting());
  w.scheduler().run_once(); // the file has asked, and the stream has not been asked yet

  w.c.reset();
  w.settle();

  EXPECT_EQ(b.error(), errc::shutting_down);
  EXPECT_EQ(b.calls, 1);
}

TEST_F(StreamsOfFiles, AreNamedCompletelyOrNotAtAll) {
  auto no_stand_in = plain(world::alice, "f:s");
  no_stand_in.base = "f";
  auto no_base = plain(world::alice, "f:s");
  no_base.stand_in = open_id{5};
  auto no_stream = plain(world::alice, "f");
  no_stream.stream = "f:s";
  auto long_name = standing_for(world::alice, std::string(5'000, 's'));

  EXPECT_EQ(begin(no_stand_in).error(), errc::invalid_argument);
  EXPECT_EQ(begin(no_base).error(), errc::invalid_argument);
  EXPECT_EQ(begin(no_stream).error(), errc::invalid_argument);
  EXPECT_EQ(begin(long_name).error(), errc::file_id_too_long);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
}

TEST_F(StreamsOfFiles, ThatCannotBeAskedFailTheOperation) {
  coordinator_config few;
  few.limit.waiting_per_file = 1;
  world tight(clock::test, few);
  const auto open = [&](open_request r) {
    auto& p = tight.start(std::move(r));
    tight.settle();
    return p.as<open_result>().open;
  };
  const auto stand_in = open(standing_for(world::alice, "f:s"));
  open(of_stream(world::alice, "f:s", stand_in, 7, lease_state::rwh));
  tight.start(plain(world::bob, "f:s")); // occupies the only place there
  tight.settle();

  auto& b = tight.start(overwriting());
  tight.settle();

  EXPECT_EQ(b.error(), errc::too_many_waiting);
}

/// Runs what is ready in random order.
void settle_at_random(world& w, std::mt19937& random) {
  auto& scheduler = w.scheduler();
  for (;;) {
    if (!scheduler.jobs.empty()) {
      std::shuffle(scheduler.jobs.begin(), scheduler.jobs.end(), random);
      if (random() % 3 != 0) {
        scheduler.run_once();
        continue;
      }
    }
    w.io.restart();
    if (w.io.poll_one() == 0 && scheduler.jobs.empty())
      return;
  }
}

/// Alice opens, closes and opens a stream without sharing deletion, as a server does, and closes it
/// whenever it is broken; Bob opens the file for deletion meanwhile. Alice is never in the way: her
/// application has closed the stream.
class RacesOfStreams : public ::testing::TestWithParam<bool> {};

TEST_P(RacesOfStreams, EndInEveryOrder) {
  const auto seed = static_cast<std::uint32_t>(seed_of_this_run());
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    world w(clock::test);
    opened_stream s;
    bool is_closing = false;
    const auto close = [&] {
      if (std::exchange(is_closing, true))
        return;
      w.c->async_close({"f:s", s.open}, [&](error_code, close_result) {
        w.c->async_close({"f", s.stand_in}, [](error_code e, close_result) { EXPECT_FALSE(e); });
      });
    };
    w.c->async_open(standing_for(world::alice, "f:s", no_deletion),
      [&](error_code refused, open_result stand_in) {
        if (refused)
          return;
        s.stand_in = stand_in.open;
        w.c->async_open(of_stream(world::alice, "f:s", s.stand_in, 7, lease_state::rwh),
          [&](error_code e, open_result open) {
            ASSERT_FALSE(e);
            s.open = open.open;
            open.answer.sent();
            if (round % 3 == 0)
              close(); // without a break
          });
      });
    auto& b = w.start(GetParam() ? overwriting() : deleting());
    while (true) {
      settle_at_random(w, random);
      if (w.alice_saw.empty() || is_closing)
        break;
      close();
    }
    if (b.done() && b.error() == errc::success)
      b.as<open_result>().hold.release();
    settle_at_random(w, random);
    if (s.open != open_id::none && !is_closing)
      close();
    settle_at_random(w, random);

    EXPECT_TRUE(b.done());
    EXPECT_EQ(b.error(), errc::success);
    EXPECT_EQ(w.c->stats().waiting_now, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(WithDeletionsAndOverwrites, RacesOfStreams, ::testing::Bool());

} // namespace
} // namespace leasebreak::test
