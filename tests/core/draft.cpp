// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/draft.hpp>

#include <cmath>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

namespace {

law_view dense(const std::vector<float>& w) {
  double total = 0.0;
  for (const float x : w) total += static_cast<double>(x);
  return law_view::dense(w, total);
}

}  // namespace

TEST_CASE("a new draft is its root") {
  draft d;
  d.reset(42, 7, 3);
  CHECK(d.size() == 1);
  CHECK(d.proposed() == 0);
  CHECK(d.room() == 3);
  CHECK(d.token(draft::root()) == 42);
  CHECK(d.parent(draft::root()) == prefix_node);
  CHECK(d.kind(draft::root()) == draft::role::root);
  CHECK(d.depth(draft::root()) == 0);
  CHECK(d.root_position() == 7);
  CHECK(d.next_position(draft::root()) == 8);
  CHECK(d.first_child(draft::root()) == prefix_node);
  CHECK(d.is_chain());
  const tree_block block = d.block();
  CHECK(block.is_chain());
  CHECK(block.tokens.size() == 1);
  CHECK(block.want == 1);
}

TEST_CASE("pushed, sampled and probed nodes form a tree") {
  draft d;
  d.reset(0, 10, 8);
  philox source{1};
  random_ref random{source};
  const std::vector<float> w{0.0F, 0.0F, 5.0F};

  const node_id a = d.push(draft::root(), 4);
  const node_id b = d.sample(a, dense(w), random);
  CHECK(d.is_chain());
  CHECK(d.block().parents.empty());
  const node_id mask = d.probe(a, 9);
  const node_id c = d.push(a, 6);
  const node_id e = d.push(draft::root(), 5);
  CHECK(!d.is_chain());
  CHECK((a == 1 && b == 2 && mask == 3 && c == 4 && e == 5));
  CHECK(d.size() == 6);
  CHECK(d.proposed() == 4);
  CHECK(d.room() == 3);

  CHECK(d.kind(a) == draft::role::pushed);
  CHECK(d.kind(b) == draft::role::sampled);
  CHECK(d.kind(mask) == draft::role::probe);
  CHECK(d.token(b) == 2);
  CHECK(d.depth(b) == 2);
  CHECK(d.next_position(b) == 13);
  CHECK(d.first_child(draft::root()) == a);
  CHECK(d.next_sibling(a) == e);
  CHECK(d.first_child(a) == b);
  CHECK(d.next_sibling(b) == c);  // the probe is not among the siblings
  CHECK(d.next_sibling(c) == prefix_node);
  CHECK(d.next_sibling(mask) == prefix_node);

  CHECK(d.q(a).is_point());
  CHECK(d.q(a)(4) == 1.0);
  CHECK(d.q(b)(2) == 1.0);
  CHECK(d.q(b).kind() == law_view::form::dense);

  std::vector<token_id> path{1, 1, 1, 1};
  d.path(c, path);
  CHECK(path == std::vector<token_id>{4, 6});
  d.path(draft::root(), path);
  CHECK(path.empty());

  const tree_block block = d.block();
  CHECK(block.want == 6);
  CHECK(std::vector<token_id>(block.tokens.begin(), block.tokens.end()) == std::vector<token_id>{0, 4, 2, 9, 6, 5});
  CHECK(std::vector<node_id>(block.parents.begin(), block.parents.end()) == std::vector<node_id>{-1, 0, 1, 1, 1, 0});
}

TEST_CASE("a draft refuses unknown parents, empty laws and more nodes than the round allows") {
  draft d;
  d.reset(0, 0, 2);
  philox source;
  CHECK_THROWS_AS(d.push(1, 0), std::invalid_argument);
  CHECK_THROWS_AS(d.push(prefix_node, 0), std::invalid_argument);
  CHECK_THROWS_AS(d.sample(0, law_view{}, source), std::invalid_argument);
  CHECK_THROWS_AS(d.sample_siblings(0, law_view::point(1), 3, replacement::with, source), std::length_error);
  CHECK(d.size() == 1);
  d.probe(0, 1);
  d.push(0, 1);
  CHECK(d.room() == 0);
  CHECK_THROWS_AS(d.push(0, 1), std::length_error);
  CHECK_THROWS_AS(d.probe(0, 1), std::length_error);
  CHECK_THROWS_AS(d.sample(0, law_view::point(1), source), std::length_error);
  CHECK(d.size() == 3);
  d.reset(3, 1, 0);
  CHECK_THROWS_AS(d.push(0, 1), std::length_error);
}

TEST_CASE("the recorded law is the drawn law, dense, sparse or a point") {
  draft d;
  philox source{8};
  std::vector<float> w{1.0F, 2.0F, 3.0F, 4.0F};
  std::vector<token_id> ids{3, 7};
  std::vector<float> two{1.0F, 3.0F};
  d.reset(0, 0, 8);
  const node_id a = d.sample(0, dense(w), source);
  const node_id b = d.sample(a, law_view::sparse(ids, two, 4.0), source);
  const node_id c = d.sample(b, law_view::point(5), source);
  w.assign(4, 0.0F);  // the caller's memory may change
  ids.assign(2, 0);
  two.assign(2, 0.0F);
  CHECK(d.q(a).kind() == law_view::form::dense);
  CHECK(d.q(a)(3) == 0.4);
  CHECK(d.q(b).kind() == law_view::form::sparse);
  CHECK(d.q(b)(7) == 0.75);
  CHECK(d.q(b)(4) == 0.0);
  CHECK((d.token(b) == 3 || d.token(b) == 7));
  CHECK(d.q(c).is_point());
  CHECK(d.token(c) == 5);
}

