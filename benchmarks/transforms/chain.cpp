// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/chain.hpp>

#include <proviso/transforms/min_p.hpp>
#include <proviso/transforms/repetition_penalty.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>
#include <proviso/transforms/top_p.hpp>

#include "rows.hpp"

namespace {

using namespace proviso::transforms;

const chain usual{temperature{0.8F}, top_k{40}, top_p{0.95}, min_p{0.05}};
const chain with_penalty{repetition_penalty{1.1F}, temperature{0.8F}, top_k{40}, top_p{0.95}};

}  // namespace

BENCHMARK_CAPTURE(law_per_row, usual, usual)->Apply(shapes);
BENCHMARK_CAPTURE(law_per_row, with_penalty, with_penalty)->Apply(shapes);
