// SPDX-License-Identifier: Apache-2.0
// Draws whose keys come back in the next piece of a text.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/ensemble.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/traversal.hpp>

#include "mutants/jury.hpp"
#include "mutants/shared_uniforms.hpp"
#include "support/catch.hpp"
#include "support/combining.hpp"
#include "support/drafting.hpp"

namespace {

using namespace mutants;

enum class place_fault {
  none,
  by_round,    ///< what belongs to a round has its number for a key, from 0 in every decoder
  by_position  ///< a drafted token has its position for a key, whatever was committed when it was drawn
};

/// A source of randomness that sees other keys.
template <class Inner>
class misplaced {
 public:
  misplaced(Inner inner, place_fault f) : inner_{std::move(inner)}, fault_{f} {}
  bool flip(double p, double q, const draw_key& key) { return inner_.flip(p, q, other(key)); }
  token_id pick(const law_view& law, const draw_key& key) { return inner_.pick(law, other(key)); }
  token_id race(const law_view& law, const draw_key& key) { return inner_.race(law, other(key)); }

 private:
  draw_key other(draw_key key) {
    if (key.what == purpose::token || key.what == purpose::race) return key;
    if (fault_ == place_fault::by_position && key.what == purpose::draft) {
      key.at += key.node;
      key.node = 1;
    }
    if (fault_ == place_fault::by_round) {
      if (rounds_ == 0 || key.at != root_) ++rounds_;
      root_ = key.at;
      key.at = rounds_ - 1;
    }
    return key;
  }

  Inner inner_;
  place_fault fault_;
  std::uint32_t root_ = 0;
  std::uint32_t rounds_ = 0;
};

struct bench {
  const tables& t;
  testing::table_model target{t.p};
  testing::table_model small{t.q};
  support::crowd crowd{2, 3, 2, 3};
};

/// A text of 4 tokens in two pieces, or at once.
template <class MakeSequence>
verdict hear_pieces(const testing::target_law& law, bool at_once, MakeSequence make) {
  testing::proof_options options;
  options.prompt = prompt();
  options.tokens = 4;
  options.piece_tokens = at_once ? 0 : 2;
  verdict v;
  v.next();
  const testing::proof_report report = testing::detail::lossless_proof{law, options}.run(make);
  v.hear(report, report);
  return v;
}

template <class Algorithm>
sequence under(place_fault f, testing::enumerator& all, Algorithm algorithm) {
  return sequence{std::move(algorithm), misplaced<testing::enumerator::source_type>{all.source(), f}};
}

TEST_CASE("pieces mutants: the enumerator names keys that come back") {
  const book all{"keys, text in two pieces"};
  bench b{all_tables()[0]};
  const testing::target_law law = testing::table_law(b.t.p);
  struct named {
    std::string name;
    std::function<sequence(place_fault, testing::enumerator&)> make;
    testing::target_law law;
  };
  const transforms::temperature shape;
  const lengths::fixed two{2};
  const std::vector<named> algorithms{
      {"token",
       [&](place_fault f, testing::enumerator& e) {
         return under(f, e, speculative{b.target, drafters::model{b.small}, rules::token{}, shape, two});
       },
       law},
      {"block",
       [&](place_fault f, testing::enumerator& e) {
         return under(f, e, speculative{b.target, drafters::model{b.small}, rules::block{}, shape, two});
       },
       law},
      {"traversal",
       [&](place_fault f, testing::enumerator& e) {
         return under(
             f, e,
             speculative{b.target, drafters::sampled_tree{b.small, {2}, replacement::without}, rules::traversal{}});
       },
       law},
      {"ensemble",
       [&](place_fault f, testing::enumerator& e) {
         return under(f, e, ensemble{b.crowd.combined(support::mix::weighted), {2, 1}});
       },
       b.crowd.law(support::mix::weighted)}};
  for (const named& a : algorithms) {
    const auto with = [&](place_fault f) { return [&a, f](testing::enumerator& e) { return a.make(f, e); }; };
    all.sound(a.name + ", by root", hear_pieces(a.law, false, with(place_fault::none)));
    all.sound(a.name + ", by round, at once", hear_pieces(a.law, true, with(place_fault::by_round)));
    all.wrong(a.name + ", by round", hear_pieces(a.law, false, with(place_fault::by_round)));
  }
  const named& e = algorithms.back();
  all.wrong("ensemble, drafts by position alone", hear_pieces(e.law, true, [&](testing::enumerator& each) {
              return e.make(place_fault::by_position, each);
            }));
}

/// The uniforms of an outcome, which several generations look at.
struct of_outcome {
  std::shared_ptr<shared_uniforms> all;
  bool flip(double p, double q, const draw_key& key) { return all->flip(p, q, key); }
  token_id pick(const law_view& law, const draw_key& key) { return all->pick(law, key); }
  token_id race(const law_view& law, const draw_key& key) { return all->race(law, key); }
};

TEST_CASE("pieces mutants: the law of a text whose draws come back") {
  const book all{"law, text in two pieces"};
  bench b{all_tables()[0]};
  const auto with = [&](place_fault f) {
    // Both pieces of an outcome, written by two decoders, look at the same uniforms.
    return [&, f, pieces = 0, uniforms = std::shared_ptr<shared_uniforms>{}](testing::enumerator& e) mutable {
      if (pieces++ % 2 == 0) uniforms = std::make_shared<shared_uniforms>(e);
      return sequence{speculative{b.target, drafters::model{b.small}, rules::token{}},
                      misplaced{of_outcome{uniforms}, f}};
    };
  };
  const testing::target_law law = testing::table_law(b.t.p);
  all.sound("token, by root", hear_pieces(law, false, with(place_fault::none)));
  all.wrong("token, by round", hear_pieces(law, false, with(place_fault::by_round)));
}

/// The law of a text that its reader cuts behind every token 0, and that goes on from there.
template <class Rule>
double error_when_cut(Rule rule) {
  const tables& t = all_tables()[0];
  bench b{t};
  support::text_law law;
  testing::enumerator all;
  all.run([&] {
    const of_outcome uniforms{std::make_shared<shared_uniforms>(all)};
    std::vector<token_id> text = prompt();
    const std::size_t end = text.size() + 4;
    while (text.size() < end) {
      decoder d{
          sequence{speculative{b.target, drafters::model{b.small}, rule, transforms::temperature{}, lengths::fixed{2}},
                   uniforms}};
      const auto read = [&](generated_token x) {
        text.push_back(x.token);
        return x.token != 0;
      };
      d.run(text, read, {.max_tokens = end - text.size()});
    }
    law[{text.begin() + static_cast<std::ptrdiff_t>(prompt().size()), text.end()}] += all.probability();
  });
  return support::distance(law, support::exact_law(t.p, prompt(), 4));
}

TEST_CASE("pieces: draws behind a cut were looked at by nobody, so the law is kept where they come back") {
  CHECK(error_when_cut(rules::token{}) < 1e-6);  // the tables are rounded to float
  CHECK(error_when_cut(rules::block{}) < 1e-6);
  CHECK(error_when_cut(rules::match{}) < 1e-6);
}

}  // namespace
