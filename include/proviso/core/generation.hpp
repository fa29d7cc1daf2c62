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
  std::span<const token_id> text() const noexcept { return detail::view(text_); }
  std::size_t prompt_size() const noexcept { return prompt_size_; }
  std::span<const generated_token> output() const noexcept { return detail::view(output_); }
  /// Whether own laws are to be reported, and the report on output token `i`; valid while the generation stands still.
  bool reports() const noexcept { return limits_.best_tokens.has_value(); }
  own_law_report report(std::size_t i) const {
    if (i >= own_.size()) {
      throw std::out_of_range("proviso: there is no report on output token " + std::to_string(i) +
                              ": it is not out, or limits::best_tokens did not ask for reports");
    }
    const std::size_t begin = i == 0 ? 0 : own_[i - 1].best_end;
    return {own_[i].log_probability, detail::view(best_).subspan(begin, own_[i].best_end - begin)};
  }
  const limits& bounds() const noexcept { return limits_; }
  const statistics& stats() const noexcept { return stats_; }
  bool running() const noexcept { return why_ == stop_reason::running; }
  stop_reason why() const noexcept { return running() && asked_to_stop() ? stop_reason::cancelled : why_; }
  std::size_t stop_tail() const noexcept { return matcher_.stop_tail(); }
  /// Tokens of the text for which there is memory.
  std::size_t expected_size() const noexcept { return text_.capacity(); }
  /// Tokens that may still be emitted.
  std::size_t room() const noexcept { return limits_.max_tokens - output_.size(); }
  /// Randomness keyed by the place in the text: by the last committed token, the root of a draft.
  random_ref random() const noexcept { return random_.at_root(text_.size() - 1); }

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
    if (slot.capacity() < text_.size()) {
      throw std::length_error("proviso: the prompt has " + std::to_string(text_.size()) +
                              " tokens, but a session of model " + std::to_string(slot.index()) + " holds " +
                              std::to_string(slot.capacity()));
    }
    std::size_t held = slot.match(text().first(text_.size() - 1));
    while (running() && text_.size() - held > leave) {
      const std::size_t missing = text_.size() - 1 - held;
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
    round_begin_ = std::exchange(round_end_, output_.size());
    return boundary{*this};
  }

  /// The largest draft that this round allows for a target in `slot`: never deeper than `wanted` or the token budget,
  /// never more nodes than the session's capacity or rewind horizon. Stops the generation when not even the last
  /// token can be evaluated.
  draft_bounds draft_limit(const model_slot& slot, std::size_t wanted) {
    if (slot.capacity() < text_.size()) {
      stop(stop_reason::capacity);
      return {};
    }
    const std::size_t fits = slot.capacity() - text_.size();
    const std::size_t horizon = slot.max_rewind() == 0 ? 0 : slot.max_rewind() - 1;
    draft_bounds b{wanted, fits < horizon ? fits : horizon};
    b.depth = b.depth < room() - 1 ? b.depth : room() - 1;
    b.depth = b.depth < b.nodes ? b.depth : b.nodes;
    return b;
  }

  /// Begins a draft on the text; it knows which tokens end it.
  void begin(draft& d, const draft_bounds& most) {
    d.reset(text_.back(), text_.size() - 1, most.depth, most.nodes, &matcher_);
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
    where.prompt = prompt_size_;
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
    make_room(text_, outgrown_text_);
    make_room(output_, outgrown_output_);
    if (own) note(token, own);
    text_.push_back(token);
    output_.push_back({token, from, static_cast<float>(numeric::log(p(token)))});
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
    const std::size_t before = output_.size();
    kept_.clear();
    kept_.reserve(d.expected_size());
    kept_.push_back(draft::root());
    for (const node_id node : o.path) {
      append(d.token(node), origin::drafted, p(kept_.back()), own_law(kept_.back()));
      kept_.push_back(node);
    }
    const std::size_t accepted = output_.size() - before;
    for (std::size_t i = 0; i < accepted; ++i) ++stats_.accepted_at[depth_bin(i)];
    append(o.next, o.from, p(o.tip()), own_law(o.tip()));
    target.keep(detail::view(kept_).first(output_.size() - before));  // all committed tokens except the last
    return accepted;
  }

  void stop(stop_reason why) noexcept {
    if (running()) why_ = why;
  }
  /// Asks, from any thread, to stop as `cancelled` before the next evaluation is asked for.
  void cancel() noexcept { asked_to_stop_.store(true, std::memory_order_relaxed); }
  /// Drops the output behind its first `n` tokens and ends as `cancelled`. Tokens of the last round can be dropped:
  /// `std::invalid_argument` for others.
  void cut(std::size_t n) {
    if (n < round_begin_) throw std::invalid_argument("proviso: cut: only tokens of the last round can be dropped");
    for (std::size_t i = n; i < output_.size(); ++i) {
      --stats_.emitted;
      --counter(output_[i].from);
      if (output_[i].from == origin::drafted) --stats_.accepted_at[depth_bin(i - round_begin_)];
    }
    output_.resize(n);
    text_.resize(prompt_size_ + n);
    if (reports()) {
      own_.resize(n);
      best_.resize(n == 0 ? 0 : own_.back().best_end);
    }
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

  /// Tokens for which a generation reserves memory; beyond them it grows.
  static constexpr std::size_t ahead = 16384;

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
    std::size_t to_come = l.max_tokens < ahead ? l.max_tokens : ahead;
    to_come = to_come <= fits ? to_come : fits + 1;
    detail::list<token_id> text;
    text.reserve(prompt.size() + to_come);
    detail::copy(prompt, text);
    text_.swap(text);
    output_.clear();
    output_.reserve(to_come);
    outgrown_text_.clear();
    outgrown_output_.clear();
    limits_ = std::move(l);
    prompt_size_ = text_.size();
    round_begin_ = 0;
    round_end_ = 0;
    asked_to_stop_.store(false, std::memory_order_relaxed);
    stats_ = {};
    parked_ = nullptr;
    why_ = limits_.max_tokens == 0 ? stop_reason::budget : stop_reason::running;
    matcher_.start(limits_, vocab);
    builder_.follow_text();
    own_.clear();
    best_.clear();
    if (reports()) {
      constexpr std::size_t reported = 1024;
      const std::size_t of_each = *limits_.best_tokens < vocab ? *limits_.best_tokens : vocab;
      to_come = to_come < reported ? to_come : reported;
      own_.reserve(to_come);
      best_.reserve(to_come * of_each < ahead ? to_come * of_each : ahead);
    }
  }

  void note(token_id token, const law_view& own) {
    for (const std::size_t entry : top_.of(own, *limits_.best_tokens)) {
      best_.push_back({own.token(entry), static_cast<float>(numeric::log(own.weight(entry) / own.total()))});
    }
    own_.push_back({static_cast<float>(numeric::log(own(token))), best_.size()});
  }

  bool asked_to_stop() const noexcept { return asked_to_stop_.load(std::memory_order_relaxed); }
  /// Takes note of `cancel`: from here on the algorithm sees a stopped generation.
  void heed() noexcept {
    if (asked_to_stop()) stop(stop_reason::cancelled);
  }

  /// Room for one more element. Memory that has become too small is kept, so that spans of it stay valid.
  template <class T>
  static void make_room(detail::list<T>& elements, detail::list<detail::list<T>>& outgrown) {
    if (elements.size() < elements.capacity()) return;
    detail::list<T> wider;
    wider.reserve(2 * elements.size() + 64);
    detail::copy(detail::view(elements), wider);
    elements.swap(wider);
    outgrown.push_back(std::move(wider));
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
  top_entries top_;
  stop_matcher matcher_;
  statistics stats_;
  detail::list<token_id> text_;
  detail::list<generated_token> output_;
  detail::list<detail::list<token_id>> outgrown_text_;
  detail::list<detail::list<generated_token>> outgrown_output_;
  struct own_record {
    float log_probability;
    std::size_t best_end;  // in `best_`
  };
  detail::list<own_record> own_;  // of the output, when it is reported
  detail::list<scored_token> best_;
  detail::list<token_id> path_;
  detail::list<float> scratch_;
  detail::list<node_id> kept_;
  std::coroutine_handle<> parked_ = nullptr;
  std::size_t prompt_size_ = 0;
  std::size_t round_begin_ = 0;  // tokens of the output before the round that ended last
  std::size_t round_end_ = 0;    // and after it
  std::atomic<bool> asked_to_stop_{false};
  stop_reason why_ = stop_reason::budget;
};

