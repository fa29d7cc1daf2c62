// SPDX-License-Identifier: Apache-2.0
// Your own policies, proved: a drafter that guesses, and a rule that checks guesses. The proof runs them through every
// random outcome on a model of three tokens, over several rounds, and compares the law of the text with the target's.
// A small mistake in the rule is found, although the first round accepts exactly as many guesses with it.
#include <cstdio>
#include <vector>

#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/table_model.hpp>

/// Guesses that every token is followed by what followed it last.
class follower {
 public:
  void start(std::span<const proviso::token_id> prompt) {
    next_.assign(3, 0);
    learn(prompt);
  }
  void propose(const proviso::context& c, proviso::draft& d) {
    proviso::node_id at = proviso::draft::root();
    while (d.proposed() < c.limit()) at = d.push(at, next_[static_cast<std::size_t>(d.token(at))]);
  }
  void commit(const proviso::feedback& f) { learn(f.text); }

 private:
  void learn(std::span<const proviso::token_id> text) {
    for (std::size_t i = 1; i < text.size(); ++i) next_[static_cast<std::size_t>(text[i - 1])] = text[i];
  }
  std::vector<proviso::token_id> next_;
};

/// A guess x stands with probability p(x). When it does not, the token is drawn from what is left of p without x.
/// With `mistake`, it is drawn from p.
class check_guesses {
 public:
  static constexpr bool lossless = true;  // a claim; below it is proved
  explicit check_guesses(bool mistake) : mistake_{mistake} {}

  proviso::outcome operator()(const proviso::draft& d, const proviso::target_laws& p, proviso::random_ref random) {
    stands_.clear();
    proviso::node_id at = proviso::draft::root();
    for (proviso::node_id x = d.first_child(at); x != proviso::prefix_node; x = d.first_child(at)) {
      const proviso::law_view law = p(at);
      if (!random.flip(law(d.token(x)), 1.0, proviso::purpose::acceptance, x)) {
        const proviso::law_view left = mistake_ ? law : proviso::numeric::without(law, d.token(x), left_);
        return {stands_, random.pick(left, proviso::purpose::residual, x), proviso::origin::corrected};
      }
      stands_.push_back(at = x);
    }
    return {stands_, random.pick_token(p(at), d.next_position(at)), proviso::ending(d, at)};
  }

 private:
  bool mistake_;
  std::vector<proviso::node_id> stands_;
  proviso::law_buffer left_;
};

int main() {
  const proviso::testing::row_table laws = proviso::testing::random_table(3, 2, 1);
  proviso::testing::table_model target{laws};
  const auto prove = [&](bool mistake) {
    const auto algorithm = [&] {
      return proviso::speculative{target, follower{}, check_guesses{mistake}, proviso::transforms::temperature{},
                                  proviso::lengths::fixed{2}};
    };
    return proviso::testing::prove_lossless(algorithm, proviso::testing::table_law(laws),
                                            {.prompt = {1, 2, 0, 1}, .tokens = 5});
  };

  const proviso::testing::proof_report right = prove(false);
  std::printf("A refused guess is replaced by a token drawn from p without the guess:\n\n%s\n", right.text().c_str());
  const proviso::testing::proof_report wrong = prove(true);
  std::printf("A refused guess is replaced by a token drawn from p:\n\n%s\n", wrong.text().c_str());
  std::printf("The first is exact. The second fails in: %s.\n", wrong.failures().c_str());
  return right.passed() && wrong.failed("output") ? 0 : 1;
}
