// Packets as bytes. What they contain of the model is listed in value_fields.hpp.
#include <leasebreak/cluster/message.hpp>

#include <leasebreak/model/internal/value_archive.hpp>
#include <leasebreak/model/internal/value_fields.hpp>

#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

using detail::part;

constexpr std::string_view mark = "LP\x02"; // the last byte is the version of the format

/// A report of a node's slot has at most so many requests.
constexpr std::size_t pending_max = std::size_t{1} << 17U;
/// As in `node_report`.
constexpr duration age_max = std::chrono::hours{24 * 365};

// -- what a packet contains; each function names all members, as in value_fields.hpp

template <class A, part<file_version> T>
void fields(A& a, T& x) {
  auto& [term, turn] = x;
  a(term, turn);
}

template <class A, part<file_snapshot> T>
void fields(A& a, T& x) {
  auto& [bytes] = x;
  a.snapshot(bytes);
}

template <class A, part<request> T>
void fields(A& a, T& x) {
  auto& [slot, term, number, file_id, what, about] = x;
  a.place(slot, term);
  a(number, file_id);
  a.sent(what);
  a(about);
}

template <class A, part<client_part> T>
void fields(A& a, T& x) {
  auto& [client, part] = x;
  a(client, part);
}

template <class A, part<file_news> T>
void fields(A& a, T& x) {
  auto& [slot, term, file_id, version, done, notifications, completions, ended, parts, lost] = x;
  a.place(slot, term);
  a(file_id, version, done, notifications, completions, ended, parts, lost);
}

template <class A, part<file_report> T>
void fields(A& a, T& x) {
  auto& [file_id, node, client, version, age, part] = x;
  a(file_id);
  a.node(node);
  a(client, version);
  a.age(age);
  a(part);
}

template <class A, part<slot_report> T>
void fields(A& a, T& x) {
  auto& [slot, term, from, files, pending] = x;
  a.place(slot, term);
  a.node(from);
  a(files);
  a.list(pending, pending_max);
}

template <class A, part<message> T>
void fields(A& a, T& x) {
  auto& [number, view, body] = x;
  a(number);
  a.view(view);
  a(body);
}

template <class A, part<packet> T>
void fields(A& a, T& x) {
  auto& [from, to, wants_answer, consumed, messages] = x;
  a.node(from);
  a.node(to);
  a(wants_answer, consumed);
  a.list(messages, packet_messages_max);
}

/// Whether a node may send this command. The others are of the owner itself.
template <class Command>
constexpr bool is_sent = !part<Command, stop_waiting> && !part<Command, load_record> &&
  !part<Command, grace_ended> && !part<Command, deadline_reached> && !part<Command, node_gone>;

class packet_writer : public detail::value_writer<packet_writer> {
public:
  using value_writer::value_writer;

  void place(slot_number slot, std::uint64_t term) { (*this)(slot, term); }
  void node(node_id n) { value(n); }
  void view(std::uint64_t n) { number(n); }
  void age(duration d) { value(d); }
  void sent(const command& what) { value(what); }
  void snapshot(const std::string& bytes) { value(bytes); }
  template <class T>
  void list(const std::vector<T>& all, std::size_t) {
    value(all);
  }
};

class packet_reader : public detail::value_reader<packet_reader> {
public:
  using value_reader::value_reader;

  void place(slot_number& slot, std::uint64_t& term) {
    slot = static_cast<slot_number>(number(slots_max - 1));
    view(term);
  }
  void node(node_id& n) {
    n = static_cast<node_id>(number(node_number_max));
    if (n == node_id::none)
      fail("a node without a number");
  }
  void view(std::uint64_t& n) { n = number(view_number_max); }
  void age(duration& d) {
    value(d);
    if (d > age_max)
      fail("a report that is too old");
  }
  void sent(command& what) {
    value(what);
    if (!std::visit([]<class C>(const C&) { return is_sent<C>; }, what))
      fail("a command that nodes do not send");
  }
  void snapshot(std::string& bytes) { text(bytes, packet_bytes_max); }
  template <class T>
  void list(std::vector<T>& all, std::size_t most) {
    auto left = size();
    if (left > most)
      fail("a list that is too long");
    for (; left != 0 && !failed(); --left)
      value(all.emplace_back());
  }
};

// Messages of a packet are in order, and none has the number 0.
void check_order(packet_reader& in, const packet& p) {
  std::uint64_t last = 0;
  for (const auto& m : p.messages)
    if (m.number <= std::exchange(last, m.number))
      in.fail("messages that are not in order");
}

} // namespace

std::string encode(const packet& p, time_point now) {
  packet_writer out(now);
  out.bytes(mark);
  out(p);
  return out.take();
}

std::variant<packet, packet_error> decode_packet(std::string_view bytes, time_point now) {
  if (!bytes.starts_with(mark))
    return packet_error{0, "not a packet of this version"};
  if (bytes.size() > packet_bytes_max)
    return packet_error{0, "too many bytes"};
  packet_reader in(bytes.substr(mark.size()), now);
  packet p;
  in(p);
  check_order(in, p);
  if (!in.at_end())
    in.fail("bytes after the end");
  if (in.failed())
    return packet_error{mark.size() + in.position(), in.problem()};
  return p;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
