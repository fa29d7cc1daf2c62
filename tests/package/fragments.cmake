# SPDX-License-Identifier: Apache-2.0
# cmake -DPAGE=.. -DROOT=.. -DWORK=.. -DCOMPILER=.. -P fragments.cmake
#
# Compiles the blocks of a page one after another, as the body of one function that has models, a prompt and somewhere to
# show tokens.
file(READ ${PAGE} page)
string(REPLACE ";" "@semicolon@" page "${page}")
string(REPLACE "[" "@open@" page "${page}")
string(REPLACE "]" "@close@" page "${page}")
string(REGEX MATCHALL "```cpp\n[^`]*```" blocks "${page}")
string(REGEX REPLACE "```(cpp\n)?" "" body "${blocks}")
string(REPLACE ";" "\n" body "${body}")
string(REGEX MATCHALL "#include <[^>]*>" includes "${body}")
string(REGEX REPLACE "#include <[^>]*>" "" body "${body}")
string(REPLACE ";" "\n" includes "${includes}")
string(REPLACE "@semicolon@" ";" body "${body}")
string(REPLACE "@open@" "[" body "${body}")
string(REPLACE "@close@" "]" body "${body}")
cmake_path(GET PAGE STEM name)
file(WRITE ${WORK}/${name}.cpp "#include <span>
#include <vector>
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>
${includes}
void print(proviso::token_id);
void show(std::span<const proviso::generated_token>);
void page(proviso::testing::table_model& big, proviso::testing::table_model& small,
          const std::vector<proviso::token_id>& prompt) {
  static_cast<void>(small);
${body}}
")
execute_process(COMMAND ${COMPILER} -std=c++20 -Wall -Wextra -fsyntax-only -I ${ROOT}/include ${WORK}/${name}.cpp
  COMMAND_ERROR_IS_FATAL ANY)
