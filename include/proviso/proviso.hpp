// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything that depends on the standard library alone. Backends and interop have headers of their own.

#include <proviso/core/block.hpp>
#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/statistics.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/types.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drive/answer.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/lengths/fixed.hpp>
#include <proviso/lengths/heuristic.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/rules/greedy.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/version.hpp>
