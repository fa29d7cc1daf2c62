// SPDX-License-Identifier: Apache-2.0
// Wrong versions of drafters::lookahead: what a guess is recorded as, what it may depend on, how it is verified, and
// what the window costs.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <proviso/drafters/lookahead.hpp>
#include <proviso/rules/siblings.hpp>

#include "mutants/jury.hpp"
#include "mutants/shared_uniforms.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class lookahead_fault {
  none,
  soft_q,           ///< guesses are recorded with the law of the row that they were the most probable token of
  by_acceptance,    ///< only guesses are pushed that the draw of their acceptance lets stand
  noise_of_text,    ///< the Jacobi step draws, with the noise of the position in the text that it guesses
  rest_unverified,  ///< when the first token of a guess stands, all of it does
  window_row,       ///< a guess is verified with the row of the window's node with the same token
  beyond_limit,     ///< whole guesses, whatever the round allows
  without_room,     ///< the window, whatever room there is
  window_pushed,    ///< the window is proposed instead of probed
  equal_siblings,   ///< guesses with a common beginning become branches from the root
  endless_pool,     ///< no continuation leaves the pool
  to_the_end,       ///< a window in the last rounds, too, whose guesses come too late
  row_before_last,  ///< a column grows by the row of the node before its last one
  side_by_side,     ///< a column does not see the first tokens of the columns before
  not_shifted       ///< columns stay when the text has passed their first place
};

constexpr std::size_t window_width = 2;
constexpr std::size_t guess_length = 2;
constexpr std::size_t guess_count = 2;

/// `drafters::lookahead`, column by column, with a fault.
class lookahead_double {
 public:
  lookahead_double(const testing::row_table& p, lookahead_fault f) : table_{&p}, fault_{f} {}

  void start(std::span<const token_id> text) {
    pool_.clear();
    columns_.clear();
    for (std::size_t j = 0; j < window_width; ++j)
      columns_.push_back({text[(text.size() - 1) * (j + 1) / (window_width + 1)]});
    for (std::size_t i = 0; i + guess_length < text.size(); ++i) add(text.subspan(i, guess_length + 1));
  }

  void propose(const context& c, draft& d) {
    random_ = c.random();
    for (const guess& g : pool_[c.text().back()]) {
      node_id at = draft::root();
      for (std::size_t i = 0; i < guess_length; ++i) {
        if (d.depth(at) == c.limit() && fault_ != lookahead_fault::beyond_limit) break;
        const node_id child =
            fault_ == lookahead_fault::equal_siblings && i == 0 ? prefix_node : find_child(d, at, g[i]);
        if (child == prefix_node && (d.room() == 0 || !wanted(c, d, at, g[i]))) break;
        at = child == prefix_node ? push(c, d, at, g, i) : child;
      }
    }
    last_.clear();
    if (d.room() < window_width * columns_[0].size() && fault_ != lookahead_fault::without_room) return;
    if (c.room() <= 2 && fault_ != lookahead_fault::to_the_end) return;
    node_id front = draft::root();
    for (const std::vector<token_id>& column : columns_) {
      node_id at = fault_ == lookahead_fault::side_by_side ? draft::root() : front;
      for (std::size_t level = 0; level < column.size(); ++level) {
        at = fault_ == lookahead_fault::window_pushed ? d.push(at, column[level]) : d.probe(at, column[level]);
        if (level == 0) front = at;
      }
      last_.push_back(at);
    }
  }

  void commit(const feedback& f) {
    if (last_.empty()) return;
    for (std::size_t j = 0; j < window_width; ++j) {
      const node_id at = fault_ == lookahead_fault::row_before_last ? f.proposal.parent(last_[j]) : last_[j];
      columns_[j].push_back(step(f, at));
      if (columns_[j].size() <= guess_length) continue;
      add(columns_[j]);
      columns_[j].erase(columns_[j].begin());
    }
    const std::size_t passed = fault_ == lookahead_fault::not_shifted ? 0 : f.result.path.size() % window_width;
    std::rotate(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(passed), columns_.end());
  }

