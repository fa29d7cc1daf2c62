// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/descent.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::near;

/// Draws the tokens of a list.
struct scripted {
  std::vector<token_id> tokens;
  std::size_t used = 0;
  bool flip(double, double, const draw_key&) { return true; }
  token_id pick(const law_view&, const draw_key&) { return tokens[used++]; }
  token_id race(const law_view&, const draw_key&) { return tokens[used++]; }
};

const std::vector<float> sibling_weights{4.0F, 2.0F, 1.0F, 1.0F};
const law_view sibling_law = law_view::dense(sibling_weights, 8.0);

TEST_CASE("descent: the law of a sibling, with and without replacement") {
  scripted source{{0, 2, 1, 0, 3}};
  draft d;
  d.reset(9, 0, 4, 16);
  d.sample_siblings(draft::root(), sibling_law, 3, replacement::without, source);
  d.sample_siblings(draft::root(), sibling_law, 2, replacement::with, source);
  d.push(draft::root(), 3);
  d.sample_siblings(draft::root(), sibling_law, 0, replacement::without, source);
  sibling s{d, draft::root()};
  CHECK((s.node() == 1 && s.token() == 0 && near(s.q()(0), 0.5)));
  s.next();
  CHECK((s.token() == 2 && near(s.q()(2), 0.25) && near(s.q()(1), 0.5)));  // (2, 1, 1) / 4
  s.next();
  CHECK((s.token() == 1 && near(s.q()(1), 2.0 / 3) && near(s.q()(3), 1.0 / 3)));
  s.next();
  CHECK((s.token() == 0 && near(s.q()(0), 0.5)));  // other draws, with replacement
  s.next();
  CHECK((s.token() == 3 && near(s.q()(0), 0.5) && near(s.q()(3), 0.125)));
  s.next();
  CHECK((s.q().is_point() && s.q()(3) == 1.0));
  s.next();
  CHECK(!s);
}

TEST_CASE("descent: draws without replacement do not exclude tokens of other draws") {
  scripted source{{1, 2, 1}};
  draft d;
  d.reset(9, 0, 4, 16);
  d.push(draft::root(), 1);
  d.sample_siblings(draft::root(), sibling_law, 1, replacement::without, source);
  d.sample_siblings(draft::root(), sibling_law, 2, replacement::without, source);
  sibling s{d, draft::root()};
  s.next();
  CHECK(near(s.q()(1), 0.25));
  s.next();
  CHECK(near(s.q()(2), 0.125));
  s.next();
  CHECK(near(s.q()(1), 2.0 / 7));
}

TEST_CASE("descent: sparse laws, and tokens that hold nearly all mass") {
  const std::vector<token_id> ids{3, 5, 8};
  const std::vector<float> peaked{1.0F, 1e-20F, 3e-20F};
  scripted source{{3, 8, 5}};
  draft d;
  d.reset(9, 0, 4, 16);
  const law_view q = law_view::sparse(ids, peaked, numeric::sum(peaked));
  d.sample_siblings(draft::root(), q, 3, replacement::without, source);
  sibling s{d, draft::root()};
  s.next();
  CHECK((near(s.q()(8), 0.75) && near(s.q()(5), 0.25)));
  s.next();
  CHECK(near(s.q()(5), 1.0));
}

TEST_CASE("descent: goes down to a token or to the end of the draft") {
  scripted source{{1, 7}};
  draft d;
  d.reset(9, 10, 4, 16);
  d.push(draft::root(), 0);
  d.push(draft::root(), 2);
  d.push(2, 3);
  auto law_after = [&](node_id) { return sibling_law; };
  const target_laws p{law_after};
  std::vector<node_id> path;
  const outcome refused = descend(d, p, source, path, [&](node_id) { return choice{prefix_node, 6}; });
  CHECK((refused.path.empty() && refused.next == 6 && refused.from == origin::corrected));
  const auto twice = [](node_id at) { return at == 0 ? choice{2} : choice{prefix_node, 5}; };
  const outcome half = descend(d, p, source, path, twice);
  CHECK((half.tip() == 2 && half.next == 5 && half.from == origin::corrected));
  const outcome whole = descend(d, p, source, path, [&](node_id at) { return choice{at == 0 ? 2 : 3}; });
  CHECK((whole.path.size() == 2 && whole.tip() == 3 && whole.next == 1 && whole.from == origin::bonus));
  d.reset(9, 10, 4);
  const outcome none = descend(d, p, source, path, [&](node_id) { return choice{}; });
  CHECK((none.path.empty() && none.next == 7 && none.from == origin::fresh));
}

}  // namespace
