// Replaces the system's source of randomness in this program. Hash tables then have the same keys,
// and thus the same order of elements, in every run.
#include <sys/random.h>

#include <cstring>

extern "C" int getentropy(void* bytes, std::size_t size) {
  std::memset(bytes, 0x5a, size);
  return 0;
}