 private:
  using guess = std::vector<token_id>;

  bool wanted(const context& c, const draft& d, node_id at, token_id x) const {
    if (fault_ != lookahead_fault::by_acceptance) return true;
    const narrow_law p{*table_, text_at(c, d, at)};
    return c.random().flip(p.view()(x), 1.0, purpose::acceptance, static_cast<node_id>(d.size()));
  }
  node_id push(const context& c, draft& d, node_id at, const guess& g, std::size_t i) const {
    if (fault_ != lookahead_fault::soft_q) return d.push(at, g[i]);
    std::vector<token_id> column{c.text().back()};  // the row under the window saw no more
    column.insert(column.end(), g.begin(), g.begin() + static_cast<std::ptrdiff_t>(i));
    return record(d, at, narrow_law{*table_, column}.view(), g[i]);
  }
  token_id step(const feedback& f, node_id at) {
    std::vector<float> memory(f.rows.cols());
    const std::span<const float> row = f.rows.row(static_cast<std::size_t>(at), memory);
    const narrow_law law{testing::row_table{row.size(), 0, {row.begin(), row.end()}}, {}};
    return fault_ == lookahead_fault::noise_of_text ? random_->pick_token(law.view(), f.proposal.next_position(at))
                                                    : law.view().argmax();
  }
  void add(std::span<const token_id> gram) {
    std::vector<guess>& known = pool_[gram[0]];
    const guess rest(gram.begin() + 1, gram.end());
    const auto same = std::find(known.begin(), known.end(), rest);
    if (same != known.end()) {
      known.erase(same);
    } else if (known.size() == guess_count && fault_ != lookahead_fault::endless_pool) {
      known.pop_back();
    }
    known.insert(known.begin(), rest);
  }

  const testing::row_table* table_;
  lookahead_fault fault_;
  std::map<token_id, std::vector<guess>> pool_;  // by first token, the newest first
  std::vector<std::vector<token_id>> columns_;
  std::vector<node_id> last_;  // of each column in this round's draft
  std::optional<random_ref> random_;
};

/// Sibling verification with a fault.
class rule_double {
 public:
  static constexpr bool lossless = false;
  explicit rule_double(lookahead_fault f) : fault_{f} {}
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    auto law_after = [&](node_id n) { return p(fault_ == lookahead_fault::window_row ? twin(d, n) : n); };
    const outcome o = sound_(d, target_laws{law_after}, random);
    if (fault_ != lookahead_fault::rest_unverified || o.path.empty()) return o;
    path_.assign(1, o.path.front());
    while (d.first_child(path_.back()) != prefix_node) path_.push_back(d.first_child(path_.back()));
    return {path_, random.pick(p(path_.back()), purpose::selection, path_.back()), origin::bonus};
  }

 private:
  /// A node of the window with the token of `n`, if there is one.
  static node_id twin(const draft& d, node_id n) {
    for (node_id m = 1; n != draft::root() && static_cast<std::size_t>(m) < d.size(); ++m) {
      if (d.kind(m) == draft::role::probe && d.token(m) == d.token(n)) return m;
    }
    return n;
  }
  lookahead_fault fault_;
  rules::siblings sound_;
  std::vector<node_id> path_;
};

struct trial_of_windows {
  testing::row_table p;
  std::vector<token_id> prompt;
  std::size_t tokens;
  std::size_t capacity = unlimited;
};

/// Two of four tokens are possible after every three: long texts, few outcomes.
testing::row_table forks() {
  const testing::row_table random = testing::random_table(4, 3, 26, 0.5F);
  std::vector<float> logits(random.logits().size(), -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < logits.size(); i += 4) {
    const std::size_t mixed = i / 4 * 7 + i / 16 * 5;
    for (const std::size_t x : {mixed % 4, (mixed + 1 + i / 64) % 4}) logits[i + x] = random.logits()[i + x];
  }
  return {4, 3, std::move(logits)};
}

