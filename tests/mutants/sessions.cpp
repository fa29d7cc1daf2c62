// SPDX-License-Identifier: Apache-2.0
// Wrong loops: sessions that keep too much or too little, laws that miss a transform, rows of the wrong node, and a
// model that does not forget.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/drafters/model.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/transforms/frequency_penalty.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

/// A temperature, and a penalty that depends on the text.
struct shaping {
  void operator()(law_builder& row, const text_position& where) const {
    row.divide(0.7F);
    transforms::frequency_penalty{0.8F}(row, where);
  }
};

enum class session_fault {
  none,
  target_keeps_one_more,  ///< the target's session keeps the refused token
  target_keeps_one_less,  ///< the target's session loses the last token that stands
  drafter_keeps_refused,  ///< the drafter's session keeps the refused token
  drafter_lacks_last,     ///< the drafter's session never sees the last token of a draft that stood whole
  bonus_unshaped,         ///< no transform on the row after a whole draft
  correction_unshaped,    ///< no transform on the row that the correction is drawn from
  draft_not_counted,      ///< the penalty does not count the drafted tokens above the row
  last_counted_twice,     ///< the penalty counts the last token twice
  row_early,              ///< the row before a node is taken for the row after it
  last_row_for_all        ///< one row of logits for the whole draft
};

/// Speculative decoding by hand: a chain drawn by a small model, token verification.
class speculative_loop {
 public:
  speculative_loop(testing::table_model& target, testing::table_model& small, session_fault f)
      : target_{target}, small_{small}, fault_{f} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    f(target_);
    f(small_);
  }

  task generate(generation& g) {
    const shaping shape;
    co_await g.feed(target_, 1);
    while (g.running()) {
      const draft_bounds most = g.draft_limit(target_, 2);
      draft_.reset(g.text().back(), g.text().size() - 1, most.depth, most.nodes);
      if (most.depth > 0) {
        begin_draft(g);
        logits_rows rows = co_await g.evaluate(small_, chain_block{missing_, 1});
        for (node_id at = draft::root();;) {
          at = draft_.sample(at, g.law(rows, 0, draft_, at, transform_ref{shape}, draft_.next_law()), g.random());
          if (draft_.depth(at) == most.depth) break;
          last_ = draft_.token(at);
          rows = co_await g.evaluate(small_, chain_block{{&last_, 1}, 1});
        }
      }
      const logits_rows rows = co_await g.evaluate(target_, draft_.block());
      auto law = [&](node_id n) { return law_after(g, rows, n); };
      const target_laws p{law};
      commit(g, rule_(draft_, p, g.random()), p);
      co_await g.next_round();
    }
  }

 private:
  /// What the small model must still see.
  void begin_draft(generation& g) {
    const std::size_t size = g.text().size();
    if (fault_ == session_fault::drafter_keeps_refused) {
      if (small_.length() == 0) small_.match(g.text());
      small_.rewind(size);
    } else if (fault_ != session_fault::drafter_lacks_last) {
      small_.match(g.text().first(size - 1));
    } else if (small_.length() == 0) {
      small_.match(g.text());
    } else {
      small_.rewind(size - 1);
    }
    std::size_t from = small_.length();
    if (fault_ == session_fault::drafter_lacks_last && from > 0) from = size - 1;
    if (from >= size) from = size - 1;
    missing_ = g.text().subspan(from);
  }

  law_view law_after(generation& g, const logits_rows& rows, node_id n) {
    const shaping shape;
    const auto shaped = [&](law_builder& builder, const text_position& where) {
      const bool last = draft_.first_child(n) == prefix_node;
      if (fault_ == session_fault::bonus_unshaped && last) return;
      if (fault_ == session_fault::correction_unshaped && refused_) return;
      if (fault_ == session_fault::draft_not_counted) return shape(builder, {where.prefix, {}});
      if (fault_ != session_fault::last_counted_twice) return shape(builder, where);
      path_.assign(where.path.begin(), where.path.end());
      path_.push_back(draft_.token(n));
      shape(builder, {where.prefix, path_});
    };
    auto i = static_cast<std::size_t>(n);
    if (fault_ == session_fault::row_early && i > 0) --i;
    if (fault_ == session_fault::last_row_for_all) i = draft_.size() - 1;
    buffers_.resize(draft_.size());
    return g.law(rows, i, draft_, n, transform_ref{shaped}, buffers_[static_cast<std::size_t>(n)]);
  }

  /// Token verification; the row of a refusal is asked for again, to be shaped as that of a correction.
  outcome rule_(const draft& d, const target_laws& p, random_ref random) {
    kept_.clear();
    refused_ = false;
    node_id at = draft::root();
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(x)) {
      const row q = probabilities(d.q(x));
      if (!random.flip(p(at)(d.token(x)), mutants::at(q, d.token(x)), purpose::acceptance, x)) {
        refused_ = true;  // for the row that follows
        correction_ = probabilities(p(at));
        refused_ = false;
        const row rest = excess(1.0, correction_, 1.0, q);
        if (sum(rest) > 0.0) correction_ = rest;
        return {kept_, random.pick(law_of(correction_), purpose::residual, x), origin::corrected};
      }
      kept_.push_back(at = x);
    }
    return {kept_, random.pick_token(p(at), d.next_position(at)), ending(d, at)};
  }

  void commit(generation& g, const outcome& o, const target_laws& p) {
    g.count_round();
    const std::size_t before = g.output().size();
    node_id above = draft::root();
    std::vector<node_id> keep{above};
    for (const node_id n : o.path) {
      g.append(draft_.token(n), origin::drafted, p(above));
      keep.push_back(above = n);
    }
    const node_id refused = draft_.first_child(above);
    g.append(o.next, o.from, p(above));
    keep.resize(g.output().size() - before);
    if (fault_ == session_fault::target_keeps_one_more && refused != prefix_node) keep.push_back(refused);
    if (fault_ == session_fault::target_keeps_one_less) keep.pop_back();
    target_.keep(keep);
  }

  model_slot target_, small_;
  session_fault fault_;
  draft draft_;
  std::span<const token_id> missing_;
  token_id last_ = 0;
  bool refused_ = false;
  std::vector<node_id> kept_;
  std::vector<token_id> path_;
  row correction_;
  std::vector<law_buffer> buffers_;
};

