# Finds the libraries' dependencies, and prints how to install a missing one.
#
# They are imported targets, whose headers count as system headers: Boost::headers, Boost::json,
# CAF::core, spdlog::spdlog, RocksDB::rocksdb-shared, PostgreSQL::PostgreSQL. The folders of the tests,
# benchmarks and examples find their own further dependencies.

# The public API uses Asio's any_completion_handler and cancellation slots, which Boost 1.74, the
# default of Debian 12, lacks.
find_package(Boost 1.81 QUIET CONFIG COMPONENTS headers json)
if(NOT Boost_FOUND)
  set(leasebreak_seen "none was found")
  if(Boost_CONSIDERED_VERSIONS)
    list(GET Boost_CONSIDERED_VERSIONS 0 leasebreak_seen)
    string(PREPEND leasebreak_seen "found was ")
  endif()
  message(FATAL_ERROR
    "leasebreak needs Boost 1.81 or newer with Boost.JSON, ${leasebreak_seen}. "
    "On Debian 12: apt install libboost1.81-dev libboost-json1.81-dev")
endif()

include(leasebreak_caf)
if(leasebreak_caf_problem)
  message(FATAL_ERROR "${leasebreak_caf_problem}")
endif()

find_package(spdlog QUIET)
if(NOT spdlog_FOUND)
  message(FATAL_ERROR "leasebreak needs spdlog. On Debian 12: apt install libspdlog-dev")
endif()

if(LEASEBREAK_USDT AND NOT LEASEBREAK_HAS_SDT)
  message(FATAL_ERROR
    "The static probes need the header sys/sdt.h. On Debian 12: apt install systemtap-sdt-dev. "
    "To build without them: -DLEASEBREAK_USDT=OFF")
endif()

if(LEASEBREAK_ROCKSDB)
  find_package(RocksDB QUIET CONFIG)
  if(NOT RocksDB_FOUND)
    message(FATAL_ERROR
      "The RocksDB store needs RocksDB. On Debian 12: apt install librocksdb-dev. "
      "To build without this store: -DLEASEBREAK_ROCKSDB=OFF")
  endif()
endif()

if(LEASEBREAK_POSTGRES)
  find_package(PostgreSQL QUIET)
  if(NOT TARGET PostgreSQL::PostgreSQL)
    message(FATAL_ERROR
      "The PostgreSQL store needs libpq. On Debian 12: apt install libpq-dev. "
      "To build without this store: -DLEASEBREAK_POSTGRES=OFF")
  endif()
endif()

message(STATUS "leasebreak: Boost ${Boost_VERSION}, CAF ${CAF_VERSION}, spdlog ${spdlog_VERSION}, "
  "RocksDB store ${LEASEBREAK_ROCKSDB}, PostgreSQL store ${LEASEBREAK_POSTGRES}")
