// Operations on a file that need what clients cache of its named streams (MS-FSA 2.1.5.1.2). Each
// stream is a file of its own; an open of the file stands for each open of a stream.
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

constexpr auto no_deletion = share::read | share::write;
constexpr auto removal = access_kind::remove_base;

class StreamCaches : public model_test {
protected:
  /// An open of Alice's for the stream `id`, whose open is granted.
  attempt stream(const std::string& id, std::uint32_t shares = share::all) {
    const auto a = open(by(alice).of_stream(shares, id));
    expect_granted(a, none);
    stream_opened(a);
    return a;
  }
  void expect_none_asked(where_t where = where_t::current()) {
    if (!take_asked().empty())
      fail(where, "streams are asked");
  }
};

TEST_F(StreamCaches, AreReleasedBeforeTheFileIsOverwritten) {
  stream("s");
  stream("t");

  const auto b = open(by(bob).overwriting());

  expect_waits(b);
  const auto asked = expect_asked(b, access_kind::overwrite_base, {"s", "t"});
  EXPECT_EQ(asked.client, bob.guid);
  streams_answered(asked);
  expect_granted(b, none);
}

TEST_F(StreamCaches, AreNotAskedForByOtherOpens) {
  stream("s");
  open(by(alice).of_stream(share::all));

  expect_granted(open(by(bob)), none);
  expect_granted(open(by(carol).access(access::delete_file)), none);
  expect_none_asked();
}

TEST_F(StreamCaches, OfUnknownStreamsAreNotAskedFor) {
  open(by(alice).of_stream(share::all));

  expect_granted(open(by(bob).overwriting()), none);
  expect_none_asked();
}

TEST_F(StreamCaches, AreAskedForTogetherWithTheFilesOwnLease) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto s = open(by(alice).of_stream(share::all, "s"));
  stream_opened(s);

  const auto b = open(by(bob).overwriting());
  expect_break(k1, rwh, none);
  const auto asked = expect_asked(b, access_kind::overwrite_base, {"s"});
  streams_answered(asked);
  expect_waits(b);
  acknowledge(alice, k1, none);

  expect_granted(b, none);
  expect_none_asked();
  close(a);
}

TEST_F(StreamCaches, OfAStreamThatIsOpenedMeanwhileAreAskedForAsWell) {
  stream("s");
  const auto b = open(by(bob).overwriting());
  const auto first = expect_asked(b, access_kind::overwrite_base, {"s"});
  const auto t = open(by(carol).of_stream(share::all, "t"));

  streams_answered(first);
  expect_waits(b);
  expect_none_asked();
  stream_opened(t);
  const auto second = expect_asked(b, access_kind::overwrite_base, {"t"});
  expect_waits(b);
  streams_answered(second);

  expect_granted(b, none);
}

TEST_F(StreamCaches, OfTwoRequestsAreReleasedWhenBothAreAnswered) {
  stream("s");
  const auto b = open(by(bob).overwriting());
  const auto first = expect_asked(b, access_kind::overwrite_base, {"s"});
  stream("t");
  const auto second = expect_asked(b, access_kind::overwrite_base, {"t"});

  streams_answered(second);
  expect_waits(b);
  streams_answered(first);

  expect_granted(b, none);
}

TEST_F(StreamCaches, OfAStreamThatFailsToOpenAreNotWaitedFor) {
  const auto s = open(by(alice).of_stream(share::all, "s"));
  const auto b = open(by(bob).overwriting());
  expect_waits(b);
  expect_none_asked();

  close(s);

  expect_granted(b, none);
}

TEST_F(StreamCaches, OfAClosedStreamAreNotWaitedForByAnOverwrite) {
  const auto s = stream("s");
  const auto b = open(by(bob).overwriting());

  stream_closed(s);

  expect_granted(b, none);
}

// Otherwise its client would cache a stream that is about to be removed.
TEST_F(StreamCaches, OfAStreamThatIsOpenedBeforeItIsRemovedWaitForTheRemoval) {
  keeps_holds = true;
  const auto b = open(by(bob).overwriting());
  const auto hold = expect_granted(b, none).hold;

  const auto s = open(by(alice).of_stream(share::all, "s"));
  expect_waits(s);
  expect_granted(open(by(alice)), none);
  end(hold);

  EXPECT_TRUE(expect_granted(s, none).waited);
}

TEST_F(StreamCaches, DenyADeletionOnlyUntilTheirHolderCloses) {
  const auto s = stream("s", no_deletion);
  stream("t");

  const auto b = open(by(bob).access(access::delete_file));
  expect_waits(b);
  const auto asked = expect_asked(b, removal, {"s"});
  stream_closed(s);
  expect_waits(b);
  streams_answered(asked);
  expect_waits(b);
  close(s);

  expect_granted(b, none);
}

TEST_F(StreamCaches, DenyADeletionIfTheirHolderStays) {
  stream("s", no_deletion);
  const auto b = open(by(bob).access(access::delete_file));
  const auto asked = expect_asked(b, removal, {"s"});

  streams_answered(asked);

  expect_error(b, errc::sharing_violation);
}

