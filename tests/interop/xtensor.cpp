// SPDX-License-Identifier: Apache-2.0
#include <proviso/interop/xtensor.hpp>

#include <stdexcept>
#include <vector>

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include "support/catch.hpp"

using namespace proviso;

namespace {
template <class X>
concept viewable_tensor = requires(X&& x) {
  as_logits(std::forward<X>(x));
};

// Lazy expressions and temporaries are refused at compile time.
static_assert(viewable_tensor<xt::xtensor<float, 2>&> && viewable_tensor<const xt::xarray<double>&>);
static_assert(!viewable_tensor<decltype(std::declval<xt::xtensor<float, 2>&>() + 1.0F)&>);
static_assert(!viewable_tensor<xt::xtensor<float, 2>>);
}  // namespace

TEST_CASE("xtensor objects are read where they lie") {
  xt::xtensor<float, 2> m{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
  const auto view = as_logits(m);
  CHECK(view.data() == m.data());
  CHECK(view.rows() == 3);
  CHECK(view.cols() == 4);
  CHECK(view.row(2)[1] == 9.0F);

  const auto rows = xt::view(m, xt::range(1, 3), xt::range(1, 4));
  const auto part = as_logits(rows);
  CHECK(part.data() == m.data() + 5);
  CHECK(part.rows() == 2);
  CHECK(part.cols() == 3);
  CHECK(part.row(1)[2] == 11.0F);

  xt::xarray<double> line{1.0, 2.0, 3.0};
  CHECK(as_logits(line).rows() == 1);
  CHECK(as_logits(line).row(0)[2] == 3.0);
  xt::xtensor<float, 2> single{{5, 6, 7}};
  CHECK(as_logits(single).rows() == 1);
  CHECK(as_logits(single).cols() == 3);
}

TEST_CASE("xtensor objects whose rows are not contiguous are refused") {
  xt::xtensor<float, 2> m{{0, 1, 2, 3}, {4, 5, 6, 7}};
  const auto turned = xt::transpose(m);
  REQUIRE_THROWS_AS(as_logits(turned), std::invalid_argument);
  const auto gaps = xt::strided_view(m, {xt::all(), xt::range(0, 4, 2)});
  REQUIRE_THROWS_AS(as_logits(gaps), std::invalid_argument);
  xt::xarray<float> cube = xt::zeros<float>({2, 2, 2});
  REQUIRE_THROWS_AS(as_logits(cube), std::invalid_argument);
}

TEST_CASE("logits become an xtensor adaptor") {
  const std::vector<float> numbers{0, 1, 2, -1, 3, 4, 5, -1};
  const auto adaptor = as_xtensor(logits_view<float>{numbers.data(), 2, 3, 4});
  CHECK(adaptor.shape()[0] == 2);
  CHECK(adaptor.shape()[1] == 3);
  CHECK(adaptor(1, 2) == 5.0F);
  const auto back = as_logits(adaptor);
  CHECK(back.data() == numbers.data());
  CHECK(back.stride() == 4);
}
