// SPDX-License-Identifier: Apache-2.0
// Fuzzes what stands between logits and tokens: rows of any bits become laws or a `std::domain_error`; laws of any
// weights are drawn from, subtracted and verified, and no token of probability 0 ever comes out.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/proviso.hpp>

namespace {

using namespace proviso;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads the fuzzer's bytes; zeros after their end.
class reader {
 public:
  reader(const std::uint8_t* data, std::size_t size) : data_{data, size} {}
  bool empty() const noexcept { return at_ >= data_.size(); }
  std::uint8_t byte() noexcept { return at_ < data_.size() ? data_[at_++] : std::uint8_t{}; }
  template <class T>
  T value() noexcept {
    std::uint8_t bytes[sizeof(T)];
    for (std::uint8_t& b : bytes) b = byte();
    T out;
    std::memcpy(&out, bytes, sizeof(T));
    return out;
  }
  /// In [0, 1), both ends reachable.
  double unit() noexcept { return static_cast<double>(value<std::uint64_t>() >> 11U) * 0x1.0p-53; }

 private:
  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
};

/// A row of any bits, `repeats` times over: small inputs reach vocabularies of several blocks.
std::vector<float> row_of(reader& in, std::size_t vocab) {
  std::vector<float> row(vocab);
  const std::size_t period = std::size_t{1} + in.byte() % 32;
  for (std::size_t i = 0; i < vocab; ++i) row[i] = i < period ? in.value<float>() : row[i - period];
  return row;
}

void check_law(const law_view& law, std::size_t vocab) {
  require(static_cast<bool>(law) && law.total() > 0.0 && std::isfinite(law.total()));
  for (std::size_t i = 0; i < law.size(); ++i) {
    require(law.weight(i) >= 0.0 && std::isfinite(law.weight(i)));
    require(law.token(i) >= 0 && static_cast<std::size_t>(law.token(i)) < vocab);
    require(i == 0 || law.token(i - 1) < law.token(i));
  }
  require(law(law.argmax()) > 0.0);
}

void check_draws(const law_view& law, double u, const philox& source) {
  for (const double at : {0.0, u, 1.0 - 0x1.0p-53}) require(law(numeric::inverse_cdf(law, at)) > 0.0);
  require(law(source.race(law, {purpose::race, 1, 0, 0})) > 0.0);
}

/// The law of a row after the transforms that the input names; empty when the row is not a law.
law_view shaped(reader& in, const std::vector<float>& row, law_builder& builder, law_buffer& out) {
  builder.begin(row, out);
  const std::uint8_t chosen = in.byte();
  try {
    if ((chosen & 1U) != 0) {
      const float t = in.value<float>();
      transforms::temperature{t >= 0.0F && t <= 1e38F ? t : 1.0F}(builder, {});
    }
    if ((chosen & 2U) != 0) transforms::top_k{std::size_t{1} + in.byte()}(builder, {});
    if ((chosen & 4U) != 0) transforms::top_p{1.0 - in.unit()}(builder, {});
    if ((chosen & 8U) != 0) transforms::min_p{in.unit()}(builder, {});
    return builder.finish();
  } catch (const std::domain_error&) {
    return {};
  }
}

void check_difference(const law_view& p, const law_view& q, double keep, double share, double u) {
  law_buffer buffer;
  const numeric::excess e = numeric::excess_of(keep, p, share, q, buffer);
  require(e.mass >= 0.0 && e.mass <= keep * (1.0 + 1e-9));
  require(static_cast<bool>(e.law) == (e.mass > 0.0));
  if (e.law) {
    for (std::size_t i = 0; i < e.law.size(); ++i) require(e.law.weight(i) == 0.0 || p(e.law.token(i)) > 0.0);
    for (const double at : {0.0, u, 1.0 - 0x1.0p-53}) {
      const token_id x = numeric::inverse_cdf(e.law, at);
      require(e.law(x) > 0.0 && p(x) > 0.0);
    }
  }
  law_buffer rest;
  const law_view r = numeric::residual(p, q, rest);
  require(p(numeric::inverse_cdf(r, u)) > 0.0);
  const double overlap = numeric::overlap(p, q);
  require(overlap >= 0.0 && overlap <= 1.0 + 1e-6);
}

/// Verifies a draft of laws q against laws p, and nothing impossible is emitted.
void check_rule(rules::any& rule, const draft& d, const std::vector<law_view>& p, const philox& source) {
  auto law_after = [&](node_id n) { return p[static_cast<std::size_t>(n) % p.size()]; };
  const target_laws target{law_after};
  philox random = source;
  rule.start();
  const outcome o = rule(d, target, random);
  node_id at = draft::root();
  for (const node_id n : o.path) {
    require(d.parent(n) == at && law_after(at)(d.token(n)) > 0.0);
    at = n;
  }
  require(law_after(at)(o.next) > 0.0);
}

/// Rules for chains, then rules for any tree.
std::vector<rules::any> chain_rules() {
  std::vector<rules::any> all;
  all.emplace_back(rules::token{});
  all.emplace_back(rules::block{});
  all.emplace_back(rules::joint{});
  all.emplace_back(rules::selected_path{});
  all.emplace_back(rules::k_seq{});
  all.emplace_back(rules::greedy_hub{});
  all.emplace_back(rules::lenience{0.5});
  return all;
}
std::vector<rules::any> tree_rules() {
  std::vector<rules::any> all;
  all.emplace_back(rules::match{});
  all.emplace_back(rules::coupled{});
  all.emplace_back(rules::siblings{});
  all.emplace_back(rules::traversal{});
  return all;
}

/// A draft whose nodes hang where the input says, drawn from `laws` or pushed.
void grow(draft& d, reader& in, std::span<const law_view> laws, bool chain, const philox& source) {
  philox drafting{source};
  d.reset(0, 3, 4, 12);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto newest = static_cast<node_id>(d.size() - 1);
    const node_id at = chain ? newest : static_cast<node_id>(in.byte() % d.size());
    if (d.depth(at) == d.deepest()) continue;
    const std::uint8_t how = in.byte();
    const law_view q = laws[how / 8U % laws.size()];
    if ((how & 1U) != 0) {
      d.push(at, numeric::inverse_cdf(q, in.unit()));
    } else if (chain || (how & 2U) != 0) {
      d.sample(at, q, drafting);
    } else {
      d.sample_siblings(at, q, 2, (how & 4U) != 0 ? replacement::with : replacement::without, drafting);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  reader in{data, size};
  const bool large = in.byte() == 255;
  const std::size_t vocab = std::size_t{1} + (large ? in.value<std::uint16_t>() % 1500U : in.byte() % 40U);
  const double u = in.unit();
  const philox source{in.value<std::uint64_t>()};
  law_builder builder;
  std::vector<law_buffer> memory(6);
  std::vector<std::vector<float>> rows;
  std::vector<law_view> laws;
  for (law_buffer& m : memory) {
    rows.push_back(rows.empty() || !in.empty() ? row_of(in, vocab) : rows.back());
    if (const law_view law = shaped(in, rows.back(), builder, m)) {
      check_law(law, vocab);
      check_draws(law, u, source);
      laws.push_back(law);
    }
  }
  if (laws.size() < 2) return 0;
  const double keep = in.unit();
  for (std::size_t i = 0; i + 1 < laws.size(); ++i) {
    check_difference(laws[i], laws[i + 1], 1.0, 1.0, u);
    check_difference(laws[i], laws[i + 1], keep, 1.0, u);
    check_difference(laws[i], laws[i], 1.0, 1.0, u);
  }
  const std::size_t half = laws.size() / 2;
  const std::vector<law_view> p(laws.begin(), laws.begin() + static_cast<std::ptrdiff_t>(half));
  const std::span<const law_view> q = std::span<const law_view>{laws}.subspan(half);
  static std::vector<rules::any> for_chains = chain_rules();
  static std::vector<rules::any> for_trees = tree_rules();
  draft d;
  grow(d, in, q, true, source);
  for (rules::any& rule : for_chains) check_rule(rule, d, p, source);
  for (rules::any& rule : for_trees) check_rule(rule, d, p, source);
  grow(d, in, q, false, source);
  for (rules::any& rule : for_trees) check_rule(rule, d, p, source);
  return 0;
}
