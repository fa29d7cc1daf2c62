// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <proviso/core/law.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// What a draw is for. Draws of different purposes never share random bits.
enum class purpose : std::uint8_t {
  token,       ///< the token at a position, as decoding without a draft draws it; keyed by the position
  draft,       ///< a drafted token; keyed by root and node
  acceptance,  ///< whether a drafted token stands; keyed by root and node
  residual,    ///< the correction after a refusal; keyed by root and node
  selection,   ///< a choice among drafts, drafters or lengths; keyed by root and node
  race         ///< the noise of a position, on which target and drafter race; keyed by the position
};

/// How the token at a position is drawn. Both draw from the same law; the texts of one seed differ.
enum class draw : std::uint8_t {
  inverse,  ///< inverse transform sampling: one uniform, one pass
  race      ///< exponential race: argmin of E_x / p(x); laws that are close pick the same token on the same noise
};

/// Names one draw. Equal keys of one source give equal bits; nothing else (batch slot, thread, retries) matters.
///
/// The root is the last committed token when the draw is made. Every round commits a token, so no two rounds of a text
/// have one root, be it written at once or in pieces.
struct draw_key {
  purpose what = purpose::token;
  std::uint32_t at = 0;    ///< index in the text of the root; for `purpose::token` and `race`, of the token itself
  std::uint32_t node = 0;  ///< node of the draft
  std::uint32_t lane = 0;  ///< several draws at one node; below 2^24
};

/// A source of randomness has three verbs:
/// - `flip(p, q, key)`: true with probability min(1, p / q), decided as u * q < p with u uniform in [0, 1);
/// - `pick(law, key)`: a token drawn from the law;
/// - `race(law, key)`: argmin over x of E_x / law(x), a token drawn from the law, too. The E_x are independent unit
///   exponentials that depend on `key` and `x` alone, so races of several laws on one key share their noise.
template <class R>
concept randomness = requires(R& r, double p, const law_view& law, const draw_key& key) {
  { r.flip(p, p, key) } -> std::same_as<bool>;
  { r.pick(law, key) } -> std::same_as<token_id>;
  { r.race(law, key) } -> std::same_as<token_id>;
};

/// Counter-based randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// Every draw is a pure function of (seed, stream, key). Give each sequence its own stream.
class philox {
 public:
  using words = std::array<std::uint32_t, 4>;

  constexpr explicit philox(std::uint64_t seed = 0, std::uint32_t stream = 0) noexcept : seed_{seed}, stream_{stream} {}

  constexpr std::uint32_t stream() const noexcept { return stream_; }

  /// Uniform in [0, 1) with 53 bits.
  constexpr double uniform(const draw_key& key) const noexcept {
    const words w = block({key.at, key.node, (static_cast<std::uint32_t>(key.what) << 24U) | key.lane, stream_}, seed_);
    const std::uint64_t bits = (static_cast<std::uint64_t>(w[0]) << 32U) | w[1];
    return static_cast<double>(bits >> 11U) * 0x1.0p-53;
  }

  constexpr bool flip(double p, double q, const draw_key& key) const noexcept { return uniform(key) * q < p; }
  token_id pick(const law_view& law, const draw_key& key) const noexcept {
    return numeric::inverse_cdf(law, uniform(key));
  }

