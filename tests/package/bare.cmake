# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=<repository> -DWORK=<folder> -DOPTIONS=<options...> -P bare.cmake
#
# The documented way to install, and a user's project, where nothing but a compiler and CMake is there: no package can be
# found or fetched. A preset, which asks for programs, must fail there and name what is missing.
file(REMOVE_RECURSE ${WORK})
set(bare ${OPTIONS} -DFETCHCONTENT_FULLY_DISCONNECTED=ON)
foreach(package Eigen3 nlohmann_json xtensor xtl CLI11 fmt SentencePiece Catch2 benchmark)
  list(APPEND bare -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(output "${output}" PARENT_SCOPE)
  set(result ${result} PARENT_SCOPE)
endfunction()
function(must_run)
  run(${ARGN})
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGN}\n${output}")
  endif()
endfunction()

must_run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build ${bare})
must_run(${CMAKE_COMMAND} --install ${WORK}/build --prefix ${WORK}/prefix)
must_run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/core_only -B ${WORK}/consumer ${bare}
  -DCMAKE_PREFIX_PATH=${WORK}/prefix)
must_run(${CMAKE_COMMAND} --build ${WORK}/consumer)
must_run(${WORK}/consumer/consumer)

foreach(preset gcc release demo)
  run(${CMAKE_COMMAND} -S ${SOURCE} --preset ${preset} -B ${WORK}/${preset} ${bare})
  if(result EQUAL 0 OR NOT output MATCHES "the package [A-Za-z0-9_]+ is not installed")
    message(FATAL_ERROR "The preset ${preset} must fail without its packages and name one:\n${output}")
  endif()
endforeach()
