// Reads frames, and processes their requests.
#include <smb_server/net/connection.hpp>

#include <smb_server/net/frame_buffer.hpp>
#include <smb_server/requests/dispatch.hpp>
#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/transform.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <new>

namespace leasebreak::smb {

namespace {

std::string name_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
    std::to_string(endpoint.port());
}

/// Holds most requests. The rest of a larger request is read directly into its frame.
constexpr std::size_t input_buffer_bytes = 4'096;

constexpr std::size_t nothing_promised = 0;

} // namespace

connection::connection(server& host, std::unique_ptr<byte_stream> stream, connection_id id,
  std::shared_ptr<channel_group> with)
  : group{std::move(with)}, opens{group->opens}, host_{host}, stream_{std::move(stream)}, id_{id},
    peer_{name_of(stream_->peer())}, credits_{host.options().limits.credits},
    input_(input_buffer_bytes), changed_{host.runs_on(), stream_->get_executor()},
    pause_{host.runs_on(), stream_->get_executor()}, setup_deadline_{host.runs_on(),
                                                       stream_->get_executor()},
    break_timer_{host.runs_on(), stream_->get_executor()}, stall_timer_{host.runs_on(),
                                                             stream_->get_executor()} {
  changed_.expires_at(timer::time_point::max());
}

void connection::close(std::string_view reason) {
  if (closed_)
    return;
  closed_ = true;
  send_breaks_elsewhere(true); // the coordinator resends the other breaks
  host_.log().info("{}: connection closed: {}", peer_, reason);
  stream_->close();
  setup_deadline_.cancel();
  break_timer_.cancel();
  stall_timer_.cancel();
  wake();
}

void connection::wake() {
  changed_.cancel();
  pause_.cancel();
}

bool connection::has_session() const {
  return std::any_of(
    channels.begin(), channels.end(), [](const auto& c) { return c.second->valid; });
}

bool connection::had_session() {
  had_session_ = had_session_ || has_session();
  return had_session_;
}

void connection::make_room() {
  if (!has_session())
    close("too many connections without a session");
}

void connection::watch_setup() {
  setup_deadline_.expires_after(host_.options().limits.setup_time);
  setup_deadline_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->closed_)
      return;
    // After LOGOFF the client may log on again.
    if (!self->had_session())
      self->close("no session within the setup time");
  });
}

// -- reading -------------------------------------------------------------------------------------

asio::awaitable<std::shared_ptr<connection>> connection::read_frames() {
  if (first_frame_ && !handle_frame(std::exchange(first_frame_, nullptr)))
    co_return nullptr;
  byte_vector frame;
  while (co_await read_frame(frame)) {
    auto shared = std::make_shared<const byte_vector>(std::move(frame));
    if (!is_negotiated()) {
      if (const channel_group_ptr other = group_for(*shared))
        co_return co_await move_to(other, std::move(shared));
    }
    if (!shared->empty() && !handle_frame(std::move(shared)))
      break;
    if (takes_much())
      co_await give_way();
    if (is_busy() || !has_room_for_answers(promised_bytes_))
      co_await room();
    // Let the work that this request posted run before the next request, even if one read returned
    // both. A break that it causes is thus sent before the responses to later requests.
    if (input_begin_ < input_end_)
      co_await asio::post(stream_->get_executor(), asio::use_awaitable);
  }
  co_return nullptr;
}

/// Returns whether a frame was read. False ends the connection.
asio::awaitable<bool> connection::read_frame(byte_vector& frame) {
  error_code error;
  while (input_end_ - input_begin_ < nbt_header_size) {
    std::copy(input_.data() + input_begin_, input_.data() + input_end_, input_.data());
    input_end_ -= std::exchange(input_begin_, 0);
    input_end_ += co_await stream_->read_some(std::span{input_}.subspan(input_end_), error);
    if (error || closed_)
      co_return false;
  }
  std::array<std::uint8_t, nbt_header_size> nbt{};
  std::copy_n(input_.data() + input_begin_, nbt.size(), nbt.data());
  const auto length = parse_nbt_header(nbt);
  if (!length || *length > frame_bytes_max()) {
    close(length ? "a frame above the size limit" : "no SMB frame");
    co_return false;
  }
  input_begin_ += nbt_header_size;
  frame_buffer coming{*length};
  input_begin_ +=
    coming.append(bytes_view{input_}.subspan(input_begin_, input_end_ - input_begin_));
  while (!coming.complete()) {
    const std::span<std::uint8_t> room = coming.room();
    coming.took(co_await stream_->read_some(room, error));
    if (error || closed_)
      co_return false;
  }
  frame = coming.take();
  co_return !closed_;
}

