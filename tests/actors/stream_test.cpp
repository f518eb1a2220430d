// Operations on a file that need what clients cache of its named streams, whose files are other
// actors.
#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "support/seed.hpp"
#include "support/two_clients.hpp"

#include <leasebreak/testing/seeded_loop.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace leasebreak::test {
namespace {

using time = two_clients::time;

constexpr auto no_deletion = share::read | share::write;
constexpr auto stream_timeout = std::chrono::seconds{35};

/// The two opens of a stream.
struct opened_stream {
  open_id stand_in{};
  open_id open{};
};

open_request plain(const client_guid& who, const std::string& file) {
  auto r = two_clients::request(who, file, 1, lease_state::none);
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
  auto r = two_clients::request(who, stream, key, want);
  r.base = "f";
  r.stand_in = stand_in;
  return r;
}

open_request deleting() {
  auto r = plain(two_clients::bob, "f");
  r.access = access::delete_file;
  return r;
}

open_request overwriting() {
  auto r = plain(two_clients::bob, "f");
  r.access = access::write_data;
  r.overwrites = true;
  return r;
}

class StreamsOfFiles : public ::testing::Test {
protected:
  opened_stream open_stream(const std::string& stream, lease_state want,
    std::uint32_t shares = share::all, std::uint64_t key = 7) {
    opened_stream s;
    s.stand_in = opened(standing_for(two_clients::alice, stream, shares));
    s.open = opened(of_stream(two_clients::alice, stream, s.stand_in, key, want));
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
    auto& p = begin(lease_acknowledgement{two_clients::alice, lease_key::of(key), left});
    EXPECT_EQ(p.error(), errc::success);
  }

  two_clients w{time::driven};
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

  auto& s = begin(standing_for(two_clients::alice, "f:s"));
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
  begin(disconnect_request{two_clients::alice, {}});

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

  auto& set = begin(access_request{"f", access_kind::set_delete, b, two_clients::bob});
  EXPECT_FALSE(set.done());
  close_stream("f:s", s);

  EXPECT_EQ(set.error(), errc::success);
  EXPECT_TRUE(begin(close_request{"f", b}).as<close_result>().delete_file);
}

TEST_F(StreamsOfFiles, AreReleasedBeforeAnotherFileIsRenamedOntoTheirs) {
  const auto s = open_stream("f:s", lease_state::rh);

  auto& replaced = begin(access_request{"f", access_kind::replace, {}, two_clients::bob});
  EXPECT_FALSE(replaced.done());
  close_stream("f:s", s);

  EXPECT_EQ(replaced.error(), errc::success);
  EXPECT_TRUE(replaced.done());
}

TEST_F(StreamsOfFiles, OfTheOpenersOwnClientAreReleasedAsWell) {
  const auto s = open_stream("f:s", lease_state::rh, no_deletion);
  auto r = deleting();
  r.client = two_clients::alice;

  auto& again = begin(std::move(r));
  EXPECT_FALSE(again.done());
  close_stream("f:s", s);

  EXPECT_EQ(again.error(), errc::success);
}

TEST_F(StreamsOfFiles, AreAskedOnceForOpensOfTheSameStream) {
  const auto first = open_stream("f:s", lease_state::rh);
  const auto second = open_stream("f:s", lease_state::rh);

  auto& b = begin(access_request{"f", access_kind::replace, {}, two_clients::bob});
  EXPECT_EQ(w.alice_saw.size(), 1U);
  close_stream("f:s", first);
  EXPECT_FALSE(b.done());
  close_stream("f:s", second);

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.done());
}

TEST_F(StreamsOfFiles, HaveNoActorForWhatIsNotOpenThere) {
  opened(standing_for(two_clients::alice, "f:s", no_deletion));
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

  auto& down = w.shut_down();
  w.settle();

  EXPECT_EQ(b.error(), errc::shutting_down);
  EXPECT_EQ(down.error(), errc::success);
}

TEST_F(StreamsOfFiles, MayBeDestroyedWithTheCoordinatorWhileTheyAreAsked) {
  open_stream("f:s", lease_state::rwh);
  auto& b = w.start(overwriting());
  w.io.restart();
  w.io.run_one(); // the file has asked, and the stream has not been asked yet

  w.c.reset();
  w.settle();

  EXPECT_EQ(b.error(), errc::shutting_down);
  EXPECT_EQ(b.calls, 1);
}