/// What rule and length policy want of a drafter, see `rule` and `length_policy`.
struct drafting_wishes {
  bool shares_noise = false;
  bool likeliest = false;
  bool reads_laws = true;
};

/// What a drafter sees of a round.
class context {
 public:
  context(generation& g, transform_ref shape, function_ref<bool(std::size_t, const law_view&)> proceed,
          std::size_t limit, drafting_wishes wishes = {}) noexcept
      : g_{g}, shape_{shape}, proceed_{proceed}, limit_{limit}, wishes_{wishes} {}

  /// Prompt and committed tokens; the last one is the root of the draft.
  std::span<const token_id> text() const noexcept { return g_.text(); }
  /// How deep tokens may be proposed this round; for a chain, how many. How many nodes a tree may have, `draft::room`
  /// says.
  std::size_t limit() const noexcept { return limit_; }
  /// Tokens that may still be emitted: with those of `text`, what a drafter's index may have to hold.
  std::size_t room() const noexcept { return g_.room(); }
  random_ref random() const noexcept { return g_.random(); }

  /// Whether the length policy wants a token at `depth` (from 0), given the law that it would be drawn from.
  bool proceed(std::size_t depth, const law_view& q) const { return proceed_(depth, q); }
  /// The same for the token after `node`, where `q` is the law of row `i`. A point (temperature 0) says nothing about
  /// how sure the drafter is: then a policy that reads laws is asked about that of `ranking`, built in `memory`.
  bool proceed(const logits_rows& rows, std::size_t i, const draft& d, node_id node, const law_view& q,
               law_buffer& memory) const {
    return proceed_(d.depth(node), q.is_point() && wishes_.reads_laws ? ranking(rows, i, d, node, memory) : q);
  }

