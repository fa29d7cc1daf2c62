# SPDX-License-Identifier: Apache-2.0
# Compiles the test of the kernels for AArch64 and runs it under qemu. ROOT: of the project; OUT: a folder; INCLUDES: of
# Catch2 and Eigen; CATCH: version of Catch2. Prints a sentence that begins with "skipped:" where something is missing.
find_program(compiler aarch64-linux-gnu-g++)
find_program(emulator NAMES qemu-aarch64 qemu-aarch64-static)
if(NOT compiler OR NOT emulator)
  message("skipped: aarch64-linux-gnu-g++ or qemu-aarch64 is not installed")
  return()
elseif(NOT CATCH VERSION_LESS 3)
  message("skipped: Catch2 3 is a library for this machine only")
  return()
endif()
set(includes)
foreach(folder ${INCLUDES})
  if(NOT folder STREQUAL "/usr/include")  # holds the C library of this machine
    list(APPEND includes -isystem ${folder})
  endif()
endforeach()
file(MAKE_DIRECTORY ${OUT})
set(program ${OUT}/kernels_aarch64)
execute_process(
  COMMAND ${compiler} -std=c++20 -O2 -static ${includes} -I ${ROOT}/tests -I ${ROOT}/include
    ${ROOT}/tests/backends/eigen/kernels.cpp ${ROOT}/tests/support/main.cpp -o ${program}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${emulator} ${program} COMMAND_ERROR_IS_FATAL ANY)
