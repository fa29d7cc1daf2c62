// SPDX-License-Identifier: Apache-2.0
#include "everything.hpp"

int second();

int second() { return PROVISO_VERSION_MINOR; }
