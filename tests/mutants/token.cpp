// SPDX-License-Identifier: Apache-2.0
// Wrong versions of token verification.
#include <cmath>
#include <vector>

#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class token_fault {
  none,
  correction_from_target,    ///< the correction is drawn from p
  correction_without_token,  ///< from p without the refused token
  correction_absolute,       ///< from |p - q|
  correction_reversed,       ///< from [q - p]+, where it has mass
  correction_of_last_row,    ///< from the row after the whole draft
  bonus_from_draft,          ///< the token after a draft that stands is drawn from the last q
  accepts_zero,              ///< u * q <= p: with uniforms of 10 bits, a token with p = 0 passes once in 1024
  first_unchecked,           ///< the first drafted token always stands
  inverted_ratio,            ///< stands with probability min(1, q / p)
  row_of_root,               ///< every token is tested with the row of the root
  row_too_late               ///< a token is tested with the row after it
};

class token_double {
 public:
  static constexpr bool lossless = false;
  explicit token_double(token_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    node_id last = draft::root();
    while (d.first_child(last) != prefix_node) last = d.first_child(last);
    node_id at = draft::root();
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(x)) {
      const row target = probabilities(p(at));
      const row q = probabilities(d.q(x));
      const row tested = fault_ == token_fault::row_of_root    ? probabilities(p(draft::root()))
                         : fault_ == token_fault::row_too_late ? probabilities(p(x))
                                                               : target;
      if (!stands(mutants::at(tested, d.token(x)), mutants::at(q, d.token(x)), random, x)) {
        correction_ =
            correction(fault_ == token_fault::correction_of_last_row ? probabilities(p(last)) : target, q, d.token(x));
        return {path_, random.pick(law_of(correction_), purpose::residual, x), origin::corrected};
      }
      path_.push_back(at = x);
    }
    const bool from_draft = fault_ == token_fault::bonus_from_draft && at != draft::root();
    return {path_, random.pick_token(from_draft ? d.q(at) : p(at), d.next_position(at)), ending(d, at)};
  }

 private:
  bool stands(double p, double q, random_ref random, node_id node) const {
    if (fault_ == token_fault::first_unchecked && node == 1) return true;
    if (fault_ == token_fault::inverted_ratio) return random.flip(q, p, purpose::acceptance, node);
    if (fault_ == token_fault::accepts_zero && p == 0.0) return random.flip(1.0, 1024.0, purpose::acceptance, node);
    return random.flip(p, q, purpose::acceptance, node);
  }
  row correction(const row& p, const row& q, token_id x) const {
    row law = excess(1.0, p, 1.0, q);
    if (fault_ == token_fault::correction_reversed) law = excess(1.0, q, 1.0, p);
    if (fault_ == token_fault::correction_absolute) {
      for (std::size_t y = 0; y < law.size(); ++y) law[y] = std::abs(p[y] - q[y]);
    }
    if (fault_ == token_fault::correction_without_token) {
      law = p;
      law[static_cast<std::size_t>(x)] = 0.0;
    }
    if (fault_ == token_fault::correction_from_target || !(sum(law) > 0.0)) return p;
    return law;
  }

  token_fault fault_;
  std::vector<node_id> path_;
  row correction_;
};

suspect with(token_fault f, const char* name) {
  return {name, [f] { return token_double{f}; }};
}

TEST_CASE("token mutants") {
  judge({"token",
         {"rules::token", [] { return rules::token{}; }},
         {with(token_fault::none, "double without a fault")},
         {with(token_fault::correction_from_target, "correction from p"),
          with(token_fault::correction_without_token, "correction from p without x"),
          with(token_fault::correction_absolute, "correction from |p - q|"),
          with(token_fault::correction_reversed, "correction from [q - p]+"),
          with(token_fault::correction_of_last_row, "correction from the last row"),
          with(token_fault::bonus_from_draft, "bonus from q"), with(token_fault::accepts_zero, "u q <= p"),
          with(token_fault::first_unchecked, "first token unchecked"),
          with(token_fault::inverted_ratio, "inverted ratio"),
          with(token_fault::row_of_root, "row of the root for all"), with(token_fault::row_too_late, "row off by one")},
         {{{"chain of 2", {1, 1}}, 4}, {{"pushed chain of 2", {1, 1}, growth::pushed}, 5}}});
}

}  // namespace
