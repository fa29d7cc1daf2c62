// SPDX-License-Identifier: Apache-2.0
#include <proviso/interop/eigen.hpp>

#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

namespace {
using rows_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class M>
concept viewable_matrix = requires(M&& m) {
  as_logits(std::forward<M>(m));
};

// Rows that are not contiguous, lazy expressions and owning temporaries are refused at compile time.
static_assert(viewable_matrix<rows_major&> && viewable_matrix<const Eigen::VectorXd&> &&
              viewable_matrix<Eigen::RowVectorXf&>);
static_assert(!viewable_matrix<Eigen::MatrixXf&>);
static_assert(!viewable_matrix<decltype(std::declval<rows_major&>() + std::declval<rows_major&>())>);
static_assert(!viewable_matrix<rows_major>);
static_assert(viewable_matrix<Eigen::Map<rows_major>>);
}  // namespace

TEST_CASE("Eigen objects are read where they lie") {
  rows_major m(3, 4);
  for (int i = 0; i < 12; ++i) m(i / 4, i % 4) = static_cast<float>(i);
  const auto view = as_logits(m);
  CHECK(view.data() == m.data());
  CHECK(view.rows() == 3);
  CHECK(view.cols() == 4);
  CHECK(view.row(2)[1] == 9.0F);

  const auto part = as_logits(m.block(1, 1, 2, 3));
  CHECK(part.data() == m.data() + 5);
  CHECK(part.rows() == 2);
  CHECK(part.cols() == 3);
  CHECK(part.stride() == 4);
  CHECK(part.row(1)[2] == 11.0F);

  const Eigen::VectorXd v = Eigen::VectorXd::LinSpaced(5, 0.0, 4.0);
  const auto row = as_logits(v);
  CHECK(row.rows() == 1);
  CHECK(row.cols() == 5);
  CHECK(row.row(0)[3] == 3.0);
  CHECK(as_logits(m.row(1)).row(0)[2] == 6.0F);
}

TEST_CASE("Eigen objects whose rows are not contiguous are refused") {
  std::vector<float> numbers(24);
  using strided = Eigen::Map<rows_major, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  const strided gaps(numbers.data(), 2, 3, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(6, 2));
  REQUIRE_THROWS_AS(as_logits(gaps), std::invalid_argument);
  const strided overlap(numbers.data(), 2, 3, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(2, 1));
  REQUIRE_THROWS_AS(as_logits(overlap), std::invalid_argument);
  rows_major m(3, 4);
  REQUIRE_THROWS_AS(as_logits(m.col(1)), std::invalid_argument);
}

TEST_CASE("logits become an Eigen map") {
  const std::vector<float> numbers{0, 1, 2, -1, 3, 4, 5, -1};
  const auto map = as_eigen(logits_view<float>{numbers.data(), 2, 3, 4});
  CHECK(map.data() == numbers.data());
  CHECK(map.rows() == 2);
  CHECK(map.cols() == 3);
  CHECK(map(1, 2) == 5.0F);
  CHECK(map.row(1).sum() == 12.0F);
  const auto back = as_logits(map);
  CHECK(back.data() == numbers.data());
  CHECK(back.stride() == 4);
}
