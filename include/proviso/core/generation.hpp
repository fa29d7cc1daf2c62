// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/statistics.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/top_entries.hpp>
#include <proviso/core/transcript.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// A transform of any type; see `transform`.
using transform_ref = function_ref<void(law_builder&, const text_position&)>;

/// How deep a draft may be, and how many nodes it may have, probes included.
struct draft_bounds {
  std::size_t depth = 0;
  std::size_t nodes = 0;
};

/// One generation as its algorithm sees it: the text so far, evaluations to await, randomness, and the only way to
/// commit tokens. Everything an algorithm must get right about limits, counters and borders is done here once.
class generation {
 public:
  explicit generation(random_ref random) : random_{random} {}
  generation(const generation&) = delete;
  generation& operator=(const generation&) = delete;

  /// Prompt and committed tokens. A span of them stays valid during a generation, however long the text becomes.
  std::span<const token_id> text() const noexcept { return written_.text(); }
  std::size_t prompt_size() const noexcept { return written_.prompt_size(); }
  std::span<const generated_token> output() const noexcept { return written_.output(); }
  /// Whether own laws are to be reported, and the report on output token `i`; valid while the generation stands still.
  bool reports() const noexcept { return limits_.best_tokens.has_value(); }
  own_law_report report(std::size_t i) const { return written_.report(i); }
  const limits& bounds() const noexcept { return limits_; }
  const statistics& stats() const noexcept { return stats_; }
  bool running() const noexcept { return why_ == stop_reason::running; }
  stop_reason why() const noexcept { return running() && asked_to_stop() ? stop_reason::cancelled : why_; }
  std::size_t stop_tail() const noexcept { return matcher_.stop_tail(); }
  /// Tokens of the text for which there is memory.
  std::size_t expected_size() const noexcept { return written_.expected_size(); }
  /// Tokens that may still be emitted.
  std::size_t room() const noexcept { return limits_.max_tokens - output().size(); }
  /// Randomness keyed by the place in the text: by the last committed token, the root of a draft.
  random_ref random() const noexcept { return random_.at_root(text().size() - 1); }

  /// Asks for an evaluation after the slot's pending changes; `co_await` gives its rows. Throws `std::out_of_range`
  /// for a token that the model does not have, `std::logic_error` for a slot that `visit_models` did not hand out.
  request_board::evaluation evaluate(model_slot& slot, const masked_block& block) {
    if (slot.index() == unlimited) {
      throw std::logic_error(
          "proviso: an evaluation on a model that the sequence does not know: `visit_models(f)` of the algorithm, "
          "drafter or order must call `f` with every `model_slot` that is evaluated");
    }
    check_tokens(block.nodes.tokens, slot);
    if (block.nodes.want == 0) {
      ++stats_.prefill_calls;
      stats_.prefill_tokens += block.size();
    } else if (slot.index() == 0) {
      ++stats_.target_calls;
      stats_.target_tokens += block.size();
    } else {
      ++stats_.drafter_calls;
    }
    return {board_, slot.prepare(block), slot.lost()};
  }

  /// Feeds the text to a session, in chunks and without wanting logits, until at most `leave` >= 1 tokens of it are
  /// missing. What the session holds already is not fed again. Ends early when the generation is cancelled. Throws
  /// `std::length_error` when the session cannot hold the text.
  /// (A template because GCC compiles the bodies of other coroutines in every file that sees them.)
  template <class Slot>
  task feed(Slot& slot, std::size_t leave) {
    if (slot.capacity() < text().size()) {
      throw std::length_error("proviso: the prompt has " + std::to_string(text().size()) +
                              " tokens, but a session of model " + std::to_string(slot.index()) + " holds " +
                              std::to_string(slot.capacity()));
    }
    std::size_t held = slot.match(text().first(text().size() - 1));
    while (running() && text().size() - held > leave) {
      const std::size_t missing = text().size() - 1 - held;
      const std::size_t count = missing < limits_.prefill_chunk ? missing : limits_.prefill_chunk;
      co_await evaluate(slot, chain_block{text().subspan(held, count), 0});
      held += count;
    }
  }

  /// Ends a round: the driver gets control, so that output can be read and a stop can be asked for, before anything
  /// of the next round is evaluated.
  auto next_round() {
    struct boundary {
      generation& g;
      bool await_ready() const noexcept { return !g.running(); }
      void await_suspend(std::coroutine_handle<> algorithm) const noexcept { g.parked_ = algorithm; }
      void await_resume() const noexcept {}
    };
    round_begin_ = std::exchange(round_end_, output().size());
    return boundary{*this};
  }

