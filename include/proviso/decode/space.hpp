// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/masks.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/rules/block.hpp>

namespace proviso {
inline namespace v0 {

/// SPACE: generation and verification in one evaluation, by a model that was trained with mask tokens.
///
///     round:  candidates c_1 .. c_k, drawn from the mask rows of the round before (none in the first)
///             evaluate   x_last  M..M  c_1  M..M  ..  c_k  M..M         a group of k masks under every node
///             the rule says how many candidates stand, and draws the token after them
///             the mask rows under the last one that stands are the laws of the next candidates
///
/// So it is `speculative` with `drafters::masks`: the correction after a refusal comes from the residual against the
/// mask row that the candidate was drawn from, not from the target's row as in the code released with the paper, which
/// is biased. Guarantee, errors: those of `speculative`, the rule, and `drafters::masks`. The next evaluation begins
/// with all committed tokens except the last, and no mask: the session forgets them first. Cost per round: one
/// evaluation of (k + 1)^2 nodes, fewer with a `node_cost`; the first has k + 1. Source: Yi et al., arXiv 2402.11809,
/// section 3.
template <class Rule = rules::block, class Transform = transforms::temperature>
class space {
 public:
  template <class M>
  space(M& model, drafters::masks groups, Rule verifier = Rule{}, Transform shape = Transform{})
      : loop_{model, groups, std::move(verifier), std::move(shape), lengths::fixed{groups.size()}} {}

  template <class M>
  space(const M&& model, drafters::masks groups, Rule verifier = Rule{}, Transform shape = Transform{})
      : space(refuse_temporary(model), groups, std::move(verifier), std::move(shape)) {}

  void visit_models(function_ref<void(model_slot&)> f) { loop_.visit_models(f); }
  task generate(generation& g) { return loop_.generate(g); }

 private:
  speculative<drafters::masks, Rule, Transform, lengths::fixed> loop_;
};

}  // namespace v0
}  // namespace proviso
