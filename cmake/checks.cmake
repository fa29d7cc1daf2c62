# SPDX-License-Identifier: Apache-2.0
# Checks of the sources themselves, each a ctest case with the label `static`: every header compiles alone, two
# translation units with every header link, hostile macros do no harm, faulty programs are refused with the right
# sentence, every algorithm has its test and its page. Included by tests/CMakeLists.txt.
set(compile ${CMAKE_CXX_COMPILER} -std=c++20 ${PROVISO_WARNINGS} -Werror -fsyntax-only
  -I ${PROJECT_SOURCE_DIR}/include)
set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)

# Every header compiles alone, and may be included twice. Only those of a component see its packages.
foreach(component core eigen xtensor)
  if(component STREQUAL "eigen")
    set(packages Eigen3::Eigen nlohmann_json::nlohmann_json)
  elseif(component STREQUAL "xtensor")
    set(packages xtensor xtl)
  else()
    set(packages)
  endif()
  # One argument that is never empty: CMake 3.31 passes empty ones on. Naming /usr/include hides the C library's headers.
  set(system ${generated})
  foreach(package ${packages})
    list(APPEND system "$<TARGET_PROPERTY:${package},INTERFACE_INCLUDE_DIRECTORIES>")
  endforeach()
  set(system "-isystem$<JOIN:$<FILTER:${system},EXCLUDE,^(/usr/include)?$>,$<SEMICOLON>-isystem>")
  set(includes)
  foreach(header ${${component}_headers})
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include OUTPUT_VARIABLE path)
    string(APPEND includes "#include <${path}>\n")
    string(REGEX REPLACE "^proviso/(.*)\\.hpp$" "\\1" name "${path}")
    string(REPLACE "/" "." name "${name}")
    add_test(NAME header.${name}
      COMMAND ${compile} "${system}" -include ${path} -include ${path} -x c++ /dev/null COMMAND_EXPAND_LISTS)
    set_tests_properties(header.${name} PROPERTIES LABELS static)
  endforeach()
  set(${component}_includes "${includes}")
endforeach()

# Two translation units with every header link into one program: of the core, which needs no package, and of all.
file(CONFIGURE OUTPUT ${generated}/core/everything.hpp CONTENT "${core_includes}")
file(CONFIGURE OUTPUT ${generated}/all/everything.hpp CONTENT "${core_includes}${eigen_includes}${xtensor_includes}")
foreach(kind core all)
  add_executable(test_odr_${kind} odr/first.cpp odr/second.cpp)
  target_include_directories(test_odr_${kind} PRIVATE ${generated}/${kind})
  target_compile_options(test_odr_${kind} PRIVATE ${PROVISO_WARNINGS} -O0)
  target_link_libraries(test_odr_${kind} PRIVATE proviso::proviso)
  add_test(NAME odr.${kind} COMMAND test_odr_${kind})
  set_tests_properties(odr.${kind} PROPERTIES LABELS static)
endforeach()
target_link_libraries(test_odr_all PRIVATE proviso::eigen proviso::xtensor)

# Macros that other people's headers define: the standard headers come first, then the macros, then the library.
set(standard)
foreach(header ${core_headers})
  file(STRINGS ${header} lines REGEX "^#include <[a-z_0-9.]+>")
  list(APPEND standard ${lines})
endforeach()
list(REMOVE_DUPLICATES standard)
list(SORT standard)
list(JOIN standard "\n" standard)
file(CONFIGURE OUTPUT ${generated}/standard_headers.hpp CONTENT "${standard}\n")
add_test(NAME hostile_macros
  COMMAND ${compile} -I ${generated} -I ${generated}/core ${CMAKE_CURRENT_SOURCE_DIR}/hostile/macros.cpp)
set_tests_properties(hostile_macros PROPERTIES LABELS static)

