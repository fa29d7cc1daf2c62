# SPDX-License-Identifier: Apache-2.0
# Given as CMAKE_PROJECT_INCLUDE: the build already has the library in another version.
add_library(proviso::proviso INTERFACE IMPORTED GLOBAL)
set_target_properties(proviso::proviso PROPERTIES PROVISO_VERSION 0.0.1)
