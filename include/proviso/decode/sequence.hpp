// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// An algorithm is an object with a coroutine that lives as long as one generation, and that names its models:
/// `visit_models(f)` calls `f` with each `model_slot`, the target's first, in the same order every time.
template <class A>
concept algorithm = requires(A& a, generation& g, function_ref<void(model_slot&)> f) {
  { a.generate(g) } -> std::same_as<task>;
  a.visit_models(f);
};

/// Decodes one sequence without ever calling a model: it says which evaluations it needs and takes their rows.
/// Drivers (`decoder`, `batch_decoder`) and other engines answer them; the text does not depend on who does.
///
///     sequence s{algorithm, seed};
///     s.start(prompt, limits);
///     while (!s.done()) {
///       if (auto open = s.plan(); !open.empty()) s.absorb(open[0].id, rows of open[0]);
///       if (s.between_rounds()) show(s.output());   // it has grown
///     }
///
/// Calls may come in any order: a generation that is started, cancelled, or has failed at any point leaves nothing in a
/// session that the sequence does not know of. One thread drives a sequence; `cancel` may be called from any.
class sequence {
 public:
  /// Takes the algorithm with its policies. Text is a function of (models, algorithm, prompt, seed, stream).
  template <algorithm A>
  explicit sequence(A algorithm_object, std::uint64_t seed = 0, std::uint32_t stream = 0)
      : sequence{std::move(algorithm_object), philox{seed, stream}} {}
  /// As above with another source of randomness, which the sequence owns.
  template <algorithm A, randomness R>
  sequence(A algorithm_object, R source)
      : sequence{owner{}, new state<A, R>{std::move(algorithm_object), std::move(source)}} {
    collect();
  }
  sequence(sequence&& other) noexcept : body_{std::exchange(other.body_, nullptr)}, slots_{std::move(other.slots_)} {}
  sequence& operator=(sequence&& other) noexcept {
    std::swap(body_, other.body_);
    std::swap(slots_, other.slots_);
    return *this;
  }
  ~sequence() { delete body_; }

  /// One slot per model; `request::model` indexes them. A driver opens one session per slot and tells the slot its
  /// bounds before `start`.
  const detail::list<model_slot*>& model_slots() const noexcept { return slots_; }

  /// Begins a generation; also restarts one that runs, has ended or has failed. Sessions keep what the new prompt
  /// shares with the tokens they hold, as far as they can go back. The prompt may be a part of `text()`. Memory for
  /// 16384 tokens is reserved, less where budget or capacity are smaller; it grows when more are emitted. Throws
  /// `std::invalid_argument` for an empty prompt, a token outside the vocabulary or senseless limits.
  void start(std::span<const token_id> prompt, limits bounds = {}) {
    generation& g = body_->g;
    g.stop(stop_reason::cancelled);
    for (const request& r : body_->trims) {  // one that was handed out may be half done; the others stay pending
      if (body_->handed_out) slots_[r.model]->restart();
    }
    body_->clear();
    for (model_slot* slot : slots_) slot->distrust();
    g.start(prompt, std::move(bounds), slots_[0]->model().vocab_size(), slots_[0]->capacity());
    for (model_slot* slot : slots_) slot->reserve(g.expected_size());
    const frame_arena::scope frames{g.frames_};
    static_cast<void>(body_->root = body_->generate());  // nvcc 13 takes the reference for a task that is lost
    body_->started = false;
    body_->ended = false;
  }
  /// The same with another seed and, if given, another stream; they stay until others are given. Throws
  /// `std::invalid_argument` when the sequence owns a source of randomness that has none.
  void start(std::span<const token_id> prompt, limits bounds, std::uint64_t seed,
             std::optional<std::uint32_t> stream = {}) {
    if (!body_->reseed(seed, stream)) {
      throw std::invalid_argument("proviso: start: this sequence has a source of randomness without a seed");
    }
    start(prompt, std::move(bounds));
  }

  /// The evaluations that can be answered now, oldest first; empty when done. Runs the algorithm as far as it gets
  /// without answers, so between rounds it begins the next one. Valid until the next call of `plan` or `absorb`.
  std::span<const request> plan() {
    if (open().empty()) advance();
    body_->handed_out = !body_->trims.empty();
    return open();
  }
  /// Whether a round has just ended: `output` has grown and nothing is open. Not after the last round, which ends with
  /// what the sessions must still forget.
  bool between_rounds() const noexcept { return body_->g.parked_ != nullptr; }

  /// Answers request `id` with its rows and runs the algorithm on. Rethrows what the algorithm throws (a row of the
  /// target that is not a law, an exception of a policy); the sequence has then failed. Throws
  /// `std::invalid_argument` when the request is not open or the rows are not of the shape that it wants.
  void absorb(std::size_t id, const logits_rows& rows) {
    for (std::size_t i = 0; i < body_->trims.size(); ++i) {
      if (body_->trims[i].id == id) {
        slots_[body_->trims[i].model]->trimmed();
        body_->trims.remove(i);
        return;
      }
    }
    const frame_arena::scope frames{body_->g.frames_};
    body_->g.heed();
    body_->g.board_.answer(id, rows, slots_[0]->model().vocab_size());
    settle();
  }
  /// Whether request `id` still waits for an answer: absorbing another one may withdraw it.
  bool is_open(std::size_t id) const noexcept {
    for (const request& r : open()) {
      if (r.id == id) return true;
    }
    return false;
  }