# Programs that must be refused. The files in harness/ are faulty tests: the harness itself must refuse them.
function(proviso_compile_fail name source)
  add_test(NAME compile_fail.${name} COMMAND ${CMAKE_COMMAND}
    "-DCOMPILE=${compile}" -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/${source}
    -P ${PROJECT_SOURCE_DIR}/cmake/compile_fail.cmake)
  set_tests_properties(compile_fail.${name} PROPERTIES LABELS "static;compile_fail")
endfunction()
file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail compile_fail/*.cpp)
foreach(source ${sources})
  cmake_path(GET source STEM name)
  proviso_compile_fail(${name} ${source})
endforeach()
foreach(name broken_anyway compiles_anyway no_sentence other_sentence)
  proviso_compile_fail(harness.${name} harness/${name}.cpp)
  set_tests_properties(compile_fail.harness.${name} PROPERTIES WILL_FAIL TRUE)
endforeach()

# Without exceptions the compiler says one sentence, none of its own.
add_test(NAME no_exceptions COMMAND ${compile} -fno-exceptions -include proviso/proviso.hpp -x c++ /dev/null)
set_tests_properties(no_exceptions PROPERTIES LABELS static
  PASS_REGULAR_EXPRESSION "proviso: errors are exceptions" FAIL_REGULAR_EXPRESSION "fexceptions|cannot use '")

# The umbrella compiles as CUDA without a warning.
find_program(PROVISO_NVCC nvcc HINTS /usr/local/cuda/bin)
if(PROVISO_NVCC)
  add_test(NAME nvcc COMMAND ${PROVISO_NVCC} -std=c++20 -x cu -c -I ${PROJECT_SOURCE_DIR}/include
    ${CMAKE_CURRENT_SOURCE_DIR}/package/second.cpp -o ${CMAKE_CURRENT_BINARY_DIR}/nvcc.o)
  set_tests_properties(nvcc PROPERTIES LABELS static FAIL_REGULAR_EXPRESSION "warning")
endif()

# Options that allow other arithmetic: the compiler is refused, or the laws are right.
foreach(compiler g++ clang++)
  find_program(PROVISO_OTHER_${compiler} ${compiler})
  if(NOT PROVISO_OTHER_${compiler})
    continue()
  endif()
  foreach(options
      "-O2" "-O3;-ffast-math" "-Ofast" "-O2;-funsafe-math-optimizations" "-O2;-ffinite-math-only"
      "-O2;-fassociative-math;-fno-signed-zeros;-fno-trapping-math" "-O2;-freciprocal-math" "-O2;-fno-honor-nans"
      "-O2;-mfpmath=387" "-O2;-mfpmath=both")
    list(JOIN options "" name)
    add_test(NAME arithmetic.${compiler}${name} COMMAND ${CMAKE_COMMAND}
      "-DCOMPILE=${PROVISO_OTHER_${compiler}};-std=c++20;-I;${PROJECT_SOURCE_DIR}/include" "-DOPTIONS=${options}"
      -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/arithmetic/main.cpp
      -DPROGRAM=${CMAKE_CURRENT_BINARY_DIR}/arithmetic_${compiler}${name}
      -P ${PROJECT_SOURCE_DIR}/cmake/arithmetic.cmake)
    set_tests_properties(arithmetic.${compiler}${name} PROPERTIES LABELS static)
  endforeach()
endforeach()

add_test(NAME siblings COMMAND ${CMAKE_COMMAND} -P ${PROJECT_SOURCE_DIR}/cmake/siblings.cmake)
set_tests_properties(siblings PROPERTIES LABELS static)

# Projects that use the library: from an installation, as a subdirectory, and without CMake.
set(package ${CMAKE_CURRENT_BINARY_DIR}/package)
set(consumer_options -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_BUILD_TYPE=Debug)
if(CMAKE_MAKE_PROGRAM)
  list(APPEND consumer_options -DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM})
endif()
function(proviso_consumer name)
  add_test(NAME package.${name} COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test ${CMAKE_CURRENT_SOURCE_DIR}/package/${name} ${package}/${name}
    --build-generator ${CMAKE_GENERATOR} --build-options ${consumer_options} ${ARGN}
    --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure --no-tests=error)
  set_tests_properties(package.${name} PROPERTIES LABELS "static;package")
endfunction()

add_test(NAME package.install
  COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DPREFIX=${package}/prefix
  -P ${CMAKE_CURRENT_SOURCE_DIR}/package/install.cmake)
set_tests_properties(package.install PROPERTIES LABELS "static;package" FIXTURES_SETUP installed)
proviso_consumer(find_package -DCMAKE_PREFIX_PATH=${package}/prefix)
set_tests_properties(package.find_package PROPERTIES FIXTURES_REQUIRED installed)
proviso_consumer(add_subdirectory -DPROVISO_SOURCE=${PROJECT_SOURCE_DIR} -DPROVISO_PREFIX=${package}/prefix)
set_tests_properties(package.add_subdirectory PROPERTIES FIXTURES_REQUIRED installed)

set(configure_options -G ${CMAKE_GENERATOR} ${consumer_options})
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/package)
add_test(NAME package.other_version COMMAND ${CMAKE_COMMAND} -S ${folder}/add_subdirectory -B ${package}/other_version
  -DPROVISO_SOURCE=${PROJECT_SOURCE_DIR} -DCMAKE_PROJECT_INCLUDE=${folder}/other_version.cmake ${configure_options})
set_tests_properties(package.other_version PROPERTIES LABELS "static;package"
  PASS_REGULAR_EXPRESSION "proviso: this build already has proviso 0.0.1")
add_test(NAME package.bare COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DWORK=${package}/bare
  "-DOPTIONS=${configure_options}" -P ${folder}/bare.cmake)
set_tests_properties(package.bare PROPERTIES LABELS "static;package")

add_test(NAME package.getting_started COMMAND ${CMAKE_COMMAND} -DPAGE=${PROJECT_SOURCE_DIR}/docs/getting-started.md
  -DSOURCE=${PROJECT_SOURCE_DIR} -DPREFIX=${package}/prefix -DWORK=${package}/getting_started
  "-DOPTIONS=${configure_options}" -P ${folder}/page.cmake)
set_tests_properties(package.getting_started PROPERTIES LABELS "static;package" FIXTURES_REQUIRED installed)

# The blocks of these pages compile.
foreach(page limits drive/decoder drive/batch_decoder)
  string(REPLACE "/" "." name ${page})
  add_test(NAME pages.${name} COMMAND ${CMAKE_COMMAND} -DPAGE=${PROJECT_SOURCE_DIR}/docs/${page}.md
    -DROOT=${PROJECT_SOURCE_DIR} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/pages -DCOMPILER=${CMAKE_CXX_COMPILER}
    -P ${folder}/fragments.cmake)
  set_tests_properties(pages.${name} PROPERTIES LABELS static)
endforeach()

# Nothing scans for modules: clang-scan-deps need not be there.
if(CMAKE_GENERATOR STREQUAL "Ninja")
  add_test(NAME package.no_scan COMMAND grep -q "\\.ddi" ${PROJECT_BINARY_DIR}/build.ninja)
  set_tests_properties(package.no_scan PROPERTIES LABELS "static;package" WILL_FAIL TRUE)
endif()

file(MAKE_DIRECTORY ${package})
add_test(NAME package.plain.compile
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -I ${PROJECT_SOURCE_DIR}/include
  ${CMAKE_CURRENT_SOURCE_DIR}/package/main.cpp ${CMAKE_CURRENT_SOURCE_DIR}/package/second.cpp -o ${package}/plain)
set_tests_properties(package.plain.compile PROPERTIES LABELS "static;package" FIXTURES_SETUP plain)
add_test(NAME package.plain COMMAND ${package}/plain)
set_tests_properties(package.plain PROPERTIES LABELS "static;package" FIXTURES_REQUIRED plain)

# The example of the README is the tested program.
add_test(NAME readme COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/readme.cmake)
set_tests_properties(readme PROPERTIES LABELS static)
