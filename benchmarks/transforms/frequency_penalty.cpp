// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/frequency_penalty.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, frequency_penalty, proviso::transforms::frequency_penalty{0.1F})->Apply(shapes);
