// Views as bytes. Numbers have seven bits in each byte, the lowest first, and a set eighth bit if
// more bytes follow.
#include <leasebreak/cluster/view.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::cluster {

namespace {

constexpr std::string_view mark = "LV\x01"; // the last byte is the version of the format

void put(std::string& out, std::uint64_t n) {
  for (; n >= 0x80U; n >>= 7U)
    out.push_back(static_cast<char>((n & 0x7fU) | 0x80U));
  out.push_back(static_cast<char>(n));
}

void put(std::string& out, std::string_view text) {
  put(out, text.size());
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
  std::uint64_t n = 0;
  for (unsigned shift = 0; !failed() && shift < 64; shift += 7) {
    if (at_ == bytes_.size()) {
      fail("the end is missing");
      return 0;
    }
    const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
    n |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80U) {
      if (n > most || (byte == 0 && shift != 0))
        fail("a number that is out of range");
      return failed() ? 0 : n;
    }
  }
  fail("a number that is out of range");
  return 0;
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
  put(out, v.number);
  put(out, v.members.size());
  for (const auto& m : v.members) {
    put(out, m.name);
    put(out, number_of(m.node));
    put(out, m.address);
    put(out, m.joined);
  }
  put(out, v.unfenced.size());
  for (const auto node : v.unfenced)
    put(out, number_of(node));
  put(out, v.slots.size());
  for (const auto& slot : v.slots) {
    const auto* const owner = v.find(slot.node);
    put(out, owner != nullptr ? static_cast<std::uint64_t>(owner - v.members.data()) + 1 : 0);
    put(out, slot.term);
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

} // namespace leasebreak::cluster
