// SPDX-License-Identifier: Apache-2.0
// Suffix drafting on texts of 100,000 tokens (kind 0: random, 1: like code): time per token to index a prompt and per
// round to extend the index and propose; `over_pass` is their ratio to one pass over the text.
#include <proviso/drafters/suffix.hpp>

#include "texts.hpp"

namespace {

using proviso::drafters::suffix;

void index_text(benchmark::State& state) { texts::index_text<suffix>(state); }
void propose(benchmark::State& state) { texts::propose<suffix>(state); }

BENCHMARK(index_text)->ArgName("kind")->Arg(0)->Arg(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(propose)->ArgName("kind")->Arg(0)->Arg(1)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);

}  // namespace
