# Installs BUILD into an empty PREFIX, so that files of an earlier run cannot hide a missing one.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} --config "${CONFIG}"
  COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
