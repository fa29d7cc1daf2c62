// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/requests.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <vector>

#include <proviso/core/task.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

request asks(std::size_t model) {
  request r;
  r.model = model;
  return r;
}

logits_rows row_of(const float& value) { return logits_view<float>{&value, 1, 1}; }
float value_of(const logits_rows& rows) {
  float scratch = 0.0F;
  return rows.row(0, {&scratch, 1})[0];
}

task ask(request_board& board, std::size_t model, std::vector<float>& got, bool& lost) {
  const logits_rows rows = co_await request_board::evaluation{board, asks(model), lost};
  got.push_back(value_of(rows));
}

/// Posts two requests and awaits them in the order of posting.
task ask_two(request_board& board, std::vector<float>& got, bool& lost) {
  request_board::evaluation first{board, asks(0), lost};
  request_board::evaluation second{board, asks(1), lost};
  got.push_back(value_of(co_await first));
  got.push_back(value_of(co_await second));
}

}  // namespace

TEST_CASE("several requests are open at once and are answered in any order") {
  request_board board;
  std::vector<float> got;
  bool lost = false;
  task t = ask_two(board, got, lost);
  t.start();
  REQUIRE(board.open().size() == 2);
  CHECK(board.open()[0].model == 0);
  CHECK(board.open()[1].model == 1);
  const std::size_t first = board.open()[0].id;
  const std::size_t second = board.open()[1].id;
  CHECK(first != second);

  const float ten = 10.0F;
  const float twenty = 20.0F;
  SECTION("oldest first") {
    board.answer(first, row_of(ten), 1);
    CHECK(got == std::vector<float>{10.0F});
    CHECK(board.open().size() == 1);
    board.answer(second, row_of(twenty), 1);
  }
  SECTION("newest first") {
    board.answer(second, row_of(twenty), 1);
    CHECK(got.empty());
    REQUIRE(board.open().size() == 1);
    CHECK(board.open()[0].id == first);
    board.answer(first, row_of(ten), 1);
  }
  CHECK(got == std::vector<float>{10.0F, 20.0F});
  CHECK(board.open().empty());
  CHECK(t.done());
  CHECK(!lost);
}

TEST_CASE("an answer to a request that is not open is an error and changes nothing") {
  request_board board;
  std::vector<float> got;
  bool lost = false;
  task t = ask(board, 0, got, lost);
  t.start();
  const std::size_t id = board.open()[0].id;
  const float one = 1.0F;
  CHECK_THROWS_AS(board.answer(id + 1, row_of(one), 1), std::invalid_argument);
  CHECK(got.empty());
  CHECK(board.open().size() == 1);
  board.answer(id, row_of(one), 1);
  CHECK(got.size() == 1);
  CHECK_THROWS_AS(board.answer(id, row_of(one), 1), std::invalid_argument);
  CHECK(got.size() == 1);
}

TEST_CASE("rows of another shape than the wanted one are an error") {
  request_board board;
  std::vector<float> got;
  bool lost = false;
  task t = ask(board, 2, got, lost);
  t.start();
  const std::size_t id = board.open()[0].id;
  const float two[] = {1.0F, 2.0F};
  CHECK_THROWS_AS(board.answer(id, logits_view<float>{two, 1, 2}, 1), std::invalid_argument);
  CHECK_THROWS_AS(board.answer(id, logits_view<float>{two, 2, 1}, 1), std::invalid_argument);
  CHECK_THROWS_AS(board.answer(id, logits_rows{}, 1), std::invalid_argument);
  CHECK(got.empty());
  board.answer(id, logits_view<float>{two, 1, 1}, 1);
  CHECK(t.done());
}

TEST_CASE("a request is withdrawn when its evaluation is destroyed, and says so") {
  request_board board;
  std::vector<float> got;
  bool lost_a = false;
  bool lost_b = false;
  std::optional<task> a{ask(board, 0, got, lost_a)};
  task b = ask(board, 1, got, lost_b);
  a->start();
  b.start();
  REQUIRE(board.open().size() == 2);
  const std::size_t id_a = board.open()[0].id;
  const std::size_t id_b = board.open()[1].id;
  a.reset();
  CHECK(lost_a);
  REQUIRE(board.open().size() == 1);
  CHECK(board.open()[0].id == id_b);
  const float one = 1.0F;
  CHECK_THROWS_AS(board.answer(id_a, row_of(one), 1), std::invalid_argument);
  board.answer(id_b, row_of(one), 1);
  CHECK(got == std::vector<float>{1.0F});
  CHECK(!lost_b);
  CHECK(board.new_id() > id_b);
}

TEST_CASE("an evaluation that is answered before it is awaited does not suspend") {
  request_board board;
  bool lost = false;
  const float three = 3.0F;
  {
    request_board::evaluation e{board, asks(0), lost};
    CHECK(!e.await_ready());
    board.answer(board.open()[0].id, row_of(three), 1);
    CHECK(e.await_ready());
    CHECK(value_of(e.await_resume()) == 3.0F);
  }
  CHECK(!lost);
}