  /// Chooses the token after `at` as the rule wants it: drawn from `q` and recorded with it; or, for a rule that shares
  /// the target's noise, by a race on that noise; or, for one that keeps the text whatever is drafted, the most
  /// probable token of `q`. The law is not needed then.
  node_id sample(draft& d, node_id at, const law_view& q) const {
    if (wishes_.shares_noise) return d.push(at, random().pick_token(q, d.next_position(at), draw::race));
    return wishes_.likeliest ? d.push(at, q.argmax()) : d.sample(at, q, random());
  }
  /// The same for `count` siblings, which `draft::sample_siblings` draws unless the rule wants the most probable ones.
  std::size_t sample_siblings(draft& d, node_id at, const law_view& q, std::size_t count, replacement mode) const {
    if (!wishes_.likeliest) return d.sample_siblings(at, q, count, mode, random());
    std::size_t added = 0;
    for (const std::size_t entry : g_.top_.of(q, count)) {
      d.push(at, q.token(entry));
      ++added;
    }
    return added;
  }
  /// Whether the rule wants the most probable tokens, not drawn ones.
  bool wants_likeliest() const noexcept { return wishes_.likeliest; }

  /// Evaluations of the drafter's own models; see `generation`.
  request_board::evaluation evaluate(model_slot& slot, const masked_block& block) const {
    return g_.evaluate(slot, block);
  }
  template <class Slot>
  task feed(Slot& slot) const {
    return g_.feed(slot, g_.bounds().prefill_chunk);
  }

  /// The proposal law after `node`, shaped by the target's transforms and built in `out`. Empty when the row is not
  /// a law (NaN, +infinity) and behind a token that ends the text: propose nothing more then, which is lossless.
  law_view law(const logits_rows& rows, std::size_t i, const draft& d, node_id node, law_buffer& out) const {
    return shaped(rows, i, d, node, shape_, out);
  }
  /// The same for choosing tokens to push, without drawing: at temperature 0 not the point but the law of temperature
  /// 1, which ranks the other tokens, too.
  law_view ranking(const logits_rows& rows, std::size_t i, const draft& d, node_id node, law_buffer& out) const {
    auto softened = [this](law_builder& row, const text_position& where) {
      shape_(row, where);
      row.soften();
    };
    return shaped(rows, i, d, node, softened, out);
  }

 private:
  law_view shaped(const logits_rows& rows, std::size_t i, const draft& d, node_id node, transform_ref shape,
                  law_buffer& out) const {
    if (d.is_closed(node)) return {};
    try {
      return g_.law(rows, i, d, node, shape, out);
    } catch (const std::domain_error&) {
      g_.count_discarded();
      return {};
    }
  }

  generation& g_;
  transform_ref shape_;
  function_ref<bool(std::size_t, const law_view&)> proceed_;
  std::size_t limit_;
  drafting_wishes wishes_;
};

/// Whether a drafter names models of its own: `visit_models(f)` calls `f` with each of its slots.
template <class D>
concept has_models = requires(D& d, function_ref<void(model_slot&)> f) {
  d.visit_models(f);
};

/// Whether `propose` of a drafter is a coroutine: only then can it evaluate models.
template <class D>
concept awaits_models = requires(D& d, const context& c, draft& out) {
  { d.propose(c, out) } -> std::same_as<task>;
};

/// A drafter proposes tokens: `start(prompt)` once per generation, `propose(context, draft)` each round (a plain
/// function, or a coroutine returning `task` when it evaluates models), `commit(feedback)` after each round. One that
/// returns `task` also has `visit_models(f)`, which calls `f` with each `model_slot` that it evaluates.
/// Optional: `watch(text)`, see `drafters::any`; members `bool needs_trees`, that the target must evaluate trees, and
/// `bool reads_rows`, that it must be one model, whose rows `feedback` carries. Algorithms refuse other targets.
/// It need not look for the end of the text: behind a node with `draft::is_closed` there is no law, and what is added
/// there is never verified, only evaluated.
template <class D>
concept drafter = (has_models<D> || !awaits_models<D>)&&requires(D& d, std::span<const token_id> prompt,
                                                                 const context& c, draft& out, const feedback& f) {
  d.start(prompt);
  d.propose(c, out);
  d.commit(f);
};

/// Whether a drafter asks for a target that evaluates trees, and for one whose rows it reads.
template <class D>
constexpr bool needs_trees(const D& d) noexcept {
  if constexpr (requires { d.needs_trees; }) return d.needs_trees;
  return false;
}
template <class D>
constexpr bool reads_rows(const D& d) noexcept {
  if constexpr (requires { d.reads_rows; }) return d.reads_rows;
  return false;
}

}  // namespace v0
}  // namespace proviso
