# SPDX-License-Identifier: Apache-2.0
# cmake -DBUILD=<build tree> -DPREFIX=<folder> -P install.cmake: installs into a fresh prefix.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY)
foreach(file include/proviso/proviso.hpp include/proviso/version.hpp share/cmake/proviso/proviso-config.cmake
    share/licenses/proviso/LICENSE)
  if(NOT EXISTS ${PREFIX}/${file})
    message(FATAL_ERROR "The installation lacks ${file}.")
  endif()
endforeach()
