// Views as bytes. Numbers are variable-length, as in the snapshots of files.
#include <leasebreak/cluster/view.hpp>

#include <leasebreak/model/internal/varint.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

constexpr std::string_view mark = "LV\x01"; // the last byte is the version of the format

using detail::put_varint;

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

std::uint64_t number_of(node_id node) noexcept {
  return static_cast<std::uint64_t>(node);
}

/// Reads members from bytes. After a failure it reads zeros and empty texts.
class view_reader {
public:
  explicit view_reader(std::string_view bytes) : bytes_(bytes) {}

  void read_mark() {
    if (!bytes_.starts_with(mark))
      return fail("not a view of this version");
    at_ = mark.size();
  }
  [[nodiscard]] std::uint64_t number(std::uint64_t most);
  [[nodiscard]] std::string text();
  [[nodiscard]] node_id node() {
    const auto n = number(node_number_max);
    if (n == 0)
      fail("a node without a number");
    return static_cast<node_id>(n);
  }
  /// Reads the number of elements of a list, of which each takes at least one byte.
  [[nodiscard]] std::size_t size(std::size_t most) {
    const auto count = static_cast<std::size_t>(number(most));
    if (count > bytes_.size() - at_)
      fail("the end is missing");
    return failed() ? 0 : count;
  }

  /// Notes the first problem. `what` must be a literal.
  void fail(const char* what) noexcept {
    if (problem_ == nullptr)
      problem_ = what;
  }
  [[nodiscard]] bool failed() const noexcept { return problem_ != nullptr; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }
  [[nodiscard]] view_error error() const { return {at_, problem_}; }

private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  const char* problem_ = nullptr;
};

std::uint64_t view_reader::number(std::uint64_t most) {
  if (failed())
    return 0;
  std::uint64_t n = 0;
  const auto end = detail::get_varint(bytes_, at_, n);
  if (end == detail::varint_end::cut)
    fail("the end is missing");
  else if (end == detail::varint_end::too_long || n > most)
    fail("a number that is out of range");
  return failed() ? 0 : n;
}

std::string view_reader::text() {
  const auto length = size(member_text_max);
  if (failed())
    return {};
  std::string result(bytes_.substr(at_, length));
  at_ += length;
  return result;
}

void read_members(view_reader& in, view& v) {
  for (auto left = in.size(members_max); left != 0 && !in.failed(); --left) {
    view_member m;
    m.name = in.text();
    m.node = in.node();
    m.address = in.text();
    m.joined = in.number(v.number);
    if (m.name.empty() || (!v.members.empty() && m.name <= v.members.back().name))
      in.fail("members that are not in order");
    if (v.find(m.node) != nullptr)
      in.fail("two members with the same number");
    v.members.push_back(std::move(m));
  }
}

void read_unfenced(view_reader& in, view& v) {
  for (auto left = in.size(members_max); left != 0 && !in.failed(); --left) {
    const auto node = in.node();
    if ((!v.unfenced.empty() && node <= v.unfenced.back()) || v.find(node) != nullptr)
      in.fail("nodes to be fenced that are not in order, or are members");
    v.unfenced.push_back(node);
  }
}

// A slot names its owner by the position among the members, counted from one.
void read_slots(view_reader& in, view& v) {
  for (auto left = in.size(slots_max); left != 0 && !in.failed(); --left) {
    const auto owner = in.number(v.members.size());
    const auto term = in.number(v.number);
    if ((owner == 0) != v.members.empty())
      in.fail("a slot without an owner");
    if (in.failed())
      return;
    v.slots.push_back({owner != 0 ? v.members[owner - 1].node : node_id::none, term});
  }
  if (v.slots.empty())
    in.fail("a view without slots");
}

} // namespace

std::string encode(const view& v) {
  std::string out(mark);
  put_varint(out, v.number);
  put_varint(out, v.members.size());
  for (const auto& m : v.members) {
    put_text(out, m.name);
    put_varint(out, number_of(m.node));
    put_text(out, m.address);
    put_varint(out, m.joined);
  }
  put_varint(out, v.unfenced.size());
  for (const auto node : v.unfenced)
    put_varint(out, number_of(node));
  put_varint(out, v.slots.size());
  for (const auto& slot : v.slots) {
    const auto* const owner = v.find(slot.node);
    put_varint(
      out, owner != nullptr ? static_cast<std::uint64_t>(owner - v.members.data()) + 1 : 0);
    put_varint(out, slot.term);
  }
  return out;
}

std::variant<view, view_error> decode_view(std::string_view bytes) {
  view_reader in(bytes);
  view v;
  in.read_mark();
  v.number = in.number(view_number_max);
  read_members(in, v);
  read_unfenced(in, v);
  read_slots(in, v);
  if (!in.failed() && !in.at_end())
    in.fail("bytes after the end");
  if (in.failed())
    return in.error();
  return v;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
