// SPDX-License-Identifier: Apache-2.0
// The second translation unit of a user's program.
#include "successor.hpp"

std::size_t tokens_per_run();

std::size_t tokens_per_run() { return successor{}.vocab_size() - 2; }
