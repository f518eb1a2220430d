// Ends the process between the steps of changes to large streams, and starts again.
#include "stream_disk.hpp"
#include "support.hpp"

#include <algorithm>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::testing {

namespace {

constexpr std::size_t large = 100'000;
constexpr int steps_max = 20; ///< No change has more.

class StreamCrash : public share_test {
protected:
  using change = std::function<void(share&)>;

  /// Runs the change in a process that ends at its `step`-th step. Returns whether it ended there.
  bool crash(int step, const change& changes) {
    const pid_t child = ::fork();
    if (child == 0) {
      int left = step;
      share_options options;
      options.between_stream_steps = [&left] {
        if (left-- == 0) {
          ::_exit(1);
        }
      };
      changes(*share::open_root(root().string(), options).value());
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status) == 1;
  }

  /// Crashes at each step in turn. `prepare` makes the state before, `check` sees the one after a
  /// restart.
  void crash_everywhere(const std::function<void()>& prepare, const change& changes,
    const std::function<void()>& check) {
    int step = 0;
    for (bool ended = true; ended; ++step) {
      ASSERT_LT(step, steps_max);
      SCOPED_TRACE("step " + std::to_string(step));
      share_.reset();
      std::filesystem::remove_all(root());
      std::filesystem::create_directory(root());
      share_ = share::open_root(root().string()).value();
      prepare();
      share_.reset();
      ended = crash(step, changes);
      share_ = share::open_root(root().string()).value();
      check();
      const auto references = all_references(root());
      const auto files = stored_files(root());
      EXPECT_TRUE(std::includes(references.begin(), references.end(), files.begin(), files.end()))
        << "a file without a reference is left";
    }
    EXPECT_GT(step, 1) << "the change has no steps";
  }

  void make(const std::string& name, std::size_t size, char byte) {
    const auto made = open(name, disposition::open_if);
    ASSERT_TRUE(
      made->file->write(0, std::vector<std::uint8_t>(size, static_cast<std::uint8_t>(byte)))
        .has_value());
  }
  /// The first byte and the size of a stream; empty if there is none.
  [[nodiscard]] std::string state(const std::string& name) {
    const auto found = open(name);
    if (!found) {
      return {};
    }
    const auto bytes = found->file->read(0, large * 2).value();
    EXPECT_TRUE(
      std::all_of(bytes.begin(), bytes.end(), [&](auto b) { return b == bytes.front(); }));
    return (bytes.empty() ? std::string("-") : std::string(1, static_cast<char>(bytes.front()))) +
      std::to_string(bytes.size());
  }
  static open_ptr opened_for_all(share& share, std::string_view name) {
    open_options options;
    options.read = options.write = true;
    return share.open(at(name), options).value().file;
  }
};

TEST_F(StreamCrash, OfAGrowingStreamLosesNoBytes) {
  crash_everywhere([&] { make("file:s", 100, 'a'); },
    [](share& share) {
      static_cast<void>(
        opened_for_all(share, "file:s")->write(0, std::vector<std::uint8_t>(large, 'a')));
    },
    [&] {
      EXPECT_TRUE(state("file:s") == "a100" || state("file:s") == "a100000") << state("file:s");
    });
}

TEST_F(StreamCrash, OfARenameLeavesOneOfTheNames) {
  crash_everywhere([&] { make("file:s", large, 'a'); },
    [](share& share) {
      static_cast<void>(opened_for_all(share, "file:s")->rename_stream(":t", false));
    },
    [&] {
      const bool before = state("file:s") == "a100000" && state("file:t").empty();
      const bool after = state("file:t") == "a100000" && state("file:s").empty();
      EXPECT_TRUE(before || after) << state("file:s") << ' ' << state("file:t");
    });
}

TEST_F(StreamCrash, OfAReplacingRenameKeepsTheTargetOrTheSource) {
  crash_everywhere(
    [&] {
      make("file:s", large, 'a');
      make("file:t", large, 'b');
    },
    [](share& share) {
      static_cast<void>(opened_for_all(share, "file:s")->rename_stream(":t", true));
    },
    [&] {
      const bool before = state("file:s") == "a100000" && state("file:t") == "b100000";
      const bool after = state("file:t") == "a100000" && state("file:s").empty();
      EXPECT_TRUE(before || after) << state("file:s") << ' ' << state("file:t");
    });
}

TEST_F(StreamCrash, OfARenameOfASmallStreamKeepsTheTargetOrTheSource) {
  crash_everywhere(
    [&] {
      make("folder_file:s", 10, 'a');
      make("folder_file:t", large, 'b');
    },
    [](share& share) {
      static_cast<void>(opened_for_all(share, "folder_file:s")->rename_stream(":t", true));
    },
    [&] {
      // A small stream is copied, so that it may have both names.
      EXPECT_TRUE(state("folder_file:t") == "b100000" || state("folder_file:t") == "a10");
      EXPECT_TRUE(state("folder_file:s") == "a10" || state("folder_file:t") == "a10");
    });
}

TEST_F(StreamCrash, OfARemovalLeavesAllOrNothing) {
  crash_everywhere([&] { make("file:s", large, 'a'); },
    [](share& share) { static_cast<void>(share.remove(*opened_for_all(share, "file:s"))); },
    [&] { EXPECT_TRUE(state("file:s") == "a100000" || state("file:s").empty()); });
}

TEST_F(StreamCrash, OfTheRemovalOfAFileLeavesItsStreamsOrNothing) {
  crash_everywhere([&] { make("file:s", large, 'a'); },
    [](share& share) { static_cast<void>(share.remove(*opened_for_all(share, "file"))); },
    [&] {
      EXPECT_EQ(exists("file"), state("file:s") == "a100000");
      EXPECT_EQ(stored_files(root()).size(), exists("file") ? 1U : 0U);
    });
}

TEST_F(StreamCrash, OfTheRemovalOfADirectoryLeavesItsStreamsOrNothing) {
  crash_everywhere(
    [&] {
      make_directory("folder");
      make("folder:s", large, 'a');
    },
    [](share& share) { static_cast<void>(share.remove(*share.open(at("folder"), {})->file)); },
    [&] {
      EXPECT_EQ(exists("folder"), state("folder:s") == "a100000");
      EXPECT_EQ(stored_files(root()).size(), exists("folder") ? 1U : 0U);
    });
}

TEST_F(StreamCrash, OfAReplacingRenameOfAFileLeavesTheTargetsStreamsOrNothing) {
  crash_everywhere(
    [&] {
      make("target:s", large, 'a');
      put("source", "source");
    },
    [](share& share) {
      static_cast<void>(share.rename(*opened_for_all(share, "source"), at("target"), true));
    },
    [&] {
      EXPECT_EQ(exists("source"), state("target:s") == "a100000");
      EXPECT_EQ(stored_files(root()).size(), exists("source") ? 1U : 0U);
    });
}

TEST_F(StreamCrash, KeepsTheBytesOfAFileThatWasMovedMeanwhile) {
  for (int step = 0; step < 4; ++step) {
    std::filesystem::remove(root() / "moved");
    make("file:s", 100, 'a');
    share_.reset();
    crash(step, [](share& share) {
      static_cast<void>(
        opened_for_all(share, "file:s")->write(0, std::vector<std::uint8_t>(large, 'a')));
    });
    std::filesystem::rename(root() / "file", root() / "moved");

    share_ = share::open_root(root().string()).value();

    EXPECT_TRUE(state("moved:s") == "a100" || state("moved:s") == "a100000") << state("moved:s");
  }
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