const std::vector<trial_of_windows>& trials_of_windows() {
  static const std::vector<trial_of_windows> all{
      {testing::random_table(3, 2, 23), {1, 0, 1}, 5},
      {support::overconfident(testing::random_table(3, 2, 25, 0.2F)), {1, 0, 1, 1, 0, 2, 1}, 5, 14},
      {forks(), {1, 0, 1, 1, 2}, 9}};
  return all;
}

using make_lookahead =
    std::function<sequence(testing::table_model& target, const trial_of_windows&, testing::enumerator&)>;

template <class Source, class Drafter>
sequence algorithm(testing::table_model& target, Drafter drafter, rules::any rule, testing::enumerator& all) {
  return sequence{
      speculative{target, std::move(drafter), std::move(rule), transforms::temperature{}, lengths::fixed{guess_length}},
      Source{all}};
}

template <class Source = testing::enumerator::source_type>
make_lookahead with(lookahead_fault f) {
  return [f](testing::table_model& target, const trial_of_windows& t, testing::enumerator& all) {
    return algorithm<Source>(target, lookahead_double{t.p, f}, rules::any{rule_double{f}}, all);
  };
}

template <class Source = testing::enumerator::source_type>
sequence shipped_lookahead(testing::table_model& target, const trial_of_windows&, testing::enumerator& all) {
  return algorithm<Source>(target, drafters::lookahead{window_width, guess_length + 1, guess_count},
                           rules::any{rules::siblings{}}, all);
}

counted_proof prove(const trial_of_windows& t, const make_lookahead& make) {
  testing::table_model target{t.p, t.capacity};
  testing::proof_options options;
  options.prompt = t.prompt;
  options.tokens = t.tokens;
  const testing::target_law law = testing::table_law(t.p);
  const auto start = [&](testing::enumerator& all) { return make(target, t, all); };
  testing::proof_report report = testing::detail::lossless_proof{law, options}.run(start);
  return {std::move(report), target.counts().calls, target.counts().tokens};
}

TEST_CASE("lookahead mutants") {
  const book all{"drafters::lookahead under rules::siblings"};
  const court<trial_of_windows, make_lookahead> proofs{trials_of_windows(), prove, shipped_lookahead<>};
  all.sound("drafters::lookahead", proofs.hear(shipped_lookahead<>));
  all.sound("double without a fault", proofs.hear(with(lookahead_fault::none)));
  const std::pair<lookahead_fault, const char*> wrong[] = {
      {lookahead_fault::soft_q, "guesses with a soft q"},
      {lookahead_fault::by_acceptance, "guesses by their acceptance"},
      {lookahead_fault::noise_of_text, "Jacobi steps by the text's noise"},
      {lookahead_fault::rest_unverified, "rest of a guess unverified"},
      {lookahead_fault::window_row, "verified with rows of the window"},
      {lookahead_fault::beyond_limit, "guesses longer than the budget"},
      {lookahead_fault::without_room, "window without room"},
      {lookahead_fault::window_pushed, "window proposed"},
      {lookahead_fault::equal_siblings, "equal siblings"},
      {lookahead_fault::endless_pool, "endless pool"},
      {lookahead_fault::to_the_end, "window to the end"},
      {lookahead_fault::row_before_last, "row before the last"},
      {lookahead_fault::side_by_side, "columns side by side"},
      {lookahead_fault::not_shifted, "columns not shifted"}};
  for (const auto& [f, name] : wrong) all.wrong(name, proofs.hear(with(f)));
}

TEST_CASE("lookahead mutants that share noise") {
  const book all{"drafters::lookahead with one uniform per key"};
  const court<trial_of_windows, make_lookahead> proofs{trials_of_windows(), prove, shipped_lookahead<shared_uniforms>};
  all.sound("double without a fault", proofs.hear(with<shared_uniforms>(lookahead_fault::none)));
  all.wrong("guesses by their acceptance", proofs.hear(with<shared_uniforms>(lookahead_fault::by_acceptance)));
  all.wrong("Jacobi steps by the text's noise", proofs.hear(with<shared_uniforms>(lookahead_fault::noise_of_text)));
}

}  // namespace