TEST_F(StreamCaches, OfAStreamThatIsJustClosedAreWaitedForByADeletion) {
  const auto s = stream("s", no_deletion);
  stream_closed(s);

  const auto b = open(by(bob).access(access::delete_file));
  expect_waits(b);
  expect_none_asked();
  close(s);

  expect_granted(b, none);
}

TEST_F(StreamCaches, AreNotAskedForByAnOpenThatFailsRegardless) {
  stream("s", no_deletion);
  open(by(carol).access(access::read_data).shares(share::write));

  expect_error(open(by(bob).access(access::delete_file)), errc::sharing_violation);
  expect_none_asked();
}

TEST_F(StreamCaches, AreAskedForByAnOverwriteAfterThoseThatDenyIt) {
  const auto s = stream("s", no_deletion);
  stream("t");
  const auto b = open(by(bob).access(access::delete_file).overwriting());
  const auto first = expect_asked(b, removal, {"s"});
  stream_closed(s);
  streams_answered(first);
  expect_none_asked();

  close(s);
  const auto second = expect_asked(b, access_kind::overwrite_base, {"t"});
  streams_answered(first);
  expect_waits(b);
  streams_answered(second);

  expect_granted(b, none);
}

TEST_F(StreamCaches, AreReleasedBeforeTheDispositionIsSet) {
  const auto s = stream("s");
  const auto b = open(by(bob));

  const auto deleting = access(bob, access_kind::set_delete, b);
  expect_waits(deleting);
  const auto asked = expect_asked(deleting, removal, {"s"});
  stream_closed(s);
  streams_answered(asked);
  expect_waits(deleting);
  close(s);

  expect_done(deleting);
  EXPECT_TRUE(result_of<open_closed>(close(b)).delete_file);
}

TEST_F(StreamCaches, ThatStayKeepADeletedFilePending) {
  const auto s = stream("s");
  const auto b = open(by(bob));
  const auto deleting = access(bob, access_kind::set_delete, b);
  const auto asked = expect_asked(deleting, removal, {"s"});

  streams_answered(asked);

  expect_done(deleting);
  EXPECT_FALSE(result_of<open_closed>(close(b)).delete_file);
  expect_error(open(by(carol)), errc::delete_pending);
  EXPECT_TRUE(result_of<open_closed>(close(s)).delete_file);
}

TEST_F(StreamCaches, AreReleasedBeforeACloseThatDeletesCompletes) {
  const auto s = stream("s");
  const auto b = open(by(bob).deleting_on_close());

  const auto closing = close(b);
  expect_waits(closing);
  const auto asked = expect_asked(closing, removal, {"s"});
  stream_closed(s);
  close(s);

  expect_done(closing);
  streams_answered(asked);
}

TEST_F(StreamCaches, ThatCannotBeAskedForLetACloseComplete) {
  stream("s");
  const auto closing = close(open(by(bob).deleting_on_close()));
  const auto asked = expect_asked(closing, removal, {"s"});

  streams_answered(asked, errc::too_many_waiting);

  expect_done(closing);
}

TEST_F(StreamCaches, AreAskedForWhenALostConnectionDeletes) {
  stream("s");
  open(by(bob).deleting_on_close());

  disconnect(bob);

  expect_asked({}, removal, {"s"});
}

TEST_F(StreamCaches, OfAStreamThatIsOpenedWithThePendingDeletionAreAskedFor) {
  const auto s = open(by(alice).of_stream(share::all, "s"));
  open(by(bob).deleting_on_close());
  disconnect(bob);
  expect_none_asked();

  stream_opened(s);

  expect_asked({}, removal, {"s"});
}

// A directory is guarded between the two, and no client may delay that.
TEST_F(StreamCaches, OfADirectoryAreAskedForByThePreparationOnly) {
  keeps_holds = true;
  const auto s = open(by(alice).directory().of_stream(share::all, "s"));
  stream_opened(s);
  const auto b = open(by(bob).directory());
  const auto prepared = access(bob, access_kind::prepare_delete, b);
  streams_answered(expect_asked(prepared, removal, {"s"}));
  expect_done(prepared);
  const auto t = open(by(alice).directory().of_stream(share::all, "t"));
  stream_opened(t);

  expect_done(access(bob, access_kind::set_delete, b));

  EXPECT_EQ(take_asked().front().operation, operation_id::none);
}

TEST_F(StreamCaches, AreReleasedBeforeAnotherFileIsRenamedOntoTheirs) {
  const auto s = stream("s");

  const auto replacing = access(bob, access_kind::replace);
  expect_waits(replacing);
  const auto asked = expect_asked(replacing, removal, {"s"});
  stream_closed(s);
  streams_answered(asked);
  close(s);

  expect_done(replacing);
}

TEST_F(StreamCaches, ThatStayKeepTheirFileFromBeingReplaced) {
  stream("s");
  const auto replacing = access(bob, access_kind::replace);

  streams_answered(expect_asked(replacing, removal, {"s"}));

  expect_error(replacing, errc::access_denied);
}

