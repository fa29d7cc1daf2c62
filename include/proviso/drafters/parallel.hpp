// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// What the row of a mask is the law of: the token after the place of the mask, as in causal models, or the token that
/// belongs in its place, as in diffusion models.
enum class mask_row : unsigned char { next, own };

/// Which masks of its group a mask sees: those before it, or all of them.
enum class mask_sight : unsigned char { earlier, all };

/// A drafting model proposes k tokens in one evaluation, from k laws that do not know of each other's tokens: its text
/// followed by masks. Semi-autoregressive models, parallel heads and block diffusion are of this kind.
///
///     mask_row::next:   text  M_1 .. M_{k-1}     candidates from the last row of the text and those of the masks
///     mask_row::own:    text  M_1 .. M_k         candidates from the rows of the masks
///
/// Requirements: the vocabulary of the target; `mask_sight::all` needs sessions that evaluate masked blocks.
/// Guarantee: every candidate is drawn from the law of its own row and recorded with it (or chosen from it as the rule
/// wants, see `context::sample`), so a lossless rule is lossless. A row that is not a law ends the draft. Capacity and
/// `max_rewind` of the model's session make drafts shorter. After the evaluation the masks are forgotten. Errors:
/// `std::invalid_argument` without masks (`mask_row::own`; with `mask_row::next` none means drafts of one token). Cost
/// per round: one evaluation of the model: the tokens that it misses, and the masks. Source: semi-autoregressive drafts
/// of Yi et al., arXiv 2402.11809; heads: Cai et al. (Medusa), arXiv 2401.10774; masks: Xiao et al. (ParallelSpec),
/// arXiv 2410.05589; diffusion: Christopher et al., arXiv 2408.05636.
template <class M>
class parallel {
 public:
  /// `masks[j]` is the token in place j of the masks.
  parallel(M& draft_model, const std::vector<token_id>& masks, mask_row row = mask_row::next,
           mask_sight sight = mask_sight::earlier)
      : slot_{draft_model}, row_{row}, sight_{sight} {
    detail::copy(detail::view(masks), masks_);
    if (size() == 0) throw std::invalid_argument("proviso: drafters::parallel needs at least one mask token");
  }

  parallel(const M&& temporary, const std::vector<token_id>& masks, mask_row = mask_row::next,
           mask_sight = mask_sight::earlier)
      : parallel{refuse_temporary(temporary), masks} {}

  /// k: the most candidates of a round.
  std::size_t size() const noexcept { return masks_.size() + ahead(); }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  void start(std::span<const token_id>) const noexcept {}

  task propose(const context& c, draft& d) {
    std::size_t count = size() < c.limit() ? size() : c.limit();
    if (slot_.capacity() < c.text().size()) co_return;
    const std::size_t fits = slot_.capacity() - c.text().size();
    const std::size_t spare = fits < slot_.max_rewind() ? fits : slot_.max_rewind();
    if (spare < count) count = spare + ahead() < count ? spare + ahead() : count;
    if (count == 0 || !c.proceed(0, {})) co_return;
    co_await c.feed(slot_);
    const std::size_t before = c.text().size() - slot_.length();
    const logits_rows rows = co_await c.evaluate(slot_, block(c.text().last(before), count - ahead()));
    slot_.rewind(c.text().size());
    node_id at = draft::root();
    for (std::size_t i = 0; i < count; ++i) {
      const law_view q = c.law(rows, i, d, at, d.next_law());
      if (!q || !c.proceed(rows, i, d, at, q, ranking_)) co_return;
      at = c.sample(d, at, q);
    }
  }

  void commit(const feedback& f) { slot_.match(f.text); }

 private:
  /// Candidates from the row of the text's last token.
  std::size_t ahead() const noexcept { return row_ == mask_row::next ? 1 : 0; }

  masked_block block(std::span<const token_id> text, std::size_t masks) {
    detail::copy(text, tokens_);
    detail::append(detail::view(masks_).first(masks), tokens_);
    masked_block b{chain_block{detail::view(tokens_), masks + ahead()}};
    if (sight_ == mask_sight::earlier || masks < 2) return b;
    visible_.assign(b.size() * b.words_per_row(), 0);
    for (std::size_t row = 0; row < b.size(); ++row) {
      const std::size_t seen = row < text.size() ? row + 1 : b.size();
      for (std::size_t column = 0; column < seen; ++column) {
        visible_[row * b.words_per_row() + column / 64] |= std::uint64_t{1} << (column % 64);
      }
    }
    b.visible = detail::view(visible_);
    return b;
  }

  model_slot slot_;
  detail::list<token_id> masks_;
  mask_row row_;
  mask_sight sight_;
  law_buffer ranking_;
  detail::list<token_id> tokens_;
  detail::list<std::uint64_t> visible_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
