# Installs BUILD into an empty PREFIX, so that what an earlier run left cannot help.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} --config "${CONFIG}"
  COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
