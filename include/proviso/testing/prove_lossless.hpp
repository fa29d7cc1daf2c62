// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/function_ref.hpp>
#include <proviso/core/types.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/check_arithmetic.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/proof_report.hpp>
#include <proviso/testing/target_law.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// Where the law of a token must be the target's.
enum class conditionals : unsigned char {
  every_round,  ///< given the text, the round borders before this round, and that the round reaches the token
  whole_text    ///< given the text: all that a rule with state carried from round to round promises
};

/// How `prove_lossless` looks at an algorithm.
struct proof_options {
  std::vector<token_id> prompt{0};
  /// Tokens to emit. Two rounds need more than one round can emit.
  std::size_t tokens = 4;
  /// For rounding of double; an error is a probability.
  double tolerance = 1e-9;
  /// Closed form of the accepted tokens of the first round, if known.
  std::optional<double> expected_accepted{};
  conditionals conditional = conditionals::every_round;
  std::size_t most_outcomes = 2'000'000;
  /// Writes the text in pieces, each a generation of its own after the text so far, and every second one by a new
  /// decoder. A piece ends after so many tokens (its budget), or after so many rounds (it is cancelled); 0: never.
  std::size_t piece_tokens = 0;
  std::size_t piece_rounds = 0;
};

namespace detail {

/// The part of `prove_lossless` that does not depend on the algorithm's type.
class lossless_proof {
 public:
  lossless_proof(const target_law& target, const proof_options& options) : target_{target}, options_{options} {}

  proof_report run(function_ref<sequence(enumerator&)> make) {
    report_.add("arithmetic", "exponentials and logarithms are those of independent constants", check_arithmetic());
    enumerator all{options_.most_outcomes};
    std::string thrown;
    std::string endless;
    try {
      all.run([&] { walk(make, all); });
    } catch (const std::length_error& e) {
      (all.outcomes() == options_.most_outcomes ? endless : thrown) = e.what();
    } catch (const std::exception& e) {
      thrown = e.what();
    } catch (...) {
      thrown = "something that is no std::exception";
    }
    report_.outcomes = all.outcomes();
    if (!thrown.empty()) thrown += " (after " + std::to_string(all.outcomes()) + " whole outcomes)";
    report_.add("exception", "nothing is thrown, and no two draws share a key", thrown);
    report_.add("outcomes", "all of them are walked", endless);
    if (!report_.passed()) return std::move(report_);

    report_.tokens_per_round = emitted_ / rounds_;
    gather();
    report_.add("length", "every outcome emits all tokens", short_);
    report_.add("rounds", "some outcome has more than one",
                report_.most_rounds > 1
                    ? ""
                    : "every outcome ended in one round: ask for more tokens than a round emits, or what "
                      "rounds do to each other is not seen");
    judge("total", "the probabilities of the outcomes add up to 1", std::abs(report_.probability - 1.0),
          "the probabilities of the outcomes add up to " + number("%.9f", report_.probability));
    add_output();
    add_conditional();
    add_accepted();
    return std::move(report_);
  }

 private:
  static constexpr token_id border = -1;  // ends a round in a context
  using context = std::vector<token_id>;
  using masses = std::map<context, std::vector<double>>;  // probability of the context and then each token

  /// What one outcome has done so far.
  struct outcome_so_far {
    std::vector<token_id> text;
    std::size_t rounds = 0;
    std::uint64_t first = 0;  // accepted in the first round
    std::uint64_t accepted = 0;
  };