  /// The largest draft that this round allows for a target in `slot`: never deeper than `wanted` or the token budget,
  /// never more nodes than the session's capacity or rewind horizon. Stops the generation when not even the last
  /// token can be evaluated.
  draft_bounds draft_limit(const model_slot& slot, std::size_t wanted) {
    if (slot.capacity() < text().size()) {
      stop(stop_reason::capacity);
      return {};
    }
    const std::size_t fits = slot.capacity() - text().size();
    const std::size_t horizon = slot.max_rewind() == 0 ? 0 : slot.max_rewind() - 1;
    draft_bounds b{wanted, fits < horizon ? fits : horizon};
    b.depth = b.depth < room() - 1 ? b.depth : room() - 1;
    b.depth = b.depth < b.nodes ? b.depth : b.nodes;
    return b;
  }

  /// Begins a draft on the text; it knows which tokens end it.
  void begin(draft& d, const draft_bounds& most) {
    d.reset(text().back(), text().size() - 1, most.depth, most.nodes, &matcher_);
  }
  /// Whether the text would end with the last of these tokens, if they followed it; none before the last ends it.
  bool would_end(std::span<const token_id> tokens) { return matcher_.ends(tokens); }

  /// The law of row `i` of `rows` at `node` of a draft on the current text, built in `out`.
  law_view law(const logits_rows& rows, std::size_t i, const draft& d, node_id node, transform_ref shape,
               law_buffer& out) {
    scratch_.resize(rows.cols());
    return law(rows.row(i, detail::writable(scratch_)), at(d, node), shape, out);
  }
  /// The law of a row that stands at `where`, built in `out`.
  law_view law(std::span<const float> row, text_position where, transform_ref shape, law_buffer& out) {
    where.prompt = prompt_size();
    builder_.begin(row, out);
    shape(builder_, where);
    return builder_.finish();
  }
  /// Where the row after `node` stands; valid until the next call.
  text_position at(const draft& d, node_id node) {
    path_.reserve(d.expected_size());
    d.path(node, path_);
    return {text().first(d.root_position() + 1), detail::view(path_)};
  }

  /// Commits one token; ignored once the generation has stopped. Returns whether it still runs. `own` is the model's
  /// own law at its place, needed when `reports()`.
  bool append(token_id token, origin from, const law_view& p, const law_view& own = {}) {
    if (!running()) return false;
    written_.append(token, from, p, own);
    ++stats_.emitted;
    ++counter(from);
    if (const stop_reason met = matcher_.check(output()); met != stop_reason::running) {
      stop(met);
    } else if (room() == 0) {
      stop(stop_reason::budget);
    }
    return running();
  }

  /// Commits the outcome of a verification of `d` by a target, token by token up to the first stop, and tells the
  /// target (a `model_slot`, or what has `keep` like one) which nodes to keep. Returns the number of drafted tokens
  /// that were emitted.
  template <class Target>
  std::size_t commit(const draft& d, const outcome& o, const target_laws& p, Target& target,
                     const target_laws* own = nullptr) {
    const auto own_law = [&](node_id node) { return own != nullptr && running() ? (*own)(node) : law_view{}; };
    ++stats_.rounds;
    stats_.deviation += o.deviation;
    count_drafted(d);
    const std::size_t before = output().size();
    kept_.clear();
    kept_.reserve(d.expected_size());
    kept_.push_back(draft::root());
    for (const node_id node : o.path) {
      append(d.token(node), origin::drafted, p(kept_.back()), own_law(kept_.back()));
      kept_.push_back(node);
    }
    const std::size_t accepted = output().size() - before;
    for (std::size_t i = 0; i < accepted; ++i) ++stats_.accepted_at[depth_bin(i)];
    append(o.next, o.from, p(o.tip()), own_law(o.tip()));
    target.keep(detail::view(kept_).first(output().size() - before));  // all committed tokens except the last
    return accepted;
  }

  void stop(stop_reason why) noexcept {
    if (running()) why_ = why;
  }
  /// Asks, from any thread, to stop as `cancelled`; see `sequence::cancel`.
  void cancel() noexcept { asked_to_stop_.store(true, std::memory_order_relaxed); }
  /// Drops the output behind its first `n` tokens and ends as `cancelled`. Tokens of the last round can be dropped:
  /// `std::invalid_argument` for others.
  void cut(std::size_t n) {
    if (n < round_begin_) throw std::invalid_argument("proviso: cut: only tokens of the last round can be dropped");
    for (std::size_t i = n; i < output().size(); ++i) {
      --stats_.emitted;
      --counter(output()[i].from);
      if (output()[i].from == origin::drafted) --stats_.accepted_at[depth_bin(i - round_begin_)];
    }
    written_.cut(n);
    matcher_.start(limits_);
    why_ = stop_reason::cancelled;
  }
  void count_discarded() noexcept { ++stats_.discarded; }
  void count_round() noexcept { ++stats_.rounds; }
  void count_drafted() noexcept { ++stats_.drafted; }
  /// Counts a round that verified a chain of `tested` tokens, drafted in this round or before, and emitted `accepted`.
  void count_verified(std::size_t tested, std::size_t accepted) noexcept {
    ++stats_.rounds;
    for (std::size_t i = 0; i < tested; ++i) ++stats_.drafted_at[depth_bin(i)];
    for (std::size_t i = 0; i < accepted; ++i) ++stats_.accepted_at[depth_bin(i)];
  }

