# Debian packages: cpack -G DEB. One for each component of the installation. The preset packages has
# all of them; without shared libraries there is no package for them.

set(CPACK_PACKAGE_NAME leasebreak)
set(CPACK_PACKAGE_VENDOR leasebreak)
set(CPACK_PACKAGE_CONTACT "the leasebreak developers <leasebreak@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL development)
if(TARGET leasebreakctl)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libleasebreak-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME leasebreak-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION admin)

if(LEASEBREAK_SERVICE)
  # Creates the service's user.
  set(CPACK_DEBIAN_TOOLS_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/postinst)
  set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS systemd)
endif()

# What the CMake package of the libraries looks for.
set(leasebreak_depends libboost1.81-dev libboost-json1.81-dev libspdlog-dev)
if(CAF_VERSION VERSION_LESS 0.18)
  list(APPEND leasebreak_depends "libcaf-dev (>= 0.17.6), libcaf-dev (<< 0.18)")
endif()
if(LEASEBREAK_ROCKSDB)
  list(APPEND leasebreak_depends librocksdb-dev)
endif()
if(LEASEBREAK_POSTGRES)
  list(APPEND leasebreak_depends libpq-dev)
endif()
if(BUILD_SHARED_LIBS)
  list(APPEND CPACK_COMPONENTS_ALL runtime)
  # The name has the version of the interface, as the libraries' SONAME.
  set(leasebreak_runtime libleasebreak${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${leasebreak_runtime})
  # Finds the libraries of this package, which no installed package has yet.
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/model
    ${PROJECT_BINARY_DIR}/persistence ${PROJECT_BINARY_DIR}/actors ${PROJECT_BINARY_DIR}/actors/admin)
  # Also has the linker's cache updated.
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  list(APPEND leasebreak_depends "${leasebreak_runtime} (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${leasebreak_runtime} (= ${PROJECT_VERSION})")
endif()
string(JOIN ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ${leasebreak_depends})

include(CPack)
