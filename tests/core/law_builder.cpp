// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/law_builder.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::never;
using indices = std::vector<std::uint32_t>;

struct built {
  law_builder row;
  law_buffer buffer;
};

TEST_CASE("law_builder: an untouched row is its softmax, written once") {
  const std::vector<float> logits{1.0F, never, 3.0F};
  built b;
  b.row.begin(logits, b.buffer);
  const law_view law = b.row.finish();
  CHECK(law.kind() == law_view::form::dense);
  CHECK(law.weights().data() == b.buffer.weights.data());
  CHECK(std::abs(law(0) / law(2) - std::exp(-2.0)) < 1e-7);
  CHECK(law(1) == 0.0);
}

TEST_CASE("law_builder: edit works on a copy, once") {
  const std::vector<float> logits{1.0F, 2.0F, 3.0F};
  built b;
  b.row.begin(logits, b.buffer);
  const std::span<float> first = b.row.edit();
  first[2] = 0.0F;
  const std::span<float> second = b.row.edit();
  CHECK(first.data() == second.data());
  second[0] = 9.0F;
  CHECK(b.row.top() == 9.0F);
  CHECK(logits == std::vector<float>{1.0F, 2.0F, 3.0F});
  CHECK(b.row.finish().argmax() == 0);
}

TEST_CASE("law_builder: keep drops, find finds, and a second keep counts among what is left") {
  const std::vector<float> logits{0.0F, 1.0F, 2.0F, 3.0F, 4.0F};
  built b;
  b.row.begin(logits, b.buffer);
  b.row.keep(indices{0, 2, 3});
  CHECK(b.row.is_sparse());
  CHECK(b.row.size() == 3);
  CHECK(b.row.vocab_size() == 5);
  CHECK(b.row.token(1) == 2);
  CHECK(b.row.find(3) == 2);
  for (const token_id x : {-1, 1, 4, 5}) CHECK(b.row.find(x) == 3);
  CHECK(b.row.top() == 3.0F);
  b.row.keep(indices{1, 2});
  CHECK(b.row.token(0) == 2);
  CHECK(b.row.token(1) == 3);
  const law_view law = b.row.finish();
  REQUIRE(law.size() == 2);
  CHECK(std::abs(law(3) / law(2) - std::exp(1.0)) < 1e-6);
}

TEST_CASE("law_builder: weights follow what is kept, also when all kept weights had underflown") {
  const std::vector<float> logits{0.0F, 300.0F, 1.0F, 299.0F};
  built b;
  double total = 0.0;
  b.row.begin(logits, b.buffer);
  CHECK(b.row.weights(total)[1] == 1.0F);
  b.row.keep(indices{1, 3});
  b.row.weights(total);
  CHECK(std::abs(total - (1.0 + std::exp(-1.0))) < 1e-6);
  CHECK(std::abs(b.row.finish()(3) - std::exp(-1.0) / (1.0 + std::exp(-1.0))) < 1e-6);

  b.row.begin(logits, b.buffer);
  b.row.weights(total);
  b.row.keep(indices{0, 2});
  CHECK(std::abs(b.row.finish()(2) - std::exp(1.0) / (1.0 + std::exp(1.0))) < 1e-6);
}

TEST_CASE("law_builder: keep by score, with ties from the front") {
  const std::vector<float> logits{2.0F, 1.0F, 2.0F, 0.0F, 2.0F};
  for (std::size_t ties = 0; ties <= 4; ++ties) {
    built b;
    b.row.begin(logits, b.buffer);
    b.row.keep(b.row.logits(), 1.0F, 0);
    CHECK(b.row.size() == 3);
    b.row.begin(logits, b.buffer);
    if (ties == 0) {
      b.row.keep(b.row.logits(), 2.0F, ties);
      CHECK_THROWS_AS(b.row.finish(), std::domain_error);
      continue;
    }
    b.row.keep(b.row.logits(), 2.0F, ties);
    REQUIRE(b.row.size() == (ties < 3 ? ties : 3));
    CHECK(b.row.token(0) == 0);
    if (ties > 1) CHECK(b.row.token(1) == 2);
    if (ties > 2) CHECK(b.row.token(2) == 4);
  }
}

