# Finds CAF, the C++ Actor Framework, where it has no CMake files of its own, as Debian's package.
#
# Set CAF_ROOT to use another build of CAF, for example one with ThreadSanitizer. Defines the imported
# target CAF::core, and CAF_FOUND, CAF_VERSION, CAF_INCLUDE_DIR and CAF_CORE_LIBRARY.

find_path(CAF_INCLUDE_DIR caf/config.hpp)
find_library(CAF_CORE_LIBRARY caf_core)
mark_as_advanced(CAF_INCLUDE_DIR CAF_CORE_LIBRARY)

unset(CAF_VERSION)
foreach(header IN ITEMS caf/detail/build_config.hpp caf/config.hpp)
  if(CAF_INCLUDE_DIR AND NOT CAF_VERSION AND EXISTS "${CAF_INCLUDE_DIR}/${header}")
    # The text, because CAF 1.1.0 writes the number wrongly.
    file(STRINGS "${CAF_INCLUDE_DIR}/${header}" caf_version_line
      REGEX "^#define CAF_VERSION_STR +\"[0-9.]+\"")
    if(caf_version_line MATCHES "\"([0-9.]+)\"")
      set(CAF_VERSION "${CMAKE_MATCH_1}")
      break()
    endif()
    file(STRINGS "${CAF_INCLUDE_DIR}/${header}" caf_version_line
      REGEX "^#define CAF_VERSION [0-9]+")
    if(caf_version_line MATCHES "([0-9]+)$")
      # CAF 0.17 writes 1706 for 0.17.6.
      math(EXPR caf_major "${CMAKE_MATCH_1} / 10000")
      math(EXPR caf_minor "(${CMAKE_MATCH_1} / 100) % 100")
      math(EXPR caf_patch "${CMAKE_MATCH_1} % 100")
      set(CAF_VERSION "${caf_major}.${caf_minor}.${caf_patch}")
    endif()
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF
  REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR
  VERSION_VAR CAF_VERSION)

if(CAF_FOUND AND NOT TARGET CAF::core)
  find_package(Threads REQUIRED)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(CAF::core PROPERTIES
    IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