/// A peer that never had a session may only send small frames.
std::size_t connection::frame_bytes_max() {
  const server_limits& limits = host_.options().limits;
  return had_session() ? limits.frame_bytes() : limits.setup_frame_bytes;
}

asio::awaitable<void> connection::change() {
  error_code ignored;
  co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// Limits what one connection takes of the disk's queue and of memory. Requests that wait for other
/// clients must not stop the reading: their waits may end only with a message that is not read yet.
bool connection::is_busy() const {
  const server_limits& limits = host_.options().limits;
  return in_flight_bytes_ > limits.requests_bytes ||
    in_flight_ >= limits.working_requests + pending_;
}

/// The same for the loop, which others use.
bool connection::takes_much() const {
  return in_company_ && in_flight_ >= host_.options().limits.working_requests_in_company + pending_;
}

/// Leaves the loop to others until requests are complete, but not for long: a slow disk must not
/// keep acknowledgements of breaks from being read.
asio::awaitable<void> connection::give_way() {
  const auto until = host_.runs_on().now() + host_.options().limits.company_pause;
  while (!closed_ && takes_much() && host_.runs_on().now() < until) {
    error_code ignored;
    pause_.expires_at(until);
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<void> connection::room() {
  while (!closed_ && is_busy())
    co_await change();
  co_await room_for_answers(promised_bytes_);
}

/// `promised` is the expected size of responses to other requests in flight. It counts like queued
/// output.
asio::awaitable<void> connection::room_for_answers(const std::size_t& promised) {
  if (!has_room_for_answers(promised))
    host_.log().debug("{}: stop reading until the peer takes its responses", peer_);
  while (!closed_ && !has_room_for_answers(promised))
    co_await change();
}

bool connection::has_room_for_answers(std::size_t promised) const {
  return output_bytes_ + promised <= host_.options().limits.responses_bytes;
}

namespace {

/// Returns the largest response to a frame with a single READ. A READ waits for no other client,
/// thus its response comes soon.
std::size_t promise_of(const negotiated& terms, const std::vector<message>& messages) {
  const header& h = messages.front().head;
  return messages.size() == 1 && h.command == command::read ? terms.charge_of(h) * bytes_per_credit
                                                            : 0;
}

} // namespace

bool connection::handle_frame(std::shared_ptr<const byte_vector> frame, session_ptr sealer) {
  const bytes_view bytes{*frame};
  switch (protocol_of(bytes)) {
  case protocol::smb1:
    return handle_smb1(bytes);
  case protocol::smb2:
    break;
  case protocol::transform:
    return handle_sealed(bytes);
  case protocol::compressed:
    close("a compressed frame without negotiated compression");
    return false;
  case protocol::unknown:
    close("a frame of an unknown protocol");
    return false;
  }
  auto messages = split_compound(bytes);
  if (!messages) {
    close("a malformed header");
    return false;
  }
  if (!take_ids(*messages))
    return false;
  if (!messages->empty()) {
    in_company_ = host_.company_of_connections().joins(id_, host_.runs_on().now());
    ++in_flight_;
    in_flight_bytes_ += frame->size();
    asio::co_spawn(stream_->get_executor(),
      process(std::move(frame), std::move(*messages), std::move(sealer)), asio::detached);
  }
  return true;
}

/// MS-SMB2 3.3.5.2.1.1.
bool connection::handle_sealed(bytes_view frame) {
  const auto h = parse_transform_header(frame);
  const channel_ptr c = h ? find_channel(h->session_id) : nullptr;
  const session_ptr s = c && c->valid ? c->of : nullptr;
  if (!s || !s->sealing) {
    close("an encrypted frame without an encrypting session");
    return false;
  }
  auto message = unseal(terms.cipher, s->sealing->to_server, frame);
  if (!message || protocol_of(*message) != protocol::smb2) {
    close("an encrypted frame that cannot be decrypted");
    return false;
  }
  return handle_frame(std::make_shared<const byte_vector>(std::move(*message)), s);
}

/// Executes CANCELs, and removes them from `messages`. Consumes the ids of the other messages.
bool connection::take_ids(std::vector<message>& messages) {
  for (const message& m : messages) {
    if (m.head.command == command::cancel) {
      cancel(m.head);
      continue;
    }
    if (m.head.has(header_flag::response) ||
      !credits_.use(m.head.message_id, terms.charge_of(m.head))) {
      close("a message id that was not granted");
      return false;
    }
    not_begun_.emplace(m.head.message_id, false);
  }
  messages.erase(std::remove_if(messages.begin(), messages.end(),
                   [](const message& m) { return m.head.command == command::cancel; }),
    messages.end());
  return true;
}

bool connection::settle(const negotiated& agreed) {
  if (const error_code error = host_.clients().add(agreed.client, shared_from_this(), peer_)) {
    host_.log().warn("{}: cannot be registered: {}", peer_, error.message());
    return false;
  }
  terms = agreed;
  return true;
}

/// MS-SMB2 3.3.5.3.1. SMB1 has no ClientGuid, thus the connection gets a random identity.
bool connection::settle_2_0_2() {
  negotiated agreed;
  agreed.dialect = dialect::smb_2_0_2;
  fill_random(agreed.client.bytes);
  agreed.security_mode = host_.signing_mode();
  return settle(agreed);
}

bool connection::handle_smb1(bytes_view frame) {
  const auto offer = parse_smb1_negotiate(frame);
  if (!offer || terms.dialect != dialect::none || (!offer->smb_2_wildcard && !offer->smb_2_002)) {
    close("an SMB1 message");
    return false;
  }
  // The next message must have id 1.
  static_cast<void>(credits_.use(0, 1));
  if (offer->smb_2_wildcard) {
    terms.dialect = dialect::smb_2_wildcard; // MS-SMB2 3.3.5.3.2: continue with an SMB2 NEGOTIATE
  } else if (!settle_2_0_2()) {
    close("a client that cannot be registered");
    return false;
  }
  negotiate_response response;
  response.security_mode = host_.signing_mode();
  response.dialect = terms.dialect;
  response.server_guid = host_.id();
  response.max_transact = response.max_read = response.max_write = 65'536;
  response.security_buffer = host_.offered_mechanisms();
  header h;
  h.flags = header_flag::response;
  h.credits = grant_credits(1);
  byte_writer out;
  encode(out, h);
  encode(out, response);
  send(out.take());
  return true;
}

// -- responses -----------------------------------------------------------------------------------

asio::awaitable<void> connection::process(
  std::shared_ptr<const byte_vector> frame, std::vector<message> messages, session_ptr sealer) {
  const auto self = shared_from_this();
  const std::size_t promised = promise_of(terms, messages);
  promised_bytes_ += promised;
  compound_state compound;
  compound.sealer = std::move(sealer);
  for (const message& m : messages) {
    compound.is_last = &m == &messages.back();
    begin(m, &m == &messages.front(), compound);
    {
      request r{self, m, compound};
      std::optional<reply> answer;
      try {
        if (status::is_error(compound.related_status) && m.head.has(header_flag::related))
          answer = fail_related(r);
        else
          answer = co_await dispatch(r);
      } catch (const std::bad_alloc&) {
        answer = fail(status::insufficient_resources);
      } catch (const std::exception& e) {
        host_.log().error("{}: {} failed: {}", peer_, to_string(m.head.command), e.what());
        answer = fail(status::internal_error);
      }
      put_answer(r, std::move(*answer));
    }
    if (closed_)
      break;
    // MS-SMB2 3.3.4.1.3: responses may be sent separately. The responses to many small requests may
    // exceed a frame.
    if (compound.ready_bytes > host_.options().limits.io_bytes) {
      send(compound);
      co_await room_for_answers(nothing_promised);
    }
  }
  send(compound);
  --in_flight_;
  in_flight_bytes_ -= frame->size();
  promised_bytes_ -= promised;
  wake();
}

/// MS-SMB2 3.3.5.2.7.2: a related request uses the session, tree and file of the requests before
/// it, thus the first cannot be related. Any other request resets them.
void connection::begin(const message& m, bool is_first, compound_state& compound) {
  if (m.head.has(header_flag::related)) {
    if (is_first)
      compound.related_status = status::invalid_parameter;
    return;
  }
  compound.session_id = m.head.session_id;
  compound.tree_id = m.head.tree_id;
  compound.file.reset();
  compound.related_status = status::success;
  compound.create_status = status::success;
}

/// Related requests use the ids that a request has generated. If it has failed to, they fail
/// (MS-SMB2 3.3.5.2.7.2).
void connection::note_ids(const request& r, const reply& answer) {
  compound_state& compound = r.compound();
  switch (r.head().command) {
  case command::create:
    compound.file = answer.file;
    compound.create_status = answer.status;
    return;
  case command::session_setup:
    if (r.user)
      compound.session_id = r.user->id;
    break;
  case command::tree_connect:
    if (r.tree_connect)
      compound.tree_id = r.tree_connect->id;
    break;
  default:
    return;
  }
  if (status::is_error(answer.status) && answer.status != status::more_processing_required)
    compound.related_status = status::invalid_parameter;
}

/// Queues the response, which is sent with the others of its compound.
void connection::put_answer(request& r, reply answer) {
  if (answer.end_connection || closed_)
    return;
  if (LEASEBREAK_MUTANT(cancelled_is_not_answered) && answer.status == status::cancelled)
    return;
  const header& asked = r.head();
  compound_state& compound = r.compound();
  if (r.is_one_too_many() && answer.status == status::cancelled)
    answer = fail(status::insufficient_resources);
  note_ids(r, answer);
  host_.log().trace(
    "{}: {} {}: {:#010x}", peer_, to_string(asked.command), asked.message_id, answer.status);

  response_item item;
  item.head = asked;
  item.head.status = answer.status;
  item.head.flags = header_flag::response | (asked.flags & header_flag::related);
  if (r.async_id != 0) {
    item.head.flags |= header_flag::async;
    item.head.async_id = r.async_id;
    item.head.credits = 0; // granted with the interim response
  } else {
    item.head.credits = grant_credits(std::max<std::uint16_t>(asked.credits, 1));
  }
  if (asked.command == command::session_setup && r.user)
    item.head.session_id = r.user->id;
  if (asked.command == command::tree_connect && r.tree_connect)
    item.head.tree_id = r.tree_connect->id;
  if (answer.sign_with)
    item.signer = answer.sign_with;
  else if (asked.has(header_flag::signed_message) && r.channel && r.channel->key)
    item.signer = r.channel;
  item.bytes = answer.out.take();
  item.hash = answer.hash;
  item.sealer = compound.sealer;
  compound.ready_bytes += item.bytes.size();
  if (answer.granted)
    compound.granted.push_back(std::move(answer.granted));
  std::move(r.answers.begin(), r.answers.end(), std::back_inserter(compound.granted));
  compound.ready.push_back(std::move(item));
}

std::uint16_t connection::grant_credits(std::uint16_t wanted) {
  return credits_.grant(wanted);
}

// -- requests in flight --------------------------------------------------------------------------

void connection::enter(request& r) {
  requests_[r.head().message_id] = &r;
  const auto early = not_begun_.find(r.head().message_id);
  if (early == not_begun_.end())
    return;
  const bool cancelled = early->second;
  not_begun_.erase(early);
  if (cancelled)
    r.cancel();
}

void connection::leave(const request& r) {
  requests_.erase(r.head().message_id);
  if (r.is_pending())
    --pending_;
}

bool connection::begin_pending() {
  if (pending_ >= host_.options().limits.pending_requests)
    return false;
  ++pending_;
  wake(); // pending requests do not count in `is_busy`
  return true;
}

request* connection::find_request(std::uint64_t message_id) const {
  const auto found = requests_.find(message_id);
  return found == requests_.end() ? nullptr : found->second;
}

void connection::become_pending(std::uint64_t message_id) {
  if (request* r = find_request(message_id))
    r->become_pending();
}

void connection::cancel(const header& h) {
  if (LEASEBREAK_MUTANT(cancel_is_lost))
    return;
  // MS-SMB2 3.3.5.16: by async id if the flag is set. Ignore unknown ids.
  if (!h.has(header_flag::async)) {
    const auto early = not_begun_.find(h.message_id);
    if (request* r = find_request(h.message_id))
      r->cancel();
    else if (early != not_begun_.end())
      early->second = true; // it waits behind other requests of its frame
    return;
  }
  for (const auto& [id, r] : requests_) {
    if (r->async_id == h.async_id && h.async_id != 0) {
      r->cancel();
      return;
    }
  }
}

} // namespace leasebreak::smb
