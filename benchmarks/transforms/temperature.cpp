// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/temperature.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, temperature_0 .8, proviso::transforms::temperature{0.8F})->Apply(shapes);
BENCHMARK_CAPTURE(law_per_row, greedy, proviso::transforms::temperature{0.0F})->Apply(shapes);
