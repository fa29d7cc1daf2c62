// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/presence_penalty.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, presence_penalty, proviso::transforms::presence_penalty{0.1F})->Apply(shapes);
