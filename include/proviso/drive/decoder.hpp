// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <proviso/core/list.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/view.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/drive/answer.hpp>

namespace proviso {
inline namespace v0 {

/// A stop token that never asks to stop; `std::stop_token` has the same shape.
struct never_stop {
  static constexpr bool stop_requested() noexcept { return false; }
};

/// What `decoder::run` asks whether to stop.
template <class S>
concept stop_condition = requires(const S& s) {
  { s.stop_requested() } -> std::convertible_to<bool>;
};

/// Decodes one sequence in place: opens a session per model and answers every request itself.
///
///     decoder d{speculative{big, drafters::model{small}}, seed};
///     d.run(prompt, [](generated_token t) { print(t.token); });      // push
///     d.start(prompt); while (!d.done()) show(d.step());             // pull, one round at a time
///     d.start(prompt); for (generated_token t : d) print(t.token);   // range
///     d.run(prompt, sink, limits, 7);                                // the same with seed 7
///
/// Errors: exceptions of models and policies pass through; `why()` is then `failed`, the output so far stays, and
/// `start` begins anew. Models outlive the decoder.
/// One thread drives it; `cancel` may be called from any.
class decoder {
 public:
  template <algorithm A>
  explicit decoder(A algorithm_object, std::uint64_t seed = 0, std::uint32_t stream = 0)
      : decoder{sequence{std::move(algorithm_object), seed, stream}} {}
  /// A sequence that was under way is abandoned: its sessions are elsewhere.
  explicit decoder(sequence s) : sequence_{std::move(s)} {
    if (!sequence_.done()) sequence_.abandon();
  }

  /// Begins a generation; see `sequence::start`. What the sessions hold of the prompt is not evaluated
  /// again, as far as they can go back.
  void start(std::span<const token_id> prompt, limits bounds = {}) {
    open();
    sequence_.start(prompt, std::move(bounds));
    read_ = 0;
  }
  /// The same with another seed and, if given, another stream; they stay until others are given.
  void start(std::span<const token_id> prompt, limits bounds, std::uint64_t seed,
             std::optional<std::uint32_t> stream = {}) {
    open();
    sequence_.start(prompt, std::move(bounds), seed, stream);
    read_ = 0;
  }

  /// One round. Returns the tokens emitted in it; the span stays valid until the next `start`.
  std::span<const generated_token> step() { return round_until(never_stop{}); }

  /// Decodes `prompt` to the end and hands every token to `sink(generated_token)` as soon as its round is over. After
  /// a token for which the sink returns `false` the output ends, as `cancelled` unless the text had ended with it. A `stop` whose `stop_requested()`
  /// turns true cancels after the evaluation that runs: between two chunks of the prompt, or at the end of the round.
  template <class Sink, class Stop = never_stop>
  requires stop_condition<Stop> stop_reason run(std::span<const token_id> prompt, Sink&& sink,
                                                const limits& bounds = {}, const Stop& stop = {}) {
    start(prompt, bounds);
    return go_on(sink, stop);
  }
  /// The same with another seed, which stays until another one is given.
  template <class Sink, class Stop = never_stop>
  requires stop_condition<Stop> stop_reason run(std::span<const token_id> prompt, Sink&& sink, const limits& bounds,
                                                std::uint64_t seed, const Stop& stop = {}) {
    start(prompt, bounds, seed);
    return go_on(sink, stop);
  }

  bool done() const noexcept { return sequence_.done(); }
  /// What the model itself says about output token `i`, before transforms, if `limits::best_tokens` asks for that;
  /// valid until the next step. Throws `std::out_of_range` when there is no such report.
  own_law_report report(std::size_t i) const { return sequence_.report(i); }
  stop_reason why() const noexcept { return sequence_.why(); }
  /// Ends the generation after the evaluation that runs; see `sequence::cancel`. From any thread, while the decoder
  /// stays where it is.
  void cancel() noexcept { sequence_.cancel(); }
  std::span<const generated_token> output() const noexcept { return sequence_.output(); }
  std::span<const token_id> text() const noexcept { return sequence_.text(); }
  const statistics& stats() const noexcept { return sequence_.stats(); }
  std::size_t stop_tail() const noexcept { return sequence_.stop_tail(); }
  /// The sessions, in the order of the algorithm's models.
  std::span<const any_session> sessions() const noexcept { return detail::view(sessions_); }

  struct sentinel {};
  /// Reads tokens one by one and decodes a round when none is left.
  class iterator {
   public:
    explicit iterator(decoder& d) : d_{&d} { fill(); }
    generated_token operator*() const { return d_->output()[d_->read_]; }
    iterator& operator++() {
      ++d_->read_;
      fill();
      return *this;
    }
    bool operator==(sentinel) const { return d_->read_ == d_->output().size(); }

   private:
    void fill() {
      while (d_->read_ == d_->output().size() && !d_->done()) d_->step();
    }
    decoder* d_;
  };
  iterator begin() { return iterator{*this}; }
  sentinel end() const noexcept { return {}; }

 private:
  void open() {
    if (!sessions_.empty()) return;
    detail::list<any_session> opened;
    for (model_slot* slot : sequence_.model_slots()) opened.push_back(open_session(*slot));
    sessions_ = std::move(opened);
  }
  template <class Stop>
  std::span<const generated_token> round_until(const Stop& stop) {
    const std::size_t before = output().size();
    if (stop.stop_requested()) cancel();
    for (std::span<const request> open = sequence_.plan(); !open.empty(); open = sequence_.plan()) {
      const request r = open.front();
      answer_request(r, stop);
      if (sequence_.between_rounds()) break;
    }
    return output().subspan(before);
  }
  template <class Sink, class Stop>
  stop_reason go_on(Sink& sink, const Stop& stop) {
    while (!done()) {
      const std::span<const generated_token> round = round_until(stop);
      std::size_t shown = output().size() - round.size();
      for (const generated_token t : round) {
        ++shown;
        if constexpr (std::is_convertible_v<decltype(sink(t)), bool>) {
          if (!sink(t)) {
            sequence_.cut(shown);
            break;
          }
        } else {
          sink(t);
        }
      }
    }
    return why();
  }
  template <class Stop>
  void answer_request(const request& r, const Stop& stop) {
    try {
      const logits_rows rows = answer(sessions_[r.model], r);
      if (stop.stop_requested()) cancel();
      sequence_.absorb(r.id, rows);
    } catch (...) {
      sequence_.fail();
      throw;
    }
  }

  sequence sequence_;
  detail::list<any_session> sessions_;
  std::size_t read_ = 0;  // output tokens that the range has given out
};

}  // namespace v0
}  // namespace proviso
