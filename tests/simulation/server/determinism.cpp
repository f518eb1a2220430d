// Replaces sources of nondeterminism in this program: random bytes, inode numbers, and the times of
// files.
#include "determinism.hpp"

#include "loop.hpp"

#include <openssl/rand.h>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <tuple>

namespace leasebreak::smb::simulation {

namespace {

/// Device, inode and time of birth of a file.
using file_key = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::uint32_t>;

struct state {
  leasebreak::simulation::random_source random{0};
  std::map<file_key, std::uint64_t> numbers;
};

state& now() {
  static state s;
  return s;
}

int raw_statx(int directory, const char* path, int flags, unsigned mask, struct statx* result) {
  return static_cast<int>(::syscall(SYS_statx, directory, path, flags, mask, result));
}

std::uint64_t number_of(const struct statx& status) {
  const auto device =
    (std::uint64_t{status.stx_dev_major} << 32) | std::uint64_t{status.stx_dev_minor};
  auto& numbers = now().numbers;
  const file_key key{device, status.stx_ino, status.stx_btime.tv_sec, status.stx_btime.tv_nsec};
  return numbers.try_emplace(key, numbers.size() + 1'000).first->second;
}

int random_bytes(unsigned char* into, int size) {
  for (int i = 0; i < size; ++i)
    into[i] = static_cast<unsigned char>(now().random.next());
  return 1;
}

int is_seeded() {
  return 1;
}

/// Like `fstatat`, but based on `statx`, which returns the time of birth.
int known_stat(int directory, const char* path, int flags, struct stat* result) {
  struct statx full {};
  if (raw_statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME, &full) != 0)
    return -1;
  std::memset(result, 0, sizeof *result);
  result->st_dev = makedev(full.stx_dev_major, full.stx_dev_minor);
  result->st_ino = number_of(full);
  result->st_mode = full.stx_mode;
  result->st_nlink = full.stx_nlink;
  result->st_uid = full.stx_uid;
  result->st_gid = full.stx_gid;
  result->st_size = static_cast<off_t>(full.stx_size);
  result->st_blksize = static_cast<blksize_t>(full.stx_blksize);
  result->st_blocks = static_cast<blkcnt_t>(full.stx_blocks);
  return 0;
}

} // namespace

void begin_anew(std::uint64_t seed) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static const RAND_METHOD method{nullptr, random_bytes, nullptr, nullptr, random_bytes, is_seeded};
  ::RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
  now() = {leasebreak::simulation::random_source{seed}, {}};
}

} // namespace leasebreak::smb::simulation

// -- replacements of C library functions ----------------------------------------------------------

namespace sim = leasebreak::smb::simulation;

extern "C" int getentropy(void* bytes, std::size_t size) {
  std::memset(bytes, 0x5a, size);
  return 0;
}

extern "C" int statx(
  int directory, const char* path, int flags, unsigned mask, struct statx* result) noexcept {
  if (sim::raw_statx(directory, path, flags, mask | STATX_BTIME, result) != 0)
    return -1;
  const auto number = sim::number_of(*result);
  result->stx_ino = number;
  const auto second = static_cast<std::int64_t>(number);
  for (auto* time :
    {&result->stx_atime, &result->stx_btime, &result->stx_ctime, &result->stx_mtime})
    *time = {second, 0, {}};
  return 0;
}

extern "C" int fstat(int fd, struct stat* result) noexcept {
  return sim::known_stat(fd, "", AT_EMPTY_PATH, result);
}

extern "C" int fstatat(int directory, const char* path, struct stat* result, int flags) noexcept {
  return sim::known_stat(directory, path, flags, result);
}

extern "C" int stat(const char* path, struct stat* result) noexcept {
  return sim::known_stat(AT_FDCWD, path, 0, result);
}
