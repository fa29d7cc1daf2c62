// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/policy/explain.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {

/// Who proposes in an `ensemble`.
enum class proposers : unsigned char {
  all,   ///< every model goes on from its own row after the tokens that it has scored
  first  ///< model 0 alone; the others only score
};

/// Speculative decoding of an ensemble by its own models: no model is asked at every token. The models take turns. One
/// turn scores all tokens that wait, in one evaluation, and proposes the next ones from the same model's laws. A token
/// that all models have scored is verified: proposed x stands with probability min(1, v(x) / q(x)), v the combined law
/// and q the law that it was drawn from; the correction is drawn from norm([v - q]+), and model 0 begins anew.
///
///     ensemble{combined{combine::weighted{0.5, 0.5}, base, peer}}
///
/// `lengths[i]` is how many tokens model `i` proposes in a turn; none given means 1 each. With two models it is
/// alternate proposal; with `proposers::first`, drafting by model 0 and verification without a bonus token.
/// Guarantee: exactly the combined law, for every token given the text and the rounds before. A round is one pass over
/// the tokens that all models have scored.
/// Errors: `std::invalid_argument` when there are not at least two models, or not one length in 1 .. 1024 per model;
/// those of `combined`. A row that is not a law is an error where its token is verified, and ends the proposals
/// elsewhere. Cost per round: one evaluation of the model whose turn it is and one of a single token for each further
/// proposal; after a refusal, one turn of every model. If all lengths are 1: calls = tokens + (n - 1) * cycles, where
/// cycles = 1
/// + refusals followed by another token, so never more than plain decoding of the ensemble needs.
/// Source: Fu et al., arXiv 2502.01662, algorithms 1 and 2.
template <class Transform = transforms::temperature>
class ensemble {
 public:
  static_assert(explain_transform<Transform>());

  explicit ensemble(combined models, std::vector<std::size_t> lengths = {}, Transform shape = Transform{},
                    proposers who = proposers::all)
      : models_{std::move(models)}, lengths_{std::move(lengths)}, shape_{std::move(shape)}, who_{who} {
    if (models_.size() < 2) throw std::invalid_argument("proviso: ensemble: at least two models are needed");
    if (lengths_.empty()) lengths_.assign(models_.size(), 1);
    if (lengths_.size() != models_.size()) {
      throw std::invalid_argument("proviso: ensemble: there are " + std::to_string(lengths_.size()) + " lengths for " +
                                  std::to_string(models_.size()) + " models");
    }
    std::size_t most = 0;
    for (const std::size_t length : lengths_) {
      if (length == 0 || length > 1024) {
        throw std::invalid_argument("proviso: ensemble: a length is " + std::to_string(length) +
                                    ", must lie between 1 and 1024");
      }
      most += length;
    }
    waiting_.reserve(models_, most + 1);
    block_.reserve(most + 1);
  }

  void visit_models(function_ref<void(model_slot&)> f) { models_.visit_models(f); }

  task generate(generation& g) {
    waiting_.clear();
    closed_ = false;
    co_await models_.feed(g);
    while (g.running()) {
      const std::size_t most = most_waiting(g);
      if (!g.running()) break;
      const std::size_t i = waiting_.least_scored();
      const bool proposes = !closed_ && (who_ == proposers::all || waiting_.size() == 0);
      logits_rows rows = co_await g.evaluate(models_.slot(i), turn(g, i, proposes ? most : waiting_.size()));
      bool goes_on = take(g, i, rows);
      if (waiting_.scored_by_all() > 0) {
        goes_on = verify(g) && goes_on;
        co_await g.next_round();
      }
      for (std::size_t k = 1; goes_on && !closed_ && k < lengths_[i]; ++k) {
        if (!g.running() || waiting_.size() == most_waiting(g)) break;
        rows = co_await g.evaluate(models_.slot(i), turn(g, i, waiting_.size() + 1));
        goes_on = take(g, i, rows);
      }
    }
    forget(g);
  }

 private:
  /// Proposed tokens that are not verified yet, first in, first out, with the law that each was drawn from and the
  /// rows of the models that have scored it. Memory is reused.
  class queue {
   public:
    struct entry {
      law_buffer memory;
      combined::known_law drawn{};               // who proposed the token, and from which law
      detail::list<detail::list<float>> rows{};  // of model i, where it has scored the token
    };

    void reserve(const combined& models, std::size_t count) {
      entries_.extend(count);
      for (entry& e : entries_) {
        e.rows.extend(models.size());
        for (detail::list<float>& row : e.rows) row.reserve(models.vocab_size());
      }
      scored_.assign(models.size(), 0);
      tokens_.reserve(count);
    }
    void clear() noexcept {
      tokens_.clear();
      for (std::size_t& n : scored_) n = 0;
    }
    std::size_t size() const noexcept { return tokens_.size(); }
    std::span<const token_id> tokens() const noexcept { return detail::view(tokens_); }
    /// The place of the i-th token, or, at `size()`, of the next one.
    entry& at(std::size_t i) noexcept { return entries_[(head_ + i) % entries_.size()]; }
    void push(token_id token) { tokens_.push_back(token); }
    void pop() {
      tokens_.drop_front(1);
      for (std::size_t& n : scored_) --n;
      head_ = (head_ + 1) % entries_.size();
    }

