// The life of a request: its open, its waits and its interim response.
#include <smb_server/requests/request.hpp>

#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>

#include <boost/asio/post.hpp>

namespace leasebreak::smb {

request::request(std::shared_ptr<connection> c, const message& m, compound_state& compound)
  : connection_{std::move(c)}, message_{m}, compound_{compound} {
  connection_->enter(*this);
}

request::~request() {
  if (counted_)
    counted_->sequence.end(sequence());
  connection_->leave(*this);
}

server& request::host() const noexcept {
  return connection_->host();
}

// MS-SMB2 3.3.5.2.7.2: a related request uses the open of the previous one, whatever it names.
file_id request::resolve(const file_id& id) {
  if (!head().has(header_flag::related))
    compound_.file = id;
  return compound_.file.value_or(related_file_id);
}

open_ptr request::find_open(const file_id& id) {
  open_ptr found = connection_->opens.find(resolve(id), user ? user->id : 0, tree_connect);
  if (found && !enter_sequence(found))
    return nullptr;
  if (found)
    connection_->opens.used(*found);
  return found;
}

/// MS-SMB2 3.3.5.2.10: returns whether the request may be executed.
bool request::enter_sequence(const open_ptr& o) {
  if (connection_->terms.dialect < dialect::smb_3_0 || counted_)
    return true;
  const auto verdict = o->sequence.begin(sequence(), head().has(header_flag::replay));
  if (verdict.counted)
    counted_ = o;
  const command c = head().command;
  const bool changes = c == command::write || c == command::set_info || c == command::ioctl;
  overtaken_ = verdict.refused && changes;
  return !overtaken_;
}

std::uint32_t request::find_directory(const file_id& id, open_ptr& found) {
  found = find_open(id);
  if (!found)
    return no_open();
  if (!found->is_directory)
    return status::invalid_parameter;
  return found->may(access::read_data) ? status::success : status::access_denied;
}

bool request::still_has(const open& o) const {
  return connection_->opens.find(o.handle).get() == &o;
}

bool request::may_have_more() const {
  const bool is_heard = !connection_->closed() || goes_on();
  return is_heard && user->valid && user->trees.count(tree_connect->id) != 0;
}

bool request::goes_on() const {
  return can_come_again && user && user->valid && user->channels > 0;
}

bool request::take_place() {
  place = taken_share::take(user->share.opens, 1);
  return place.count() > 0;
}

std::uint32_t request::no_open() noexcept {
  if (overtaken_)
    return status::file_not_available;
  if (compound_.file)
    return status::file_closed;
  // MS-SMB2 3.3.5.2.7.2: a request that is related to a failed CREATE fails with the CREATE's
  // status.
  if (status::is_error(compound_.create_status))
    return compound_.create_status;
  compound_.related_status = status::invalid_handle; // none of them had a FileId
  return status::invalid_handle;
}

bool request::pays_for(std::size_t bytes) const {
  return bytes <= connection_->terms.charge_of(head()) * bytes_per_credit;
}

void request::cancel() {
  cancelled_ = true;
  signal_.emit(asio::cancellation_type::terminal);
}

void request::begin_wait() {
  waiting_ = true;
  if (!pending_)
    reminder_ = host().interims(connection_->get_executor()).begin(connection_, head().message_id);
  if (cancelled_) {
    // It was cancelled before there was an operation to cancel. Cancel it from a posted handler,
    // which runs after the operation has started.
    asio::post(
      connection_->get_executor(), [weak = std::weak_ptr(connection_), id = head().message_id] {
        const auto c = weak.lock();
        request* r = c ? c->find_request(id) : nullptr;
        if (r != nullptr && r->waiting_)
          r->cancel();
      });
  }
}

void request::end_wait() {
  waiting_ = false;
  reminder_ = {};
}

void request::become_pending() {
  if (!waiting_ || pending_ || connection_->closed())
    return;
  pending_ = connection_->begin_pending();
  if (!pending_) {
    // MS-SMB2 3.3.4.2: limit pending requests. Each uses much more memory than its message, for an
    // unlimited time.
    one_too_many_ = true;
    cancel();
    return;
  }
  // Windows sends no interim response to these, and clients do not expect one.
  const command c = head().command;
  if (c != command::set_info && c != command::close)
    send_interim();
}

void request::send_interim() {
  async_id = connection_->next_async_id();
  response_item item;
  item.head = head();
  item.head.status = status::pending;
  item.head.flags = header_flag::response | header_flag::async;
  item.head.async_id = async_id;
  item.head.credits = connection_->grant_credits(std::max<std::uint16_t>(head().credits, 1));
  byte_writer out{header_size};
  encode_error(out);
  item.bytes = out.take();
  item.sealer = compound_.sealer;
  // Send the earlier responses of the compound first, which preserves their order.
  connection_->send(compound_);
  std::vector<response_item> items;
  items.push_back(std::move(item));
  connection_->send(items);
}

} // namespace leasebreak::smb
