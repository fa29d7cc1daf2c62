// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/list.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/any_model.hpp>

namespace proviso {
inline namespace v0 {

/// One model as one sequence sees it: which tokens its session shall hold, and what the session must still forget to
/// get there. It calls nothing. The changes stay pending until they are carried out with a request, whatever ends and
/// starts in between.
///
/// An algorithm or drafter holds one slot per model and hands it to `visit_models`, where the sequence numbers it.
class model_slot {
 public:
  template <class M>
  requires(!std::same_as<std::remove_cv_t<M>, model_slot>) explicit model_slot(M& model) : model_{model} {}

  model_ref model() const noexcept { return model_; }
  /// Its number among the models of the sequence; `unlimited` before `visit_models` has handed it out.
  std::size_t index() const noexcept { return index_; }
  void number(std::size_t index) noexcept { index_ = index; }
  /// What the session can hold and how far it goes back; set by the driver that opened it. `promised` is false when
  /// the session has no `max_rewind()` to say how far: then it is sent back over a draft and one more token only, or to nothing.
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t max_rewind() const noexcept { return max_rewind_; }
  void bounds(std::size_t capacity, std::size_t max_rewind, bool promised = true) noexcept {
    capacity_ = capacity;
    max_rewind_ = max_rewind;
    promised_ = promised;
  }

  /// Tokens that the session holds once pending changes are carried out.
  std::span<const token_id> tokens() const noexcept { return detail::view(tokens_); }
  std::size_t length() const noexcept { return tokens_.size(); }

  /// Forgets all but the first `n` tokens.
  void rewind(std::size_t n) {
    if (n >= tokens_.size()) return;
    tokens_.resize(n);
    agreed_ = agreed_ < n ? agreed_ : n;
  }

  /// The same, or forgets everything where the session cannot go back as far.
  void shorten(std::size_t n) {
    if (n < tokens_.size()) rewind(reach_ - n > max_rewind_ ? 0 : n);
  }

  /// Of the block evaluated last, keeps the nodes of `path` (each the parent of the next). A path that is a prefix
  /// of the block is a rewind, so models without trees are asked for nothing more.
  void keep(std::span<const node_id> path) {
    std::size_t straight = 0;
    while (straight < path.size() && path[straight] == static_cast<node_id>(straight)) ++straight;
    if (straight == path.size()) {
      rewind(base_ + straight);
      return;
    }
    for (std::size_t i = 0; i < path.size(); ++i)
      tokens_[base_ + i] = tokens_[base_ + static_cast<std::size_t>(path[i])];
    tokens_.resize(base_ + path.size());
    agreed_ = agreed_ < base_ ? agreed_ : base_;
    detail::copy(path, path_);
    gather_ = true;
    reach_ = tokens_.size();
  }

  /// Rewinds to the longest common prefix with `text` and returns its length. The session restarts from nothing when
  /// that is further back than it can go, when it does not say how far it goes and more than a draft and one token
  /// would be taken back, or when an evaluation was withdrawn.
  std::size_t match(std::span<const token_id> text) {
    if (lost_) restart();
    std::size_t common = agreed_ < text.size() ? agreed_ : text.size();
    if (common > tokens_.size()) common = tokens_.size();
    while (common < tokens_.size() && common < text.size() && tokens_[common] == text[common]) ++common;
    if (common < tokens_.size()) {
      if ((!promised_ && common + 1 < committed_) || reach_ - common > max_rewind_) common = 0;
      rewind(common);
    }
    agreed_ = common;
    committed_ = text.size();
    used_ = true;
    return common;
  }
  /// Forgets everything, whatever state the session is in (an evaluation failed).
  void restart() noexcept {
    tokens_.clear();
    agreed_ = 0;
    committed_ = 0;
    base_ = 0;
    gather_ = false;
    reach_ = unlimited;
    lost_ = false;
  }
  /// Says that the text may differ from what was matched before (a new prompt). While changes are pending, the session
  /// is longer than `tokens`, so that a token more may be one too many.
  void distrust() noexcept {
    if (lost_) restart();
    agreed_ = 0;
    committed_ = tokens_.size() + (pending() ? 1 : 0);
    used_ = false;
  }
  /// At the end of a text: forgets all but its first `n` tokens. What is held of an older text stays.
  void end_text(std::size_t n) {
    if (lost_) restart();
    if (used_) shorten(n);
  }

  /// The request that evaluates `block` after the pending changes.
  request prepare(const masked_block& block) {
    request r = trim();
    r.block = block;
    trimmed();
    used_ = used_ || block.size() > 0;
    base_ = tokens_.size();
    for (const token_id token : block.nodes.tokens) tokens_.push_back(token);
    reach_ = tokens_.size();
    return r;
  }
  /// The request that only carries the pending changes out; `trimmed` says that this was done.
  request trim() const noexcept {
    request r;
    r.model = index_;
    r.gather = gather_;
    r.path = detail::view(path_);
    r.length = pending() ? tokens_.size() : unlimited;
    return r;
  }
  void trimmed() noexcept {
    gather_ = false;
    reach_ = tokens_.size();
  }
  bool pending() const noexcept { return gather_ || reach_ > tokens_.size(); }
  /// Set when a request was withdrawn: what the session holds is unknown until `match` or `restart`.
  bool& lost() noexcept { return lost_; }

  /// Room for a text of `tokens` tokens and a draft after it.
  void reserve(std::size_t tokens) {
    tokens_.reserve((tokens < capacity_ ? tokens : capacity_) + 64);
    path_.reserve(64);
  }

 private:
  model_ref model_;
  std::size_t index_ = unlimited;
  std::size_t capacity_ = unlimited;
  std::size_t max_rewind_ = unlimited;
  detail::list<token_id> tokens_;
  detail::list<node_id> path_;
  std::size_t base_ = 0;       // tokens held before the block evaluated last
  std::size_t agreed_ = 0;     // tokens known to equal the text
  std::size_t committed_ = 0;  // length of the text matched last
  std::size_t reach_ = 0;      // tokens that the session holds after the pending gather; unlimited: not known
  bool gather_ = false;
  bool lost_ = false;
  bool promised_ = false;
  bool used_ = false;  // matched or evaluated since the text was distrusted
};

}  // namespace v0
}  // namespace proviso
