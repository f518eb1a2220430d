// Random operations on a share and on its model, which must agree after every step.
#include "stream_disk.hpp"
#include "support.hpp"
#include "support/effort.hpp"
#include "support/seed.hpp"
#include "tree_model.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <sstream>

namespace leasebreak::smb::vfs::testing {

namespace {

constexpr int steps = 500;
constexpr std::size_t opens_max = 8;

/// With which sizes the test runs.
struct sizes {
  std::size_t unit; ///< Of offsets and lengths, in bytes.
  std::size_t inline_max;
  int rounds;
};

class RandomOperations : public share_test, public ::testing::WithParamInterface<sizes> {
protected:
  struct pair {
    opened real;
    model_open model;
  };

  RandomOperations() : share_test(options()) {}
  static share_options options() {
    share_options small;
    small.stream_bytes_max = 200 * GetParam().unit;
    small.stream_inline_bytes_max = GetParam().inline_max;
    small.streams_max = 3;
    return small;
  }

  std::size_t pick(std::size_t count) { return static_cast<std::size_t>(random_() % count); }
  bool chance(std::size_t one_in) { return pick(one_in) == 0; }

  path any_path(bool with_stream) {
    static constexpr const char* names[] = {"a", "b", "c", "d"};
    static constexpr const char* streams[] = {":s", ":t", ":u", ":v"};
    std::string text;
    if (!chance(40)) {
      text = names[pick(4)];
      for (std::size_t depth = pick(3); depth > 0; --depth) {
        text += std::string("\\") + names[pick(4)];
      }
    }
    if (with_stream && chance(3)) {
      text += streams[pick(4)];
    }
    history_ << ' ' << text;
    return at(text);
  }

  std::uint32_t any_attributes() {
    static constexpr std::uint32_t values[] = {0, 0, 0, attribute::hidden, attribute::archive,
      attribute::system, attribute::read_only, attribute::temporary, attribute::normal,
      attribute::not_content_indexed};
    const auto value = values[pick(std::size(values))];
    history_ << " attributes " << value;
    return value;
  }

  open_options any_options() {
    open_options options;
    options.how = static_cast<disposition>(pick(6));
    options.kind = static_cast<node_kind>(pick(3));
    options.read = true;
    options.write = chance(2);
    options.delete_on_close = chance(8);
    options.attributes = any_attributes();
    history_ << " how " << static_cast<int>(options.how) << " kind "
             << static_cast<int>(options.kind) << (options.write ? " write" : "")
             << (options.delete_on_close ? " delete" : "");
    return options;
  }

  pair& any_open() {
    const auto index = pick(opens_.size());
    history_ << " #" << index;
    return opens_[index];
  }

  void open_any() {
    history_ << "open";
    const auto name = any_path(true);
    const auto options = any_options();
    pair both;
    const error_code expected = model_->open(name, options, both.model);
    auto real = share_->open(name, options);
    ASSERT_EQ(error_of(real), expected);
    if (!real) {
      return;
    }
    EXPECT_EQ(real->created, both.model.created);
    EXPECT_EQ(real->base_created, both.model.base_created);
    EXPECT_EQ(real->truncates, both.model.truncates);
    EXPECT_EQ(real->action, both.model.action);
    both.real = std::move(*real);
    if (opens_.size() < opens_max) {
      opens_.push_back(std::move(both));
    } else {
      opens_[pick(opens_max)] = std::move(both);
    }
  }

  void second_phase() {
    history_ << "second phase";
    auto& both = any_open();
    if (chance(3)) {
      history_ << " undo";
      ASSERT_EQ(share_->undo_create(both.real), model_->undo(both.model));
    } else {
      const error_code expected = model_->truncate(both.model);
      ASSERT_EQ(error_of(share_->truncate_for_overwrite(both.real)), expected);
    }
  }

  void read_or_write() {
    history_ << "io";
    auto& both = any_open();
    const auto offset = pick(220) * GetParam().unit;
    const auto length = pick(40) * GetParam().unit;
    history_ << ' ' << offset << ' ' << length;
    if (chance(2)) {
      history_ << " write";
      const std::string data(length, static_cast<char>('a' + pick(26)));
      // For an empty write, only the access is checked.
      if (length == 0) {
        return;
      }
      const error_code expected = model_->write(both.model, offset, data);
      ASSERT_EQ(error_of(both.real.file->write(offset, bytes(data))), expected);
    } else {
      std::string expected_text;
      const error_code expected = model_->read(both.model, offset, length, expected_text);
      const auto read = both.real.file->read(offset, length);
      ASSERT_EQ(error_of(read), expected);
      if (read) {
        ASSERT_EQ(text(*read), expected_text);
      }
    }
  }

  void resize_or_change() {
    history_ << "change";
    auto& both = any_open();
    if (chance(2)) {
      const auto size = pick(220) * GetParam().unit;
      history_ << " size " << size;
      ASSERT_EQ(both.real.file->set_end_of_file(size), model_->resize(both.model, size));
    } else {
      basic_changes changes;
      changes.attributes = any_attributes();
      ASSERT_EQ(both.real.file->change(changes), model_->change(both.model, *changes.attributes));
    }
  }