testing::proof_options options() {
  testing::proof_options o;
  o.prompt = prompt();
  o.tokens = 5;  // a whole draft, a bonus, and a draft after them
  return o;
}

/// Three pairs of models; `prove(target's seed)` runs one proof.
template <class Prove>
verdict hear(std::vector<testing::proof_report>& references, Prove&& prove) {
  verdict v;
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    v.next();
    const testing::proof_report report = prove(seed);
    if (references.size() < seed) references.push_back(report);
    v.hear(report, references[seed - 1]);
  }
  return v;
}

TEST_CASE("session mutants") {
  const book all{"loops over sessions"};
  std::vector<testing::proof_report> references;
  all.sound("speculative", hear(references, [](std::uint32_t seed) {
              testing::table_model target{3, whole_text(seed)};
              testing::table_model small{3, whole_text(seed + 10)};
              return testing::prove_lossless(
                  [&] {
                    return speculative{target, drafters::model{small}, rules::token{}, shaping{}, lengths::fixed{2}};
                  },
                  testing::row_law(3, whole_text(seed), shaping{}), options());
            }));
  const auto with = [&](session_fault f) {
    return hear(references, [f](std::uint32_t seed) {
      testing::table_model target{3, whole_text(seed)};
      testing::table_model small{3, whole_text(seed + 10)};
      return testing::prove_lossless(
          [&] {
            return speculative_loop{target, small, f};
          },
          testing::row_law(3, whole_text(seed), shaping{}), options());
    });
  };
  all.sound("double without a fault", with(session_fault::none));
  all.wrong("target keeps the refused token", with(session_fault::target_keeps_one_more));
  all.wrong("target loses the last token", with(session_fault::target_keeps_one_less));
  all.wrong("drafter keeps the refused token", with(session_fault::drafter_keeps_refused));
  all.wrong("drafter lacks the last token", with(session_fault::drafter_lacks_last));
  all.wrong("bonus row not shaped", with(session_fault::bonus_unshaped));
  all.wrong("correction's row not shaped", with(session_fault::correction_unshaped));
  all.wrong("penalty without the draft", with(session_fault::draft_not_counted));
  all.wrong("penalty counts the last twice", with(session_fault::last_counted_twice));
  all.wrong("row of the node before", with(session_fault::row_early));
  all.wrong("one row for the whole draft", with(session_fault::last_row_for_all));
}

enum class tree_fault {
  none,
  no_mask,           ///< every node sees all nodes before it
  rows_by_depth,     ///< the row of a node is looked up by its depth
  keeps_first_child  ///< the session keeps the first siblings, whichever stand
};

/// A pushed tree under sample-match.
class tree_loop {
 public:
  tree_loop(testing::table_model& target, tree_fault f) : target_{target}, fault_{f} {}
  void visit_models(function_ref<void(model_slot&)> f) { f(target_); }

