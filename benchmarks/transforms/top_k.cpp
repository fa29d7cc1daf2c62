// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, top_k_40, proviso::transforms::top_k{40})->Apply(shapes);
BENCHMARK_CAPTURE(law_per_row, top_k_1000, proviso::transforms::top_k{1000})->Apply(shapes);