  void move_or_remove() {
    history_ << "names";
    auto& both = any_open();
    const bool replace = chance(2);
    history_ << (replace ? " replace" : "");
    switch (pick(5)) {
    case 0: {
      history_ << " rename";
      const auto target = any_path(false);
      ASSERT_EQ(share_->rename(*both.real.file, target, replace),
        model_->rename(both.model, target, replace));
      break;
    }
    case 1: {
      history_ << " link";
      const auto target = any_path(false);
      ASSERT_EQ(
        share_->link(*both.real.file, target, replace), model_->link(both.model, target, replace));
      break;
    }
    case 2: {
      history_ << " remove";
      ASSERT_EQ(share_->remove(*both.real.file), model_->remove(both.model));
      break;
    }
    case 3: {
      history_ << " check";
      ASSERT_EQ(share_->check_removable(*both.real.file), model_->check_removable(both.model));
      break;
    }
    default: {
      const std::string name = chance(2) ? "s" : "w";
      history_ << " stream " << name;
      const std::string before = both.model.stream;
      ASSERT_EQ(both.real.file->rename_stream(name, replace),
        model_->rename_stream(both.model, name, replace));
      for (auto& each : opens_) { // all opens of the stream follow
        if (each.model.node == both.model.node && !before.empty() && each.model.stream == before) {
          each.model.stream = both.model.stream;
        }
      }
    }
    }
  }

  void close_any() {
    history_ << "close";
    const auto index = pick(opens_.size());
    history_ << " #" << index;
    opens_.erase(opens_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void step() {
    const auto which = opens_.empty() ? 0 : pick(12);
    if (which < 4) {
      open_any();
    } else if (which < 5) {
      second_phase();
    } else if (which < 7) {
      read_or_write();
    } else if (which < 8) {
      resize_or_change();
    } else if (which < 11) {
      move_or_remove();
    } else {
      close_any();
    }
    history_ << '\n';
  }

  /// Compares the whole tree, and the current path of each open.
  void compare_all() {
    compare_directory("", *model_->root());
    for (const auto& both : opens_) {
      if (!both.model.name) {
        continue;
      }
      const auto current = both.real.file->current_path();
      ASSERT_EQ(current.has_value() && share_->lookup(*current).has_value() &&
          share_->lookup(*current)->id.inode == both.real.info.id.inode,
        both.model.name->alive);
    }
    ASSERT_EQ(share_->opens(), opens_.size());
  }

  void compare_directory(const std::string& name, const model_node& model) {
    const auto open = look(name);
    ASSERT_TRUE(open.has_value()) << name;
    const auto listing = share_->list(open->file);
    std::set<std::string> found;
    for (bool end = false; !end;) {
      const auto batch = (*listing)->next(3).value();
      for (const auto& entry : batch.entries) {
        found.insert(entry.name);
      }
      end = batch.end;
    }
    std::set<std::string> expected{".", ".."};
    for (const auto& [leaf, child] : model.children) {
      expected.insert(leaf);
      ASSERT_NO_FATAL_FAILURE(compare_node(name.empty() ? leaf : name + '\\' + leaf, *child->node));
    }
    ASSERT_EQ(found, expected) << name;
  }

  void compare_node(const std::string& name, const model_node& model) {
    SCOPED_TRACE(name);
    const auto info = share_->lookup(at(name));
    ASSERT_TRUE(info.has_value());
    ASSERT_EQ(info->is_directory, model.is_directory);
    ASSERT_EQ(info->attributes & attribute::kept, model.attributes);
    std::set<std::string> streams;
    for (const auto& stream : look(name)->file->streams().value()) {
      if (!stream.name.empty()) {
        streams.insert(stream.name);
      }
    }
    std::set<std::string> expected;
    for (const auto& [stream, data] : model.streams) {
      expected.insert(stream);
      open_options options;
      options.read = true;
      const auto open = share_->open(at(name + ':' + stream), options);
      ASSERT_EQ(text(open->file->read(0, 300 * GetParam().unit).value()), data);
    }
    ASSERT_EQ(streams, expected);
    if (model.is_directory) {
      compare_directory(name, model);
      return;
    }
    ASSERT_EQ(info->links, model.names);
    std::string disk = name;
    std::replace(disk.begin(), disk.end(), '\\', '/');
    ASSERT_EQ(content(disk), model.data);
  }

  void start_again() {
    opens_.clear();
    // Includes the root, which may have attributes and streams by now.
    std::filesystem::remove_all(root());
    std::filesystem::create_directory(root());
    share_ = share::open_root(root().string(), options()).value();
    model_.emplace(options());
    std::ostringstream().swap(history_);
  }

  std::mt19937_64 random_{leasebreak::test::seed_of_this_run()};
  std::optional<tree_model> model_;
  std::vector<pair> opens_;
  std::ostringstream history_;
};

TEST_P(RandomOperations, AgreeWithTheModel) {
  for (int round = 0; round < leasebreak::test::effort(GetParam().rounds); ++round) {
    start_again();
    for (int i = 0; i < steps; ++i) {
      step();
      if (!HasFailure() && (i % 25 == 24)) {
        history_ << "compare\n";
        compare_all();
      }
      ASSERT_FALSE(HasFailure()) << "round " << round << " step " << i << ", history:\n"
                                 << history_.str();
    }
    opens_.clear();
    ASSERT_TRUE(is_store_exact(root()))
      << ::testing::PrintToString(stored_files(root())) << " for "
      << ::testing::PrintToString(all_references(root())) << "; round " << round << ", history:\n"
      << history_.str();
  }
}

INSTANTIATE_TEST_SUITE_P(OfSmallStreams, RandomOperations, ::testing::Values(sizes{1, 1000, 20}));
INSTANTIATE_TEST_SUITE_P(OfStreamsThatGrow, RandomOperations, ::testing::Values(sizes{1, 50, 20}));
INSTANTIATE_TEST_SUITE_P(OfMebibytes, RandomOperations, ::testing::Values(sizes{16384, 1024, 3}));

} // namespace

} // namespace leasebreak::smb::vfs::testing
