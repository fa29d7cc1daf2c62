// SPDX-License-Identifier: Apache-2.0
#include "everything.hpp"

int second();

int main() { return second() == PROVISO_VERSION_MINOR ? 0 : 1; }