    /// How many tokens, from the first on, a model has scored.
    std::size_t& scored(std::size_t model) noexcept { return scored_[model]; }
    std::size_t scored_by_all() noexcept { return scored_[least_scored()]; }
    /// The model that has scored the fewest; the first of them.
    std::size_t least_scored() const noexcept {
      std::size_t least = 0;
      for (std::size_t i = 1; i < scored_.size(); ++i) least = scored_[i] < scored_[least] ? i : least;
      return least;
    }

   private:
    detail::list<entry> entries_;
    detail::list<token_id> tokens_;
    detail::list<std::size_t> scored_;
    std::size_t head_ = 0;
  };

  /// How many tokens may wait: what is left of the budget, and what every session can hold and take back.
  std::size_t most_waiting(generation& g) { return models_.draft_limit(g, g.room()).depth + 1; }

  /// A block that gives model `i` the rows it lacks of the waiting tokens and, if `most` allows one more, the next.
  masked_block turn(const generation& g, std::size_t i, std::size_t most) {
    const std::size_t rows = waiting_.size() < most ? waiting_.size() + 1 : waiting_.size();
    const std::size_t held = models_.slot(i).length();
    const std::size_t text = g.text().size();
    block_.clear();
    for (std::size_t at = held; at < text; ++at) block_.push_back(g.text()[at]);
    for (std::size_t at = held > text ? held - text : 0; at + 1 < rows; ++at) block_.push_back(waiting_.tokens()[at]);
    return chain_block{detail::view(block_), rows - waiting_.scored(i)};
  }

  /// Keeps the rows of model `i`. When they reach behind the waiting tokens, proposes the next one from the last row;
  /// returns whether it did.
  bool take(generation& g, std::size_t i, const logits_rows& rows) {
    scratch_.resize(rows.cols());
    const std::size_t before = waiting_.size();
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      const std::size_t at = waiting_.scored(i)++;
      detail::copy(rows.row(r, detail::writable(scratch_)), waiting_.at(at).rows[i]);
    }
    return waiting_.scored(i) > before && propose(g, i);
  }
  bool propose(generation& g, std::size_t i) {
    typename queue::entry& next = waiting_.at(waiting_.size());
    const std::size_t position = g.text().size() + waiting_.size();
    try {
      const text_position where{g.text(), waiting_.tokens()};
      next.drawn = {i, g.law(detail::view(next.rows[i]), where, shape_, next.memory)};
    } catch (const std::domain_error& fault) {
      if (waiting_.size() == 0) fail(fault, position);
      g.count_discarded();  // as if the row had not been asked for
      --waiting_.scored(i);
      models_.slot(i).rewind(position - 1);
      return false;
    }
    // A refused token's followers are proposed again: their root is another one then.
    const auto node = static_cast<node_id>(waiting_.size() + 1);
    waiting_.push(g.random().pick(next.drawn.law, purpose::draft, node));
    closed_ = g.would_end(waiting_.tokens());
    g.count_drafted();
    return true;
  }

  /// Verifies the tokens that all models have scored. Returns false when one was refused.
  bool verify(generation& g) {
    const auto untouched = [](law_builder&, const text_position&) {};
    const std::size_t tested = waiting_.scored_by_all();
    std::size_t accepted = 0;
    bool stood = true;
    while (stood && g.running() && accepted < tested) {
      const typename queue::entry& head = waiting_.at(0);
      law_view own;
      if (g.reports()) own = law_of(g, head, untouched, own_, {});
      const law_view v = law_of(g, head, shape_, combined_, head.drawn);
      const law_view& q = head.drawn.law;
      constexpr node_id node = 1;
      const token_id x = waiting_.tokens()[0];
      stood = g.random().flip(v(x), q(x), purpose::acceptance, node);
      if (stood) {
        g.append(x, origin::drafted, v, own);
        waiting_.pop();
        ++accepted;
      } else {
        const law_view rest = numeric::residual(v, q, residual_);
        g.append(g.random().pick(rest, purpose::residual, node), origin::corrected, v, own);
        forget(g);
      }
    }
    g.count_verified(tested, accepted);
    return stood;
  }
  law_view law_of(generation& g, const typename queue::entry& head, transform_ref shape, law_buffer& out,
                  const combined::known_law& known) {
    rows_.clear();
    for (const detail::list<float>& row : head.rows) rows_.push_back(detail::view(row));
    try {
      return models_.law(g, detail::view(rows_), {g.text(), {}}, shape, out, known);
    } catch (const std::domain_error& fault) {
      fail(fault, g.text().size());
    }
  }
  [[noreturn]] static void fail(const std::domain_error& fault, std::size_t position) {
    throw std::domain_error(std::string{fault.what()} + " (ensemble, position " + std::to_string(position) + ")");
  }

  /// Drops what waits, in the sessions, too: they keep the text without its last token at most.
  void forget(const generation& g) {
    waiting_.clear();
    closed_ = false;
    const std::size_t most = g.text().size() - 1;
    for (std::size_t i = 0; i < models_.size(); ++i) models_.slot(i).shorten(most);
  }

  combined models_;
  std::vector<std::size_t> lengths_;
  Transform shape_;
  proposers who_;
  queue waiting_;
  bool closed_ = false;  // whether the last token that waits ends the text
  detail::list<token_id> block_;
  detail::list<float> scratch_;
  detail::list<std::span<const float>> rows_;
  law_buffer combined_;
  law_buffer own_;
  law_buffer residual_;
};

}  // namespace v0
}  // namespace proviso
