# SPDX-License-Identifier: Apache-2.0
# What tests, examples and benchmarks share: warnings, the language level, the components that they link.
set(PROVISO_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion)
if(PROVISO_WARNINGS_AS_ERRORS)
  list(APPEND PROVISO_WARNINGS -Werror)
endif()

set(PROVISO_CHECK_OPTIONS "" CACHE STRING
  "Compile options of tests and examples (a list), such as -O1 where the time of the build counts more than that of the run")
option(PROVISO_UNITY_BUILD "Compile several sources of a test or of the program as one" OFF)

# proviso_program(TARGET SOURCE...)
# Adds an executable that may use proviso::eigen, and proviso::xtensor where one of its sources names xtensor.
function(proviso_program target)
  add_executable(${target} ${ARGN})
  target_compile_options(${target} PRIVATE ${PROVISO_WARNINGS})
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF UNITY_BUILD ${PROVISO_UNITY_BUILD})
  target_link_libraries(${target} PRIVATE proviso::proviso proviso::eigen)
  get_target_property(folder ${target} SOURCE_DIR)
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder})
    file(STRINGS ${source} uses_xtensor REGEX "#include.*xtensor" LIMIT_COUNT 1)
    if(uses_xtensor)
      target_link_libraries(${target} PRIVATE proviso::xtensor)
    endif()
  endforeach()
endfunction()

# proviso_labels(VARIABLE SOURCE DEFAULT...)
# The ctest labels of a source: the defaults and those of a line `// labels: slow threads` among its first ten.
function(proviso_labels variable source)
  set(labels ${ARGN})
  file(STRINGS ${source} line REGEX "^// labels:" LIMIT_COUNT 1)
  string(REGEX MATCHALL "[a-z_]+" words "${line}")
  list(REMOVE_ITEM words labels)
  set(${variable} ${labels} ${words} PARENT_SCOPE)
endfunction()
