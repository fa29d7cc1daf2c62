// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/prove_subtree_acceptance.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/shapes.hpp"

/// Wrong versions of rules, drafters and loops are put through the proofs that the library passes; every one must fail.
namespace mutants {

using namespace proviso;
using support::all_tables;
using support::draft_shape;
using support::growth;
using support::tables;

/// Probabilities, one per token.
using row = std::vector<double>;

inline row probabilities(const law_view& law) {
  row p(3);
  for (std::size_t x = 0; x < p.size(); ++x) p[x] = law(static_cast<token_id>(x));
  return p;
}
inline double sum(const row& weights) { return numeric::sum(std::span<const double>{weights}); }
inline law_view law_of(const row& weights) { return law_view::dense(std::span<const double>{weights}, sum(weights)); }
/// [keep p - share q]+
inline row excess(double keep, const row& p, double share, const row& q) {
  row rest(p.size());
  for (std::size_t x = 0; x < p.size(); ++x) rest[x] = keep * p[x] > share * q[x] ? keep * p[x] - share * q[x] : 0.0;
  return rest;
}
inline double at(const row& p, token_id x) { return p[static_cast<std::size_t>(x)]; }

inline const std::vector<token_id>& prompt() {
  static const std::vector<token_id> tokens{1, 2};
  return tokens;
}

/// A draft's shape, and the tokens of the text: at least two rounds.
struct trial {
  draft_shape shape;
  std::size_t tokens;
};

/// One trial with one shape.
inline std::vector<trial> chain_of_two(std::size_t tokens) { return {{{"chain of 2", {1, 1}}, tokens}}; }

using proposal = std::function<void(const context&, draft&)>;

/// A law with float weights: what a draft records of it is what was drawn from.
class narrow_law {
 public:
  explicit narrow_law(const row& p)
      : weights_(p.begin(), p.end()), total_{numeric::sum(std::span<const float>{weights_})} {}
  /// The law of a table after a text, as a drafting model has it.
  narrow_law(const testing::row_table& table, std::span<const token_id> text, float temperature = 1.0F) {
    law_buffer memory;
    law_builder builder;
    builder.begin(table.row(text), memory);
    builder.divide(temperature);
    const law_view law = builder.finish();
    weights_.assign(law.weights().begin(), law.weights().end());
    total_ = law.total();
  }
  law_view view() const { return law_view::dense(std::span<const float>{weights_}, total_); }

 private:
  std::vector<float> weights_;
  double total_ = 0.0;
};

/// Adds a token that was chosen beforehand, and records a law that it need not come from: its source of randomness is
/// not the generation's.
inline node_id record(draft& d, node_id parent, const law_view& q, token_id chosen) {
  struct {
    token_id token;
    bool flip(double, double, const draw_key&) const { return true; }
    token_id pick(const law_view&, const draw_key&) const { return token; }
    token_id race(const law_view&, const draw_key&) const { return token; }
  } source{chosen};
  return d.sample(parent, q, random_ref{source});
}

/// The text with the drafted tokens down to `node`.
inline std::vector<token_id> text_at(const context& c, const draft& d, node_id node) {
  std::vector<token_id> text;
  d.path(node, text);
  text.insert(text.begin(), c.text().begin(), c.text().end());
  return text;
}

/// A rule with the drafter that feeds it.
struct suspect {
  std::string name;
  std::function<rules::any()> rule;
  std::function<proposal(const tables&, const draft_shape&)> drafter = [](const tables& t, const draft_shape& shape) {
    return [d = support::shaped{t.q, shape}](const context& c, draft& out) mutable { d.propose(c, out); };
  };
};

/// A drafter that is a function.
class drafting {
 public:
  explicit drafting(proposal f) : propose_{std::move(f)} {}
  void start(std::span<const token_id>) const noexcept {}
  void propose(const context& c, draft& d) { propose_(c, d); }
  void commit(const feedback&) const noexcept {}

 private:
  proposal propose_;
};

/// Proofs that one suspect went through: how many, and how many of them each check failed.
class verdict {
 public:
  /// Begins another proof.
  void next() noexcept { ++proofs_; }
  void fail(const std::string& check) { failed_[check].insert(proofs_); }
  /// A report of the proof; `sound` is that of the rule that the suspect claims to be.
  void hear(const testing::proof_report& report, const testing::proof_report& sound) {
    if (!report.passed()) last_ = report.text();
    for (const testing::proof_check& c : report.checks) {
      if (!c.passed) fail(c.name);
      if (c.name == "exception" && !c.passed) return;
    }
    if (!(std::abs(report.first_accepted - sound.first_accepted) < tolerance)) {
      fail("accepted");
    } else if (!(std::abs(report.accepted - sound.accepted) < tolerance)) {
      fail("accepted later");
    }
  }
  bool passed() const noexcept { return failed_.empty(); }
  /// The latest report that failed.
  const std::string& details() const noexcept { return last_; }
  /// "output 4, conditional 4 of 4".
  std::string text() const {
    std::string words;
    for (const auto& [check, in] : failed_)
      words += (words.empty() ? "" : ", ") + check + ' ' + std::to_string(in.size());
    return (words.empty() ? "nothing" : words) + " of " + std::to_string(proofs_);
  }

