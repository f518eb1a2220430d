// A bounded run of the requests to the service for operators.
#include "admin_target.hpp"
#include "mutator.hpp"
#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::smb::fuzz {
namespace {

std::vector<byte_vector> admin_corpus() {
  return read_folder(std::filesystem::path{LEASEBREAK_FUZZ_CORPUS} / "admin");
}

TEST(AdminRequests, OfTheCorpusReachTheEnd) {
  std::size_t reads = 0;
  std::size_t acts = 0;
  for (const byte_vector& bytes : admin_corpus()) {
    const auto end = play_admin_request(bytes).end;
    EXPECT_NE(end, admin_end::no_request);
    reads += end == admin_end::reads ? 1 : 0;
    acts += end == admin_end::acts ? 1 : 0;
  }
  EXPECT_GE(reads, 4U);
  EXPECT_GE(acts, 3U);
}

TEST(AdminRequests, OfTheCorpusAreOfEveryKind) {
  std::set<std::size_t> found;
  for (const byte_vector& bytes : admin_corpus())
    if (const auto call = play_admin_request(bytes).call)
      found.insert(*call);

  EXPECT_EQ(found.size(), admin_calls());
}

TEST(AdminRequests, StandChangesOfTheCorpus) {
  constexpr int rounds = test::effort(200'000);
  const char* given = std::getenv("LEASEBREAK_SEED");
  const unsigned seed =
    given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  SCOPED_TRACE("seed=" + std::to_string(seed));
  mutator random{seed, admin_corpus()};
  int refused = 0;

  for (int i = 0; i < rounds; ++i) {
    auto end = admin_end::no_request;
    ASSERT_NO_THROW(end = play_admin_request(random.frame()).end) << "round " << i;
    refused += end == admin_end::refused ? 1 : 0;
  }

  EXPECT_GT(refused, 0);
}

} // namespace
} // namespace leasebreak::smb::fuzz
