// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/logits.hpp>

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <proviso/testing/archetypes.hpp>

#include "support/catch.hpp"

using namespace proviso;
using testing::half;

namespace {

template <class V>
concept has_rows_on_the_host = requires(const V& v) { v.row(std::size_t{}); };

}  // namespace

TEST_CASE("a view gives rows where they lie, with a stride") {
  const std::vector<float> data{1, 2, -1, 3, 4, -1};
  const logits_view<float> view{data.data(), 2, 2, 3};
  CHECK(view.rows() == 2);
  CHECK(view.cols() == 2);
  CHECK(view.row(1).data() == data.data() + 3);
  CHECK(view.row(1).size() == 2);
  CHECK(view.row(1)[0] == 3.0F);

  const logits_rows rows{view};
  std::vector<float> scratch(2, 9.0F);
  CHECK(rows.row(1, scratch).data() == data.data() + 3);
  CHECK(scratch[0] == 9.0F);
  const logits_rows none;
  CHECK(none.rows() == 0);
}

TEST_CASE("rows of other scalars are converted into the scratch, one at a time") {
  const std::vector<half> data{half{1.0F}, half{2.0F}, half{7.0F}, half{-3.0F}, half{0.5F}, half{7.0F}};
  const logits_rows rows{logits_view<half>{data.data(), 2, 2, 3}};
  std::vector<float> scratch(2);
  const std::span<const float> row = rows.row(1, scratch);
  CHECK(row.data() == scratch.data());
  CHECK(row[0] == -3.0F);
  CHECK(row[1] == 0.5F);

  const std::vector<double> wide{1e10, -2.5};
  CHECK(logits_rows{logits_view<double>{wide.data(), 1, 2}}.row(0, scratch)[1] == -2.5F);
}

TEST_CASE("rows of a lazy view are computed when they are asked for") {
  struct {
    std::vector<float> data = std::vector<float>(6, -1.0F);
    std::vector<std::size_t> asked{};
  } session;
  const auto compute = [](void* s, std::size_t row) {
    auto& from = *static_cast<decltype(session)*>(s);
    from.asked.push_back(row);
    from.data[2 * row] = static_cast<float>(row);
  };
  const lazy_logits_view<float> view{logits_view<float>{session.data.data(), 3, 2}, {&session, compute}};
  STATIC_REQUIRE(host_logits<lazy_logits_view<float>>);
  const logits_rows rows{view};
  CHECK(rows.rows() == 3);
  CHECK(session.asked.empty());
  CHECK(rows.row(2, {})[0] == 2.0F);
  CHECK(view.row(1)[0] == 1.0F);
  CHECK(session.data[0] == -1.0F);
  CHECK(session.asked == std::vector<std::size_t>{2, 1});
  const lazy_logits_view<float> ready{logits_view<float>{session.data.data(), 3, 2}, {}};
  CHECK(logits_rows{ready}.row(0, {})[0] == -1.0F);
}

TEST_CASE("residency is part of the type") {
  using device = logits_view<float, residency::device>;
  STATIC_REQUIRE(logits_like<logits_view<float>>);
  STATIC_REQUIRE(logits_like<device>);
  STATIC_REQUIRE(host_logits<logits_view<half>>);
  STATIC_REQUIRE(!host_logits<device>);
  STATIC_REQUIRE(!std::is_convertible_v<device, logits_view<float>>);
  STATIC_REQUIRE(!std::is_constructible_v<logits_rows, device>);
  STATIC_REQUIRE(has_rows_on_the_host<logits_view<float>>);
  STATIC_REQUIRE(!has_rows_on_the_host<device>);
}
