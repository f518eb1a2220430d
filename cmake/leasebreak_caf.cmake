# Finds CAF in a version that leasebreak supports. Also part of the installed package.
#
# CAF's own package comes first; FindCAF.cmake is for installations without one, as Debian's. Sets
# leasebreak_caf_problem: empty if CAF fits, otherwise a sentence about what is wrong.

find_package(CAF QUIET CONFIG)
if(NOT CAF_FOUND)
  list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
  find_package(CAF QUIET MODULE)
  list(POP_FRONT CMAKE_MODULE_PATH)
endif()

if(NOT CAF_FOUND)
  set(leasebreak_caf_problem "none was found")
elseif((CAF_VERSION VERSION_GREATER_EQUAL 0.17.6 AND CAF_VERSION VERSION_LESS 0.18) OR
       (CAF_VERSION VERSION_GREATER_EQUAL 1.1 AND CAF_VERSION VERSION_LESS 1.2))
  set(leasebreak_caf_problem "")
else()
  set(leasebreak_caf_problem "found was ${CAF_VERSION}, whose interfaces differ")
endif()
if(leasebreak_caf_problem)
  string(PREPEND leasebreak_caf_problem
    "leasebreak needs CAF, the C++ Actor Framework, 0.17.6 or a later 0.17, or 1.1; ")
  string(APPEND leasebreak_caf_problem
    ". On Debian 12: apt install libcaf-dev. Elsewhere: set CAF_ROOT.")
endif()
