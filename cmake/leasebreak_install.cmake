# Installs the libraries, their headers, and the packages for find_package(leasebreak) and pkg-config.
#
# Components: runtime has the shared libraries, if they are shared, development what is needed to
# build with leasebreak, and tools the programs.
include(CMakePackageConfigHelpers)

get_property(leasebreak_libraries GLOBAL PROPERTY LEASEBREAK_LIBRARIES)
get_property(leasebreak_includes GLOBAL PROPERTY LEASEBREAK_INCLUDES)
list(REMOVE_DUPLICATES leasebreak_includes)
list(TRANSFORM leasebreak_libraries REPLACE "^leasebreak_" "" OUTPUT_VARIABLE leasebreak_names)
string(JOIN " " LEASEBREAK_COMPONENTS ${leasebreak_names})

install(TARGETS ${leasebreak_libraries} EXPORT leasebreak-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)

# Do not install the header of a store that was not built: programs with it would not link.
set(leasebreak_absent)
if(NOT LEASEBREAK_ROCKSDB)
  list(APPEND leasebreak_absent PATTERN rocksdb_store.hpp EXCLUDE)
endif()
if(NOT LEASEBREAK_POSTGRES)
  list(APPEND leasebreak_absent PATTERN postgres_store.hpp EXCLUDE)
endif()
foreach(folder IN LISTS leasebreak_includes)
  install(DIRECTORY ${folder}/leasebreak DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT development FILES_MATCHING PATTERN "*.hpp" ${leasebreak_absent})
endforeach()

set(leasebreak_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leasebreak)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/leasebreak-config.cmake.in
  ${PROJECT_BINARY_DIR}/leasebreak-config.cmake
  INSTALL_DESTINATION ${leasebreak_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/leasebreak-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT leasebreak-targets NAMESPACE leasebreak:: DESTINATION ${leasebreak_package_dir}
  COMPONENT development)
install(FILES
  ${PROJECT_BINARY_DIR}/leasebreak-config.cmake
  ${PROJECT_BINARY_DIR}/leasebreak-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindCAF.cmake
  ${CMAKE_CURRENT_LIST_DIR}/leasebreak_caf.cmake
  DESTINATION ${leasebreak_package_dir} COMPONENT development)
if(LEASEBREAK_ADMIN)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/prometheus/leasebreak.rules.yml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/leasebreak/prometheus COMPONENT tools)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/grafana/leasebreak.json
    DESTINATION ${CMAKE_INSTALL_DATADIR}/leasebreak/grafana COMPONENT tools)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT development)

include(leasebreak_pkg_config)
