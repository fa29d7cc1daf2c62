// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/top_p.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, top_p_0 .95, proviso::transforms::top_p{0.95})->Apply(shapes);
