// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/ban.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, ban, proviso::transforms::ban{{3, 17}})->Apply(shapes);
BENCHMARK_CAPTURE(law_per_row, ban_all_except, proviso::transforms::ban::all_except({3, 17, 99}))->Apply(shapes);
