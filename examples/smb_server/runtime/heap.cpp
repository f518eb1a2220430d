// Only for glibc. With other C libraries it does nothing.
#include <smb_server/runtime/heap.hpp>

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace leasebreak::smb {

bool trim_heap([[maybe_unused]] std::size_t free_max) noexcept {
#ifdef __GLIBC__
  const struct mallinfo2 now = ::mallinfo2();
  if (now.fordblks <= free_max)
    return false;
  ::malloc_trim(0);
  return true;
#else
  return false;
#endif
}

} // namespace leasebreak::smb
