// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/canvas.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Which step of how many, on which positions.
struct canvas_plan {
  std::size_t begin = 0;  ///< the window [begin, end) of positions that may be filled
  std::size_t end = 0;
  std::size_t step = 0;   ///< from 0; below 2^20
  std::size_t steps = 1;  ///< planned for the window
  std::size_t total = 0;  ///< masked positions of the window before step 0
  double stay = 0.0;      ///< m_s / m_t: probability that a masked position stays masked in this step
};

/// Memory of the steps of one generation; reused, so a steady state allocates nothing.
struct canvas_memory {
  law_builder builder;
  law_buffer buffer;
  detail::list<std::size_t> open;    ///< masked positions of the window, ascending
  detail::list<std::size_t> filled;  ///< positions of the window that an order filled before, ascending
  detail::list<token_id> candidates;
  detail::list<double> chances, confidences, scores;
  detail::list<float> scratch;
  detail::list<std::size_t> chosen;
};

/// One denoising step as an order sees it: the masked positions of the window, the law of each, draws, and the only
/// way to fill them. Masked positions are named by their rank i among those masked when the step began.
///
/// The law of a position is that of its row after the transforms, without the mask token. Laws are built from rows of
/// the canvas as it was when the step began, when they are asked for; the one asked for last is kept.
/// Every draw has a key of its own: (purpose, last token before the window, position in the window or number, step).
class canvas_step {
 public:
  /// `text`, of which `prompt` tokens are the prompt's, stands before the canvas; the root of `random` stands before
  /// the window. Everything referred to outlives the step.
  canvas_step(canvas& c, canvas_memory& memory, const canvas_plan& plan, std::span<const token_id> text,
              function_ref<void(law_builder&, const text_position&)> shape, random_ref random, std::size_t prompt = 0)
      : canvas_{c}, memory_{memory}, plan_{plan}, text_{text}, prompt_{prompt}, shape_{shape}, random_{random} {
    memory_.open.clear();
    memory_.filled.clear();
    for (std::size_t i = plan.begin; i < plan.end; ++i) {
      if (c.masked(i)) {
        memory_.open.push_back(i);
      } else if (!c.given(i)) {
        memory_.filled.push_back(i);
      }
    }
    memory_.candidates.assign(memory_.open.size(), none);
    memory_.chances.assign(memory_.open.size(), 0.0);
    memory_.confidences.assign(memory_.open.size(), 0.0);
    memory_.scores.clear();
    memory_.chosen.clear();
  }
  canvas_step(const canvas_step&) = delete;
  canvas_step& operator=(const canvas_step&) = delete;

  /// Gives the step its rows: row r belongs to position `first + r`, and row `looks_back + k`, if there are so many, to
  /// the k-th filled position, seen without the token that stands there. The rows outlive the step.
  void give(const logits_rows& rows, std::size_t first, std::size_t looks_back = 0) noexcept {
    rows_ = &rows;
    first_ = first;
    looks_back_ = looks_back;
    built_ = nothing;
  }
  bool has_rows() const noexcept { return rows_ != nullptr; }

  const canvas_plan& plan() const noexcept { return plan_; }
  /// The canvas as it is now.
  const canvas& state() const noexcept { return canvas_; }
  std::span<const token_id> text() const noexcept { return text_; }
  std::size_t masked() const noexcept { return memory_.open.size(); }
  std::size_t position(std::size_t i) const noexcept { return memory_.open[i]; }
  /// Positions that an order filled in earlier steps of this window.
  std::size_t filled() const noexcept { return memory_.filled.size(); }
  std::size_t filled_position(std::size_t k) const noexcept { return memory_.filled[k]; }

  /// The law at masked position i; at temperature 0 the law before that temperature, which still ranks tokens. Valid
  /// until another law is asked for. Throws `std::domain_error` naming the position when its row is not a law.
  law_view law(std::size_t i) { return build(position(i), position(i) - first_); }
  /// The law at filled position k, given every token but the one that stands there.
  law_view posterior(std::size_t k) { return build(filled_position(k), looks_back_ + k); }

  /// The token drawn for masked position i in this step, the same however often it is asked for; at temperature 0 the
  /// most probable one (lowest id on ties).
  token_id candidate(std::size_t i) {
    if (memory_.candidates[i] == none) {
      const law_view p = law(i);
      memory_.candidates[i] = token_of(p, i, 0);
      memory_.confidences[i] = p(memory_.candidates[i]);
      memory_.chances[i] = point_ ? 1.0 : memory_.confidences[i];
    }
    return memory_.candidates[i];
  }
  /// Probability of the candidate under `law`.
  double confidence(std::size_t i) {
    candidate(i);
    return memory_.confidences[i];
  }
  /// Makes `token`, drawn from `law(i)`, the candidate of masked position i.
  void suggest(std::size_t i, token_id token) {
    memory_.confidences[i] = law(i)(token);
    memory_.chances[i] = point_ ? 1.0 : memory_.confidences[i];
    memory_.candidates[i] = token;
  }
  /// Another draw for masked position i; `copy` in 1 .. 15 numbers it.
  token_id draw(std::size_t i, std::size_t copy) { return token_of(law(i), i, copy); }

