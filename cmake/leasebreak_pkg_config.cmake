# Installs a file for pkg-config for each library: leasebreak for the coordinator, leasebreak-NAME for
# the others.

file(RELATIVE_PATH leasebreak_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" leasebreak_prefix "${leasebreak_prefix}")

# leasebreak_pkg_config(<name> [OWN <name>...] [MODULES <module>...] [LIBS <flag>...]): writes the
# file of the library <name>, which uses the libraries OWN of leasebreak, other MODULES of pkg-config,
# and LIBS that have no such module.
function(leasebreak_pkg_config name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "OWN;MODULES;LIBS")
  set(module leasebreak-${name})
  list(TRANSFORM arg_OWN PREPEND leasebreak-)
  string(REPLACE "leasebreak-leasebreak" "leasebreak" module "${module}")
  string(REPLACE "leasebreak-leasebreak" "leasebreak" own "${arg_OWN}")
  string(REPLACE "_" "-" module "${module}")
  string(REPLACE "_" "-" own "${own}")
  set(libs "-L\${libdir} -l$<TARGET_PROPERTY:leasebreak_${name},OUTPUT_NAME>")
  # A program with static libraries must link what these use; shared ones have done so.
  if(BUILD_SHARED_LIBS)
    string(JOIN ", " requires ${own})
    string(JOIN ", " private_requires ${arg_MODULES})
    string(JOIN " " private_libs ${arg_LIBS})
  else()
    string(JOIN ", " requires ${own} ${arg_MODULES})
    string(JOIN " " libs ${libs} ${arg_LIBS})
    set(private_requires)
    set(private_libs)
  endif()
  set(boost "$<JOIN:$<TARGET_PROPERTY:Boost::headers,INTERFACE_INCLUDE_DIRECTORIES>, -I>")
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/${module}.pc CONTENT
"prefix=\${pcfiledir}/${leasebreak_prefix}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: ${module}
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Requires: ${requires}
Requires.private: ${private_requires}
Cflags: -I\${includedir} -I${boost}
Libs: ${libs}
Libs.private: ${private_libs}
")
  install(FILES ${PROJECT_BINARY_DIR}/${module}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

set(leasebreak_json "-L$<TARGET_FILE_DIR:Boost::json> -lboost_json")
leasebreak_pkg_config(model)
leasebreak_pkg_config(persistence OWN model LIBS ${leasebreak_json})
leasebreak_pkg_config(leasebreak OWN persistence model MODULES spdlog
  LIBS "-L$<TARGET_FILE_DIR:CAF::core> -lcaf_core" -pthread)
set(leasebreak_stores)
if(LEASEBREAK_ROCKSDB)
  list(APPEND leasebreak_stores rocksdb_store)
  leasebreak_pkg_config(rocksdb_store OWN persistence MODULES rocksdb)
endif()
if(LEASEBREAK_POSTGRES)
  list(APPEND leasebreak_stores postgres_store)
  leasebreak_pkg_config(postgres_store OWN persistence MODULES libpq)
endif()
leasebreak_pkg_config(store_uri OWN ${leasebreak_stores} persistence)
if(TARGET leasebreak::testing)
  leasebreak_pkg_config(testing OWN leasebreak)
endif()
if(TARGET leasebreak::admin)
  leasebreak_pkg_config(admin OWN leasebreak MODULES spdlog LIBS ${leasebreak_json})
endif()