TEST_CASE("a law that is built in next_law is recorded without a copy") {
  draft d;
  philox source{8};
  d.reset(0, 0, 4);
  for (int i = 0; i < 3; ++i) {
    law_buffer& memory = d.next_law();
    memory.weights.assign(2, 1.0F);
    const float* const data = memory.weights.data();
    const node_id n = d.sample(static_cast<node_id>(i), law_view::dense(memory.weights, 2.0), source);
    CHECK(d.q(n).weights().data() == data);
    CHECK(d.q(n)(0) == 0.5);
  }
  // The laws of earlier nodes stay where they are.
  CHECK(d.q(1)(1) == 0.5);
}

TEST_CASE("sampled tokens follow the law") {
  const std::vector<float> w{1.0F, 0.0F, 3.0F};
  draft d;
  philox source{21};
  random_ref random{source};
  std::size_t twos = 0;
  for (std::uint32_t round = 0; round < 4000; ++round) {
    d.reset(0, 0, 1);
    const token_id x = d.token(d.sample(0, dense(w), random.at_root(round)));
    CHECK(x != 1);
    twos += x == 2 ? 1U : 0U;
  }
  CHECK(twos > 2880);  // 3000 expected, standard deviation 27
  CHECK(twos < 3120);
}

TEST_CASE("siblings without replacement follow successive draws") {
  const std::vector<float> w{1.0F, 2.0F, 5.0F};
  draft d;
  philox source{5};
  random_ref random{source};
  double pairs[3][3] = {};
  constexpr int rounds = 8000;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    d.reset(0, 0, 4);
    REQUIRE(d.sample_siblings(0, dense(w), 2, replacement::without, random.at_root(round)) == 2);
    CHECK(d.token(1) != d.token(2));
    pairs[d.token(1)][d.token(2)] += 1.0 / rounds;
  }
  const double p[3] = {1.0 / 8, 2.0 / 8, 5.0 / 8};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      const double expected = i == j ? 0.0 : p[i] * p[j] / (1.0 - p[i]);
      CHECK(std::abs(pairs[i][j] - expected) < 0.025);  // more than four standard deviations
    }
  }
  CHECK(d.drawn(1) == replacement::without);
  CHECK(d.q(1).weights().data() == d.q(2).weights().data());
  CHECK(d.q(2)(2) == 5.0 / 8);  // the law before the draws
  CHECK(d.next_sibling(1) == 2);
}

TEST_CASE("siblings end with the support; with replacement they may repeat") {
  const std::vector<float> w{0.0F, 2.0F, 5.0F};
  draft d;
  philox source{5};
  random_ref random{source};
  d.reset(0, 0, 6);
  CHECK(d.sample_siblings(0, dense(w), 3, replacement::without, random) == 2);
  CHECK(d.size() == 3);
  CHECK(d.sample_siblings(1, law_view::point(2), 2, replacement::without, random) == 1);
  CHECK(d.sample_siblings(2, law_view::point(2), 2, replacement::with, random) == 2);
  CHECK(d.token(4) == 2);
  CHECK(d.token(5) == 2);
  CHECK(d.drawn(5) == replacement::with);
  CHECK(d.sample_siblings(2, law_view::point(2), 0, replacement::with, random) == 0);

  const std::vector<token_id> ids{2, 4};
  const std::vector<float> two{1.0F, 1.0F};
  d.reset(0, 0, 6);
  CHECK(d.sample_siblings(0, law_view::sparse(ids, two, 2.0), 5, replacement::without, random) == 2);
  CHECK(std::set<token_id>{d.token(1), d.token(2)} == std::set<token_id>{2, 4});
}

TEST_CASE("a draft that was reset forgets the last one") {
  draft d;
  philox source{5};
  const std::vector<float> w{1.0F, 1.0F};
  d.reset(0, 0, 6);
  d.sample_siblings(0, dense(w), 2, replacement::without, source);
  d.push(1, 3);
  d.reset(8, 4, 6);
  CHECK(d.size() == 1);
  CHECK(d.proposed() == 0);
  CHECK(d.is_chain());
  CHECK(d.first_child(0) == prefix_node);
  const node_id a = d.push(0, 1);
  CHECK(d.q(a).is_point());
  CHECK(d.next_sibling(a) == prefix_node);
}

TEST_CASE("nothing is proposed behind a token that ends the text") {
  limits l;
  l.end_tokens = {3};
  l.stop_sequences = {{1, 2}};
  stop_matcher stops;
  stops.start(l, 4);
  draft d;
  philox source{5};
  const std::vector<float> w{1.0F, 4.0F};
  d.reset(3, 7, 6, 12, &stops);
  CHECK(!d.is_closed(0));
  const node_id one = d.push(0, 1);
  CHECK(!d.is_closed(one));
  const node_id end = d.push(0, 3);
  const node_id sequence = d.push(one, 2);
  CHECK(d.is_closed(end));
  CHECK(d.is_closed(sequence));
  CHECK(!d.is_closed(d.push(0, 2)));
  CHECK(!d.is_closed(d.probe(0, 3)));
  CHECK(d.proposed() == 4);

  const node_id behind = d.push(end, 1);  // a probe: not verified, not counted
  CHECK(d.kind(behind) == draft::role::probe);
  CHECK(d.is_closed(behind));
  CHECK(d.first_child(end) == prefix_node);
  const node_id further = d.sample(behind, dense(w), source);
  CHECK(d.kind(further) == draft::role::probe);
  CHECK(d.token(further) == 1);
  CHECK(d.sample_siblings(sequence, dense(w), 2, replacement::with, source) == 0);
  CHECK(d.proposed() == 4);
  CHECK(d.is_closed(further));

  d.reset(3, 7, 6, 12);
  CHECK(!d.is_closed(d.push(0, 3)));
}
