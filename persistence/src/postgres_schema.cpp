#include "postgres_schema.hpp"

#include "postgres_columns.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

std::string create_locks() {
  std::string sql = "CREATE TABLE leasebreak_locks (";
  for (const auto& column : postgres_columns()) {
    if (column.since > 1)
      continue;
    sql += column.name;
    sql += ' ';
    sql += column.type;
    sql += " NOT NULL, ";
  }
  // Not the id itself, because a B-tree cannot hold long ones.
  return sql +
    "id_hash bytea PRIMARY KEY GENERATED ALWAYS AS (sha256(id)) STORED) "
    // Leaves room for new versions of a row on its page, which avoids updates of the indexes.
    "WITH (fillfactor = 80)";
}

// A constant default does not rewrite existing rows.
std::string add_columns(int version) {
  std::string sql;
  for (const auto& column : postgres_columns()) {
    if (column.since != version)
      continue;
    sql += sql.empty() ? "ALTER TABLE leasebreak_locks " : ", ";
    sql += "ADD COLUMN " + std::string{column.name} + " " + std::string{column.type} +
      " NOT NULL DEFAULT " + std::string{column.absent};
  }
  return sql;
}

// Puts and deletes are in one statement, and thus in one round trip and one transaction. The arrays
// have one element for each record. The last array has the ids to delete, which are different ones.
std::string prepare_apply() {
  std::string types;
  std::string values;
  std::string updates;
  int number = 0;
  for (const auto& column : postgres_columns()) {
    const std::string type{column.type};
    const std::string name{column.name};
    ++number;
    types += type + "[],";
    values += (number == 1 ? "$" : ",$") + std::to_string(number);
    if (number > 1)
      updates += (number == 2 ? "" : ",") + name + "=EXCLUDED." + name;
  }
  const auto deleted = "$" + std::to_string(number + 1);
  return "PREPARE leasebreak_apply (" + types +
    "bytea[]) AS WITH gone AS (DELETE FROM leasebreak_locks WHERE id_hash IN "
    "(SELECT sha256(d) FROM unnest(" +
    deleted + ") AS d)) INSERT INTO leasebreak_locks (" + column_names() +
    ") SELECT * FROM unnest(" + values + ") ON CONFLICT (id_hash) DO UPDATE SET " + updates;
}

} // namespace

const std::vector<std::vector<std::string>>& postgres_migrations() {
  static const std::vector<std::vector<std::string>> migrations{
    {
      create_locks(),
      "CREATE TABLE leasebreak_server (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), "
      "epoch numeric(20) NOT NULL DEFAULT 0, clean_shutdown boolean NOT NULL DEFAULT false)",
      "INSERT INTO leasebreak_server DEFAULT VALUES",
    },
    {
      // Hashes, because values may be too long for a B-tree. Not "USING hash": if many records
      // share a value, for example all leases of a client, each change would become a scan.
      "CREATE INDEX leasebreak_locks_by_file ON leasebreak_locks (sha256(file_id))",
      "CREATE INDEX leasebreak_locks_by_owner ON leasebreak_locks (sha256(owner_id))",
      "CREATE INDEX leasebreak_locks_by_client ON leasebreak_locks (sha256(client_id))",
    },
    {
      // Persistent opens.
      add_columns(3),
    },
    {
      // Applications of opens.
      add_columns(4),
    },
  };
  return migrations;
}

const std::vector<std::string>& postgres_statements() {
  static const std::vector<std::string> statements{
    prepare_apply(),
    "PREPARE leasebreak_get (bytea) AS SELECT " + column_names() +
      " FROM leasebreak_locks WHERE id_hash = sha256($1)",
    "PREPARE leasebreak_erase (bytea) AS DELETE FROM leasebreak_locks WHERE id_hash = sha256($1)",
    "PREPARE leasebreak_erase_client (bytea) AS "
    "DELETE FROM leasebreak_locks WHERE sha256(client_id) = sha256($1)",
    "PREPARE leasebreak_erase_file (bytea) AS DELETE FROM leasebreak_locks WHERE sha256(file_id) = "
    "sha256($1)",
    "PREPARE leasebreak_server_row AS SELECT epoch, clean_shutdown FROM leasebreak_server",
    // These two always wait for the disk, regardless of the session. The setting ends with the
    // transaction, and the condition ensures that it is made.
    "PREPARE leasebreak_bump AS UPDATE leasebreak_server SET epoch = epoch + 1 "
    "FROM (SELECT set_config('synchronous_commit', 'on', true) AS value) AS durable "
    "WHERE durable.value = 'on' RETURNING epoch",
    "PREPARE leasebreak_set_clean (boolean) AS UPDATE leasebreak_server SET clean_shutdown = $1 "
    "FROM (SELECT set_config('synchronous_commit', 'on', true) AS value) AS durable "
    "WHERE durable.value = 'on'",
  };
  return statements;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
