// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/decoding.hpp"
#include "support/drafting.hpp"

namespace support {

/// A drafter with a model that hands every draft to `look(context, draft)`.
template <class Inner, class Look>
class observed {
 public:
  observed(Inner inner, Look look) : inner_{std::move(inner)}, look_{std::move(look)} {}
  void visit_models(proviso::function_ref<void(proviso::model_slot&)> f) { inner_.visit_models(f); }
  void start(std::span<const token_id> prompt) { inner_.start(prompt); }
  proviso::task propose(const proviso::context& c, proviso::draft& d) {
    co_await inner_.propose(c, d);
    look_(c, d);
  }
  void commit(const proviso::feedback& f) { inner_.commit(f); }

 private:
  Inner inner_;
  Look look_;
};

/// The law of `model` after the text and the path to `at`, by a session that never saw anything else.
inline std::vector<double> fresh_law(proviso::testing::table_model& model, std::span<const token_id> text,
                                     const proviso::draft& d, proviso::node_id at, double temperature = 1.0) {
  tokens path;
  d.path(at, path);
  tokens all{text.begin(), text.end()};
  all.insert(all.end(), path.begin(), path.end());
  proviso::testing::table_model::session_type session = model.open();
  const proviso::logits_view<float> rows = session.eval(proviso::chain_block{all, 1});
  return softmax(rows.row(0), temperature);
}

/// Largest difference between a law and probabilities.
inline double difference(const proviso::law_view& q, const std::vector<double>& p) {
  double most = 0.0;
  for (std::size_t x = 0; x < p.size(); ++x) most = (std::max)(most, std::abs(q(static_cast<token_id>(x)) - p[x]));
  return most;
}

/// The tokens of the `count` largest entries, lowest first among equals.
inline tokens largest(const std::vector<double>& p, std::size_t count) {
  tokens order;
  for (std::size_t x = 0; x < p.size(); ++x) order.push_back(static_cast<token_id>(x));
  std::stable_sort(order.begin(), order.end(), [&](token_id a, token_id b) {
    return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)];
  });
  order.resize((std::min)(count, order.size()));
  return order;
}

/// The children of a node, in order.
inline std::vector<proviso::node_id> children(const proviso::draft& d, proviso::node_id at) {
  std::vector<proviso::node_id> all;
  for (proviso::node_id x = d.first_child(at); x != proviso::prefix_node; x = d.next_sibling(x)) all.push_back(x);
  return all;
}

}  // namespace support