 private:
  static constexpr double tolerance = 1e-9;
  std::map<std::string, std::set<std::size_t>> failed_;  ///< numbers of the proofs
  std::string last_;
  std::size_t proofs_ = 0;
};

/// A proof, and how often a model was called over all its outcomes, for how many tokens.
struct counted_proof {
  testing::proof_report report;
  std::size_t calls;
  std::size_t tokens;
};

/// Hears what claims to be a drafter in several trials. "evaluations": a model was called as often, and for as many
/// tokens, as by the drafter itself.
template <class Trial, class Make>
class court {
 public:
  using prove = counted_proof (*)(const Trial&, const Make&);
  court(const std::vector<Trial>& trials, prove how, const Make& reference) : trials_{&trials}, prove_{how} {
    for (const Trial& t : trials) sound_.push_back(prove_(t, reference));
  }
  verdict hear(const Make& make) const {
    verdict v;
    for (std::size_t i = 0; i < trials_->size(); ++i) {
      v.next();
      const counted_proof& sound = sound_[i];
      const counted_proof found = prove_((*trials_)[i], make);
      v.hear(found.report, sound.report);
      const bool ended = found.report.checks.size() > 2;
      if (ended && (found.calls != sound.calls || found.tokens != sound.tokens)) v.fail("evaluations");
    }
    return v;
  }

 private:
  const std::vector<Trial>* trials_;
  prove prove_;
  std::vector<counted_proof> sound_;
};

/// Prints the verdicts of one family and checks them.
class book {
 public:
  explicit book(const char* family) { std::printf("\n%s: the checks that failed, each in how many proofs\n", family); }
  void sound(const std::string& name, const verdict& v) const {
    std::printf("  %-34s (sound) %s\n", name.c_str(), v.text().c_str());
    INFO(name << " is sound, but failed " << v.text() << "\n" << v.details());
    CHECK(v.passed());
  }
  void wrong(const std::string& name, const verdict& v) const {
    std::printf("  %-34s %s\n", name.c_str(), v.passed() ? "SURVIVES" : v.text().c_str());
    INFO(name << " survives");
    CHECK(!v.passed());
  }
};

template <class Source = testing::enumerator::source_type>
testing::proof_report prove(const suspect& s, const tables& t, const trial& with, testing::conditionals promises) {
  testing::table_model target{t.p};
  testing::proof_options options;
  options.prompt = prompt();
  options.tokens = with.tokens;
  options.conditional = promises;
  auto start = [&](testing::enumerator& all) {
    return sequence{speculative{target, drafting{s.drafter(t, with.shape)}, s.rule(), transforms::temperature{},
                                lengths::fixed{with.shape.depth()}},
                    Source{all}};
  };
  const testing::target_law law = testing::table_law(t.p);
  return testing::detail::lossless_proof{law, options}.run(start);
}

/// One drawn chain or tree below the prompt, through the rule.
inline testing::proof_report prove_subtrees(const suspect& s, const tables& t, const draft_shape& shape) {
  const auto text_after = [](std::span<const token_id> path) {
    std::vector<token_id> text = prompt();
    text.insert(text.end(), path.begin(), path.end());
    return text;
  };
  const testing::target_law p = testing::table_law(t.p);
  const testing::target_law q = testing::table_law(t.q);
  testing::subtree_setup setup;
  setup.rule = [rule = std::make_shared<rules::any>(s.rule())](const draft& d, const target_laws& laws,
                                                               random_ref random) { return (*rule)(d, laws, random); };
  setup.build = [&](draft& d, random_ref random) {
    const replacement mode = shape.kind == growth::without ? replacement::without : replacement::with;
    std::vector<token_id> path;
    for (node_id n = 0; n < static_cast<node_id>(d.size()); ++n) {
      if (d.depth(n) == shape.depth()) continue;
      d.path(n, path);
      d.sample_siblings(n, law_of(q(text_after(path))), shape.widths[d.depth(n)], mode, random);
    }
  };
  setup.target = [&](std::span<const token_id> path) { return p(text_after(path)); };
  return testing::prove_subtree_acceptance(setup);
}

/// One family: the library's rule, a double of it without a fault, and the wrong ones.
struct family {
  const char* name;
  suspect rule;
  std::vector<suspect> sound;
  std::vector<suspect> wrong;
  std::vector<trial> trials;
  testing::conditionals promises = testing::conditionals::every_round;
  bool subtrees = false;  ///< whether the rule keeps the invariant of traversal
};

template <class Source = testing::enumerator::source_type>
void judge(const family& f) {
  const book all{f.name};
  std::vector<testing::proof_report> references;
  const auto hear = [&](const suspect& s, bool first) {
    verdict v;
    std::size_t i = 0;
    const auto compare = [&](testing::proof_report report) {
      if (first) references.push_back(report);
      v.hear(report, references[i++]);
    };
    for (const tables& t : all_tables()) {
      for (const trial& each : f.trials) {
        v.next();
        compare(prove<Source>(s, t, each, f.promises));
        if (f.subtrees) compare(prove_subtrees(s, t, each.shape));
      }
    }
    return v;
  };
  all.sound(f.rule.name, hear(f.rule, true));
  for (const suspect& s : f.sound) all.sound(s.name, hear(s, false));
  for (const suspect& s : f.wrong) all.wrong(s.name, hear(s, false));
}

/// Rows that depend on every token of the text: nothing that a session lost or kept by mistake stays hidden.
inline testing::table_model::row_function whole_text(std::uint32_t seed) {
  return [seed](std::span<const token_id> text, std::span<float> out) {
    std::uint32_t h = seed;
    for (const token_id t : text) h = (h ^ static_cast<std::uint32_t>(t + 1)) * 2654435761U + 12345U;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint32_t mixed = (h + static_cast<std::uint32_t>(i)) * 2246822519U;
      out[i] = static_cast<float>((mixed ^ (mixed >> 13U)) >> 16U & 0xFFFFU) / 65536.0F * 3.0F;
    }
  };
}

}  // namespace mutants
