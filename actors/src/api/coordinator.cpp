#include <leasebreak/coordinator.hpp>

#include "coordinator_access.hpp"
#include "runtime/thread_slot.hpp"

#include <leasebreak/detail/time_source.hpp>

#include <stdexcept>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

std::shared_ptr<detail::coordinator_impl> checked_impl(const boost::asio::any_io_executor& executor,
  coordinator_config config, std::shared_ptr<detail::time_source> time) {
  if (!executor)
    throw std::invalid_argument("leasebreak::coordinator: no executor");
  if (const auto fault = config.validate(); !fault.empty())
    throw std::invalid_argument("leasebreak::coordinator_config: " + fault);
  return detail::coordinator_impl::make(executor, std::move(config), std::move(time));
}

} // namespace

std::unique_ptr<coordinator> detail::make_coordinator(boost::asio::any_io_executor executor,
  coordinator_config config, std::shared_ptr<time_source> time) {
  auto impl = checked_impl(executor, std::move(config), std::move(time));
  return coordinator_access::make(executor, std::move(impl));
}

coordinator::coordinator(executor_type executor, coordinator_config config)
  : executor_(std::move(executor)), impl_(checked_impl(executor_, std::move(config), nullptr)) {
  spread();
}

coordinator::coordinator(executor_type executor, std::shared_ptr<detail::coordinator_impl> impl)
  : executor_(std::move(executor)), impl_(std::move(impl)) {
  spread();
}

coordinator::~coordinator() {
  impl_->silence();
  impl_->stop();
  spread_.clear();
  detail::coordinator_impl::end(std::move(impl_));
}

// A single reference count would move between the caches of all threads with each operation.
void coordinator::spread() {
  constexpr std::size_t cells = 8;
  try {
    for (std::size_t i = 0; i < cells; ++i)
      // Reset explicitly: a weak reference would delay the destruction of the deleter.
      spread_.emplace_back(impl_.get(), [keep = impl_](auto*) mutable { keep.reset(); });
  } catch (...) { // no destructor runs if the constructor throws
    spread_.clear();
    detail::coordinator_impl::end(std::move(impl_));
    throw;
  }
}

const std::shared_ptr<detail::coordinator_impl>& coordinator::spread_ref() const noexcept {
  return spread_[detail::thread_slot() % spread_.size()];
}

error_code coordinator::register_client(
  client_guid client, break_sink sink, std::string label, executor_type executor) {
  return impl_->add_client(client, std::move(sink), std::move(label), std::move(executor));
}

error_code coordinator::unregister_client(client_guid client) {
  return impl_->remove_client(client);
}

error_code coordinator::replace_sink(client_guid client, break_sink sink, executor_type executor) {
  return impl_->replace_sink(client, std::move(sink), std::move(executor));
}

error_code coordinator::add_channel(
  client_guid client, const channel_id& channel, std::uint16_t dialect) {
  return impl_->add_channel(client, channel, dialect);
}

std::vector<listed_client> coordinator::list_clients(std::size_t limit, client_guid after) const {
  return impl_->list_clients(limit, after);
}

error_code coordinator::set_label(client_guid client, std::string label) {
  return impl_->set_label(client, std::move(label));
}

file_name_id coordinator::file_of_lease(client_guid client, lease_key key) const {
  return impl_->file_of_lease(client, key);
}

void coordinator::renamed(const std::string& root, const std::string& from, const std::string& to) {
  impl_->paths().rename(root, from, to);
}

void coordinator::place(
  const file_name_id& file, open_id open, std::string root, std::string path) {
  impl_->place(file, open, std::move(root), std::move(path));
}

settings_change coordinator::change_settings(const std::function<void(settings&)>& edit) {
  return impl_->change_settings(edit);
}

settings coordinator::current_settings() const {
  return impl_->current_settings();
}

statistics coordinator::stats() const {
  return impl_->stats();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
