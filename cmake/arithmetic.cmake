# SPDX-License-Identifier: Apache-2.0
# cmake -DCOMPILE=<command;flags...> -DOPTIONS=<flags...> -DSOURCE=<file> -DPROGRAM=<file> -P arithmetic.cmake
#
# Compiles the program with options that allow other arithmetic. The library refuses them with a sentence of its own,
# or the program finds that its laws are right. An option that this compiler or processor does not have proves nothing.
execute_process(COMMAND ${COMPILE} ${OPTIONS} -x c++ -E /dev/null
  RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("This compiler does not have ${OPTIONS}:\n${output}")
  return()
endif()
execute_process(COMMAND ${COMPILE} ${OPTIONS} ${SOURCE} -o ${PROGRAM}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  string(FIND "${output}" "\"proviso: " refused)
  if(refused EQUAL -1)
    message(FATAL_ERROR "${OPTIONS}: the compiler failed without a sentence of the library:\n${output}")
  endif()
  return()
endif()
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${OPTIONS}: ${output}")
endif()