TEST_CASE("law_builder: a large remainder stays dense, with the same law") {
  std::vector<float> logits(4000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 7919 % 4001) * 1e-3F;
  for (const bool weighed : {false, true}) {
    built b;
    double total = 0.0;
    b.row.begin(logits, b.buffer);
    if (weighed) b.row.weights(total);
    b.row.keep(b.row.logits(), 2.0F);
    CHECK(b.row.size() == 4000);
    const law_view law = b.row.finish();
    REQUIRE(law.kind() == law_view::form::dense);
    double sum = 0.0;
    for (const float x : logits) sum += x >= 2.0F ? std::exp(static_cast<double>(x)) : 0.0;
    bool right = true;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double expected = logits[i] >= 2.0F ? std::exp(static_cast<double>(logits[i])) / sum : 0.0;
      right = right && std::abs(law(static_cast<token_id>(i)) - expected) <= 1e-6 * expected;
    }
    CHECK(right);
  }
}

TEST_CASE("law_builder: an edit after the weights were asked for changes the law") {
  const std::vector<float> logits{0.0F, 0.0F, 0.0F};
  law_buffer out;
  law_builder b;
  b.begin(logits, out);
  double total = 0.0;
  b.weights(total);
  b.edit()[1] = std::log(2.0F);
  CHECK(std::abs(b.finish()(1) - 0.5) < 1e-6);
}

TEST_CASE("law_builder: temperature 0 is the first largest logit of what is left") {
  std::vector<float> logits(3000, 0.0F);
  logits[2500] = 1.0F;
  logits[2900] = 1.0F;
  built b;
  b.row.begin(logits, b.buffer);
  b.row.divide(0.0F);
  CHECK(b.row.is_point());
  CHECK(b.row.finish().token(0) == 2500);
  b.row.begin(logits, b.buffer);
  CHECK_FALSE(b.row.is_point());
  b.row.divide(0.0F);
  b.row.keep(indices{7, 2900});
  CHECK(b.row.finish().token(0) == 2900);
}

TEST_CASE("law_builder: occurrences") {
  const std::vector<float> logits(5, 0.0F);
  const std::vector<token_id> prefix{3, 1, 3, 99, -1};
  const std::vector<token_id> path{1, 3};
  built b;
  b.row.begin(logits, b.buffer);
  const auto counted = [&](std::size_t skip, std::size_t window) {
    std::vector<std::uint32_t> c(5, 0);
    for (const token_count& s : b.row.occurrences({prefix, path}, skip, window)) {
      CHECK(c[static_cast<std::size_t>(s.token)] == 0);
      c[static_cast<std::size_t>(s.token)] = s.count;
    }
    return c;
  };
  CHECK(counted(0, 100) == indices{0, 2, 0, 3, 0});
  CHECK(counted(1, 100) == indices{0, 2, 0, 2, 0});
  CHECK(counted(0, 2) == indices{0, 1, 0, 1, 0});
  CHECK(counted(6, 100) == indices{0, 0, 0, 1, 0});
  CHECK(counted(50, 100) == indices(5, 0));
}

TEST_CASE("law_builder: a row that is not a law says so") {
  built b;
  for (const float fault : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> logits{0.0F, fault};
    b.row.begin(logits, b.buffer);
    CHECK_THROWS_AS(b.row.finish(), std::domain_error);
    double total = 0.0;
    b.row.begin(logits, b.buffer);
    CHECK_THROWS_AS(b.row.weights(total), std::domain_error);
  }
  const std::vector<float> empty(3, never);
  b.row.begin(empty, b.buffer);
  CHECK_THROWS_AS(b.row.finish(), std::domain_error);
  b.row.begin({}, b.buffer);
  CHECK_THROWS_AS(b.row.top(), std::domain_error);
}

}  // namespace
