// Applications that move between clients, as in a failover (MS-SMB2 3.3.5.9.13). The opens that an
// application has left behind on another client end immediately, with their leases and locks. No
// break is sent for them, because that client would not acknowledge it.
#include "file/impl.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

bool file_state::impl::is_among(const std::vector<open_id>& opens, open_id id) {
  return std::find(opens.begin(), opens.end(), id) != opens.end();
}

// MS-SMB2 3.3.5.9.13: finds opens of the same application on another client, of the same share and
// under the same name. An open whose version is known must be of an older instance.
file_state::impl::earlier_opens file_state::impl::find_earlier(const open_file& c) const {
  earlier_opens found;
  if (!c.instance || c.of_stream)
    return found;
  for (const auto& open : opens) {
    if (!open->instance || open->instance->id != c.instance->id || open->client == c.client ||
      open->share != c.share || is_among(c.elsewhere, open->id))
      continue;
    if (open->instance->version && !(open->instance->version < c.instance->version))
      found.is_newer = true;
    found.ending.push_back(open->id);
  }
  return found;
}

// With -1, excludes these opens from the counts, so that decisions are made as if they had ended;
// with 1, includes them again.
void file_state::impl::count_apart(const std::vector<open_id>& ending, std::uint32_t by) {
  for (const auto id : ending) {
    const auto& open = *find_open(id);
    count_open(open, by);
    if (open.lease == nullptr)
      continue;
    open.lease->opens += by;
    if (open.is_detached())
      open.lease->detached += by;
    if (open.is_persistent())
      open.lease->persistent += by;
    if (open.is_resilient())
      open.lease->resilient += by;
  }
}

// Ends all at once, so that the end of one does not break the lease of another.
void file_state::impl::end_superseded(
  const std::vector<open_id>& ending, time_point now, effects& out) {
  if (ending.empty())
    return;
  for (auto id = ending.rbegin(); id != ending.rend(); ++id)
    end_open(*id, end_cause::superseded, now, out);
  follow_end(now, out);
  report_if_deleted(out);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