  task generate(generation& g) {
    co_await g.feed(target_, 1);
    while (g.running()) {
      const draft_bounds most = g.draft_limit(target_, 2);
      draft_.reset(g.text().back(), g.text().size() - 1, most.depth, most.nodes);
      for (node_id at = draft::root(); draft_.depth(at) < most.depth && at < 3; ++at) {
        for (token_id x = 0; x < 2; ++x) draft_.push(at, static_cast<token_id>(g.text().size() + draft_.size()) % 3);
      }
      const logits_rows rows = co_await g.evaluate(target_, block());
      auto law = [&](node_id n) {
        const auto i = static_cast<std::size_t>(n);
        buffers_.resize(draft_.size());
        return g.law(rows, fault_ == tree_fault::rows_by_depth ? draft_.depth(n) : i, draft_, n, transform_ref{shape_},
                     buffers_[i]);
      };
      const target_laws p{law};
      const outcome o =
          follow(draft_, path_, [&](node_id n) { return g.random().pick_token(p(n), draft_.next_position(n)); });
      commit(g, o, p);
      co_await g.next_round();
    }
  }

 private:
  masked_block block() {
    masked_block b{draft_.block()};
    if (fault_ != tree_fault::no_mask || draft_.is_chain()) return b;
    visible_.resize(draft_.size());
    for (std::size_t i = 0; i < visible_.size(); ++i) visible_[i] = (std::uint64_t{2} << i) - 1U;
    b.visible = visible_;
    return b;
  }
  void commit(generation& g, const outcome& o, const target_laws& p) {
    g.count_round();
    const std::size_t before = g.output().size();
    node_id above = draft::root();
    std::vector<node_id> keep{above};
    for (const node_id n : o.path) {
      g.append(draft_.token(n), origin::drafted, p(above));
      above = n;
      keep.push_back(fault_ == tree_fault::keeps_first_child ? draft_.first_child(keep.back()) : n);
    }
    g.append(o.next, o.from, p(above));
    keep.resize(g.output().size() - before);
    target_.keep(keep);
  }

  model_slot target_;
  tree_fault fault_;
  draft draft_;
  shaping shape_;
  std::vector<node_id> path_;
  std::vector<law_buffer> buffers_;
  std::vector<std::uint64_t> visible_;
};

TEST_CASE("tree session mutants") {
  const book all{"loops over trees"};
  std::vector<testing::proof_report> references;
  const auto with = [&](tree_fault f) {
    return hear(references, [f](std::uint32_t seed) {
      testing::table_model target{3, whole_text(seed)};
      return testing::prove_lossless(
          [&] {
            return tree_loop{target, f};
          },
          testing::row_law(3, whole_text(seed), shaping{}), options());
    });
  };
  all.sound("double without a fault", with(tree_fault::none));
  all.wrong("tree without its mask", with(tree_fault::no_mask));
  all.wrong("rows by depth", with(tree_fault::rows_by_depth));
  all.wrong("keeps the first siblings", with(tree_fault::keeps_first_child));
}

/// A model with a state: what it has seen. A session that leaks forgets tokens, but not what they did to the state.
class stateful_model {
 public:
  stateful_model(testing::row_table table, bool leaks) : table_{std::move(table)}, leaks_{leaks} {}
  stateful_model(const stateful_model&) = delete;
  stateful_model& operator=(const stateful_model&) = delete;

  class session_type {
   public:
    explicit session_type(stateful_model& model) : model_{&model} {}
    std::size_t length() const noexcept { return length_; }
    logits_view<float> eval(const chain_block& block) {
      rows_.clear();
      for (std::size_t i = 0; i < block.tokens.size(); ++i) {
        seen_.push_back(block.tokens[i]);
        if (i + block.want < block.tokens.size()) continue;
        const std::span<const float> next = model_->table_.row(seen_);
        rows_.insert(rows_.end(), next.begin(), next.end());
      }
      length_ += block.tokens.size();
      return {rows_.data(), block.want, model_->table_.vocab()};
    }
    void rewind(std::size_t n) {
      length_ = n;
      if (n == 0 || !model_->leaks_) seen_.resize(n);
    }

   private:
    stateful_model* model_;
    std::size_t length_ = 0;
    std::vector<token_id> seen_;
    std::vector<float> rows_;
  };
  std::size_t vocab_size() const noexcept { return table_.vocab(); }
  session_type open() { return session_type{*this}; }

 private:
  testing::row_table table_;
  bool leaks_;
};

TEST_CASE("state mutants") {
  const book all{"models with a state"};
  std::vector<testing::proof_report> references;
  const auto with = [&](bool leaks) {
    return hear(references, [leaks](std::uint32_t seed) {
      const testing::row_table p = testing::random_table(3, 2, seed);
      stateful_model target{p, leaks};
      testing::table_model small{testing::random_table(3, 2, seed + 10)};
      return testing::prove_lossless(
          [&] {
            return speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{},
                               lengths::fixed{2}};
          },
          testing::table_law(p), options());
    });
  };
  all.sound("forgets", with(false));
  all.wrong("state of refused tokens stays", with(true));
}

}  // namespace
