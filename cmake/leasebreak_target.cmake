# Settings of all targets: language standard, warnings, sanitizers.

# Use ccache if it is installed; it speeds up a second build of the same sources.
find_program(LEASEBREAK_CCACHE ccache)
if(LEASEBREAK_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LEASEBREAK_CCACHE}")
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

if(PROJECT_IS_TOP_LEVEL AND BUILD_SHARED_LIBS)
  # Installed files find the libraries beside them, wherever they are.
  set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endif()

find_package(Threads REQUIRED)

# leasebreak_target(<name>): sets the compile options of a target.
function(leasebreak_target name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(CMAKE_UNITY_BUILD)
    # In a unity build, names that are local to one file are visible in others, and may shadow names
    # there. Builds of single files check for both.
    target_compile_options(${name} PRIVATE -Wno-shadow)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  if(LEASEBREAK_WARNINGS_AS_ERRORS)
    target_compile_options(${name} PRIVATE -Werror)
  endif()
  if(LEASEBREAK_SANITIZE)
    target_compile_options(${name} PRIVATE -fsanitize=${LEASEBREAK_SANITIZE}
      -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(${name} PUBLIC -fsanitize=${LEASEBREAK_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # clang 14 cannot assemble the output of this UndefinedBehaviorSanitizer check in coroutines.
      target_compile_options(${name} PRIVATE -fno-sanitize=function)
    endif()
    if(LEASEBREAK_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Asio uses atomic_thread_fence; g++ warns that ThreadSanitizer does not support it.
      target_compile_options(${name} PRIVATE -Wno-tsan)
    endif()
  endif()
endfunction()

# leasebreak_unity_build(): compiles the files of the calling folder's targets several at once. Where they
# spend most of their time on the same templates, of Asio or GoogleTest, this takes a third of the time. Not
# for debugging, where few files change between builds.
macro(leasebreak_unity_build)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(CMAKE_UNITY_BUILD ON)
    set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)
  endif()
endmacro()

# leasebreak_optimize(<name>): for code that runs for long in tests. The presets `asan` and `tsan` are not
# optimised otherwise: with AddressSanitizer, clang takes three times as long to optimise.
function(leasebreak_optimize name)
  if(LEASEBREAK_SANITIZE)
    target_compile_options(${name} PRIVATE -O1)
  endif()
endfunction()

# leasebreak_coroutines(<name>): for a target with coroutines of Asio, or one that replaces the allocator. g++
# 12 inlines Asio's operator new of a coroutine's frame, and then compares what that calls with Asio's
# operator delete; or it inlines the replaced operator delete, but not operator new.
function(leasebreak_coroutines name)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -Wno-mismatched-new-delete)
  endif()
endfunction()

# leasebreak_library(<name> <sources>...): defines a library with the alias leasebreak::<name>. Its
# public headers are below include/ of the calling folder.
function(leasebreak_library name)
  add_library(leasebreak_${name} ${ARGN})
  add_library(leasebreak::${name} ALIAS leasebreak_${name})
  if(name STREQUAL "leasebreak")
    set(output leasebreak)
  else()
    set(output leasebreak_${name})
  endif()
  set_target_properties(leasebreak_${name} PROPERTIES
    EXPORT_NAME ${name}
    OUTPUT_NAME ${output}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  leasebreak_target(leasebreak_${name})
  target_include_directories(leasebreak_${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  # Shared libraries show what LEASEBREAK_EXPORT marks. The tests and benchmarks also see the rest.
  if(BUILD_SHARED_LIBS AND NOT LEASEBREAK_TESTS AND NOT LEASEBREAK_BENCH)
    set_target_properties(leasebreak_${name} PROPERTIES
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    target_compile_definitions(leasebreak_${name} PRIVATE LEASEBREAK_HIDES_NAMES)
  endif()
  set_property(GLOBAL APPEND PROPERTY LEASEBREAK_LIBRARIES leasebreak_${name})
  set_property(GLOBAL APPEND PROPERTY LEASEBREAK_INCLUDES ${CMAKE_CURRENT_SOURCE_DIR}/include)
endfunction()

# leasebreak_share_asio(<name>): for libraries that use Asio. Asio knows by variables in its headers which
# loop a thread runs, so a shared library and its program must have the same ones.
function(leasebreak_share_asio name)
  if(BUILD_SHARED_LIBS)
    target_compile_options(leasebreak_${name} PRIVATE
      "SHELL:-include ${PROJECT_SOURCE_DIR}/cmake/visible_asio.hpp")
  endif()
endfunction()