  /// True with probability min(1, p); one decision per masked position and step.
  bool flip(double p, std::size_t i) const {
    return random_.flip(p, 1.0, purpose::acceptance, node(position(i) - plan_.begin), lane(0));
  }
  /// An entry of `weights`, drawn in proportion to them; `number` tells apart several choices of one step.
  std::size_t choose(std::span<const double> weights, std::size_t number) const {
    const law_view among = law_view::dense(weights, numeric::sum(weights));
    return static_cast<std::size_t>(random_.pick(among, purpose::selection, node(number), lane(0)));
  }

  /// Fills masked position i with its candidate.
  void fill(std::size_t i) {
    const token_id token = candidate(i);
    canvas_.fill(position(i), token, memory_.chances[i]);
  }
  /// Fills masked position i with a token that something else chose.
  void fill(std::size_t i, token_id token, double chance) { canvas_.fill(position(i), token, chance); }
  /// Masks filled position k again.
  void clear(std::size_t k) { canvas_.clear(filled_position(k)); }

  /// Memory for one score per masked position, and for a list of positions' ranks; empty when the step begins.
  detail::list<double>& scores() noexcept { return memory_.scores; }
  detail::list<std::size_t>& chosen() noexcept { return memory_.chosen; }
  /// All masked positions in `chosen()`, highest score first, ties to the lowest position.
  std::span<const std::size_t> by_score() {
    detail::list<std::size_t>& order = memory_.chosen;
    order.clear();
    for (std::size_t i = 0; i < memory_.scores.size(); ++i) {
      order.push_back(i);
      for (std::size_t k = i; k > 0 && memory_.scores[order[k - 1]] < memory_.scores[i]; --k) {
        order[k] = order[k - 1];
        order[k - 1] = i;
      }
    }
    return detail::view(order);
  }

 private:
  static constexpr token_id none = -1;
  static constexpr std::size_t nothing = (std::numeric_limits<std::size_t>::max)();

  static node_id node(std::size_t n) noexcept { return static_cast<node_id>(n); }
  std::uint32_t lane(std::size_t copy) const noexcept { return static_cast<std::uint32_t>(plan_.step * 16 + copy); }

  token_id token_of(const law_view& p, std::size_t i, std::size_t copy) const {
    return point_ ? p.argmax() : random_.pick(p, purpose::draft, node(position(i) - plan_.begin), lane(copy));
  }

  law_view build(std::size_t position, std::size_t row) {
    if (row == built_) return law_;
    if (rows_ == nullptr) throw std::logic_error("proviso: canvas_step: a law was asked for before there are rows");
    built_ = nothing;
    memory_.scratch.resize(rows_->cols());
    law_builder& b = memory_.builder;
    b.begin(rows_->row(row, detail::writable(memory_.scratch)), memory_.buffer);
    b.edit()[static_cast<std::size_t>(canvas_.mask())] = -std::numeric_limits<float>::infinity();
    try {
      shape_(b, {text_, canvas_.tokens().first(position), prompt_});
      point_ = b.is_point();
      b.soften();
      law_ = b.finish();
    } catch (const std::domain_error& fault) {
      throw std::domain_error(std::string{fault.what()} + " (denoiser, canvas position " + std::to_string(position) +
                              ")");
    }
    built_ = row;
    return law_;
  }

  canvas& canvas_;
  canvas_memory& memory_;
  const canvas_plan plan_;
  std::span<const token_id> text_;
  std::size_t prompt_;
  function_ref<void(law_builder&, const text_position&)> shape_;
  random_ref random_;
  const logits_rows* rows_ = nullptr;
  std::size_t first_ = 0;
  std::size_t looks_back_ = 0;
  std::size_t built_ = nothing;
  law_view law_;
  bool point_ = false;
};

/// Decides which masked positions are filled in a step. `scheduled` says whether the number of steps is planned: what
/// is masked after the last one is then filled at once. An order that is not scheduled fills at least one position per
/// step. Optional members:
/// - `bool prepare(canvas_step&)` decides what needs no rows, and returns whether the step needs any;
/// - `static constexpr bool looks_back = true` asks for `posterior`.
template <class O>
concept canvas_order = requires(O& o, canvas_step& s) {
  { O::scheduled } -> std::convertible_to<bool>;
  o(s);
};

/// Says, asked after the rows of a step are known, whether to fill the rest of the window at once.
template <class S>
concept canvas_stop = requires(S& stop, canvas_step& s) {
  { stop(s) } -> std::convertible_to<bool>;
};

namespace numeric {

/// -sum p log p in nats. Cost: a logarithm per entry.
inline double entropy(const law_view& p) noexcept {
  double h = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double x = p.weight(i) / p.total();
    if (x > 0.0) h -= x * log(x);
  }
  return h;
}

/// The largest probability less the second largest; 1 for a point.
inline double margin(const law_view& p) noexcept {
  double first = 0.0;
  double second = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double w = p.weight(i);
    if (w > first) {
      second = first;
      first = w;
    } else if (w > second) {
      second = w;
    }
  }
  return (first - second) / p.total();
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso
