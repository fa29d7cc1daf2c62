# SPDX-License-Identifier: Apache-2.0
# cmake -DCOMPILE=<command;flags...> -DSOURCE=<file> -P compile_fail.cmake
#
# The file begins with lines `// expect: SENTENCE`. It must compile as it is, so that it cannot rot. With PROVISO_FAIL
# defined it must not compile, and the compiler must print every sentence.
file(STRINGS ${SOURCE} expectations REGEX "^// expect: ")
if(NOT expectations)
  message(FATAL_ERROR "${SOURCE} has no line `// expect: SENTENCE`.")
endif()

execute_process(COMMAND ${COMPILE} ${SOURCE} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} must compile without PROVISO_FAIL:\n${output}")
endif()

execute_process(COMMAND ${COMPILE} -fmessage-length=0 -DPROVISO_FAIL ${SOURCE}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} must not compile with PROVISO_FAIL.")
endif()
foreach(expectation ${expectations})
  string(REGEX REPLACE "^// expect: " "" sentence "${expectation}")
  string(FIND "${output}" "${sentence}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "The compiler did not say: ${sentence}\nIt said:\n${output}")
  endif()
endforeach()