  /// Everything emitted so far.
  std::span<const generated_token> output() const noexcept { return body_->g.output(); }
  /// Prompt and output.
  std::span<const token_id> text() const noexcept { return body_->g.text(); }
  const statistics& stats() const noexcept { return body_->g.stats(); }
  /// What the model itself says about output token `i`, before transforms, if `limits::best_tokens` asks for that;
  /// valid until the next call of `plan` or `absorb`. Throws `std::out_of_range` when there is no such report.
  own_law_report report(std::size_t i) const { return body_->g.report(i); }
  stop_reason why() const noexcept { return body_->g.why(); }
  std::size_t stop_tail() const noexcept { return body_->g.stop_tail(); }

  /// Nothing is left to do: the text has ended and every session was trimmed to it.
  bool done() const noexcept { return body_ == nullptr || (body_->ended && body_->trims.empty()); }

  /// Asks the generation to end: between two chunks of the prompt, or with the round that is under way, which emits
  /// nothing then. What was emitted stays. May be called from any thread while the sequence lives where it is; a `start`
  /// after it begins anew.
  void cancel() noexcept { body_->g.cancel(); }
  /// Drops the output behind its first `n` tokens, at least those of earlier rounds, and ends as `cancelled`; the
  /// sessions forget what was dropped. Throws `std::logic_error` within a round, `std::invalid_argument` for fewer.
  void cut(std::size_t n) {
    if (!between_rounds() && (!body_->ended || (body_->handed_out && !body_->trims.empty()))) {
      throw std::logic_error("proviso: cut: a round is under way; cut after its last answer");
    }
    if (n >= output().size()) return body_->g.stop(stop_reason::cancelled);
    body_->g.cut(n);
    if (body_->ended && body_->started) collect_trims();
  }

  /// Tells the sequence that an evaluation failed: nothing more will be answered. What was emitted stays; the
  /// sessions restart from nothing at the next `start`.
  void fail() noexcept { end_as(stop_reason::failed); }
  /// The same for a caller who gives the text up, with the sessions perhaps: it ends as `cancelled` at once.
  void abandon() noexcept { end_as(stop_reason::cancelled); }

 private:
  struct state_base {
    explicit state_base(random_ref random) : g{random} {}
    virtual ~state_base() = default;
    virtual task generate() = 0;
    virtual void visit(function_ref<void(model_slot&)> f) = 0;
    virtual bool reseed(std::uint64_t seed, std::optional<std::uint32_t> stream) = 0;
    void clear() noexcept {
      static_cast<void>(root = task{});
      g.parked_ = nullptr;
      trims.clear();
      handed_out = false;
      started = false;
      ended = true;
    }
    generation g;
    task root;                    // its frame lies in the arena of `g`
    detail::list<request> trims;  // after the end: what the sessions must still forget
    bool handed_out = false;      // `plan` has shown them
    bool started = false;
    bool ended = true;  // the algorithm has returned, or there is none
  };
  template <class R>
  struct owned {
    R source;
  };
  template <class A, class R>
  struct state final : owned<R>, state_base {
    state(A a, R r) : owned<R>{std::move(r)}, state_base{random_ref{owned<R>::source}}, algo{std::move(a)} {}
    ~state() override { this->clear(); }  // the coroutine refers to `algo`
    task generate() override { return algo.generate(this->g); }
    void visit(function_ref<void(model_slot&)> f) override { algo.visit_models(f); }
    bool reseed(std::uint64_t seed, std::optional<std::uint32_t> stream) override {
      if constexpr (std::same_as<R, philox>) {
        owned<R>::source = philox{seed, stream.value_or(owned<R>::source.stream())};
      } else {
        static_cast<void>(seed), static_cast<void>(stream);
      }
      return std::same_as<R, philox>;
    }
    A algo;
  };

  struct owner {};
  sequence(owner, state_base* body) noexcept : body_{body} {}  // complete, so a throw in `collect` frees the body

  void collect() {
    body_->visit([this](model_slot& slot) {
      slot.number(slots_.size());
      slots_.push_back(&slot);
    });
    if (slots_.empty()) throw std::invalid_argument("proviso: the algorithm names no model");
    for (const model_slot* slot : slots_) {
      if (slot->model().vocab_size() != slots_[0]->model().vocab_size()) {
        throw std::invalid_argument("proviso: the models have different vocabularies (" +
                                    std::to_string(slots_[0]->model().vocab_size()) + " and " +
                                    std::to_string(slot->model().vocab_size()) + " tokens)");
      }
    }
  }
  void end_as(stop_reason why) noexcept {
    body_->clear();
    body_->g.heed();
    body_->g.stop(why);
    for (model_slot* slot : slots_) slot->restart();
  }
  std::span<const request> open() const noexcept {
    return body_->trims.empty() ? body_->g.board_.open() : detail::view(body_->trims);
  }
  void advance() {
    const frame_arena::scope frames{body_->g.frames_};
    body_->g.heed();
    if (!body_->started) {
      body_->started = true;
      body_->root.start();
    } else if (body_->g.parked_ != nullptr) {
      std::exchange(body_->g.parked_, nullptr).resume();
    }
    settle();
  }
  void settle() {
    if (body_->ended || !body_->root.done()) return;
    try {
      body_->root.get();
    } catch (...) {
      fail();
      throw;
    }
    body_->ended = true;
    collect_trims();
  }
  /// Asks every session to forget what stands behind the text without its last token.
  void collect_trims() {
    body_->trims.clear();
    body_->handed_out = false;
    for (model_slot* slot : slots_) {
      slot->end_text(text().size() - 1);
      if (!slot->pending()) continue;
      body_->trims.push_back(slot->trim());
      body_->trims.back().id = body_->g.board_.new_id();
    }
  }

  state_base* body_;
  detail::list<model_slot*> slots_;
};

}  // namespace v0
}  // namespace proviso