 private:
  friend class sequence;
  friend class context;

  /// `most`: tokens that the target's session can hold. The prompt may be a part of the text so far.
  void start(std::span<const token_id> prompt, limits l, std::size_t vocab, std::size_t most) {
    l.check();
    if (prompt.empty()) throw std::invalid_argument("proviso: the prompt is empty: at least one token is needed");
    for (std::size_t i = 0; i < prompt.size(); ++i) {
      if (prompt[i] < 0 || static_cast<std::size_t>(prompt[i]) >= vocab) {
        throw std::invalid_argument("proviso: prompt token " + std::to_string(i) + " is " + std::to_string(prompt[i]) +
                                    ", outside the vocabulary of " + std::to_string(vocab) + " tokens");
      }
    }
    const std::size_t fits = most > prompt.size() ? most - prompt.size() : 0;
    written_.start(prompt, l.max_tokens <= fits ? l.max_tokens : fits + 1,
                   l.best_tokens && *l.best_tokens > vocab ? vocab : l.best_tokens);
    limits_ = std::move(l);
    round_begin_ = 0;
    round_end_ = 0;
    asked_to_stop_.store(false, std::memory_order_relaxed);
    stats_ = {};
    parked_ = nullptr;
    why_ = limits_.max_tokens == 0 ? stop_reason::budget : stop_reason::running;
    matcher_.start(limits_, vocab);
    builder_.follow_text();
  }

  bool asked_to_stop() const noexcept { return asked_to_stop_.load(std::memory_order_relaxed); }
  /// Takes note of `cancel`: from here on the algorithm sees a stopped generation.
  void heed() noexcept {
    if (asked_to_stop()) stop(stop_reason::cancelled);
  }

  static void check_tokens(std::span<const token_id> tokens, const model_slot& slot) {
    const std::size_t vocab = slot.model().vocab_size();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && static_cast<std::size_t>(tokens[i]) < vocab) continue;
      throw std::out_of_range("proviso: token " + std::to_string(i) + " of a block for model " +
                              std::to_string(slot.index()) + " is " + std::to_string(tokens[i]) +
                              ", outside its vocabulary of " + std::to_string(vocab) + " tokens");
    }
  }

  static std::size_t depth_bin(std::size_t depth) noexcept {
    constexpr std::size_t last = std::tuple_size<decltype(statistics::drafted_at)>::value - 1;
    return depth < last ? depth : last;
  }
  void count_drafted(const draft& d) noexcept {
    stats_.drafted += d.proposed();
    std::size_t deepest = 0;
    for (std::size_t i = 1; i < d.size(); ++i) {
      const auto node = static_cast<node_id>(i);
      if (d.kind(node) == draft::role::probe || d.depth(node) <= deepest) continue;
      deepest = d.depth(node);
      ++stats_.drafted_at[depth_bin(deepest - 1)];
    }
  }
  std::uint64_t& counter(origin from) noexcept {
    switch (from) {
      case origin::drafted:
        return stats_.accepted;
      case origin::corrected:
        return stats_.corrected;
      case origin::bonus:
        return stats_.bonus;
      case origin::fresh:
        break;
    }
    return stats_.fresh;
  }

  random_ref random_;
  limits limits_;
  frame_arena frames_;
  request_board board_;
  law_builder builder_;
  stop_matcher matcher_;
  statistics stats_;
  transcript written_;
  top_entries top_;  // of the laws of drafters
  detail::list<token_id> path_;
  detail::list<float> scratch_;
  detail::list<node_id> kept_;
  std::coroutine_handle<> parked_ = nullptr;
  std::size_t round_begin_ = 0;  // tokens of the output before the round that ended last
  std::size_t round_end_ = 0;    // and after it
  std::atomic<bool> asked_to_stop_{false};
  stop_reason why_ = stop_reason::budget;
};

}  // namespace v0
}  // namespace proviso