TEST_F(StreamCaches, AreReleasedBeforeADirectoryAboveIsRenamed) {
  const auto s = stream("s");

  const auto renaming = access(bob, access_kind::rename_ancestor);
  const auto asked = expect_asked(renaming, removal, {"s"});
  stream_closed(s);
  streams_answered(asked);
  expect_waits(renaming);
  close(s);

  expect_done(renaming);
}

TEST_F(StreamCaches, LoseTheirDataToALocalProcessThatReplacesTheFile) {
  stream("s");

  const auto replacing = access(nobody, access_kind::replace);
  streams_answered(expect_asked(replacing, access_kind::overwrite_base, {"s"}));

  expect_done(replacing);
}

TEST_F(StreamCaches, ThatCannotBeAskedForFailTheOperation) {
  stream("s");
  const auto b = open(by(bob).overwriting());
  const auto c = access(bob, access_kind::replace);
  const auto both = take_asked();
  ASSERT_EQ(both.size(), 2U);

  streams_answered(both[0], errc::too_many_waiting);
  streams_answered(both[1], errc::reclaim_needed);

  expect_error(b, errc::too_many_waiting);
  expect_error(c, errc::reclaim_needed);
}

TEST_F(StreamCaches, AreWaitedForNoLongerThanAnythingElse) {
  stream("s");
  const auto b = open(by(bob).overwriting());
  const auto asked = expect_asked(b, access_kind::overwrite_base, {"s"});

  pass(file_policy{}.wait_max);

  expect_error(b, errc::sharing_violation);
  streams_answered(asked);
}

TEST_F(StreamCaches, AnswerAnOperationThatIsCancelledToNoEffect) {
  stream("s");
  const auto b = open(by(bob).overwriting());
  const auto asked = expect_asked(b, access_kind::overwrite_base, {"s"});
  cancel(b);
  expect_error(b, errc::cancelled);

  streams_answered(asked);
  streams_answered(asked);

  expect_granted(open(by(carol)), none);
}

TEST_F(StreamCaches, AreListedAsTheReasonOfAWait) {
  stream("s");
  open(by(bob).overwriting());

  ASSERT_EQ(listing(entry_kind::waiting).size(), 1U);
  EXPECT_EQ(listing(entry_kind::waiting).front().waits_for, "opens of the file's named streams");
}

TEST_F(StreamCaches, ReportOpensThatAreUnknown) {
  stream_opened({operation_id::none, open_id{77}});
  stream_closed({operation_id::none, open_id{77}});

  const auto legacy = open(by(alice).of_stream(share::all));
  stream_opened(legacy);
  stream_closed(legacy);

  expect_granted(open(by(bob).overwriting()), none);
}

TEST_F(StreamCaches, HaveOpensThatAreNeverDurable) {
  expect_error(open(by(alice).of_stream(share::all, "s").persistent()), errc::invalid_argument);
  auto named = by(alice);
  named.request.stream = "s";
  expect_error(open(named), errc::invalid_argument);
}

// -- at the stream's own file

class CachesOfAStream : public model_test {};

TEST_F(CachesOfAStream, LoseHandleToARemovalOfTheFile) {
  open(by(alice).lease(k1, rwh));

  const auto asked = access(bob, access_kind::remove_base);
  expect_break(k1, rwh, rw);
  expect_waits(asked);
  acknowledge(alice, k1, rw);

  expect_done(asked);
}

TEST_F(CachesOfAStream, LoseEverythingToAnOverwriteOfTheFile) {
  open(by(alice).lease(k1, rwh));

  const auto asked = access(bob, access_kind::overwrite_base);
  expect_break(k1, rwh, none);
  expect_waits(asked);
  acknowledge(alice, k1, none);

  expect_done(asked);
}

TEST_F(CachesOfAStream, WithoutWriteAreNotWaitedForByAnOverwrite) {
  open(by(alice).lease(k1, rh));
  open(by(carol).lease(k2, r));

  expect_done(access(bob, access_kind::overwrite_base));

  expect_break(k1, rh, none);
  expect_break(k2, r, none);
}

// MS-FSA 2.1.4.12 compares keys, and a key belongs to one file: a client's lease of the stream is
// never that of its open of the file.
TEST_F(CachesOfAStream, OfTheSameClientAreAskedForAsWell) {
  open(by(alice).lease(k1, rh));

  const auto asked = access(alice, access_kind::remove_base);
  expect_break(k1, rh, r);
  acknowledge(alice, k1, r);

  expect_done(asked);
}

TEST_F(CachesOfAStream, InABatchOplockAreAskedForAsWell) {
  const auto a = open(by(alice).oplock(oplock_level::batch));

  const auto asked = access(bob, access_kind::remove_base);
  expect_oplock_break(a, rwh, r);
  expect_waits(asked);
  close(a);

  expect_done(asked);
}

} // namespace
} // namespace leasebreak::model_test
