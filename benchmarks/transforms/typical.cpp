// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/typical.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, typical_0 .95, proviso::transforms::typical{0.95})->Apply(shapes);
