# What every target of the project shares: the language, the warnings, the sanitizers.

# ccache makes a second configuration of the same sources cheap; it is used where it is installed.
find_program(LEASEBREAK_CCACHE ccache)
if(LEASEBREAK_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LEASEBREAK_CCACHE}")
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_package(Threads REQUIRED)

# leasebreak_target(<name>): compile options of an own target.
function(leasebreak_target name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With optimisation g++ 12 sees uninitialised strings in every std::variant that holds one,
    # overlaps in "text" + string, stores behind a null pointer that has been checked, and the
    # wrong operator delete for a coroutine's frame. What these would find for real,
    # AddressSanitizer and the tests find.
    target_compile_options(${name} PRIVATE
      -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
      -Wno-mismatched-new-delete)
  endif()
  if(CMAKE_UNITY_BUILD)
    # Several files in one: what is local to one of them seems to be known to others, and names of one
    # hide those of another. The builds of single files look for both.
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
      # What this check of UndefinedBehaviorSanitizer emits, clang 14 cannot assemble in coroutines.
      target_compile_options(${name} PRIVATE -fno-sanitize=function)
    endif()
    if(LEASEBREAK_SANITIZE MATCHES "thread")
      # Asio uses atomic_thread_fence, which g++ says ThreadSanitizer does not follow.
      target_compile_options(${name} PRIVATE -Wno-tsan)
    endif()
  endif()
endfunction()

# leasebreak_library(<name> <sources>...): a library of the project, with the alias leasebreak::<name>.
# Its public headers are those below include/ of the folder that calls this.
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
  set_property(GLOBAL APPEND PROPERTY LEASEBREAK_LIBRARIES leasebreak_${name})
  set_property(GLOBAL APPEND PROPERTY LEASEBREAK_INCLUDES ${CMAKE_CURRENT_SOURCE_DIR}/include)
endfunction()