  void walk(function_ref<sequence(enumerator&)> make, enumerator& all) {
    outcome_so_far now{options_.prompt};
    std::optional<decoder> d;
    history_.clear();
    std::size_t left = options_.tokens;
    for (std::size_t piece = 0; left > 0; ++piece) {
      if (!d || piece % 2 == 1) {
        d.reset();
        d.emplace(make(all));
      }
      limits bounds;
      bounds.max_tokens = options_.piece_tokens > 0 && options_.piece_tokens < left ? options_.piece_tokens : left;
      const bool whole = write(*d, bounds, now);
      left -= d->output().size();
      if (!whole) break;
    }
    const double probability = all.probability();
    histories_[history_] += probability;
    report_.probability += probability;
    report_.first_accepted += probability * static_cast<double>(now.first);
    report_.accepted += probability * static_cast<double>(now.accepted);
    emitted_ += probability * static_cast<double>(options_.tokens - left);
    rounds_ += probability * static_cast<double>(now.rounds);
    report_.most_rounds = now.rounds > report_.most_rounds ? now.rounds : report_.most_rounds;
  }
  /// Writes a piece; returns whether it ended where it should.
  bool write(decoder& d, const limits& bounds, outcome_so_far& now) {
    d.start(now.text, bounds);
    bool cancelled = false;
    for (std::size_t rounds = 0; !d.done();) {
      const std::span<const generated_token> emitted = d.step();
      if (emitted.empty()) continue;
      if (now.rounds++ == 0) now.first = d.stats().accepted;
      for (const generated_token t : emitted) {
        history_.push_back(t.token);
        now.text.push_back(t.token);
      }
      history_.push_back(border);
      if (++rounds == options_.piece_rounds) {
        d.cancel();
        cancelled = true;
      }
    }
    now.accepted += d.stats().accepted;
    return cancelled || d.output().size() == bounds.max_tokens;
  }
  /// Sums up by text, by what stands before a token, and by what stands before it with the rounds.
  void gather() {
    for (const auto& [history, probability] : histories_) {
      context text;
      context rounds;
      for (const token_id x : history) {
        if (x != border) {
          add_mass(by_text_[text], x, probability);
          add_mass(by_round_[rounds], x, probability);
          text.push_back(x);
        }
        rounds.push_back(x);
      }
      texts_[text] += probability;
      if (text.size() < options_.tokens && short_.empty()) {
        short_ = "an outcome ended after " + std::to_string(text.size()) + " of " + std::to_string(options_.tokens) +
                 " tokens (" + words(history) + ")";
      }
    }
  }
  static void add_mass(std::vector<double>& next, token_id token, double probability) {
    const auto x = static_cast<std::size_t>(token);
    if (next.size() <= x) next.resize(x + 1, 0.0);
    next[x] += probability;
  }

  /// The prompt, then the rounds: "1 2 | 0 2 | 1".
  std::string words(const context& tokens) const {
    std::string out;
    for (const token_id x : options_.prompt) out += std::to_string(x) + ' ';
    out += '|';
    for (const token_id x : tokens) {
      out += ' ';
      out += x == border ? "|" : std::to_string(x);
    }
    return out;
  }
  /// The target's law after the prompt and a context.
  const std::vector<double>& law_after(const context& tokens) {
    std::vector<token_id> text = options_.prompt;
    for (const token_id x : tokens) {
      if (x != border) text.push_back(x);
    }
    const auto known = laws_.find(text);
    if (known != laws_.end()) return known->second;
    std::vector<double> p = target_(text);
    double sum = 0.0;
    for (const double x : p) sum += x;
    if (!(std::abs(sum - 1.0) < 1e-6)) {
      throw std::invalid_argument("proviso: prove_lossless: the target's law after " + words(tokens) + " adds up to " +
                                  number("%.9f", sum));
    }
    return laws_[std::move(text)] = std::move(p);
  }

  /// The context whose next token is furthest from the target's law, weighted with the context's probability.
  std::pair<proof_context, double> worst(const masses& all) {
    proof_context found;
    double largest = -1.0;
    for (const auto& [before, next] : all) {
      const std::vector<double>& p = law_after(before);
      double mass = 0.0;
      for (const double x : next) mass += x;
      std::vector<double> got(p.size() < next.size() ? next.size() : p.size(), 0.0);
      double error = 0.0;
      for (std::size_t x = 0; x < got.size(); ++x) {
        got[x] = x < next.size() ? next[x] / mass : 0.0;
        error += mass * std::abs(got[x] - (x < p.size() ? p[x] : 0.0)) / 2.0;
      }
      if (error > largest) {
        largest = error;
        found = {words(before), mass, p, std::move(got)};
      }
    }
    return {std::move(found), largest};
  }