TEST_F(StreamsOfFiles, AreNamedCompletelyOrNotAtAll) {
  auto no_stand_in = plain(two_clients::alice, "f:s");
  no_stand_in.base = "f";
  auto no_base = plain(two_clients::alice, "f:s");
  no_base.stand_in = open_id{5};
  auto no_stream = plain(two_clients::alice, "f");
  no_stream.stream = "f:s";
  auto long_name = standing_for(two_clients::alice, std::string(5'000, 's'));

  EXPECT_EQ(begin(no_stand_in).error(), errc::invalid_argument);
  EXPECT_EQ(begin(no_base).error(), errc::invalid_argument);
  EXPECT_EQ(begin(no_stream).error(), errc::invalid_argument);
  EXPECT_EQ(begin(long_name).error(), errc::file_id_too_long);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
}

TEST_F(StreamsOfFiles, ThatCannotBeAskedFailTheOperation) {
  coordinator_config few;
  few.limit.waiting_per_file = 1;
  two_clients tight(time::driven, few);
  const auto open = [&](open_request r) {
    auto& p = tight.start(std::move(r));
    tight.settle();
    return p.as<open_result>().open;
  };
  const auto stand_in = open(standing_for(two_clients::alice, "f:s"));
  open(of_stream(two_clients::alice, "f:s", stand_in, 7, lease_state::rwh));
  tight.start(plain(two_clients::bob, "f:s")); // occupies the only place there
  tight.settle();

  auto& b = tight.start(overwriting());
  tight.settle();

  EXPECT_EQ(b.error(), errc::too_many_waiting);
}

/// Alice opens a stream without sharing deletion, as a server does, and closes it whenever it is
/// broken, because her application has closed it. Bob opens the file meanwhile.
class race {
public:
  race(testkit::seeded_loop& loop, bool closes_at_once)
    : loop_(loop), c_(loop.make_coordinator()), closes_at_once_(closes_at_once) {
    const auto closing = [this](const break_notification&, const file_name_id&, break_report) {
      close();
    };
    c_->register_client(two_clients::alice, closing);
    c_->register_client(
      two_clients::bob, [](const break_notification&, const file_name_id&, break_report) {});
  }

  void open_stream() {
    c_->async_open(standing_for(two_clients::alice, "f:s", no_deletion),
      [this](error_code refused, open_result stand_in) {
        if (refused)
          return;
        stream_.stand_in = stand_in.open;
        c_->async_open(of_stream(two_clients::alice, "f:s", stream_.stand_in, 7, lease_state::rwh),
          [this](error_code e, open_result open) {
            ASSERT_FALSE(e);
            stream_.open = open.open;
            open.answer.sent();
            if (closes_at_once_)
              close();
          });
      });
  }

  void open_file(open_request r) {
    c_->async_open(std::move(r), [this](error_code e, open_result opened) {
      EXPECT_FALSE(e);
      EXPECT_LT(loop_.now(), stream_timeout) << "the open has waited for a timeout";
      is_open_ = true;
      opened.hold.release();
    });
  }

  void run() {
    while (loop_.step()) {
      // until all is done
    }
  }

  void finish() {
    run();
    if (stream_.open != open_id::none)
      close();
    run();
    EXPECT_TRUE(is_open_);
    EXPECT_EQ(c_->stats().waiting_now, 0U);
  }

private:
  void close() {
    if (std::exchange(is_closing_, true))
      return;
    c_->async_close({"f:s", stream_.open}, [this](error_code, close_result) {
      c_->async_close({"f", stream_.stand_in}, [](error_code e, close_result) { EXPECT_FALSE(e); });
    });
  }

  testkit::seeded_loop& loop_;
  std::unique_ptr<coordinator> c_;
  bool closes_at_once_;
  opened_stream stream_;
  bool is_closing_ = false;
  bool is_open_ = false;
};

class RacesOfStreams : public ::testing::TestWithParam<bool> {};

TEST_P(RacesOfStreams, EndInEveryOrder) {
  const auto first = static_cast<std::uint64_t>(seed_of_this_run());
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(first) + " round " + std::to_string(round));
    testkit::seeded_loop loop(first + round);
    race r(loop, round % 3 == 0);
    r.open_stream();
    r.open_file(GetParam() ? overwriting() : deleting());
    r.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(WithDeletionsAndOverwrites, RacesOfStreams, ::testing::Bool());

} // namespace
} // namespace leasebreak::test
