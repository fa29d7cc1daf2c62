// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/concepts.hpp>

#include <cstddef>
#include <span>

#include <proviso/testing/archetypes.hpp>

#include "support/catch.hpp"

using namespace proviso;
using namespace proviso::testing;

namespace {

/// One `eval` for the strongest block is enough for all concepts.
struct strongest {
  std::size_t length() const;
  logits_view<float> eval(masked_block);
  void rewind(std::size_t);
  void keep(std::span<const node_id>);
  std::size_t capacity() const;
  std::size_t max_rewind() const;
};
struct pinned : strongest {
  pinned(const pinned&) = delete;
};
struct no_rewind {
  std::size_t length() const;
  logits_view<float> eval(chain_block);
};
struct masker {
  std::size_t vocab_size() const;
  token_id mask_token() const;
  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas);
};

}  // namespace

TEST_CASE("concepts ask for what they name, and refine each other") {
  STATIC_REQUIRE(masked_session<strongest>);
  STATIC_REQUIRE(tree_session<strongest>);
  STATIC_REQUIRE(session<strongest>);
  STATIC_REQUIRE(bounded_session<strongest>);
  STATIC_REQUIRE(horizon_session<strongest>);
  STATIC_REQUIRE(!session<pinned>);
  STATIC_REQUIRE(!session<no_rewind>);
  STATIC_REQUIRE(!session<int>);
  STATIC_REQUIRE(denoiser<masker>);
  STATIC_REQUIRE(!denoiser<strongest>);
}

TEST_CASE("every archetype offers exactly what it is named for") {
  STATIC_REQUIRE(causal_model<table_model>);
  STATIC_REQUIRE(masked_model<table_model>);
  STATIC_REQUIRE(batched_model<table_model>);

  STATIC_REQUIRE(causal_model<chain_only>);
  STATIC_REQUIRE(!tree_model<chain_only>);
  STATIC_REQUIRE(!batched_model<chain_only>);
  STATIC_REQUIRE(!bounded_session<session_t<chain_only>>);
  STATIC_REQUIRE(!horizon_session<session_t<chain_only>>);
  STATIC_REQUIRE(!std::copyable<session_t<chain_only>>);

  STATIC_REQUIRE(tree_model<tree_only>);
  STATIC_REQUIRE(!masked_model<tree_only>);
  STATIC_REQUIRE(bounded_session<session_t<tiny_capacity>>);
  STATIC_REQUIRE(horizon_session<session_t<short_horizon>>);
  STATIC_REQUIRE(!tree_model<short_horizon>);
  STATIC_REQUIRE(causal_model<half_rows>);
  STATIC_REQUIRE(causal_model<device_only>);
  STATIC_REQUIRE(!host_logits<decltype(std::declval<session_t<device_only>&>().eval(chain_block{}))>);
}
