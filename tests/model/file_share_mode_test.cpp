// Share modes: every access against every share mode, in both directions (smb2.sharemode,
// smb2.deny, MS-FSA 2.1.5.1.2.2).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

const std::vector<std::uint32_t> accesses{access::read_attributes, access::read_data,
  access::write_data, access::append_data, access::execute, access::delete_file,
  access::read_data | access::write_data,
  access::read_data | access::write_data | access::delete_file, access::read_ea | access::write_ea,
  access::write_dac};

/// The rule of the specification: each open must share what the other one does.
bool allows(std::uint32_t share_access, std::uint32_t mask) {
  const bool reads = (mask & (access::read_data | access::execute)) != 0;
  const bool writes = (mask & (access::write_data | access::append_data)) != 0;
  const bool deletes = (mask & access::delete_file) != 0;
  return (!reads || (share_access & share::read) != 0) &&
    (!writes || (share_access & share::write) != 0) &&
    (!deletes || (share_access & share::delete_file) != 0);
}

bool takes_part(std::uint32_t mask) {
  return !allows(share::none, mask);
}

// sharemode-access and access-sharemode.
TEST(ShareModes, KeepOutWhatTheyDoNotShare) {
  for (const auto held : accesses) {
    for (const auto wanted : accesses) {
      world w; // All pairs of share modes, one after the other.
      for (std::uint32_t held_share = 0; held_share < 8; ++held_share) {
        const auto a = w.open(by(alice).access(held).shares(held_share));
        for (std::uint32_t share_mode = 0; share_mode < 8; ++share_mode) {
          SCOPED_TRACE(testing::Message()
            << std::hex << "held 0x" << held << " sharing " << held_share << ", wanted 0x" << wanted
            << " sharing " << share_mode);

          const auto b = w.open(by(bob).access(wanted).shares(share_mode));

          const bool conflict = takes_part(held) && takes_part(wanted) &&
            (!allows(held_share, wanted) || !allows(share_mode, held));
          w.expect_error(b, conflict ? errc::sharing_violation : errc::success);
          if (!conflict)
            w.close(b);
        }
        w.close(a);
      }
    }
  }
}

// bug14375.
TEST(ShareModes, OfAnOpenForAttributesDoNotCount) {
  world w;
  w.open(by(alice).access(access::read_attributes).shares(share::none));

  w.expect_granted(w.open(by(bob).access(access::all)), none);
}

TEST(ShareModes, CountForTheSameClientAndKeyAsWell) {
  world w;
  w.open(by(alice).lease(k1, rwh).shares(share::none));

  w.expect_error(w.open(by(alice).lease(k1, rwh)), errc::sharing_violation);
  w.expect_no_break();
}

TEST(ShareModes, EndWithTheClose) {
  world w;
  const auto a = w.open(by(alice).shares(share::none));
  w.expect_error(w.open(by(bob)), errc::sharing_violation);

  w.close(a);

  w.expect_granted(w.open(by(bob)), none);
}

TEST(ShareModes, EndWithTheConnection) {
  world w;
  w.open(by(alice).shares(share::none));

  w.disconnect_connection(alice);

  w.expect_granted(w.open(by(bob)), none);
}

TEST(ShareModes, AnOverwriteIsAWrite) {
  world w;
  w.open(by(alice).access(access::read_data).shares(share::read));

  w.expect_error(w.open(by(bob).access(access::read_data).overwriting()), errc::sharing_violation);
}

TEST(ShareModes, OfAllOpensCount) {
  world w;
  w.open(by(alice).access(access::read_data));
  w.open(by(bob).access(access::read_data).shares(share::read));
  w.open(by(carol).access(access::read_data));

  w.expect_error(w.open(by(carol).access(access::write_data)), errc::sharing_violation);
  w.expect_granted(w.open(by(carol).access(access::read_data)), none);
}