  /// Cost: one Philox block per four tokens of the vocabulary (of a sparse law: per token), a logarithm where it may
  /// decide. Ties go to the lowest id.
  token_id race(const law_view& law, const draw_key& key) const noexcept {
    if (law.is_point()) return law.token(0);
    const std::uint32_t what = static_cast<std::uint32_t>(key.what) << 24U;
    double fastest = 0.0;  // largest weight / E so far
    std::size_t winner = 0;
    // E = -log(1 - v) >= v for the uniform v, of which `bits` are the high ones: most tokens have lost already by
    // these.
    const auto runs = [&](std::size_t i, std::uint32_t bits, double weight) {
      const double v = static_cast<double>(bits) * 0x1.0p-32;
      if (!(weight > v * fastest)) return;
      const words low = block({key.at, static_cast<std::uint32_t>(law.token(i)), what | 1U, stream_}, seed_);
      const double time = exponential(v + (static_cast<double>(low[0]) + 0.5) * 0x1.0p-64);
      if (weight > time * fastest) {
        fastest = weight / time;
        winner = i;
      }
    };
    if (law.is_dense() && !law.is_wide()) {
      constexpr std::size_t group = 64;
      const std::span<const float> w = law.weights();
      std::uint32_t bits[group];
      for (std::size_t begin = 0; begin < w.size(); begin += group) {
        for (std::size_t j = 0; j < group; j += 4) {
          const words four = block({key.at, static_cast<std::uint32_t>((begin + j) / 4), what, stream_}, seed_);
          for (std::size_t k = 0; k < 4; ++k) bits[j + k] = four[k];
        }
        const std::size_t size = w.size() - begin < group ? w.size() - begin : group;
        // in float, a little below the bound: whole groups lose in a few instructions
        const auto bound = static_cast<float>(fastest * 0x1.fffep-32);
        std::uint32_t any = 0;
        for (std::size_t j = 0; j < size; ++j) {
          any |= static_cast<std::uint32_t>(w[begin + j] >
                                            static_cast<float>(static_cast<std::int32_t>(bits[j] >> 1U)) * bound);
        }
        for (std::size_t j = 0; any != 0 && j < size; ++j) runs(begin + j, bits[j], static_cast<double>(w[begin + j]));
      }
    } else {
      for (std::size_t i = 0; i < law.size(); ++i) {
        const auto x = static_cast<std::uint32_t>(law.token(i));
        runs(i, block({key.at, x / 4, what, stream_}, seed_)[x % 4], law.weight(i));
      }
    }
    return law.token(winner);
  }

  /// Ten rounds of Philox4x32 on a counter with a 64-bit key.
  static constexpr words block(words counter, std::uint64_t key) noexcept {
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32U);
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
      counter = {static_cast<std::uint32_t>(b >> 32U) ^ counter[1] ^ k0, static_cast<std::uint32_t>(b),
                 static_cast<std::uint32_t>(a >> 32U) ^ counter[3] ^ k1, static_cast<std::uint32_t>(a)};
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    return counter;
  }

 private:
  /// -log(1 - v) with full relative precision for small v.
  static double exponential(double v) noexcept {
    if (v < 0x1.0p-12) return v * (1.0 + v * (0.5 + v * (1.0 / 3 + v * (0.25 + v * 0.2))));
    return -numeric::log(1.0 - v);
  }

  std::uint64_t seed_;
  std::uint32_t stream_;
};

/// Any source of randomness, seen from one place in a text. Non-owning; the source outlives it.
class random_ref {
 public:
  template <randomness R>
  requires(!std::same_as<R, random_ref>) random_ref(R& source, std::size_t root = 0)
  noexcept  // NOLINT(google-explicit-constructor)
      : source_{&source},
        flip_{[](void* s, double p, double q, const draw_key& key) { return static_cast<R*>(s)->flip(p, q, key); }},
        pick_{[](void* s, const law_view& law, const draw_key& key) { return static_cast<R*>(s)->pick(law, key); }},
        race_{[](void* s, const law_view& law, const draw_key& key) { return static_cast<R*>(s)->race(law, key); }},
        root_{static_cast<std::uint32_t>(root)} {}

  /// The same source, seen from the token at index `root` of the text.
  random_ref at_root(std::size_t root) const noexcept {
    random_ref other = *this;
    other.root_ = static_cast<std::uint32_t>(root);
    return other;
  }

  /// True with probability min(1, p / q): u * q < p, strictly.
  bool flip(double p, double q, purpose what, node_id node, std::uint32_t lane = 0) const {
    return flip_(source_, p, q, {what, root_, static_cast<std::uint32_t>(node), lane});
  }
  /// A token drawn from `law`, keyed by the root and `node`.
  token_id pick(const law_view& law, purpose what, node_id node, std::uint32_t lane = 0) const {
    return pick_(source_, law, {what, root_, static_cast<std::uint32_t>(node), lane});
  }
  /// The token at `position` of the text, as decoding without drafts draws it.
  token_id pick_token(const law_view& law, std::size_t position, draw how = draw::inverse) const {
    const auto at = static_cast<std::uint32_t>(position);
    return how == draw::race ? race_(source_, law, {purpose::race, at, 0, 0})
                             : pick_(source_, law, {purpose::token, at, 0, 0});
  }

 private:
  void* source_;
  bool (*flip_)(void*, double, double, const draw_key&);
  token_id (*pick_)(void*, const law_view&, const draw_key&);
  token_id (*race_)(void*, const law_view&, const draw_key&);
  std::uint32_t root_;
};

}  // namespace v0
}  // namespace proviso
