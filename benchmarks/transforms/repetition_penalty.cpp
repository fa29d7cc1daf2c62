// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/repetition_penalty.hpp>

#include "rows.hpp"

BENCHMARK_CAPTURE(law_per_row, repetition_penalty, proviso::transforms::repetition_penalty{1.1F})->Apply(shapes);
