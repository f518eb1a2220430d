#include <leasebreak/model/client_channels.hpp>

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// MS-SMB2 3.3.5.5.3: only the 3.x dialects have the global table of clients with the dialect of
// each.
bool is_version_3(std::uint16_t dialect) {
  return dialect >= 0x0300 && dialect < 0x0400;
}

template <class Channels>
bool contains(const Channels& channels, const channel_id& c) {
  return std::find(channels.begin(), channels.end(), c) != channels.end();
}

} // namespace

errc client_channels::add(const channel_id& c, std::uint16_t dialect, std::size_t max) {
  if (c.connection == connection_id::none || c.session == session_id::none)
    return errc::invalid_argument;
  if (has(c))
    return errc::success;
  const auto differs = [dialect](const entry& e) {
    return is_version_3(e.dialect) && e.dialect != dialect;
  };
  if (is_version_3(dialect) && std::any_of(channels_.begin(), channels_.end(), differs))
    return errc::dialect_mismatch;
  if (channels_.size() >= max)
    return errc::too_many_channels;
  channels_.push_back({c, dialect});
  return errc::success;
}

std::vector<channel_id> client_channels::lose(connection_id connection) {
  std::vector<channel_id> heirs;
  std::erase_if(channels_, [&](const entry& e) {
    const bool is_lost = e.channel.connection == connection;
    if (is_lost)
      heirs.push_back(e.channel);
    return is_lost;
  });
  std::erase_if(heirs, [this](channel_id& lost) {
    const auto* const heir = first_of(lost.session);
    if (heir != nullptr)
      lost = heir->channel;
    return heir == nullptr;
  });
  return heirs;
}

bool client_channels::end(session_id session) {
  return std::erase_if(
           channels_, [session](const entry& e) { return e.channel.session == session; }) != 0;
}

bool client_channels::has(const channel_id& c) const noexcept {
  return std::any_of(
    channels_.begin(), channels_.end(), [&c](const entry& e) { return e.channel == c; });
}

std::optional<channel_id> client_channels::successor_of(const channel_id& c) const noexcept {
  if (has(c))
    return c;
  const auto* const heir = first_of(c.session);
  return heir != nullptr ? std::optional(heir->channel) : std::nullopt;
}

void client_channels::complete(std::vector<channel_id>& channels, bool is_oplock) const {
  std::erase_if(channels,
    [this](const channel_id& c) { return c.session != session_id::none && !successor_of(c); });
  const bool is_only_one = channels_.size() == 1 && channels == std::vector{channels_[0].channel};
  if (channels.empty() || channels_.empty() || is_only_one)
    return;
  const auto first = channels;
  std::erase_if(
    channels, [this](const channel_id& c) { return c.session != session_id::none && !has(c); });
  const auto is_of_first = [&first](session_id session) {
    return std::any_of(
      first.begin(), first.end(), [session](const auto& c) { return c.session == session; });
  };
  for (const auto& e : channels_)
    if (is_of_first(e.channel.session) && !contains(channels, e.channel))
      channels.push_back(e.channel);
  if (is_oplock)
    return;
  for (const auto& e : channels_)
    if (std::none_of(channels.begin(), channels.end(),
          [&e](const auto& c) { return c.connection == e.channel.connection; }))
      channels.push_back(e.channel);
}

const client_channels::entry* client_channels::first_of(session_id session) const noexcept {
  const auto found = std::find_if(channels_.begin(), channels_.end(),
    [session](const entry& e) { return e.channel.session == session; });
  return found != channels_.end() ? &*found : nullptr;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
