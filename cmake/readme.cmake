# SPDX-License-Identifier: Apache-2.0
# The example in README.md is examples/readme.cpp, word for word. usage: cmake -DROOT=DIR -P readme.cmake
file(READ ${ROOT}/README.md page)
file(READ ${ROOT}/examples/readme.cpp program)
string(FIND "${program}" "\n" end)
math(EXPR begin "${end} + 1")
string(SUBSTRING "${program}" ${begin} -1 program)
string(FIND "${page}" "```cpp\n${program}```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "README.md does not show examples/readme.cpp as it is; copy the program without its first line.")
endif()
