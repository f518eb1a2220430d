// Operations that run without a worker thread, because the kernel's caches have the data.
#include "support.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace leasebreak::smb::vfs::testing {

namespace {

class Cached : public share_test {
protected:
  void SetUp() override {
    if (!share_->is_local())
      GTEST_SKIP() << "the directory for temporary files is not on a local file system";
    put("file");
    // Look the file up once, so that its path is in the caches.
    ASSERT_EQ(error_of(share_->lookup(at("file"))), error_code{});
  }

  [[nodiscard]] std::optional<opened> open_cached(
    std::string_view name, open_options options = {}) const {
    return share_->open_cached(at(name), options);
  }
};

open_options with(disposition how) {
  open_options o;
  o.how = how;
  return o;
}

TEST_F(Cached, OpensAsTheWorkersDo) {
  for (const disposition how : {disposition::supersede, disposition::open, disposition::open_if,
         disposition::overwrite, disposition::overwrite_if}) {
    open_options options = with(how);
    options.read = options.write = true;
    const auto here = open_cached("file", options);
    const auto there = share_->open(at("file"), options);
    ASSERT_TRUE(here && there) << static_cast<int>(how);
    EXPECT_EQ(here->info.id.bytes(), there->info.id.bytes());
    EXPECT_EQ(here->info.end_of_file, there->info.end_of_file);
    EXPECT_EQ(here->info.attributes, there->info.attributes);
    EXPECT_EQ(here->action, there->action);
    EXPECT_EQ(here->truncates, there->truncates);
    EXPECT_FALSE(here->created);
    EXPECT_EQ(text(here->file->read(0, 100).value()), "content") << "it must not truncate";
  }
}

TEST_F(Cached, LeavesToTheWorkersWhatIsMissingOrRefused) {
  std::filesystem::create_directory(root() / "folder");
  std::filesystem::create_symlink(outside(), root() / "link");
  std::ofstream(outside() / "secret") << "secret";
  basic_changes read_only;
  read_only.attributes = attribute::read_only;
  put("fixed");
  ASSERT_FALSE(share_->open(at("fixed"), {})->file->change(read_only));
  for (const char* const name : {"folder", "link\\secret", "fixed", "missing"})
    static_cast<void>(share_->lookup(at(name)));
  const std::size_t before = share_->opens();

  open_options writes = with(disposition::open);
  writes.write = true;
  open_options directory = with(disposition::open);
  directory.kind = node_kind::directory;
  EXPECT_FALSE(open_cached("missing", with(disposition::open_if)));
  EXPECT_FALSE(exists("missing"));
  EXPECT_FALSE(open_cached("missing", with(disposition::open)));
  EXPECT_FALSE(open_cached("file", with(disposition::create)));
  EXPECT_FALSE(open_cached("file:stream", with(disposition::open)));
  EXPECT_FALSE(open_cached("file", directory));
  EXPECT_FALSE(open_cached("folder", with(disposition::overwrite_if)));
  EXPECT_FALSE(open_cached("fixed", writes));
  EXPECT_FALSE(open_cached("link\\secret", with(disposition::open)));
  EXPECT_EQ(share_->opens(), before);
}

TEST_F(Cached, OpensNoMoreThanTheShareAllows) {
  share_options few;
  few.opens_max = 1;
  const auto share = share::open_root(root().string(), few).value();
  const auto first = share->open_cached(at("file"), {});
  ASSERT_TRUE(first);
  EXPECT_FALSE(share->open_cached(at("file"), {}));
  EXPECT_EQ(share->opens(), 1U);
}

TEST_F(Cached, IsNotDoneWhereTheCachesAreNotToBeUsed) {
  share_options none;
  none.use_caches = false;
  const auto share = share::open_root(root().string(), none).value();
  EXPECT_FALSE(share->is_local());
  EXPECT_FALSE(share->open_cached(at("file"), {}));
  const auto opened = share->open(at("file"), {});
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->file->info_cached());
  EXPECT_FALSE(opened->file->closes_at_once());
}

TEST_F(Cached, TellsTheStateOfAFileButNotOfAStream) {
  open_options options = with(disposition::open_if);
  options.read = options.write = true;
  const auto file = share_->open(at("file"), options);
  const auto stream = share_->open(at("file:stream"), options);
  ASSERT_TRUE(file && stream);
  ASSERT_TRUE(file->file->write(7, bytes("more")));
  const auto known = file->file->info_cached();
  ASSERT_TRUE(known);
  EXPECT_EQ(known->end_of_file, 11U);
  EXPECT_FALSE(stream->file->info_cached());
}

TEST_F(Cached, ClosesHereWhatHasNothingToWriteAndIsNotDeleted) {
  open_options options;
  options.read = options.write = true;
  const auto reader = share_->open(at("file"), options);
  const auto writer = share_->open(at("file"), options);
  ASSERT_TRUE(reader && writer);
  EXPECT_TRUE(reader->file->closes_at_once());
  ASSERT_TRUE(writer->file->write(0, bytes("x")));
  EXPECT_FALSE(writer->file->closes_at_once());
  EXPECT_TRUE(reader->file->closes_at_once());
  std::filesystem::remove(root() / "file");
  EXPECT_FALSE(reader->file->closes_at_once());
}

TEST_F(Cached, NeedsNoWorkerForTheStateOfAFile) {
  boost::asio::io_context io;
  // The pool permits one operation, which is running, so a worker could not be used.
  const worker_pool pool{pool_options{1, 1}};
  std::mutex busy;
  std::unique_lock hold{busy};
  const async_share files{share_, pool, io.get_executor()};
  files.async_run<void>(
    [&busy] {
      const std::lock_guard wait{busy};
      return error_code{};
    },
    boost::asio::detached);
  bool told = false;
  boost::asio::co_spawn(
    io,
    [&]() -> boost::asio::awaitable<void> {
      auto opened = share_->open_cached(at("file"), {});
      const auto [error, info] = co_await files.info(opened->file);
      EXPECT_FALSE(error);
      EXPECT_EQ(info.end_of_file, 7U);
      files.close(std::move(opened->file));
      EXPECT_EQ(share_->opens(), 0U);
      EXPECT_EQ(pool.operations(), 1U);
      told = true;
    },
    boost::asio::detached);
  io.poll();
  EXPECT_TRUE(told);
  hold.unlock();
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
