// Views as bytes. Numbers are variable-length, as in the snapshots of files.
#include <leasebreak/cluster/view.hpp>

#include <leasebreak/model/internal/value_archive.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

constexpr std::string_view mark = "LV\x01"; // the last byte is the version of the format

// Views contain no times.
constexpr time_point no_time{};

class view_writer : public detail::value_writer<view_writer> {
public:
  view_writer() : value_writer(no_time) {}
};

class view_reader : public detail::value_reader<view_reader> {
public:
  explicit view_reader(std::string_view bytes) : value_reader(bytes, no_time) {}

  [[nodiscard]] std::string text() {
    std::string result;
    value_reader::text(result, member_text_max);
    return result;
  }
  [[nodiscard]] node_id node() {
    const auto n = number(node_number_max);
    if (n == 0)
      fail("a node without a number");
    return static_cast<node_id>(n);
  }
  /// Reads the number of elements of a list.
  [[nodiscard]] std::size_t size_of_list(std::size_t most) {
    const auto count = size();
    if (count > most)
      fail("a list that is too long");
    return failed() ? 0 : count;
  }
};

void read_members(view_reader& in, view& v) {
  for (auto left = in.size_of_list(members_max); left != 0 && !in.failed(); --left) {
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
  for (auto left = in.size_of_list(members_max); left != 0 && !in.failed(); --left) {
    const auto node = in.node();
    if ((!v.unfenced.empty() && node <= v.unfenced.back()) || v.find(node) != nullptr)
      in.fail("nodes to be fenced that are not in order, or are members");
    v.unfenced.push_back(node);
  }
}

// A slot names its owner by the position among the members, counted from one.
void read_slots(view_reader& in, view& v) {
  for (auto left = in.size_of_list(slots_max); left != 0 && !in.failed(); --left) {
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
  view_writer out;
  out.bytes(mark);
  out(v.number);
  out.number(v.members.size());
  for (const auto& m : v.members)
    out(m.name, m.node, m.address, m.joined);
  out(v.unfenced);
  out.number(v.slots.size());
  for (const auto& slot : v.slots) {
    const auto* const owner = v.find(slot.node);
    out.number(owner != nullptr ? static_cast<std::uint64_t>(owner - v.members.data()) + 1 : 0);
    out(slot.term);
  }
  return out.take();
}

std::variant<view, view_error> decode_view(std::string_view bytes) {
  if (!bytes.starts_with(mark))
    return view_error{0, "not a view of this version"};
  view_reader in(bytes.substr(mark.size()));
  view v;
  v.number = in.number(view_number_max);
  read_members(in, v);
  read_unfenced(in, v);
  read_slots(in, v);
  if (!in.at_end())
    in.fail("bytes after the end");
  if (in.failed())
    return view_error{mark.size() + in.position(), in.problem()};
  return v;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
