#include "postgres_result.hpp"

#include "batch.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

bool postgres_result::succeeded() const noexcept {
  const auto status = PQresultStatus(result_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

std::string postgres_result::sqlstate() const {
  const char* const code = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  return code == nullptr ? "" : code;
}

std::string_view postgres_result::error() const noexcept {
  return PQresultErrorMessage(result_.get());
}

std::size_t postgres_result::rows() const noexcept {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t postgres_result::changed() const noexcept {
  // Empty for a statement that changes no rows.
  const std::string_view text = PQcmdTuples(result_.get());
  std::size_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::string_view postgres_result::value(std::size_t row, std::size_t column) const {
  check(row, column);
  const int r = static_cast<int>(row);
  const int c = static_cast<int>(column);
  return {
    PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

bool postgres_result::is_null(std::size_t row, std::size_t column) const {
  check(row, column);
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

void postgres_result::refuse(const char* why) {
  throw postgres_error{failure(errc::store_corrupt, why), {}};
}

void postgres_result::check(std::size_t row, std::size_t column) const {
  if (row >= rows() || column >= static_cast<std::size_t>(PQnfields(result_.get())))
    refuse("the server sent fewer values than expected");
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
