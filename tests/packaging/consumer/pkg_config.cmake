# Builds and runs the consumer with a compiler and pkg-config alone, from the installation in PREFIX.
# With SHARED, it must use the shared libraries by their SONAME.
cmake_policy(VERSION 3.25)

file(GLOB_RECURSE files ${PREFIX}/leasebreak.pc)
list(LENGTH files count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "there must be one leasebreak.pc below ${PREFIX}, not ${count}")
endif()
cmake_path(GET files PARENT_PATH folder)
set(ENV{PKG_CONFIG_PATH} ${folder}:$ENV{PKG_CONFIG_PATH})

file(GLOB modules ${folder}/leasebreak*.pc)
foreach(module IN LISTS modules)
  cmake_path(GET module STEM LAST_ONLY name)
  execute_process(COMMAND ${PKG_CONFIG} --print-errors --exists ${name}
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs leasebreak-store-uri leasebreak
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")

file(MAKE_DIRECTORY ${OUTPUT})
cmake_path(GET folder PARENT_PATH libraries)
execute_process(
  COMMAND ${COMPILER} -std=c++20 ${SOURCE} ${flags} -Wl,-rpath,${libraries} -o ${OUTPUT}/consumer
  COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${OUTPUT}/consumer COMMAND_ERROR_IS_FATAL ANY)
if(SHARED)
  execute_process(COMMAND ${READELF} -d ${OUTPUT}/consumer
    OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
  string(FIND "${needed}" "[libleasebreak.so.${SOVERSION}]" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "the program does not need libleasebreak.so.${SOVERSION}:\n${needed}")
  endif()
endif()
