// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/logit_bias.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, logit_bias, proviso::transforms::logit_bias{{{42, -5.0F}, {7, 2.5F}}})->Apply(shapes);