  proof_check& judge(const char* name, const char* about, double error, std::string failure) {
    if (error <= options_.tolerance) failure.clear();
    return report_.add(name, about, std::move(failure), error);
  }
  /// Total variation distance of the law of the texts from the target's.
  void add_output() {
    double error = 0.0;
    double missing = 1.0;
    for (const auto& [text, probability] : texts_) {
      double expected = 1.0;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const auto x = static_cast<std::size_t>(text[i]);
        const std::vector<double>& p = law_after({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i)});
        expected *= x < p.size() ? p[x] : 0.0;
      }
      error += std::abs(probability - expected) / 2.0;
      missing -= expected;
    }
    error += std::abs(missing) / 2.0;
    judge("output", "the law of the text", error, "the law of the text is not the target's").worst =
        worst(by_text_).first;
  }
  void add_conditional() {
    if (options_.conditional == conditionals::whole_text) {
      report_.skip("conditional", "only the law of the whole text is promised");
      return;
    }
    auto [where, error] = worst(by_round_);
    judge("conditional", "the law of every token, given the rounds before it", error,
          "given the rounds before it, the law of a token is not the target's")
        .worst = std::move(where);
  }
  void add_accepted() {
    if (!options_.expected_accepted) {
      report_.skip("accepted", "no closed form given");
      return;
    }
    const double expected = *options_.expected_accepted;
    judge("accepted", "tokens of the first round, as the closed form says", std::abs(report_.first_accepted - expected),
          "the first round accepts " + number("%.9f", report_.first_accepted) + " tokens, expected " +
              number("%.9f", expected));
  }

  const target_law& target_;
  const proof_options& options_;
  proof_report report_;
  std::map<context, double> histories_, texts_;
  masses by_text_, by_round_;
  std::map<std::vector<token_id>, std::vector<double>> laws_;  // of the target
  context history_;
  std::string short_;
  double emitted_ = 0.0;
  double rounds_ = 0.0;
};

}  // namespace detail

/// Proves that an algorithm emits exactly the target's law, by running it through every outcome of its random draws.
/// `make()` returns the algorithm (models are referred to, policies are new); `target` gives the law it must have.
///
///     testing::table_model target{p}, small{q};
///     auto report = testing::prove_lossless(
///         [&] { return speculative{target, drafters::model{small}, my_rule{}}; }, testing::table_law(p));
///     if (!report.passed()) std::puts(report.text().c_str());
///
/// Checks, by name:
/// - arithmetic: `check_arithmetic` finds no fault: the target's law is built by the same functions;
/// - exception: nothing was thrown (draws that share a key are);    - outcomes: at most `most_outcomes`;
/// - length: every outcome emitted all tokens;                      - rounds: an outcome had at least two rounds;
/// - total: the probabilities add up to 1;                          - output: the law of the text;
/// - conditional: the law of each token given the text before it, the rounds before its own, and that its round
///   reaches it (error: weighted with the probability of all that); - accepted: `expected_accepted`.
///
/// A text that is written in pieces (`piece_tokens`, `piece_rounds`) must have the same laws, and no draw of a piece
/// may share a key with one of another piece.
///
/// Guarantee: for these models, prompt and length, up to rounding; vary them. 3 or 4 tokens, tables of order 1 or 2
/// and drafts of 2 or 3 tokens show every fault known to us.
/// Errors: `std::invalid_argument` when `target` returns something that is no law. What the algorithm throws fails
/// a check.
/// Cost: one generation per outcome, about 10 us each; a drafted chain of 3 over 3 tokens has some 10^5.
/// Source: checks after Leviathan et al., arXiv 2211.17192; Sun et al., arXiv 2403.10444.
template <class Make>
proof_report prove_lossless(Make&& make, const target_law& target, const proof_options& options = {}) {
  auto start = [&](enumerator& all) { return sequence{make(), all.source()}; };
  return detail::lossless_proof{target, options}.run(start);
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