TEST(ShareModes, ABadShareModeIsRefused) {
  world w;

  w.expect_error(w.open(by(alice).shares(8)), errc::invalid_argument);
  w.expect_error(w.open(by(alice).access(0)), errc::invalid_argument);
}

// -- streams
// ---------------------------------------------------------------------------------------

class Streams : public model_test {};

// smb2.streams.delete: MS-FSA 2.1.5.1.2.
TEST_F(Streams, ThatAreNotSharedForDeletionKeepTheFile) {
  open(by(alice).of_stream(share::read | share::write));

  expect_error(open(by(bob).access(access::delete_file)), errc::sharing_violation);
  expect_granted(open(by(bob).access(access::read_data | access::write_data).shares(0)), none);
}

// MS-FSA 2.1.5.1.2: in the opposite order, too.
TEST_F(Streams, ThatAreNotSharedForDeletionAreNotOpenedBesideADeletion) {
  for (const bool is_directory : {false, true}) {
    world w;
    auto deleting = by(bob).access(access::delete_file);
    deleting.request.is_directory = is_directory;
    auto stream = by(alice).of_stream(share::read | share::write);
    stream.request.is_directory = is_directory;
    auto shared = by(alice).of_stream(share::delete_file);
    shared.request.is_directory = is_directory;
    const auto b = w.open(deleting);

    w.expect_error(w.open(stream), errc::sharing_violation);
    w.expect_granted(w.open(shared), none);
    w.close(b);
    w.expect_granted(w.open(stream), none);
  }
}

TEST_F(Streams, ThatAreNotSharedForDeletionTakeHandleFromADeletion) {
  const auto b = open(by(bob).lease(k1, rwh));

  const auto stream = open(by(alice).of_stream(share::read | share::write));

  expect_break(k1, rwh, rw);
  expect_waits(stream);
  close(b);
  expect_granted(stream, none);
}

TEST_F(Streams, ThatAreNotSharedForDeletionAreRefusedIfTheDeletionStays) {
  open(by(bob).lease(k1, rh));
  const auto stream = open(by(alice).of_stream(0));
  expect_break(k1, rh, r);

  acknowledge(bob, k1, r);

  expect_error(stream, errc::sharing_violation);
}

TEST_F(Streams, ThatAreNotSharedForDeletionPurgeADisconnectedOpen) {
  const auto b = open(by(bob).lease(k1, rh).durable());
  disconnect(bob);

  expect_granted(open(by(alice).of_stream(0)), none);

  EXPECT_FALSE(file.has_open(b.open));
}

TEST_F(Streams, ThatAreNotSharedForDeletionWaitForAPersistentOpen) {
  open(by(bob).lease(k1, rh).persistent());
  disconnect(bob);

  expect_waits(open(by(alice).of_stream(0)));
  expect_break(k1, rh, r);
  expect_granted(open(by(alice).of_stream(share::delete_file)), none);
}

TEST_F(Streams, ThatAreSharedForDeletionOutliveTheName) {
  const auto stream = open(by(alice).of_stream(share::all));
  const auto b = open(by(bob).access(access::delete_file).deleting_on_close());

  EXPECT_FALSE(result_of<open_closed>(close(b)).delete_file);
  expect_error(open(by(carol)), errc::delete_pending);
  expect_error(open(by(carol).of_stream(share::all)), errc::delete_pending);
  EXPECT_TRUE(result_of<open_closed>(close(stream)).delete_file);
}

TEST_F(Streams, TakeNoCachingFromTheFile) {
  open(by(alice).of_stream(0));

  expect_granted(open(by(bob).lease(k1, rwh).access(access::read_data | access::write_data)), rwh);
  expect_done(close(open(by(carol).of_stream(0))));

  expect_no_break();
}

TEST_F(Streams, AreRepresentedByOpensForAttributesOnly) {
  expect_error(open(by(alice).of_stream(0).access(access::read_data)), errc::invalid_argument);
}

} // namespace
} // namespace leasebreak::model_test
