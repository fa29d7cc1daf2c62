# SPDX-License-Identifier: Apache-2.0
# Install rules and the package configuration: find_package(proviso 0.1 [COMPONENTS eigen xtensor]).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(proviso_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/proviso)
foreach(component core eigen xtensor)
  install(TARGETS proviso_${component} EXPORT proviso-${component}-targets
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT proviso-${component}-targets NAMESPACE proviso:: DESTINATION ${proviso_package_dir})
endforeach()
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/proviso-config.cmake.in ${PROJECT_BINARY_DIR}/proviso-config.cmake
  INSTALL_DESTINATION ${proviso_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/proviso-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES ${PROJECT_BINARY_DIR}/proviso-config.cmake ${PROJECT_BINARY_DIR}/proviso-config-version.cmake
  DESTINATION ${proviso_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/proviso)
