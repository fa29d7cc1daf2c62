// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/min_p.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, min_p_0 .05, proviso::transforms::min_p{0.05})->Apply(shapes);
