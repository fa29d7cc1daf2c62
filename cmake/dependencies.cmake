# SPDX-License-Identifier: Apache-2.0
# What the tests, examples and benchmarks need. Each package is taken from the system where it is installed, else it
# is fetched, else the configuration stops with a sentence that names it. The library itself needs none of them.
#
# FETCHCONTENT_SOURCE_DIR_<NAME> takes a package from a folder; FETCHCONTENT_FULLY_DISCONNECTED=ON fetches nothing.
include(FetchContent)

# proviso_fetch(NAME URL DEBIAN-PACKAGE [HEADERS])
# Downloads and unpacks a package, and adds its targets unless HEADERS is given. Sets <name>_SOURCE_DIR.
macro(proviso_fetch name url debian)
  string(TOUPPER ${name} proviso_upper)
  set(proviso_archive "${PROJECT_BINARY_DIR}/_deps/${name}.tar.gz")
  if(NOT FETCHCONTENT_SOURCE_DIR_${proviso_upper} AND NOT EXISTS "${proviso_archive}")
    set(proviso_status "1;fetching is switched off")
    if(NOT FETCHCONTENT_FULLY_DISCONNECTED)
      message(STATUS "proviso: fetching ${name}")
      file(DOWNLOAD "${url}" "${proviso_archive}.part" STATUS proviso_status INACTIVITY_TIMEOUT 30 TLS_VERIFY ON)
    endif()
    list(GET proviso_status 0 proviso_code)
    list(GET proviso_status 1 proviso_reason)
    if(proviso_code)
      file(REMOVE "${proviso_archive}.part")
      message(FATAL_ERROR
        "proviso: the package ${name} is not installed and could not be fetched from ${url} (${proviso_reason}). "
        "Install it (Debian, Ubuntu: apt-get install ${debian}) or set FETCHCONTENT_SOURCE_DIR_${proviso_upper} to "
        "its source.")
    endif()
    file(RENAME "${proviso_archive}.part" "${proviso_archive}")
  endif()
  if("${ARGN}" STREQUAL "HEADERS")
    FetchContent_Declare(${name} URL "${proviso_archive}" SOURCE_SUBDIR without/cmake)
  else()
    FetchContent_Declare(${name} URL "${proviso_archive}")
  endif()
  FetchContent_MakeAvailable(${name})
endmacro()

# proviso_header_only(TARGET NAME SUBDIR URL DEBIAN-PACKAGE): fetches a package that is only a folder of headers.
macro(proviso_header_only target name subdir url debian)
  proviso_fetch(${name} ${url} ${debian} HEADERS)
  string(TOLOWER ${name} proviso_lower)
  add_library(${target} INTERFACE IMPORTED)
  target_include_directories(${target} INTERFACE "${${proviso_lower}_SOURCE_DIR}/${subdir}")
endmacro()

find_package(Threads REQUIRED)

find_package(Eigen3 3.4 QUIET)
if(NOT TARGET Eigen3::Eigen)
  proviso_header_only(Eigen3::Eigen Eigen3 .
    https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz libeigen3-dev)
endif()

find_package(nlohmann_json 3.10 QUIET)
if(NOT TARGET nlohmann_json::nlohmann_json)
  proviso_header_only(nlohmann_json::nlohmann_json nlohmann_json include
    https://github.com/nlohmann/json/archive/refs/tags/v3.11.3.tar.gz nlohmann-json3-dev)
endif()

if(PROVISO_BUILD_TESTS OR PROVISO_BUILD_EXAMPLES)
  find_package(xtensor 0.24 QUIET)
  if(NOT TARGET xtensor)
    find_package(xtensor QUIET)  # 0.25 to 0.27 do not call themselves compatible with 0.24
  endif()
  if(NOT TARGET xtensor)
    proviso_header_only(xtl xtl include
      https://github.com/xtensor-stack/xtl/archive/refs/tags/0.7.7.tar.gz libxtl-dev)
    proviso_header_only(xtensor xtensor include
      https://github.com/xtensor-stack/xtensor/archive/refs/tags/0.25.0.tar.gz libxtensor-dev)
    target_link_libraries(xtensor INTERFACE xtl)
  endif()
endif()

if(PROVISO_BUILD_CLI OR PROVISO_BUILD_EXAMPLES)
  find_package(CLI11 2.1 QUIET)
  if(NOT TARGET CLI11::CLI11)
    proviso_header_only(CLI11::CLI11 CLI11 include
      https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.4.2.tar.gz libcli11-dev)
  endif()

  find_package(fmt 8 QUIET)
  if(NOT TARGET fmt::fmt)
    find_package(fmt QUIET)
  endif()
  if(NOT TARGET fmt::fmt)
    proviso_fetch(fmt https://github.com/fmtlib/fmt/archive/refs/tags/10.2.1.tar.gz libfmt-dev)
  endif()
endif()

if(PROVISO_BUILD_CLI OR PROVISO_BUILD_EXAMPLES)
  list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
  find_package(SentencePiece QUIET)
  if(NOT TARGET SentencePiece::SentencePiece)
    set(SPM_ENABLE_SHARED OFF)
    proviso_fetch(sentencepiece
      https://github.com/google/sentencepiece/archive/refs/tags/v0.2.0.tar.gz libsentencepiece-dev)
    target_include_directories(sentencepiece-static SYSTEM INTERFACE "${sentencepiece_SOURCE_DIR}/src")
    add_library(SentencePiece::SentencePiece ALIAS sentencepiece-static)
  endif()
endif()

if(PROVISO_BUILD_TESTS)
  find_package(Catch2 3 QUIET)
  if(NOT TARGET Catch2::Catch2)
    find_package(Catch2 2.13 QUIET)
  endif()
  if(NOT TARGET Catch2::Catch2)
    proviso_fetch(Catch2 https://github.com/catchorg/Catch2/archive/refs/tags/v3.5.4.tar.gz catch2)
    set(Catch2_VERSION 3.5.4)
  endif()
endif()

if(PROVISO_BUILD_BENCHMARKS)
  find_package(benchmark QUIET)
  if(NOT TARGET benchmark::benchmark)
    set(BENCHMARK_ENABLE_TESTING OFF)
    set(BENCHMARK_ENABLE_INSTALL OFF)
    proviso_fetch(benchmark https://github.com/google/benchmark/archive/refs/tags/v1.8.3.tar.gz libbenchmark-dev)
  endif()
endif()
